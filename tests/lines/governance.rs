//! Channels with rules on lines: a class, a team's secret room, and what operators and
//! members read of it, word for word.

use crate::support::{LineClient, Server, User};
use serde_json::json;

fn start() -> Server {
    Server::start(|config| config["limits"] = json!({ "message_rate": 0 }))
}

/// A user who registers their nickname.
fn registered(server: &Server, nickname: &str) -> LineClient {
    let mut user = LineClient::enter(server, nickname);
    user.send("/register long enough");
    user.expect("is yours now");
    user
}

/// Somebody who logs in again.
fn back(server: &Server, nickname: &str) -> LineClient {
    let mut user = LineClient::connect(server.telnet());
    user.send(&format!("/login {nickname} long enough"));
    user.expect(&format!("Welcome, {nickname}"));
    user
}

fn join(user: &mut LineClient, channel: &str) {
    user.send(&format!("/join #{channel}"));
    user.expect("You are now in");
    user.settle();
}

/// The answer to a line: all lines before the next question's answer.
fn answer(user: &mut LineClient, line: &str) -> Vec<String> {
    user.send(line);
    user.settle()
}

/// Sends a line that is answered by exactly these.
#[track_caller]
fn told(user: &mut LineClient, line: &str, lines: &[&str]) {
    assert_eq!(answer(user, line), lines, "{line}");
}

/// All of them read this line next.
#[track_caller]
fn all_read(users: &mut [&mut LineClient], line: &str) {
    for user in users {
        user.expect_line(line, &|read| read == line);
    }
}

#[test]
fn a_teacher_runs_a_moderated_class() {
    let server = start();
    let mut ann = registered(&server, "ann");
    join(&mut ann, "class");
    told(
        &mut ann,
        "/channel register",
        &["* @ann registered #class: its rules stay."],
    );
    let mut bob = LineClient::enter_channel(&server, "bob", "class");
    let mut cem = LineClient::enter_channel(&server, "cem", "class");
    ann.settle();
    bob.settle();
    let all = &mut [&mut bob, &mut cem];
    told(
        &mut ann,
        "/mode +moderated",
        &["* @ann set moderated: only people with voice may speak."],
    );
    all_read(
        all,
        "* @ann set moderated: only people with voice may speak.",
    );
    told(
        &mut bob,
        "may I?",
        &["! Only people with voice may speak in #class. Its operators can give you voice."],
    );
    told(&mut ann, "/voice @bob", &["* @ann gave @bob voice."]);
    all_read(&mut [&mut bob, &mut cem], "* @ann gave @bob voice.");
    bob.send("thank you");
    ann.expect_message("bob", "thank you");
    told(
        &mut ann,
        "/list",
        &[
            "* 3 people in #class:",
            "~@ann +@bob @cem",
            "* ~@ is the founder, +@ is someone with voice.",
        ],
    );
    told(
        &mut ann,
        "/devoice @bob",
        &["* @ann made @bob an ordinary member."],
    );
    all_read(
        &mut [&mut bob, &mut cem],
        "* @ann made @bob an ordinary member.",
    );
    let refused = answer(&mut bob, "one more thing");
    assert!(refused[0].starts_with("! Only people with voice"));

    ann.send("/mode -moderated");
    all_read(
        &mut [&mut ann, &mut bob, &mut cem],
        "* @ann took moderated off: no voice is needed to speak.",
    );
    ann.send("/mute cem 10 too loud");
    // Others come from the same address, so it is the nickname.
    let line = "* @ann muted the nickname cem for 10 minutes: too loud".to_owned();
    ann.expect(&line);
    told(
        &mut cem,
        "la la la",
        &[
            &line,
            "! You are muted in #class. Its operators can lift that.",
        ],
    );
    ann.send("/unmute @cem");
    ann.expect("* @ann unmuted ");
    told(
        &mut ann,
        "/unmute @cem",
        &["! @cem is not muted in #class."],
    );
    ann.send("/mode slow 3600");
    cem.expect("* @ann set slow mode: one message every 3600 seconds.");
    cem.send("once");
    cem.expect_message("cem", "once");
    let refused = answer(&mut cem, "twice").remove(0);
    let slow = "! #class is in slow mode: you may speak again in ";
    assert!(refused.starts_with(slow), "{refused}");
    // Operators need not wait.
    ann.send("one");
    ann.send("two");
    cem.expect_message("ann", "one");
    cem.expect_message("ann", "two");
}

