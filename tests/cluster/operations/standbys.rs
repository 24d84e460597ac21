//! The server warns of a PostgreSQL with standbys that waits for none of them.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::json;

use crate::support::{Postgres, Server, connect, wait_until};

#[derive(QueryableByName)]
struct Standbys {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[test]
fn standbys_that_nobody_waits_for_are_warned_of() {
    let primary = Postgres::start();
    let database = primary.create_database();
    let server = || Server::start(|config| config["store"] = json!({ "postgres": database }));
    let warning = "set synchronous_standby_names";
    let alone = server();
    assert!(!alone.output().contains(warning), "{}", alone.output());
    drop(alone);
    let _standby = Postgres::start_standby_of(&primary);
    let mut admin = connect(&primary.url("postgres"));
    wait_until("the standby follows", || {
        let query = "SELECT count(*) AS count FROM pg_stat_replication WHERE state = 'streaming'";
        let standbys: Standbys = diesel::sql_query(query).get_result(&mut admin).unwrap();
        standbys.count == 1
    });
    server().wait_output(warning);
    admin
        .batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'")
        .unwrap();
    admin.batch_execute("SELECT pg_reload_conf()").unwrap();
    wait_until("PostgreSQL waits for a standby", || {
        let query = "SELECT count(*) AS count FROM pg_settings \
                     WHERE name = 'synchronous_standby_names' AND setting <> ''";
        let set: Standbys = diesel::sql_query(query).get_result(&mut admin).unwrap();
        set.count == 1
    });
    let waits = server();
    assert!(!waits.output().contains(warning), "{}", waits.output());
}
