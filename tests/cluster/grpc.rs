//! Administration over gRPC while Redis or PostgreSQL is away.

use crate::shared::Common;
use crate::support::{LineClient, Postgres, Server, User, run_python};

fn server(common: &Common) -> Server {
    common.server_with(|config| config["listen"]["grpc"] = "127.0.0.1:0".into())
}

fn is_told(server: &Server, away: &str) {
    let arguments = [
        server.address("grpc").to_string(),
        server.admin_token(),
        away.to_owned(),
    ];
    run_python("grpc_unavailable.py", &arguments);
}

#[test]
fn a_program_is_told_to_try_again_while_redis_is_away() {
    let common = Common::new();
    let server = server(&common);
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    ann.send("hello");
    ann.expect_message("ann", "hello");
    common.redis.stop();
    is_told(&server, "redis");
    common.redis.go_on();
}

#[test]
fn a_program_is_told_to_try_again_while_postgresql_is_away() {
    let postgres = Postgres::start();
    let common = Common {
        database: postgres.create_database(),
        ..Common::new()
    };
    let server = server(&common);
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    ann.send("hello");
    ann.expect_message("ann", "hello");
    postgres.kill();
    is_told(&server, "postgres");
}
