//! JOIN, PART, TOPIC, KICK, INVITE, NAMES, LIST.

use crate::support::IrcClient;
use crate::{start, two_in, words};

#[test]
fn the_first_in_a_new_channel_operates_it() {
    let server = start();
    let mut ann = IrcClient::enter(&server, "ann");
    ann.send("JOIN #new");
    let join = ann.next();
    assert!(
        join.starts_with(":ann!~user@") && join.ends_with(" JOIN :#new"),
        "{join}"
    );
    assert_eq!(words(&ann.next()), "353 ann = #new :@ann");
    assert_eq!(words(&ann.next()), "366 ann #new :End of /NAMES list");
    let mut bob = IrcClient::enter(&server, "bob");
    bob.send("JOIN #NEW");
    assert!(bob.next().ends_with(" JOIN :#new"));
    assert_eq!(words(&bob.next()), "353 bob = #new :@ann bob");
    assert!(ann.expect(" JOIN ").starts_with(":bob!~user@"));
}

#[test]
fn leaving_and_quitting_are_told_once() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "one");
    for client in [&mut ann, &mut bob] {
        client.send("JOIN #two");
        client.expect(" 366 ");
    }
    ann.settle();
    bob.send("PART #one :for now");
    assert!(bob.next().ends_with(" PART #one :for now"));
    assert!(ann.next().ends_with(" PART #one :for now"));
    bob.send("JOIN #one");
    ann.expect(" JOIN ");
    bob.send("QUIT :good night");
    let quit = ann.next();
    assert!(quit.starts_with(":bob!~user@"), "{quit}");
    assert!(quit.ends_with(" QUIT :Quit: good night"), "{quit}");
    assert_eq!(ann.settle(), [""; 0], "once for both channels");
    assert!(ann.ask("PART #nowhere").contains(" 442 ann #nowhere "));
    assert!(ann.ask("PART nonsense").contains(" 403 ann nonsense "));
}

#[test]
fn a_topic_is_set_shown_and_taken_away() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    assert!(bob.ask("TOPIC #c").contains(" 331 bob #c "));
    assert!(bob.ask("TOPIC #c :mine").contains(" 482 bob #c "));
    ann.send("TOPIC #c :about cats");
    assert!(ann.next().ends_with(" TOPIC #c :about cats"));
    assert!(bob.next().ends_with(" TOPIC #c :about cats"));
    bob.send("TOPIC #c");
    assert_eq!(words(&bob.next()), "332 bob #c :about cats");
    assert!(words(&bob.next()).starts_with("333 bob #c ann "));
    let mut eve = IrcClient::enter(&server, "eve");
    eve.send("JOIN #c");
    eve.expect(" 332 eve #c :about cats");
    eve.expect(" 366 ");
    ann.send("TOPIC #c :");
    assert!(bob.expect(" TOPIC ").ends_with(" TOPIC #c :"));
}

#[test]
fn someone_is_taken_out_and_everyone_sees_it() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    let mut eve = IrcClient::enter_channel(&server, "eve", "c");
    ann.settle();
    bob.settle();
    assert!(bob.ask("KICK #c eve").contains(" 482 bob #c "));
    ann.send("KICK #c eve :enough");
    for client in [&mut ann, &mut bob, &mut eve] {
        let line = client.next();
        assert!(line.starts_with(":ann!~user@"), "{line}");
        assert!(line.ends_with(" KICK #c eve :enough"), "{line}");
    }
    assert!(ann.ask("KICK #c eve").contains(" 441 ann eve #c "));
    assert!(eve.ask("PRIVMSG #c :still here?").contains(" 404 eve #c "));
}

#[test]
fn an_invitation_opens_a_closed_channel() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    let mut eve = IrcClient::enter(&server, "eve");
    ann.send("MODE #c +i");
    assert!(bob.expect(" MODE ").ends_with(" MODE #c +i"));
    assert!(eve.ask("JOIN #c").contains(" 473 eve #c "));
    ann.settle();
    assert_eq!(words(&ann.ask("INVITE eve #c")), "341 ann eve :#c");
    assert!(eve.next().ends_with(" INVITE eve :#c"));
    eve.send("JOIN #c");
    eve.expect(" 366 eve #c ");
    ann.settle();
    assert!(ann.ask("INVITE eve #c").contains(" 443 ann eve #c "));
    assert!(ann.ask("INVITE nobody #c").contains(" 401 ann nobody "));
}