#[test]
fn roles_are_given_and_taken_one_by_one() {
    let server = start();
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    let _bob = LineClient::enter_channel(&server, "bob", "dev");
    let _cem = LineClient::enter(&server, "cem");
    ann.expect("@bob joined");
    for (line, said) in [
        ("/deop @bob", "! @bob is not an operator of #dev."),
        ("/devoice @bob", "! @bob does not have voice in #dev."),
        ("/voice @bob", "* @ann gave @bob voice."),
        ("/voice @bob", "! @bob has voice in #dev already."),
        ("/deop @bob", "! @bob is not an operator of #dev."),
        ("/op @bob", "* @ann made @bob an operator."),
        ("/op @bob", "! @bob is an operator of #dev already."),
        ("/voice @bob", "! @bob is an operator of #dev already."),
        ("/devoice @bob", "! @bob does not have voice in #dev."),
        ("/deop @bob", "* @ann made @bob an ordinary member."),
        ("/op @cem", "! @cem is not in #dev."),
        ("/op @dora", "! Nobody called @dora is here."),
        ("/op", "! Something is missing: /op @nick"),
    ] {
        told(&mut ann, line, &[said]);
    }
}

#[test]
fn only_the_founder_appoints_in_a_registered_channel() {
    let server = start();
    let mut ann = registered(&server, "ann");
    join(&mut ann, "dev");
    ann.send("/channel register");
    ann.expect("registered #dev");
    let mut bob = registered(&server, "bob");
    join(&mut bob, "dev");
    let mut cem = LineClient::enter_channel(&server, "cem", "dev");
    for name in ["bob", "cem"] {
        ann.send(&format!("/op @{name}"));
        ann.expect(&format!("made @{name} an operator"));
    }
    bob.settle();
    let refused = "! Only the founder of #dev may do that.";
    for line in [
        "/op @ann",
        "/deop @ann",
        "/deop @cem",
        "/mode history since",
        "/channel drop",
        "/channel transfer @bob",
    ] {
        told(&mut bob, line, &[refused]);
    }
    cem.settle();
    told(
        &mut cem,
        "/voice @ann",
        &["! Only the founder of #dev may do that."],
    );
    // To step down is everyone's own right.
    told(
        &mut bob,
        "/deop @bob",
        &["* @bob made @bob an ordinary member."],
    );
    ann.settle();
    told(
        &mut ann,
        "/deop @ann",
        &["! @ann is the founder of #dev, and stays it."],
    );
}

#[test]
fn a_team_has_a_secret_room_with_a_key_and_invitations() {
    let server = start();
    let mut ann = LineClient::enter_channel(&server, "ann", "team");
    let mut bob = LineClient::enter(&server, "bob");
    ann.send("/mode +secret key sesame");
    ann.expect("* @ann set secret: the channel is not listed.");
    ann.expect("* @ann set a new key: who joins must know it.");
    let rooms = answer(&mut bob, "/rooms");
    assert!(!rooms.iter().any(|line| line.contains("team")), "{rooms:?}");
    let not_you = "! You cannot join #team. If you know people there, ask them for an invitation \
                   or the key, /join #team key; otherwise choose another name.";
    told(&mut bob, "/join #team", &[not_you]);
    told(&mut bob, "/join #team wrong", &[not_you]);
    told(
        &mut bob,
        "/join #team a,b",
        &[
            "! /join #channel [key]: a key is 1 to 23 printable ASCII characters without space and \
           comma, and does not begin with a colon.",
        ],
    );
    told(
        &mut bob,
        "/join #team sesame",
        &["* You are now in #team, with 1 other person."],
    );
    ann.expect("@bob joined");
    bob.send("/leave");
    ann.expect("@bob left");

    ann.send("/mode -key +invite-only");
    ann.expect("* @ann took the key away.");
    ann.expect("* @ann set invite-only: only invited people may join.");
    bob.settle();
    told(&mut bob, "/join #team", &[not_you]);
    told(
        &mut ann,
        "/invite @bob",
        &["* You have invited @bob to #team."],
    );
    bob.expect_next("* @ann invites you to #team. /join #team takes you there.");
    bob.send("/join #team");
    bob.expect("You are now in #team");
    told(
        &mut ann,
        "/invite @bob",
        &["* @bob joined.", "! @bob is in #team already."],
    );
    told(
        &mut ann,
        "/invite @nobody",
        &["! Nobody called @nobody is here."],
    );
    // What was allowed once is used up.
    bob.send("/leave");
    bob.settle();
    told(&mut bob, "/join #team", &[not_you]);
}

