//! REGISTER: a nickname becomes an account.

use crate::support::IrcClient;
use crate::{start, start_with};

const CAP: &str = "draft/account-registration";

#[test]
fn the_nickname_becomes_an_account() {
    let server = start_with(|_| {});
    let mut ann = IrcClient::enter_with(&server, "ann", CAP);
    let failed = |line: String, code: &str| {
        let expected = format!(" FAIL REGISTER {code} ");
        assert!(line.contains(&expected), "{code}: {line}");
    };
    failed(
        ann.ask("REGISTER bob * :correct horse"),
        "ACCOUNT_NAME_MUST_BE_NICK",
    );
    failed(ann.ask("REGISTER * * short"), "WEAK_PASSWORD");
    failed(
        ann.ask("REGISTER * nonsense :correct horse"),
        "INVALID_EMAIL",
    );
    ann.send("REGISTER * * :correct horse");
    let lines = ann.settle();
    assert!(lines[0].contains(" REGISTER SUCCESS ann :"), "{lines:?}");
    assert!(lines[1].contains(" 900 ann "), "{lines:?}");
    failed(
        ann.ask("REGISTER * * :correct horse"),
        "ALREADY_AUTHENTICATED",
    );
    assert!(
        ann.ask("VERIFY ann 1")
            .contains(" FAIL VERIFY INVALID_CODE ann ")
    );
    ann.send("WHOIS ann");
    assert!(
        ann.settle()
            .iter()
            .any(|line| line.contains(" 330 ann ann ann "))
    );
    let mut early = IrcClient::connect(server.address("irc"));
    early.send("NICK bob");
    early.send("REGISTER * * :correct horse");
    failed(early.next(), "COMPLETE_CONNECTION_REQUIRED");
}

#[test]
fn an_account_can_be_made_before_the_nickname_is_there_if_the_server_lets() {
    let server = start_with(|config| {
        config["accounts"]["register_before_connect"] = true.into();
        config["accounts"]["email_required"] = true.into();
    });
    let _guest = IrcClient::enter(&server, "guest");
    let mut ann = IrcClient::connect(server.address("irc"));
    ann.send("CAP LS 302");
    let offered = offered(&mut ann);
    assert!(
        offered.contains(&format!("{CAP}=before-connect,email-required")),
        "{offered}"
    );
    ann.send("REGISTER * a@example.org :correct horse");
    assert!(ann.next().contains(" FAIL REGISTER NEED_NICK "));
    ann.send("NICK guest");
    ann.send("REGISTER * a@example.org :correct horse");
    assert!(ann.next().contains(" FAIL REGISTER ACCOUNT_EXISTS "));
    ann.send("NICK ann");
    ann.send("REGISTER * * :correct horse");
    assert!(ann.next().contains(" FAIL REGISTER INVALID_EMAIL "));
    ann.send("REGISTER * a@example.org :correct horse");
    assert!(ann.next().contains(" REGISTER SUCCESS ann :"));
    assert!(ann.next().contains(" 900 "));
    ann.send("USER ann 0 * :Ann");
    ann.send("CAP END");
    ann.expect(" 001 ann ");
}

#[test]
fn what_stands_for_where_someone_is_changes_with_the_account() {
    let server = start();
    let mut bob = IrcClient::enter_with(&server, "bob", "chghost account-notify");
    let mut eve = IrcClient::enter(&server, "eve");
    let mut ann = IrcClient::enter_with(&server, "ann", "chghost");
    for client in [&mut bob, &mut eve, &mut ann] {
        client.send("JOIN #c");
        client.expect(" 366 ");
    }
    bob.settle();
    eve.settle();
    ann.send("NS REGISTER correct-horse");
    for client in [&mut ann, &mut bob] {
        let line = client.expect(" CHGHOST ");
        assert!(
            line.starts_with(":ann!~user@") && line.contains(".guest "),
            "{line}"
        );
        assert!(line.ends_with(" CHGHOST ~user ann.user"), "{line}");
    }
    let told = eve.settle();
    assert!(
        told.iter().all(|line| !line.contains("CHGHOST")),
        "{told:?}"
    );
    // A guest that takes the account's nickname is told of under that.
    let mut other = IrcClient::enter_with(&server, "other", "chghost");
    other.send("JOIN #c");
    other.expect(" 366 ");
    other.send("NS IDENTIFY ann correct-horse");
    assert!(
        other
            .expect(" CHGHOST ")
            .ends_with(" CHGHOST ~user ann.user")
    );
}

#[test]
fn registration_is_offered_while_everyone_registers() {
    let server = start_with(|config| config["accounts"]["registration"] = "closed".into());
    let mut ann = IrcClient::connect(server.address("irc"));
    ann.send("CAP LS 302");
    assert!(!offered(&mut ann).contains(CAP));
    ann.send(&format!("CAP REQ {CAP}"));
    assert!(ann.next().contains(&format!(" CAP * NAK :{CAP}")));
    ann.send("CAP END");
    ann.begin("ann", "");
    assert!(
        ann.ask("REGISTER * * :correct horse")
            .contains(" REGISTRATION_CLOSED ")
    );
    let mut old = IrcClient::enter(&server, "old");
    let registration = |words: &str| {
        let words = words.to_owned();
        server.reload(|config| config["accounts"]["registration"] = words.into());
    };
    registration("open");
    ann.send("PING 1");
    assert!(ann.next().ends_with(&format!(" CAP ann NEW :{CAP}")));
    assert!(ann.next().contains(" PONG "));
    assert!(ann.ask(&format!("CAP REQ {CAP}")).contains(" ACK "));
    registration("invitation");
    ann.send("CAP LIST");
    assert!(ann.next().ends_with(&format!(" CAP ann DEL :{CAP}")));
    let own = ann.next();
    assert!(
        own.contains(" CAP ann LIST ") && !own.contains(CAP),
        "{own}"
    );
    ann.send("PING 2");
    assert!(ann.next().contains(" PONG "));
    old.send("PING 1");
    assert!(old.next().contains(" PONG "));
}

/// What a client is offered, which may be several lines.
fn offered(client: &mut IrcClient) -> String {
    let mut offered = client.next();
    while offered
        .lines()
        .last()
        .is_some_and(|line| line.contains(" LS * "))
    {
        offered.push('\n');
        offered.push_str(&client.next());
    }
    offered
}
