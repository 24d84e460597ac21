//! Programs that others would write, in another language and with the
//! libraries used there: `tests/python`.

mod support;

use serde_json::json;
use support::{Identity, Server, run_python};

#[test]
fn a_client_of_accounts_and_direct_messages() {
    let server = Server::start(|config| config["limits"] = json!({"auth_attempts": 0}));
    let arguments = [server.web().to_string(), server.telnet().to_string()];
    run_python("direct_messages.py", &arguments);
}

#[test]
fn a_client_of_json_commands() {
    let server = Server::start(|config| config["limits"] = json!({"message_rate": 0}));
    run_python("json_commands.py", &[server.web().to_string()]);
}

#[test]
fn a_client_of_room_lines() {
    let server = Server::start(|config| config["listen"]["ws"] = "127.0.0.1:0".into());
    run_python("room_lines.py", &[server.address("ws").to_string()]);
}

#[test]
fn clients_over_tls() {
    let identity = Identity::new();
    let server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        identity.configure(config, &["telnet", "web"]);
    });
    let port = |name| server.address(name).port().to_string();
    let certificate = identity.certificate().display().to_string();
    run_python(
        "over_tls.py",
        &[certificate, port("tls-web"), port("tls-telnet")],
    );
}