#[test]
fn a_link_lets_so_many_in_and_can_be_withdrawn() {
    let server = start();
    let mut ann = LineClient::enter_channel(&server, "ann", "team");
    let mut bob = LineClient::enter(&server, "bob");
    let mut cem = LineClient::enter(&server, "cem");
    ann.send("/mode +invite-only");
    ann.expect("invite-only");
    let mut link = |arguments: &str| {
        ann.send(&format!("/link{arguments}"));
        let browser = ann.expect("* In a browser, /join/team/");
        let lines = ann.expect("* On lines it is: /join #team ");
        ann.expect("* @ann made an invitation link.");
        let secret = lines.rsplit(' ').next().unwrap().to_owned();
        assert!(
            browser.contains(&format!("/join/team/{secret} at")),
            "{browser}"
        );
        secret
    };
    let secret = link(" 1 60");
    bob.send(&format!("/join #team {secret}"));
    bob.expect("You are now in #team");
    let refused = answer(&mut cem, &format!("/join #team {secret}"));
    assert!(
        refused[0].starts_with("! Only invited people"),
        "{refused:?}"
    );
    let secret = link("");
    ann.send("/unlink");
    ann.expect("* @ann withdrew the invitation links.");
    let refused = answer(&mut cem, &format!("/join #team {secret}"));
    assert!(
        refused[0].starts_with("! Only invited people"),
        "{refused:?}"
    );
    // The log has no secrets.
    assert!(server.log_texts(&format!("pattern={secret}"), 0).is_empty());
}

#[test]
fn the_topic_is_told_and_shown_and_can_be_locked() {
    let server = start();
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    told(&mut ann, "/topic", &["* #dev has no topic."]);
    told(
        &mut ann,
        "/topic  the plan ",
        &["* @ann set the topic: the plan"],
    );
    let shown = "* The topic of #dev is: the plan (set by @ann)";
    told(&mut ann, "/topic", &[shown]);
    let mut bob = LineClient::enter(&server, "bob");
    told(
        &mut bob,
        "/join #dev",
        &["* You are now in #dev, with 1 other person.", shown],
    );
    let rooms = answer(&mut bob, "/rooms");
    assert!(
        rooms.contains(&"#dev\t2 people\tthe plan".to_owned()),
        "{rooms:?}"
    );
    told(
        &mut bob,
        "/topic mine",
        &["! Only operators of #dev may do that. /list shows who they are."],
    );
    ann.send("/mode -topic-locked");
    bob.expect("* @ann took topic-locked off: every member may set the topic.");
    told(&mut bob, "/topic mine", &["* @bob set the topic: mine"]);
    told(&mut bob, "/topic -", &["* @bob took the topic away."]);
    told(&mut bob, "/topic", &["* #dev has no topic."]);
    told(
        &mut LineClient::enter(&server, "cem"),
        "/topic x",
        &["! You are not in a channel. Join one with /join #channel."],
    );
}

