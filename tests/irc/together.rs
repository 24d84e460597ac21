//! IRC and every other protocol in one channel, and real IRC clients.

use serde_json::json;

use crate::start_with;
use crate::support::{IrcClient, JsonClient, LineClient, User, WsClient};

#[test]
fn all_protocols_meet_in_one_channel() {
    let server = start_with(|config| {
        config["listen"]["ws"] = "127.0.0.1:0".into();
    });
    let mut irc = IrcClient::enter_channel(&server, "irc", "plaza");
    let mut telnet = LineClient::enter_channel(&server, "telnet", "plaza");
    let mut json = JsonClient::enter(&server, "json");
    json.send("join", json!({"room": "plaza"}));
    json.expect("joined");
    let mut frames = WsClient::open(server.address("ws"), "/mychat", &[]).unwrap();
    frames.send(r#"{"name":"frames","room":"plaza"}"#);
    for nick in ["telnet", "json", "frames"] {
        let line = irc.expect(" JOIN ");
        assert!(line.starts_with(&format!(":{nick}!~u@")), "{line}");
    }
    telnet.expect("@frames joined");

    irc.send("PRIVMSG #plaza :from irc");
    telnet.expect_message("irc", "from irc");
    assert_eq!(json.expect("message")["body"], "from irc");
    assert_eq!(frames.next_frame().as_deref(), Some("irc:from irc\n"));
    telnet.send("from telnet");
    assert!(irc.next().ends_with(" PRIVMSG #plaza :from telnet"));
    json.expect("message");
    frames.next_frame();

    irc.send("TOPIC #plaza :about this");
    telnet.expect("about this");
    irc.expect(" TOPIC ");
    telnet.send("/msg @irc psst");
    assert!(irc.next().ends_with(" PRIVMSG irc :psst"));
    irc.send("PRIVMSG telnet :yes?");
    telnet.expect_private("irc", "yes?");
    telnet.send("/away lunch");
    telnet.expect("You are away");
    irc.settle();
    assert!(
        irc.ask("PRIVMSG telnet :there?")
            .contains(" 301 irc telnet :lunch")
    );

    irc.send("KICK #plaza frames :bye");
    irc.expect(" KICK #plaza frames :bye");
    telnet.expect("frames");
    assert!(frames.next_frame().unwrap().contains("bye"));
    irc.send("NICK irc2");
    telnet.expect("@irc is now @irc2");
    irc.send("QUIT :done");
    telnet.expect("@irc2 left");
}
