//! MODE: rules, roles and lists by their letters.

use crate::support::IrcClient;
use crate::{enter_account, start, two_in, words};

#[test]
fn rules_are_shown_and_changed() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    bob.send("MODE #c");
    let lines = bob.settle();
    assert_eq!(words(&lines[0]), "324 bob #c +nt");
    assert!(words(&lines[1]).starts_with("329 bob #c "), "{lines:?}");
    assert!(bob.ask("MODE #c +m").contains(" 482 bob #c "));
    ann.send("MODE #c +mk-t+l sesame 5");
    assert!(ann.next().ends_with(" MODE #c +mk-t+l sesame 5"));
    assert!(bob.next().ends_with(" MODE #c +mk-t+l sesame 5"));
    ann.send("MODE #c");
    let lines = ann.settle();
    assert_eq!(words(&lines[0]), "324 ann #c +mnkl sesame 5");
    assert!(ann.ask("MODE #c +Z").contains(" 472 ann Z "));
    assert!(
        ann.ask("MODE #c +l nonsense")
            .contains(" 696 ann #c l nonsense ")
    );
    assert!(ann.ask("MODE #nowhere").contains(" 403 ann #nowhere "));
    let mut eve = IrcClient::enter(&server, "eve");
    assert!(eve.ask("JOIN #c").contains(" 475 eve #c "));
    eve.send("JOIN #c sesame");
    eve.expect(" 366 ");
}

#[test]
fn roles_are_given_and_taken() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    ann.send("MODE #c +m");
    bob.expect(" MODE ");
    assert!(bob.ask("PRIVMSG #c :hi").contains(" 404 bob #c "));
    ann.settle();
    ann.send("MODE #c +v bob");
    assert!(bob.next().ends_with(" MODE #c +v bob"));
    assert!(ann.next().ends_with(" MODE #c +v bob"));
    bob.send("PRIVMSG #c :hi");
    ann.expect(" PRIVMSG #c :hi");
    ann.send("MODE #c +o bob");
    assert!(bob.next().ends_with(" MODE #c -v+o bob bob"));
    bob.send("MODE #c -o ann");
    assert!(bob.next().ends_with(" MODE #c -o ann"));
    ann.expect(" MODE #c -o ann");
    assert!(ann.ask("MODE #c +v ann").contains(" 482 ann #c "));
    assert!(bob.ask("MODE #c +o nobody").contains(" 401 bob nobody "));
}

#[test]
fn a_ban_keeps_out_until_it_is_lifted() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    ann.send("MODE #c +b eve");
    assert!(bob.next().ends_with(" MODE #c +b eve!*@*"));
    let mut eve = IrcClient::enter(&server, "eve");
    assert!(eve.ask("JOIN #c").contains(" 474 eve #c "));
    ann.settle();
    ann.send("MODE #c b");
    let lines = ann.settle();
    assert!(
        words(&lines[0]).starts_with("367 ann #c eve!*@* ann "),
        "{lines:?}"
    );
    assert!(words(&lines[1]).starts_with("368 ann #c "), "{lines:?}");
    ann.send("MODE #c -b eve!*@*");
    assert!(bob.next().ends_with(" MODE #c -b eve!*@*"));
    eve.send("JOIN #c");
    eve.expect(" 366 ");
    // One who is there is taken out by a ban.
    bob.settle();
    ann.send("MODE #c +b ev*");
    assert!(bob.next().contains(" KICK #c eve "));
    assert!(bob.next().ends_with(" MODE #c +b ev*!*@*"));
    eve.expect(" KICK #c eve ");
}

#[test]
fn a_mask_names_nickname_user_and_host_in_any_form() {
    let server = start();
    let (mut ann, _bob) = two_in(&server, "c");
    let mut eve = IrcClient::enter(&server, "eve");
    for (given, shown, keeps_out) in [
        ("*!~user@*", "*!~user@*", true),
        ("*!user@*", "*!user@*", false),
        ("e?e!*user@*.guest", "e?e!*user@*.guest", true),
        ("*!*@*.user", "*!*@*.user", false),
        ("~user@*", "*!~user@*", true),
        ("mallory!~user@*", "mallory!~user@*", false),
    ] {
        ann.send("MODE #c +e bob");
        ann.send(&format!("MODE #c +b {given}"));
        let told = ann.expect(" +b ");
        assert!(told.ends_with(&format!(" MODE #c +b {shown}")), "{told}");
        ann.settle();
        eve.send("JOIN #c");
        let answers = eve.settle();
        let is_out = answers.iter().any(|line| line.contains(" 474 eve #c "));
        assert_eq!(is_out, keeps_out, "{given}: {answers:?}");
        eve.send("PART #c");
        eve.settle();
        ann.send("MODE #c b");
        assert!(ann.expect(" 367 ").contains(&format!(" #c {shown} ann ")));
        ann.send(&format!("MODE #c -b {given}"));
        assert!(ann.expect(" -b ").ends_with(&format!(" -b {shown}")));
    }
    assert!(
        ann.ask("MODE #c +b a!b!c@d")
            .contains(" 696 ann #c b a!b!c@d ")
    );
}

#[test]
fn members_are_shown_whom_the_channel_keeps_out() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    ann.send("MODE #c +b eve");
    ann.send("MODE #c +b ~m:mallory");
    ann.send("MODE #c +e bob");
    ann.settle();
    bob.settle();
    bob.send("MODE #c b");
    assert!(words(&bob.next()).starts_with("367 bob #c eve!*@* ann "));
    assert!(words(&bob.next()).starts_with("367 bob #c ~m:mallory!*@* ann "));
    bob.expect(" 368 bob #c ");
    assert!(bob.ask("MODE #c e").contains(" 482 bob #c "));
    let mut eve = IrcClient::enter(&server, "eve");
    assert!(eve.ask("MODE #c b").contains(" 442 eve #c "));
}

#[test]
fn a_mask_of_an_account_that_there_is_not_concerns_no_guest() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    for mask in ["~account:eve", "*!*@eve.user"] {
        ann.send(&format!("MODE #c +b {mask}"));
        assert!(bob.next().ends_with(" MODE #c +b *!*@eve.user"));
        let mut eve = IrcClient::enter(&server, "eve");
        eve.send("JOIN #c");
        eve.expect(" 366 ");
        eve.send("QUIT");
        assert!(eve.is_closed());
        bob.expect(" QUIT ");
        ann.send(&format!("MODE #c -b {mask}"));
        assert!(bob.next().ends_with(" MODE #c -b *!*@eve.user"));
        ann.settle();
    }
    // It is the account's once there is one, and lifted by its name.
    ann.send("MODE #c +b ~account:eve");
    bob.expect(" +b ");
    let mut eve = enter_account(&server, "eve", "");
    assert!(eve.ask("JOIN #c").contains(" 474 eve #c "));
    ann.send("MODE #c -b ~account:eve");
    bob.expect(" -b ");
    eve.send("JOIN #c");
    eve.expect(" 366 ");
}
