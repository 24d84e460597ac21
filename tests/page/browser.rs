//! The browser client and the administrators' page in a real browser: headless
//! Chromium, driven by the scripts `tests/python/browser_*.py`.

use crate::support::{Script, Server, free_address};
use serde_json::{Value, json};

/// A server without limits on logins and rates, which other tests cover.
fn start() -> Server {
    start_with(|_| ())
}

fn start_with(change: impl FnOnce(&mut Value)) -> Server {
    Server::start(|config| {
        config["listen"]["tcp"] = json!("127.0.0.1:0");
        config["limits"] = json!({ "auth_attempts": 0, "message_rate": 0 });
        config["history"] = json!("on");
        change(config);
    })
}

/// Runs a script without requests to this test.
fn run(name: &'static str) {
    let server = start();
    Script::start(name, &server).run(|line| panic!("{name} printed {line:?}"));
}

#[test]
fn browsers_and_a_telnet_user_talk() {
    run("browser_talk.py");
}

#[test]
fn text_of_every_protocol_is_text() {
    run("browser_text.py");
}

#[test]
fn what_is_being_written_is_never_lost_or_sent_by_accident() {
    run("browser_composer.py");
}

#[test]
fn the_page_is_fetched_once_and_opens_without_the_server() {
    run("browser_start.py");
}

#[test]
fn rooms_and_direct_messages_are_searched() {
    run("browser_search.py");
}

#[test]
fn messages_are_linked_left_unread_and_notified_of() {
    run("browser_messages.py");
}

#[test]
fn messages_are_reacted_to_and_tabs_show_the_same() {
    run("browser_reactions.py");
}

#[test]
fn more_new_messages_than_are_fetched_at_once_begin_at_the_first() {
    run("browser_many_new.py");
}

#[test]
fn the_page_is_comfortable_for_all() {
    run("browser_comfort.py");
}

#[test]
fn accounts_have_an_inbox() {
    run("browser_accounts.py");
}

#[test]
fn an_account_has_its_rooms_on_every_device() {
    run("browser_own_rooms.py");
}

#[test]
fn who_stays_signed_in_and_who_signs_out() {
    run("browser_signin.py");
}

#[test]
fn who_registers_is_what_the_page_offers() {
    let server = start_with(|config| config["accounts"]["registration"] = json!("invitation"));
    Script::start("browser_invitations.py", &server).run(|line| match line {
        "close" => server.reload(|config| config["accounts"]["registration"] = json!("closed")),
        other => panic!("asked for {other:?}"),
    });
}

/// Runs a script that kills the server and starts it again at the same address.
fn run_through_a_restart(name: &'static str) {
    let web = free_address().to_string();
    let mut server = start_with(|config| config["listen"]["web"] = json!(web));
    Script::start(name, &server).run(|line| match line {
        "kill" => server.kill(),
        "start" => server.start_again(),
        other => panic!("asked for {other:?}"),
    });
}

#[test]
fn a_page_survives_a_restart_with_nothing_lost() {
    run_through_a_restart("browser_restart.py");
}

#[test]
fn a_dead_link_loses_and_doubles_nothing() {
    run("browser_dead_link.py");
}

#[test]
fn the_end_is_followed_and_only_what_was_seen_is_read() {
    run("browser_reading.py");
}

#[test]
fn what_cannot_be_done_is_said_and_nothing_is_sent() {
    run("browser_commands.py");
}

#[test]
fn what_keeps_a_user_out_is_said_on_the_page() {
    let server = start_with(|config| config["history"] = json!("off"));
    let name = "browser_refusals.py";
    Script::start(name, &server).run(|line| {
        let most = match line {
            "full" => 1,
            "room" => 1000,
            other => panic!("asked for {other:?}"),
        };
        server.reload(|config| config["limits"]["connections"] = json!(most));
    });
}

#[test]
fn in_a_long_room_nothing_jumps_and_little_is_in_the_document() {
    run("browser_scroll.py");
}

#[test]
fn lists_longer_than_a_page_show_where_the_rest_is() {
    let server = start();
    server.reload(|config| {
        config["limits"]["channels_per_connection"] = json!(0);
        config["limits"]["connections_per_address"] = json!(0);
    });
    let name = "browser_long_lists.py";
    Script::start(name, &server).run(|line| panic!("{name} printed {line:?}"));
}

#[test]
fn everything_can_be_done_with_the_keyboard() {
    run("browser_keyboard.py");
}

#[test]
fn a_phone_is_enough() {
    run("browser_phone.py");
}

#[test]
fn nothing_stands_in_the_way_of_assistive_technology() {
    run("browser_accessibility.py");
}

#[test]
fn an_administrator_sees_what_is_going_on_and_acts() {
    run_through_a_restart("browser_admin.py");
}

#[test]
fn everybody_can_administrate() {
    run("browser_admin_access.py");
}

#[test]
fn accounts_are_administered() {
    run("browser_admin_accounts.py");
}

#[test]
fn a_narrow_phone_is_enough_to_administrate() {
    run("browser_admin_phone.py");
}

#[test]
fn operators_set_topics_and_remove_people() {
    run("browser_governance.py");
}

#[test]
fn rooms_that_are_not_open_to_all_let_in_who_may_come() {
    run("browser_private_rooms.py");
}