#[test]
fn who_is_removed_or_banned_reads_by_whom_and_why_and_so_do_the_others() {
    let server = start();
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    let mut cem = LineClient::enter_channel(&server, "cem", "dev");
    let mut eve = LineClient::enter_channel(&server, "evil", "dev");
    ann.expect("@evil joined");
    cem.expect("@evil joined");
    told(
        &mut ann,
        "/kick @evil be kind",
        &["* @ann removed @evil: be kind"],
    );
    all_read(&mut [&mut cem], "* @ann removed @evil: be kind");
    eve.expect_next("* You were removed from #dev by @ann: be kind");
    told(
        &mut eve,
        "hello?",
        &["! You are not in a channel. Join one with /join #channel."],
    );
    eve.send("/join #dev");
    eve.expect("You are now in #dev");
    ann.expect("@evil joined");
    told(&mut ann, "/kick @evil", &["* @ann removed @evil."]);
    eve.expect("* You were removed from #dev by @ann.");
    told(&mut ann, "/kick @evil", &["! @evil is not in #dev."]);
    eve.send("/join #dev");
    eve.expect("You are now in #dev");
    ann.expect("@evil joined");
    told(
        &mut ann,
        "/ban ev*l 90 enough",
        &["* @ann banned the nickname ev*l for 90 minutes: enough"],
    );
    eve.expect("* You were removed from #dev by @ann: enough");
    told(
        &mut eve,
        "/join #dev",
        &["! You are banned from #dev. Its operators can lift the ban."],
    );
    let bans = answer(&mut ann, "/bans");
    assert_eq!(bans[0], "* The lists of #dev:");
    assert!(
        bans[1].starts_with("* banned: the nickname ev*l, by @ann, until 20"),
        "{bans:?}"
    );
    assert!(bans[1].ends_with(": enough"), "{bans:?}");
    cem.settle();
    told(
        &mut cem,
        "/bans",
        &["! Only operators of #dev may do that. /list shows who they are."],
    );
    told(
        &mut ann,
        "/unban ev*l",
        &["* @ann lifted the ban of the nickname ev*l."],
    );
    told(
        &mut ann,
        "/unban ev*l",
        &["! ev*l is not banned from #dev."],
    );
    eve.send("/join #dev");
    eve.expect("You are now in #dev");
    told(
        &mut ann,
        "/bans",
        &[
            "* @evil joined.",
            "* Nobody is banned, muted, excepted or invited in #dev.",
        ],
    );
}

/// Who is banned by account is found by name afterwards, and told as one thing.
#[test]
fn an_account_is_banned_by_name() {
    let server = start();
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    let mut bob = registered(&server, "bob");
    join(&mut bob, "dev");
    ann.expect("@bob joined");
    told(
        &mut ann,
        "/ban @bob 1440 enough",
        &["* @ann banned @bob for 1 day: enough"],
    );
    bob.expect("* You were removed from #dev by @ann: enough");
    bob.send("/quit");
    bob.expect_close();
    let bans = answer(&mut ann, "/bans");
    assert!(
        bans[1].starts_with("* banned: @bob, by @ann, until 20"),
        "{bans:?}"
    );
    let mut bob = back(&server, "bob");
    let refused = answer(&mut bob, "/join #dev");
    assert_eq!(
        refused,
        ["! You are banned from #dev. Its operators can lift the ban."]
    );
    told(&mut ann, "/unban @bob", &["* @ann lifted the ban of @bob."]);
    bob.send("/join #dev");
    bob.expect("You are now in #dev");
    told(
        &mut ann,
        "/ban @bob 0",
        &[
            "* @bob joined.",
            "! /ban @nick [minutes] [why]: that must be a number from 1 to 5270400.",
        ],
    );
}

#[test]
fn long_lists_are_answered_in_parts() {
    let server = start();
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    for n in 0..45 {
        ann.send(&format!("/ban troll{n}*"));
    }
    ann.expect("banned the nickname troll44*");
    let first = answer(&mut ann, "/bans");
    assert_eq!(first.len(), 22, "{first:?}");
    assert_eq!(first[1], "* banned: the nickname troll0*, by @ann.");
    assert_eq!(
        first[21],
        "* … and 25 more: /bans 20 lists those after these."
    );
    let second = answer(&mut ann, "/bans 20");
    assert_eq!(second[0], "* The lists of #dev after 20 entries:");
    assert_eq!(second[1], "* banned: the nickname troll20*, by @ann.");
    assert_eq!(
        second[21],
        "* … and 5 more: /bans 40 lists those after these."
    );
    let third = answer(&mut ann, "/bans 40");
    assert_eq!(third.len(), 6, "{third:?}");
    told(
        &mut ann,
        "/bans 50",
        &["* The lists of #dev have no more than 50 entries."],
    );
    for n in 45..100 {
        ann.send(&format!("/ban troll{n}*"));
    }
    ann.expect("banned the nickname troll99*");
    told(
        &mut ann,
        "/ban onemore*",
        &["! That list of #dev has 100 entries already. Remove one first. /bans shows them."],
    );
}