#[test]
fn members_invite_to_an_open_channel() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    let mut eve = IrcClient::enter(&server, "eve");
    assert_eq!(words(&bob.ask("INVITE eve #c")), "341 bob eve :#c");
    assert!(eve.next().ends_with(" INVITE eve :#c"));
    eve.send("INVITE");
    assert_eq!(words(&eve.next()), "336 eve :#c");
    eve.expect(" 337 eve ");
    assert!(eve.ask("INVITE eve #c").contains(" 442 eve #c "));
    assert!(eve.ask("INVITE bob").contains(" 461 eve INVITE "));
    // Once it is closed, operators decide, and an earlier invitation opens nothing.
    ann.send("MODE #c +i");
    bob.expect(" MODE ");
    assert!(bob.ask("INVITE eve #c").contains(" 482 bob #c "));
    assert!(eve.ask("JOIN #c").contains(" 473 eve #c "));
}

#[test]
fn the_names_of_a_secret_channel_are_marked() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    ann.send("MODE #c +s");
    bob.expect(" MODE ");
    bob.send("NAMES #c");
    assert_eq!(words(&bob.next()), "353 bob @ #c :@ann bob");
    bob.expect(" 366 bob #c ");
    bob.send("PART #c");
    bob.expect(" PART ");
    bob.send("JOIN #c");
    bob.expect(" 353 bob @ #c ");
    // Several channels have one end.
    bob.send("NAMES #c,#nowhere");
    bob.expect(" 353 ");
    assert_eq!(
        words(&bob.next()),
        "366 bob #c,#nowhere :End of /NAMES list"
    );
}

#[test]
fn channels_are_listed_with_their_people() {
    let server = start();
    let (mut ann, _bob) = two_in(&server, "busy");
    ann.send("JOIN #quiet");
    ann.expect(" 366 ");
    ann.send("TOPIC #quiet :shh");
    ann.settle();
    ann.send("LIST");
    let lines = ann.settle();
    let rows: Vec<&str> = lines.iter().map(|line| words(line)).collect();
    assert_eq!(
        rows,
        [
            "321 ann Channel :Users  Name",
            "322 ann #busy 2 :",
            "322 ann #quiet 1 :shh",
            "323 ann :End of /LIST"
        ]
    );
    ann.send("NAMES #busy");
    let lines = ann.settle();
    assert_eq!(words(&lines[0]), "353 ann = #busy :@ann bob");
    assert_eq!(words(&lines[1]), "366 ann #busy :End of /NAMES list");
}

#[test]
fn many_are_taken_out_of_one_channel_or_each_out_of_its_own() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    let mut eve = IrcClient::enter_channel(&server, "eve", "c");
    bob.expect(" JOIN ");
    for kick in ["KICK #c,#c ann,eve :bye", "KICK #c ann,eve :bye"] {
        let refused = bob.ask("KICK #c eve");
        assert!(refused.contains(" 482 bob #c "), "{refused}");
        ann.send(&kick.replace("ann,eve", "eve,nobody"));
        assert!(bob.next().ends_with(" KICK #c eve :bye"));
        eve.expect(" KICK #c eve :bye");
        eve.send("JOIN #c");
        eve.expect(" 366 ");
        bob.expect(" JOIN ");
    }
    for channel in ["d", "e"] {
        ann.send(&format!("JOIN #{channel}"));
        ann.expect(" 366 ");
        bob.send(&format!("JOIN #{channel}"));
        bob.expect(" 366 ");
    }
    ann.settle();
    // The last channel is nobody's.
    ann.send("KICK #d,#e,#c bob,bob :bye");
    assert!(bob.next().ends_with(" KICK #d bob :bye"));
    assert!(bob.next().ends_with(" KICK #e bob :bye"));
    assert_eq!(bob.settle(), Vec::<String>::new());
}
