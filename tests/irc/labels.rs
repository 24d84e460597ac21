//! Labels: a client recognises the answers to each of its requests.

use crate::start;
use crate::support::IrcClient;

const CAPS: &str = "batch labeled-response echo-message";

#[test]
fn one_answer_has_the_label_and_several_are_a_batch_with_it() {
    let server = start();
    let mut ann = IrcClient::enter_with(&server, "ann", CAPS);
    let pong = ann.ask("@label=one PING x");
    assert_eq!(pong, "@label=one :irc.example.org PONG irc.example.org :x");
    assert!(
        ann.ask("@label=two NONSENSE")
            .starts_with("@label=two :irc.example.org 421 ann ")
    );
    ann.send("@label=three JOIN #c");
    let lines = ann.settle();
    let begin = "@label=three :irc.example.org BATCH +l1 labeled-response";
    assert_eq!(lines.first().unwrap(), begin);
    assert_eq!(lines.last().unwrap(), ":irc.example.org BATCH -l1");
    let between = lines.get(1..lines.len() - 1).unwrap();
    assert!(between.iter().all(|line| line.starts_with("@batch=l1 ")));
    assert!(between.iter().any(|line| line.contains(" 366 ann #c ")));
}

#[test]
fn a_request_without_an_answer_is_acknowledged() {
    let server = start();
    let mut ann = IrcClient::enter_with(&server, "ann", "batch labeled-response");
    let ack = |label: &str| format!("@label={label} :irc.example.org ACK");
    assert_eq!(ann.ask("@label=p PONG x"), ack("p"));
    ann.send("JOIN #c");
    ann.expect(" 366 ");
    // The message is stored by then, though nothing repeats it.
    assert_eq!(ann.ask("@label=m PRIVMSG #c :hi"), ack("m"));
    assert_eq!(ann.ask("@label=s MONITOR S"), ack("s"));
    // No rows are not the end of an answer.
    let end = ann.ask("@label=w WHO nobody");
    assert!(end.starts_with("@label=w :irc.example.org 315 "), "{end}");
    ann.send("@label=l LIST !*");
    let lines = ann.settle();
    let labels = lines.iter().filter(|line| line.contains("label=l"));
    assert_eq!((lines.len(), labels.count()), (4, 1), "{lines:#?}");
    let unlabelled = format!("@label={} PING x", "x".repeat(65));
    assert!(ann.ask(&unlabelled).starts_with(":irc.example.org PONG "));
}

#[test]
fn messages_have_the_label_in_what_their_author_is_told() {
    let server = start();
    let mut ann = IrcClient::enter_with(&server, "ann", CAPS);
    let mut bob = IrcClient::enter_with(&server, "bob", CAPS);
    let echo = ann.ask("@label=a PRIVMSG bob :hi");
    assert!(echo.starts_with("@label=a :ann!"), "{echo}");
    assert!(bob.next().starts_with(":ann!"));
    ann.send("@label=b PRIVMSG ann :me");
    let lines = ann.settle();
    let labelled = lines.iter().filter(|line| line.contains("label=b"));
    assert_eq!((lines.len(), labelled.count()), (2, 1));
    ann.send("@label=c PRIVMSG bob,bob,ann :hi");
    let begin = ann.settle().into_iter().next().unwrap();
    assert!(begin.ends_with(" BATCH +l1 labeled-response"), "{begin}");
    let error = ann.ask("@label=d PRIVMSG nobody :hi");
    assert!(error.starts_with("@label=d ") && error.contains(" 401 "));
}

#[test]
fn clients_that_know_no_labels_get_none() {
    let server = start();
    let mut ann = IrcClient::enter(&server, "ann");
    assert!(ann.ask("@label=a PING x").starts_with(":irc.example.org "));
}

#[test]
fn another_real_name_is_an_answer() {
    let server = start();
    let mut ann = IrcClient::enter_with(&server, "ann", "batch labeled-response setname");
    let line = ann.ask("@label=a SETNAME :Another Name");
    assert!(line.starts_with("@label=a :ann!"), "{line}");
    assert!(line.ends_with(" SETNAME :Another Name"), "{line}");
}
