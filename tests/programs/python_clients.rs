//! Client programs as other authors would write them, in another language with
//! its usual libraries: `tests/python`.

use std::process::Command;

use crate::support::{Identity, Server, run_python};
use serde_json::json;

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

#[test]
fn a_browsers_own_websockets_over_tls() {
    let identity = Identity::new();
    let server = Server::start(|config| {
        config["limits"]["message_rate"] = 0.into();
        identity.configure(config, &["web", "ws"]);
    });
    let port = |name| server.address(name).port().to_string();
    run_python(
        "browser_sockets.py",
        &[public_key(&identity), port("tls-web"), port("tls-ws")],
    );
}

/// The SHA-256 of a certificate's public key in base64, as Chromium wants it.
fn public_key(identity: &Identity) -> String {
    let output = Command::new("sh")
        .arg("-c")
        .arg(
            "openssl x509 -in \"$0\" -pubkey -noout | openssl pkey -pubin -outform der \
             | openssl dgst -sha256 -binary | openssl base64",
        )
        .arg(identity.certificate())
        .output()
        .unwrap();
    let key = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert_eq!(key.len(), 44, "{}", String::from_utf8_lossy(&output.stderr));
    key
}
