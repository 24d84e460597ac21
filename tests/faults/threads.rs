//! No more threads: newcomers are told, and it goes on when there are some.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use crate::bystander::Bystanders;
use crate::not_tested;
use crate::process::{Level, is_root};
use crate::support::{LineClient, Server, User, wait_until};

/// Somebody whose processes are counted on their own, and bounded: for root
/// there is no bound.
const USER: u32 = 61_802;
/// More than the server itself takes, and a few connections.
const THREADS: usize = 40;

#[test]
fn out_of_threads_newcomers_are_refused_and_nobody_else_notices() {
    if !is_root() {
        return not_tested("only root can become a user whose threads are counted apart");
    }
    let user = format!("--reuid={USER}");
    let most = format!("--nproc={THREADS}:{THREADS}");
    let prefix = ["prlimit", &most, "setpriv", &user, "--clear-groups"];
    let mut server = Server::spawn_by(&prefix, &[], |config| {
        let data = Path::new(config["data_dir"].as_str().unwrap());
        fs::create_dir(data).unwrap();
        fs::set_permissions(data, Permissions::from_mode(0o700)).unwrap();
        chown(data, Some(USER), None).unwrap();
        fs::set_permissions(data.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
    });
    server.wait_ready();
    let level = Level::of(&server);
    let bystanders = Bystanders::start(&server);
    let mut inside = Vec::new();
    let mut refused = 0;
    for number in 0..40 {
        let mut client = LineClient::connect(server.telnet());
        let words = client.next_line().unwrap();
        if words.contains("server is full") {
            assert_eq!(client.next_line(), None);
            refused += 1;
        } else {
            client.login(&format!("in{number}"));
            inside.push(client);
        }
    }
    assert!(refused > 0 && !inside.is_empty(), "{refused} refused");
    server.wait_output("cannot serve");
    drop(inside);
    wait_until("somebody gets in", || {
        let mut client = LineClient::connect(server.telnet());
        !client.next_line().unwrap().contains("server is full")
    });
    LineClient::enter(&server, "alice");
    bystanders.finish("no threads left");
    level.wait_back(&server);
}