#[test]
fn a_limit_and_accounts_only_keep_people_out() {
    let server = start();
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    let mut bob = LineClient::enter(&server, "bob");
    told(
        &mut ann,
        "/mode limit 1",
        &["* @ann set the limit: at most 1 person."],
    );
    told(
        &mut bob,
        "/join #dev",
        &["! #dev is full. Please try again later."],
    );
    ann.send("/mode -limit +registered-only");
    ann.expect("* @ann took the limit of people away.");
    ann.expect("* @ann set registered-only: only accounts may join.");
    told(
        &mut bob,
        "/join #dev",
        &[
            "! You need an account for that in #dev. /register makes one of your nickname, \
             /login nick takes you to one.",
        ],
    );
    bob.send("/register long enough");
    bob.expect("is yours now");
    bob.send("/join #dev");
    bob.expect("You are now in #dev");
    ann.send("/mode -registered-only +registered-speak");
    ann.expect("registered-speak");
    let mut cem = LineClient::enter_channel(&server, "cem", "dev");
    told(
        &mut cem,
        "hello",
        &[
            "! Only people with an account may speak in #dev. Register your nickname, or log in, first.",
        ],
    );
    bob.send("hello");
    bob.expect_message("bob", "hello");
}

#[test]
fn a_registered_channel_is_the_same_after_a_restart() {
    let mut server = start();
    let mut ann = registered(&server, "ann");
    let mut bob = registered(&server, "bob");
    join(&mut ann, "dev");
    join(&mut bob, "dev");
    ann.expect("@bob joined");
    for (line, said) in [
        ("/channel register", "registered #dev"),
        ("/topic the plan", "set the topic: the plan"),
        ("/op @bob", "made @bob an operator"),
        ("/mode key sesame slow 10", "set slow mode"),
        ("/ban ev*l", "banned the nickname ev*l"),
    ] {
        ann.send(line);
        ann.expect(said);
    }
    drop((ann, bob));
    server.restart();
    let mut eve = LineClient::enter(&server, "evil");
    told(
        &mut eve,
        "/join #dev sesame",
        &["! You are banned from #dev. Its operators can lift the ban."],
    );
    let rooms = answer(&mut eve, "/rooms");
    assert!(
        rooms.contains(&"#dev\t0 people\tthe plan".to_owned()),
        "{rooms:?}"
    );
    // Operators need no key.
    let mut bob = back(&server, "bob");
    told(
        &mut bob,
        "/join #dev",
        &[
            "* You are now in #dev. You are the first one here.",
            "* The topic of #dev is: the plan (set by @ann)",
        ],
    );
    told(
        &mut bob,
        "/list",
        &["* 1 person in #dev:", "@@bob", "* @@ is an operator."],
    );
    told(
        &mut bob,
        "/channel info",
        &[
            "* #dev is registered by @ann.",
            "* You are an operator of it.",
            "* Operators who are registered: @bob.",
            "* topic-locked: only operators set the topic.",
            "* key: sesame",
            "* slow: one message every 10 seconds.",
        ],
    );
}

