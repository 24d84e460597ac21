//! PRIVMSG and NOTICE.

use crate::support::{IrcClient, LineClient, User};
use crate::{start, start_with, two_in};

#[test]
fn messages_reach_channels_and_people() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    ann.send("PRIVMSG #c,bob :hello, all");
    let line = bob.next();
    assert!(line.starts_with(":ann!~user@"), "{line}");
    assert!(line.ends_with(" PRIVMSG #c :hello, all"), "{line}");
    assert!(bob.next().ends_with(" PRIVMSG bob :hello, all"));
    assert!(ann.ask("PRIVMSG").contains(" 411 ann "));
    assert!(ann.ask("PRIVMSG #c").contains(" 412 ann "));
    assert!(ann.ask("PRIVMSG #c :").contains(" 412 ann "));
    assert!(ann.ask("PRIVMSG nobody :hi").contains(" 401 ann nobody "));
    assert!(ann.ask("PRIVMSG a,b,c,d,e :hi").contains(" 407 ann "));
    let mut eve = IrcClient::enter(&server, "eve");
    assert!(eve.ask("PRIVMSG #c :let me in").contains(" 404 eve #c "));
}

#[test]
fn colours_and_requests_of_clients_reach_no_terminal() {
    let server = start();
    let mut telnet = LineClient::enter_channel(&server, "telnet", "c");
    let mut ann = IrcClient::enter_channel(&server, "ann", "c");
    telnet.expect("@ann joined");
    ann.send("PRIVMSG #c :\u{2}bold\u{2} \u{3}4,1red\u{3}");
    telnet.expect_message("ann", "bold red");
    ann.send("PRIVMSG #c :\u{1}ACTION waves\u{1}");
    telnet.expect("* @ann waves");
    ann.send("NOTICE #c :take note");
    telnet.expect("-@ann- take note");
    ann.send("PRIVMSG #c :\u{1}VERSION\u{1}");
    ann.send("PRIVMSG #c :\u{1b}[2Jafter");
    telnet.expect_message("ann", "[2Jafter");
    assert!(!telnet.received().contains(&0x1b));
}

#[test]
fn a_long_text_from_elsewhere_comes_in_lines_that_fit() {
    let server = start();
    let mut ann = IrcClient::enter_channel(&server, "ann", "c");
    let mut telnet = LineClient::enter_channel(&server, "telnet", "c");
    ann.expect(" JOIN ");
    let text = "word ".repeat(300);
    telnet.send(text.trim());
    let mut words = 0;
    while words < 300 {
        let line = ann.next();
        assert!(line.len() <= 510, "{} bytes", line.len());
        let (_, said) = line.split_once(" PRIVMSG #c :").unwrap();
        assert!(said.split(' ').all(|word| word == "word"), "{said}");
        words += said.split(' ').count();
    }
    assert_eq!(words, 300);
}

#[test]
fn a_message_to_operators_reaches_them_alone() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    let mut eve = IrcClient::enter_channel(&server, "eve", "c");
    ann.settle();
    bob.settle();
    eve.send("PRIVMSG @#c :for operators");
    assert!(ann.next().ends_with(" PRIVMSG @#c :for operators"));
    eve.settle();
    assert!(bob.settle().is_empty());
    ann.send("MODE #c +v bob");
    bob.expect(" MODE ");
    ann.send("NOTICE +#c :for voices");
    assert!(bob.next().ends_with(" NOTICE +#c :for voices"));
    ann.settle();
    assert!(!eve.settle().iter().any(|line| line.contains("for voices")));
    ann.send("MODE #c +m");
    eve.expect(" +m");
    assert!(eve.ask("PRIVMSG @#c :still?").contains(" 404 eve #c "));
}

#[test]
fn messages_to_operators_use_up_the_allowance() {
    let server = start_with(|config| config["limits"]["bytes_per_address"] = (64 << 10).into());
    let mut bob = IrcClient::enter_channel(&server, "bob", "c");
    let text = "x".repeat(300);
    for _ in 0..1000 {
        bob.send(&format!("PRIVMSG @#c :{text}"));
    }
    let answers = bob.settle();
    let spent = answers.iter().filter(|line| !line.contains(" PRIVMSG "));
    assert!(spent.count() > 500, "{answers:#?}");
}

#[test]
fn slow_mode_holds_for_messages_to_operators() {
    let server = start();
    let mut ann = LineClient::enter_channel(&server, "ann", "c");
    let mut bob = IrcClient::enter_channel(&server, "bob", "c");
    ann.send("/mode slow 3600");
    ann.expect("slow");
    bob.send("PRIVMSG @#c :first");
    assert!(bob.settle().is_empty());
    assert!(bob.ask("PRIVMSG @#c :second").contains(" 404 bob #c "));
    assert!(bob.ask("PRIVMSG #c :third").contains(" 404 bob #c "));
}

#[test]
fn a_line_that_just_fits_is_told_and_a_longer_one_refused() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    ann.send("PRIVMSG bob :a");
    let around = bob.next().len() - 1;
    let fits = "a".repeat(510 - around);
    ann.send(&format!("PRIVMSG bob :{fits}"));
    let told = bob.next();
    assert_eq!(told.len(), 510);
    assert!(told.ends_with(&fits));
    ann.settle();
    let refused = ann.ask(&format!("PRIVMSG bob :{fits}a"));
    assert!(refused.contains(" 417 ann "), "{refused}");
    assert_eq!(bob.settle(), Vec::<String>::new());
}
