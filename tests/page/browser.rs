//! The browser client and the administrators' page in a real browser: headless
//! Chromium, driven by the scripts `tests/python/browser_*.py`.

use crate::support::{Script, Server};
use serde_json::json;

/// A server without limits on logins and rates, which other tests cover.
fn start() -> Server {
    Server::start(|config| {
        config["listen"]["tcp"] = json!("127.0.0.1:0");
        config["limits"] = json!({ "auth_attempts": 0, "message_rate": 0 });
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

/// Runs a script that kills the server and starts it again at the same address.
fn run_through_a_restart(name: &'static str) {
    let mut server = start();
    let web = server.web().to_string();
    server.reload(|config| config["listen"]["web"] = json!(web));
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
fn ten_thousand_messages_stay_smooth() {
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
fn operators_set_topics_and_remove_people() {
    run("browser_governance.py");
}

#[test]
fn rooms_that_are_not_open_to_all_let_in_who_may_come() {
    run("browser_private_rooms.py");
}
