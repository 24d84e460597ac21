//! MARKREAD: how far one has read.

use serde_json::json;

use crate::start;
use crate::support::{IrcClient, JsonClient};

const CAP: &str = "draft/read-marker";
const OLD: &str = "timestamp=2019-01-04T14:33:26.123Z";
const NEW: &str = "timestamp=2020-01-01T00:00:00.000Z";

#[test]
fn a_mark_goes_forward_only_and_comes_with_the_join() {
    let server = start();
    let mut ann = IrcClient::enter_with(&server, "ann", CAP);
    ann.send("JOIN #c");
    let lines = ann.settle();
    let place = |needle: &str| lines.iter().position(|line| line.contains(needle));
    assert!(place(" MARKREAD #c *") < place(" 366 "), "{lines:#?}");
    assert!(place(" MARKREAD #c *").is_some(), "{lines:#?}");
    let shown = |at: &str| format!(":irc.example.org MARKREAD #c {at}");
    assert_eq!(ann.ask(&format!("MARKREAD #c {NEW}")), shown(NEW));
    assert_eq!(ann.ask(&format!("MARKREAD #c {OLD}")), shown(NEW));
    assert_eq!(ann.ask("MARKREAD #c"), shown(NEW));
    assert!(ann.ask("MARKREAD #other").ends_with(" MARKREAD #other *"));
    assert!(ann.ask("MARKREAD bob").ends_with(" MARKREAD bob *"));
    assert!(ann.ask(&format!("MARKREAD bob {OLD}")).ends_with(OLD));
    assert!(
        ann.ask("MARKREAD")
            .contains(" FAIL MARKREAD NEED_MORE_PARAMS ")
    );
    let error = ann.ask("MARKREAD #c timestamp=soon");
    assert!(
        error.contains(" FAIL MARKREAD INVALID_PARAMS #c "),
        "{error}"
    );
}

#[test]
fn all_clients_of_an_account_share_the_marks_of_channels() {
    let server = start();
    let token = JsonClient::registered(&server, "ann");
    let mut page = JsonClient::come_in(&server, &token);
    let mut ann = IrcClient::connect(server.address("irc"));
    ann.send("PASS :ann:long enough");
    ann.begin("ann", CAP);
    ann.send("JOIN #c");
    ann.expect(" 366 ");
    page.send("join", json!({ "room": "c" }));
    page.expect("joined");
    ann.send("PRIVMSG #c :hi");
    ann.settle();
    page.send("readroom", json!({ "room": "c", "id": "1577836800000-0" }));
    let line = ann.expect(" MARKREAD ");
    assert!(line.contains(" MARKREAD #c timestamp="), "{line}");
}