#[test]
fn a_channel_is_given_away_and_given_up() {
    let server = start();
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    let mut bob = registered(&server, "bob");
    join(&mut bob, "dev");
    let _cem = LineClient::enter_channel(&server, "cem", "dev");
    ann.expect("@cem joined");
    told(
        &mut ann,
        "/channel register",
        &[
            "! You need an account for that in #dev. /register makes one of your nickname, \
             /login nick takes you to one.",
        ],
    );
    told(&mut ann, "/channel drop", &["! #dev is not registered."]);
    ann.send("/register long enough");
    ann.expect("is yours now");
    ann.send("/channel register");
    ann.expect("* @ann registered #dev: its rules stay.");
    told(
        &mut ann,
        "/channel register",
        &["! #dev is registered already. /channel info tells by whom."],
    );
    told(
        &mut ann,
        "/channel transfer @cem",
        &["! @cem has no account."],
    );
    told(
        &mut ann,
        "/channel transfer @bob",
        &["* @ann gave #dev to @bob."],
    );
    bob.expect("* @ann gave #dev to @bob.");
    told(
        &mut ann,
        "/list",
        &[
            "* 3 people in #dev:",
            "@@ann ~@bob @cem",
            "* ~@ is the founder, @@ is an operator.",
        ],
    );
    told(
        &mut bob,
        "/channel drop",
        &["* @bob gave the registration of #dev up: it is open, and nobody operates it."],
    );
    told(
        &mut bob,
        "/mode",
        &[
            "* #dev is not registered: its rules end when the last one leaves.",
            "* topic-locked: only operators set the topic.",
        ],
    );
    told(
        &mut bob,
        "/channel",
        &["! Something is missing: /channel register | drop | transfer @nick | info"],
    );
    told(
        &mut bob,
        "/channel sell",
        &[
            "! That is none of the words this command knows: /channel register | drop | transfer @nick | info",
        ],
    );
    told(
        &mut bob,
        "/mode +nonsense",
        &["! /mode [rules]: there is no such rule. /help rules lists them."],
    );
}

#[test]
fn who_is_away_is_marked_and_tells_who_writes() {
    let server = start();
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    ann.expect("@bob joined");
    told(
        &mut bob,
        "/away at lunch",
        &["* You are away: at lunch (/back ends it)"],
    );
    let said = answer(&mut ann, "/msg @bob hi");
    assert_eq!(said.len(), 2, "{said:?}");
    assert_eq!(said[1], "* @bob is away: at lunch");
    told(
        &mut ann,
        "/list",
        &[
            "* 2 people in #dev:",
            "@@ann @bob (away)",
            "* @@ is an operator.",
        ],
    );
    bob.expect_private("ann", "hi");
    told(&mut bob, "/away", &["* You are away (/back ends it)"]);
    ann.send("/msg @bob hi");
    ann.expect("* @bob is away");
    bob.expect_private("ann", "hi");
    told(&mut bob, "/back", &["* You are back."]);
}

#[test]
fn what_one_says_when_leaving_is_told() {
    let server = start();
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    let mut bob = LineClient::enter_channel(&server, "bob", "dev");
    ann.expect("@bob joined");
    told(&mut bob, "/leave see you", &["* You have left #dev."]);
    ann.expect_next("* @bob left: see you");
    join(&mut bob, "dev");
    ann.expect("@bob joined");
    bob.send("/quit off home");
    ann.expect_next("* @bob left: off home");
    told(
        &mut ann,
        &format!("/leave {}", "x".repeat(301)),
        &["! A reason may have 300 characters. Please shorten it."],
    );
}

/// In `#global` nobody is above anybody.
#[test]
fn the_channel_of_all_has_no_operator() {
    let server = start();
    let mut ann = registered(&server, "ann");
    join(&mut ann, "global");
    for line in [
        "/mode +secret",
        "/kick @ann",
        "/channel register",
        "/topic x",
    ] {
        let refused = answer(&mut ann, line);
        assert!(
            refused[0].starts_with("! Only operators of #global"),
            "{line}: {refused:?}"
        );
    }
}

#[test]
fn help_shows_a_newcomer_what_everyone_needs_and_the_rest_on_request() {
    let server = start();
    let mut ann = LineClient::enter(&server, "ann");
    let help = answer(&mut ann, "/help");
    assert!(help.len() <= 24, "{help:#?}");
    assert!(help[0].contains("/help operators"), "{help:#?}");
    assert!(!help.iter().any(|line| line.starts_with("/ban")));
    let operators = answer(&mut ann, "/help operators");
    assert!(operators.iter().any(|line| line.starts_with("/ban ")));
    assert!(operators.last().unwrap().contains("/help rules"));
    let rules = answer(&mut ann, "/help rules");
    assert!(rules.contains(&"moderated\tonly people with voice may speak".to_owned()));
    told(&mut ann, "/help me", &["! That is too much: /help"]);
}
