//! The real irssi on a terminal.

use crate::start_with;
use crate::support::{IrcClient, LineClient, Terminal, User};

#[test]
fn irssi_connects_joins_talks_and_is_kicked() {
    let server = start_with(|config| config["irc"]["motd"] = "Be kind.".into());
    let mut ann = IrcClient::enter_channel(&server, "ann", "c");
    ann.send("TOPIC #c :about cats");
    ann.expect(" TOPIC ");
    let mut telnet = LineClient::enter_channel(&server, "telnet", "c");
    ann.expect(" JOIN ");
    let home = tempfile::tempdir().unwrap();
    let home_flag = format!("--home={}", home.path().display());
    let port = server.address("irc").port().to_string();
    let arguments = [
        home_flag.as_str(),
        "--connect=127.0.0.1",
        "--port",
        &port,
        "--nick=irssi",
    ];
    let mut irssi = Terminal::run("irssi", &arguments);
    irssi.expect("Be kind.");
    irssi.type_line("/join #c");
    telnet.expect("@irssi joined");
    irssi.expect("about cats");
    irssi.type_line("hello from irssi");
    telnet.expect_message("irssi", "hello from irssi");
    telnet.send("hello from telnet");
    irssi.expect("hello from telnet");
    irssi.type_line("/query telnet");
    telnet.send("/msg @irssi psst");
    irssi.expect("psst");
    irssi.type_line("yes?");
    telnet.expect_private("irssi", "yes?");
    irssi.type_line("/window goto #c");
    irssi.expect("hello from telnet");
    ann.send("KICK #c irssi :bye");
    ann.expect(" KICK ");
    irssi.expect("bye");
    irssi.type_line("/quit");
    assert!(irssi.wait_exit().success());
}
