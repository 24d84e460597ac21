//! The REST API as an administrator sees it, through a real front.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::http_support::*;
use chat_server::chatlog::{Entry, Kind};
use chat_server::config::Secret;
use chat_server::hub::Counts;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::{Method, Request, Response};

fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .into()
}

/// Calls with these headers; returns status, headers and body.
fn call_with(
    site: &Site,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response<String> {
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(site.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let agent = agent();
    let response = match body {
        "" => agent.run(agent.configure_request(request.body(()).unwrap()).build()),
        body => {
            let request = request.body(body.to_owned()).unwrap();
            agent.run(
                agent
                    .configure_request(request)
                    .allow_non_standard_methods(true)
                    .build(),
            )
        }
    };
    let (head, mut body) = response.unwrap().into_parts();
    Response::from_parts(head, body.read_to_string().unwrap())
}

/// Calls as the administrator; returns status and JSON.
fn call(site: &Site, method: &str, path: &str, body: &str) -> (u16, Value) {
    let token = format!("Bearer {TOKEN}");
    let response = call_with(site, method, path, &[("Authorization", &token)], body);
    let json = match response.body().as_str() {
        "" => Value::Null,
        body => serde_json::from_str(body).unwrap_or_else(|_| panic!("not JSON: {body}")),
    };
    (response.status().as_u16(), json)
}

/// Makes a call that must be refused because of `field`.
fn refused(site: &Site, method: &str, path: &str, body: &str, field: &str) {
    let (status, answer) = call(site, method, path, body);
    assert_eq!(status, 400, "{path} {body}: {answer}");
    assert_eq!(answer["error"]["field"], field, "{path} {body}: {answer}");
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.starts_with(field), "{message}");
}

#[test]
fn nobody_gets_in_without_the_token() {
    let site = Site::start(Plan::default());
    for (method, path) in [
        ("GET", "/admin/users"),
        ("DELETE", "/admin/users/alice"),
        ("GET", "/admin/channels"),
        ("GET", "/admin/bans"),
        ("POST", "/admin/bans"),
        ("DELETE", "/admin/bans/1"),
        ("POST", "/admin/announce"),
        ("GET", "/admin/log"),
        ("GET", "/api/message"),
        ("POST", "/api/message"),
        ("GET", "/v1/api/message"),
        ("POST", "/v1/api/message"),
        ("GET", "/metrics"),
        ("GET", "/admin/what-is-not-there"),
    ] {
        for authorization in [
            None,
            Some("Bearer"),
            Some("Bearer wrong"),
            Some("Bearer "),
            Some(TOKEN),
            Some("Basic YTpi"),
        ] {
            let headers: Vec<_> = authorization
                .map(|value| ("Authorization", value))
                .into_iter()
                .collect();
            let response = call_with(&site, method, path, &headers, "");
            assert_eq!(
                response.status(),
                401,
                "{method} {path} with {authorization:?}"
            );
            let challenge = response.headers()["WWW-Authenticate"].to_str().unwrap();
            assert!(challenge.starts_with("Bearer"));
            let body: Value = serde_json::from_str(response.body()).unwrap();
            assert_eq!(body["error"]["code"], "unauthorised");
        }
    }
    assert_eq!(call(&site, "GET", "/admin/users", "").0, 200);
    let another = Secret::parse("another-long-token").unwrap();
    site.token.replace(another);
    assert_eq!(call(&site, "GET", "/admin/users", "").0, 401);
    let other = [("authorization", "bearer another-long-token")];
    assert_eq!(
        call_with(&site, "GET", "/admin/users", &other, "").status(),
        200
    );
}

#[test]
fn unknown_paths_methods_and_parameters_are_named() {
    let site = Site::start(Plan::default());
    let (status, answer) = call(&site, "GET", "/nowhere", "");
    assert_eq!(
        (status, answer["error"]["code"].as_str()),
        (404, Some("not_found"))
    );
    for (method, path, allowed) in [
        ("DELETE", "/admin/announce", "POST, OPTIONS"),
        ("POST", "/admin/users", "GET, HEAD, OPTIONS"),
        ("GET", "/admin/users/alice", "DELETE, OPTIONS"),
        ("PUT", "/admin/bans", "GET, POST, HEAD, OPTIONS"),
        ("DELETE", "/healthz", "GET, HEAD, OPTIONS"),
    ] {
        let token = format!("Bearer {TOKEN}");
        let response = call_with(&site, method, path, &[("Authorization", &token)], "");
        assert_eq!(response.status(), 405, "{method} {path}");
        assert_eq!(response.headers()["Allow"], allowed);
    }
    refused(&site, "GET", "/admin/users?verbose=1", "", "verbose");
    refused(&site, "POST", "/admin/announce?x=1", "{}", "x");
    let (status, _) = call(&site, "GET", "/admin/log?pattern=%ff", "");
    assert_eq!(status, 400);
}

#[test]
fn users_and_channels_are_listed() {
    let site = Site::start(Plan::default());
    assert_eq!(
        call(&site, "GET", "/admin/users", ""),
        (200, json!({"users": []}))
    );
    site.sign_in(0, "zoë");
    site.sign_in(1, "alice");
    let (status, answer) = call(&site, "GET", "/admin/users", "");
    assert_eq!(status, 200);
    let user = &answer["users"][0];
    assert_eq!(
        (&user["nickname"], &user["address"]),
        (&json!("alice"), &json!("192.0.2.7:5000"))
    );
    assert_eq!(
        (&user["protocol"], &user["channels"]),
        (&json!("line"), &json!([]))
    );
    let since: jiff::Timestamp = user["since"].as_str().unwrap().parse().unwrap();
    assert!(since <= jiff::Timestamp::now());
    assert_eq!(answer["users"][1]["nickname"], "zoë");
    let (status, answer) = call(&site, "GET", "/admin/channels", "");
    assert_eq!(
        (status, &answer["channels"][0]["name"]),
        (200, &json!("global"))
    );
    assert_eq!(answer["channels"][0]["members"], json!([]));
}

#[test]
fn a_user_is_disconnected() {
    let site = Site::start(Plan::default());
    for (index, name) in ["ann", "ben", "cy", "zoë"].into_iter().enumerate() {
        site.sign_in(index as u32, name);
    }
    let gone = (200, json!({"disconnected": 1}));
    assert_eq!(call(&site, "DELETE", "/admin/users/ANN", ""), gone);
    assert_eq!(
        call(&site, "DELETE", "/admin/users/ben?reason=be+nice", ""),
        gone
    );
    assert_eq!(
        call(
            &site,
            "DELETE",
            "/admin/users/cy",
            r#"{"reason":"be nice"}"#
        ),
        gone
    );
    assert_eq!(
        call(
            &site,
            "DELETE",
            "/admin/users/zo%C3%AB",
            r#"{"reason":null}"#
        ),
        gone
    );
    assert_eq!(site.users(), [""; 0]);
    let (status, answer) = call(&site, "DELETE", "/admin/users/ann", "");
    assert_eq!(
        (status, &answer["error"]["code"]),
        (404, &json!("not_found"))
    );
    refused(&site, "DELETE", "/admin/users/a%20b", "", "nickname");
    refused(
        &site,
        "DELETE",
        "/admin/users/a",
        r#"{"reason":1}"#,
        "reason",
    );
    refused(
        &site,
        "DELETE",
        "/admin/users/a",
        r#"{"because":"x"}"#,
        "because",
    );
    refused(
        &site,
        "DELETE",
        "/admin/users/a?reason=x",
        r#"{"reason":"y"}"#,
        "reason",
    );
    let long = format!("/admin/users/a?reason={}", "x".repeat(1001));
    refused(&site, "DELETE", &long, "", "reason");
}

#[test]
fn bans_are_made_listed_saved_and_lifted() {
    let site = Site::start(Plan::default());
    site.sign_in(0, "mallory");
    let body = r#"{"nickname":"mallory","reason":"spam\nspam","expires_in_seconds":3600}"#;
    let (status, first) = call(&site, "POST", "/admin/bans", body);
    assert_eq!(status, 201, "{first}");
    assert_eq!(
        (&first["nickname"], &first["reason"]),
        (&json!("mallory"), &json!("spam spam"))
    );
    assert!(first.get("address").is_none());
    let time = |value: &Value| -> jiff::Timestamp { value.as_str().unwrap().parse().unwrap() };
    let lasts = time(&first["expires_at"]).duration_since(time(&first["created_at"]));
    // Two clocks are read, one after the other.
    assert!((3500..=3600).contains(&lasts.as_secs()), "{lasts}");
    assert_eq!(site.users(), [""; 0]);

    let body = r#"{"address":"2001:db8::1/64","expires_at":"2999-01-01T01:00:00+01:00"}"#;
    let (status, second) = call(&site, "POST", "/admin/bans", body);
    assert_eq!((status, &second["address"]), (201, &json!("2001:db8::/64")));
    assert_eq!(second["expires_at"], "2999-01-01T00:00:00.000Z");
    let (status, third) = call(
        &site,
        "POST",
        "/admin/bans",
        r#"{"address":"::ffff:192.0.2.1"}"#,
    );
    assert_eq!(
        (status, &third["address"], &third["expires_at"]),
        (201, &json!("192.0.2.1"), &Value::Null)
    );
    let (status, fourth) = call(&site, "POST", "/admin/bans", r#"{"account":"eve"}"#);
    assert_eq!((status, &fourth["nickname"]), (201, &json!("eve")));

    let all = json!({"bans": [first, second, third, fourth]});
    assert_eq!(call(&site, "GET", "/admin/bans", ""), (200, all));
    assert_eq!(site.saved_bans.lock().as_ref().unwrap().len(), 4);
    let path = format!("/admin/bans/{}", first["id"]);
    assert_eq!(call(&site, "DELETE", &path, ""), (204, Value::Null));
    assert_eq!(site.saved_bans.lock().as_ref().unwrap().len(), 3);
    assert_eq!(call(&site, "DELETE", &path, "").0, 404);
    refused(&site, "DELETE", "/admin/bans/first", "", "id");

    site.saving_fails.store(true, Ordering::SeqCst);
    let (status, answer) = call(&site, "POST", "/admin/bans", r#"{"nickname":"oscar"}"#);
    assert_eq!(
        (status, &answer["error"]["code"]),
        (500, &json!("bans_not_saved"))
    );
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("disk full")
    );
}

#[test]
fn mistakes_in_bans_are_named() {
    let site = Site::start(Plan::default());
    for (body, field) in [
        (r#"{}"#, "nickname"),
        (r#"{"nickname":"a b"}"#, "nickname"),
        (r#"{"nickname":7}"#, "nickname"),
        (r#"{"account":[]}"#, "account"),
        (r#"{"address":"localhost"}"#, "address"),
        (r#"{"address":"10.0.0.0/33"}"#, "address"),
        (r#"{"nickname":"a","reason":{}}"#, "reason"),
        (
            r#"{"nickname":"a","expires_in_seconds":-1}"#,
            "expires_in_seconds",
        ),
        (
            r#"{"nickname":"a","expires_in_seconds":1.5}"#,
            "expires_in_seconds",
        ),
        (
            r#"{"nickname":"a","expires_in_seconds":0}"#,
            "expires_in_seconds",
        ),
        (
            r#"{"nickname":"a","expires_in_seconds":18446744073709551615}"#,
            "expires_in_seconds",
        ),
        (
            r#"{"nickname":"a","expires_in_seconds":9223372036854775807}"#,
            "expires_in_seconds",
        ),
        (r#"{"nickname":"a","expires_at":"tomorrow"}"#, "expires_at"),
        (
            r#"{"nickname":"a","expires_at":"2001-01-01T00:00:00Z"}"#,
            "expires_at",
        ),
        (r#"{"nickname":"a","until":"x"}"#, "until"),
    ] {
        refused(&site, "POST", "/admin/bans", body, field);
    }
    for body in [
        r#"{"nickname":"a","address":"10.0.0.1"}"#,
        r#"{"nickname":"a","expires_in_seconds":1,"expires_at":"2999-01-01T00:00:00Z"}"#,
        "[]",
        "nonsense",
        "{\"nickname\":\"a\"",
    ] {
        let (status, answer) = call(&site, "POST", "/admin/bans", body);
        assert_eq!(
            (status, &answer["error"]["code"]),
            (400, &json!("bad_request")),
            "{body}"
        );
    }
    assert_eq!(call(&site, "GET", "/admin/bans", "").1, json!({"bans": []}));
    assert_eq!(*site.saved_bans.lock(), None);
}

#[test]
fn an_announcement_reaches_everyone() {
    let site = Site::start(Plan::default());
    site.sign_in(0, "alice");
    site.sign_in(1, "bob");
    let told = (200, json!({"delivered_to": 2}));
    assert_eq!(
        call(&site, "POST", "/admin/announce", r#"{"message":"hello"}"#),
        told
    );
    let fits = format!(r#"{{"message":"{}"}}"#, "x".repeat(1000));
    assert_eq!(call(&site, "POST", "/admin/announce", &fits), told);
    let long = format!(r#"{{"message":"{}"}}"#, "x".repeat(1001));
    for body in [
        r#"{"message":" \u001b \n"}"#,
        r#"{"message":1}"#,
        r#"{}"#,
        r#"{"message":null}"#,
        &long,
    ] {
        refused(&site, "POST", "/admin/announce", body, "message");
    }
    refused(
        &site,
        "POST",
        "/admin/announce",
        r#"{"message":"a","to":"b"}"#,
        "to",
    );
    for body in ["[1]", "\"hello\"", "{"] {
        assert_eq!(call(&site, "POST", "/admin/announce", body).0, 400);
    }
    assert_eq!(call(&site, "POST", "/admin/announce", "").0, 400);
}

const AT_MS: u64 = 1_704_067_200_000;

fn entry(number: u64, kind: Kind, nick: &str, text: &str) -> Entry {
    Entry {
        nick: Some(nick.into()),
        text: Some(text.into()),
        ..Entry::new(AT_MS + number, kind)
    }
}

/// A site with these entries in its chat log.
fn with_log(plan: Plan, entries: Vec<Entry>) -> Site {
    let site = Site::start(plan);
    site.log.record_batch(entries);
    site.log.flush(PATIENCE).unwrap();
    site
}

/// The texts that a search finds, and the whole answer.
fn found(site: &Site, parameters: &str) -> (Vec<String>, Value) {
    let (status, answer) = call(site, "GET", &format!("/admin/log?{parameters}"), "");
    assert_eq!(status, 200, "{parameters}: {answer}");
    let entries = answer["entries"].as_array().unwrap();
    let texts = entries.iter().map(|entry| entry["text"].as_str().unwrap());
    (texts.map(str::to_owned).collect(), answer.clone())
}

#[test]
fn the_log_is_searched_as_asked() {
    let in_dev = |entry: Entry| Entry {
        channel: Some("dev".into()),
        ..entry
    };
    let site = with_log(
        Plan::default(),
        vec![
            in_dev(entry(0, Kind::Message, "alice", "a+b is one")),
            in_dev(entry(1, Kind::Message, "bob", "aab is two")),
            Entry {
                to: Some("alice".into()),
                ..entry(2, Kind::Private, "bob", "three")
            },
            entry(3, Kind::Command, "Alice", "rooms"),
        ],
    );
    for (parameters, expected) in [
        ("", &["rooms", "three", "aab is two", "a+b is one"][..]),
        ("pattern=", &["rooms", "three", "aab is two", "a+b is one"]),
        ("pattern=a%2Bb+is", &["aab is two"]),
        ("pattern=^a.*one$", &["a+b is one"]),
        ("kind=private", &["three"]),
        ("nick=%40ALICE", &["rooms", "three", "a+b is one"]),
        ("channel=%23dev", &["aab is two", "a+b is one"]),
        ("channel=dev&nick=bob", &["aab is two"]),
        // Both ends are included.
        (
            "since=2024-01-01T00:00:00.001Z&until=2024-01-01T01:00:00.002%2B01:00",
            &["three", "aab is two"],
        ),
        ("until=1969-01-01T00:00:00Z", &[]),
        ("pattern=nowhere", &[]),
    ] {
        let (texts, answer) = found(&site, parameters);
        assert_eq!(texts, expected, "{parameters}");
        assert_eq!(answer["next_cursor"], Value::Null, "{parameters}");
        assert_eq!(answer["timed_out"], false, "{parameters}");
    }
    let (_, answer) = found(&site, "kind=message&limit=1");
    assert_eq!(
        answer["entries"],
        json!([{"at": "2024-01-01T00:00:00.001Z", "kind": "message", "nick": "bob",
                "channel": "dev", "text": "aab is two"}])
    );
    let cursor = answer["next_cursor"].as_str().unwrap();
    let (texts, _) = found(&site, &format!("kind=message&limit=1&cursor={cursor}"));
    assert_eq!(texts, ["a+b is one"]);
}

#[test]
fn a_page_has_100_entries_unless_asked_for_up_to_1000() {
    let entries = (0..1001).map(|number| entry(number, Kind::Message, "alice", "x"));
    let site = with_log(Plan::default(), entries.collect());
    for (parameters, count) in [("", 100), ("limit=1", 1), ("limit=1000", 1000)] {
        let (texts, answer) = found(&site, parameters);
        assert_eq!(texts.len(), count);
        assert!(answer["next_cursor"].is_string());
    }
}

#[test]
fn a_search_that_takes_too_long_says_so_and_can_be_carried_on() {
    let entries = (0..5000).map(|number| entry(number, Kind::Message, "alice", "needle"));
    let plan = Plan {
        search_budget: Duration::ZERO,
        ..Plan::default()
    };
    let site = with_log(plan, entries.collect());
    let (texts, answer) = found(&site, "limit=1000");
    assert!((1..1000).contains(&texts.len()), "{}", texts.len());
    assert_eq!(answer["timed_out"], true);
    let mut seen = texts.len();
    let mut next = answer["next_cursor"].clone();
    while let Some(cursor) = next.as_str() {
        let (texts, answer) = found(&site, &format!("limit=1000&cursor={cursor}"));
        seen += texts.len();
        next = answer["next_cursor"].clone();
    }
    assert_eq!(seen, 5000);
}

#[test]
fn a_line_that_a_crash_cut_short_does_not_spoil_the_rest() {
    let site = with_log(
        Plan::default(),
        vec![entry(0, Kind::Message, "alice", "whole")],
    );
    let path = site.log_folder().join("chat.log");
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(b"{\"at\":\"2024-01-01T00:00:00.001Z\",\"kind\":\"mess")
        .unwrap();
    assert_eq!(found(&site, "").0, ["whole"]);
}

#[test]
fn mistakes_in_log_searches_are_named() {
    let site = Site::start(Plan::default());
    for (parameter, field) in [
        ("pattern=(", "pattern"),
        ("pattern=(a{1000}){1000}", "pattern"),
        ("kind=shout", "kind"),
        ("nick=a%20b", "nick"),
        ("channel=", "channel"),
        ("since=yesterday", "since"),
        ("until=5", "until"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=many", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=1-2", "cursor"),
        ("colour=red", "colour"),
    ] {
        refused(&site, "GET", &format!("/admin/log?{parameter}"), "", field);
    }
    let (_, answer) = call(&site, "GET", "/admin/log?pattern=a(b", "");
    assert_eq!(
        answer["error"]["message"],
        "pattern: wrong at character 2: unclosed group"
    );
}

#[test]
fn a_log_that_cannot_be_read_is_named() {
    let site = Site::start(Plan::default());
    std::fs::remove_dir_all(site.log_folder()).unwrap();
    std::fs::write(site.log_folder(), "in the way").unwrap();
    let (status, answer) = call(&site, "GET", "/admin/log", "");
    assert_eq!(
        (status, &answer["error"]["code"]),
        (503, &json!("log_unavailable"))
    );
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("chatlog"), "{message}");
}

#[test]
fn more_searches_than_may_run_at_once_are_put_off() {
    let site = Site::start(Plan {
        searches: 1,
        search_budget: Duration::from_secs(3600),
        ..Plan::default()
    });
    let client = site.begin_endless_search();
    for path in ["/admin/log", "/api/message"] {
        let token = format!("Bearer {TOKEN}");
        let response = call_with(&site, "GET", path, &[("Authorization", &token)], "");
        assert_eq!(response.status(), 503);
        let seconds = response.headers()["Retry-After"].to_str().unwrap();
        assert!(seconds.parse::<u32>().unwrap() > 0);
    }
    let (_, answer) = call(&site, "GET", "/admin/log", "");
    assert_eq!(answer["error"]["code"], "log_busy");
    drop(client);
    until("others may search", || {
        call(&site, "GET", "/admin/log?limit=1", "").0 == 200
    });
}

/// Checks the parts of every older answer: path, time, and exactly these
/// errors.
fn assert_older_form(answer: &Value, path: &str, errors: &[(&str, &str)]) {
    let own = answer["links"]["self"].as_str().unwrap();
    assert!(
        own.starts_with("//127.0.0.1:") && own.ends_with(path),
        "{answer}"
    );
    let generated = answer["metadata"]["generated"].as_str().unwrap();
    let generated: i128 = generated.parse().unwrap();
    let age = jiff::Timestamp::now().as_nanosecond() - generated;
    assert!((0..60_000_000_000).contains(&age), "{answer}");
    if errors.is_empty() {
        return assert_eq!(answer["errors"], Value::Null, "{answer}");
    }
    let given: Vec<(&str, &str)> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            let text = |field: &str| error[field].as_str().expect(field);
            assert!(!text("human_friendly_message").is_empty(), "{error}");
            assert_eq!(error.as_object().unwrap().len(), 4, "{error}");
            text("details");
            (text("severity"), text("short_message"))
        })
        .collect();
    assert_eq!(given, errors, "{answer}");
}

#[test]
fn the_older_names_announce_in_the_older_form() {
    for path in ["/api/message", "/v1/api/message"] {
        let site = Site::start(Plan::default());
        let (status, answer) = call(&site, "POST", path, r#"{"message":"hello"}"#);
        assert_eq!((status, &answer["success"]), (200, &json!(true)));
        assert_older_form(&answer, path, &[("info", "no-connected-users")]);
        site.sign_in(0, "alice");
        // Its key may have any case, and other parameters do not matter.
        let url = format!("{path}?x=%20y");
        let body = r#"{"Message":"hello","from":1}"#;
        let (status, answer) = call(&site, "POST", &url, body);
        assert_eq!((status, &answer["success"]), (200, &json!(true)));
        assert_older_form(&answer, &url, &[]);
        for (body, short) in [
            (r#"{"message":""}"#, "bad-field"),
            (r#"{"message":7}"#, "bad-field"),
            ("{}", "bad-field"),
            ("hello", "bad-request"),
        ] {
            let (status, answer) = call(&site, "POST", path, body);
            assert_eq!((status, &answer["success"]), (400, &json!(false)), "{body}");
            assert_older_form(&answer, path, &[("err", short)]);
        }
        let (status, answer) = call(&site, "PUT", path, "");
        assert_eq!(status, 405);
        assert_older_form(&answer, path, &[("err", "method-not-allowed")]);
    }
}

#[test]
fn the_older_names_find_lines_of_text_oldest_first() {
    let mut entries: Vec<Entry> = (0..101)
        .map(|number| Entry {
            channel: Some("dev".into()),
            ..entry(number, Kind::Message, "alice", "hello")
        })
        .collect();
    entries.push(Entry {
        to: Some("bob".into()),
        ..entry(200, Kind::Private, "alice", "a\nsecret")
    });
    entries.push(entry(201, Kind::Announcement, "", "soup"));
    entries.push(entry(202, Kind::Command, "alice", "hello"));
    let site = with_log(Plan::default(), entries);
    for path in ["/api/message", "/v1/api/message"] {
        let find = |pattern: &str| {
            let url = format!("{path}?pattern={pattern}");
            let (status, answer) = call(&site, "GET", &url, "");
            (status, answer, url)
        };
        let (status, answer, url) = find("hello");
        assert_eq!(status, 200);
        assert_older_form(&answer, &url, &[("notice", "too-many-results")]);
        let lines = answer["occurrences"].as_array().unwrap();
        assert_eq!(
            (lines.len(), &answer["metadata"]["count"]),
            (100, &json!(100))
        );
        let line = "2024-01-01T00:00:00.001Z message \t @alice to #dev message=hello";
        assert_eq!(lines[0], line);
        assert_eq!(lines[99], line.replace(".001Z", ".100Z"));
        for (pattern, expected) in [
            (
                "secret",
                "2024-01-01T00:00:00.200Z message \t @alice to @bob message=a secret",
            ),
            (
                "announcement=s..p$",
                "2024-01-01T00:00:00.201Z message \t public announcement=soup",
            ),
            (
                "%5E2024-01-01T00:00:00%5C.07.*@alice.*%23dev",
                "2024-01-01T00:00:00.070Z message \t @alice to #dev message=hello",
            ),
        ] {
            let (status, answer, url) = find(pattern);
            assert_eq!((status, &answer["occurrences"][0]), (200, &json!(expected)));
            assert_older_form(&answer, &url, &[]);
        }
        let (status, answer, url) = find("nothing+like+it");
        assert_eq!((status, &answer["occurrences"]), (200, &json!([])));
        assert_older_form(&answer, &url, &[]);
        let (status, answer, url) = find("(");
        assert_eq!((status, &answer["occurrences"]), (400, &json!([])));
        assert_older_form(&answer, &url, &[("err", "invalid-regex-pattern")]);
        assert_eq!(
            answer["errors"][0]["details"],
            "wrong at character 1: unclosed group"
        );
        // Without a pattern everything matches.
        let (_, answer) = call(&site, "GET", path, "");
        let last = &answer["occurrences"][99];
        assert!(last.as_str().unwrap().ends_with("announcement=soup"));
    }
}

#[test]
fn without_the_token_the_older_names_say_in_their_form_how_to_get_it() {
    let site = Site::start(Plan::default());
    for path in ["/api/message", "/v1/api/message"] {
        for method in ["GET", "POST"] {
            let answer = call_with(&site, method, path, &[], "");
            assert_eq!(answer.status(), 401);
            let scheme = answer.headers()["www-authenticate"].to_str().unwrap();
            assert!(scheme.starts_with("Bearer"));
            let answer: Value = serde_json::from_str(answer.body()).unwrap();
            assert_older_form(&answer, path, &[("err", "unauthorised")]);
            let words = answer["errors"][0]["human_friendly_message"]
                .as_str()
                .unwrap();
            assert!(
                words.contains("Authorization: Bearer <admin token>"),
                "{words}"
            );
            assert!(words.contains("where the token is"), "{words}");
            // And as everywhere else.
            assert_eq!(answer["error"]["code"], "unauthorised");
            match method {
                "POST" => assert_eq!(answer["success"], false),
                _ => assert_eq!(answer["occurrences"], json!([])),
            }
        }
    }
}

#[test]
fn status_and_description_have_older_names() {
    let site = Site::start(Plan::default());
    for path in ["/status", "/api/status"] {
        let answer = call_with(&site, "GET", path, &[], "");
        let answer: Value = serde_json::from_str(answer.body()).unwrap();
        assert_older_form(&answer, path, &[]);
        assert_eq!(answer["Data"], json!({"health": "ok"}));
        assert_eq!(answer["status"], "ok");
        assert!(answer["version"].is_string());
    }
    for path in ["/docs.json", "/api/docs.json"] {
        let (_, listing) = call(&site, "GET", path, "");
        assert_older_form(&listing, path, &[]);
        assert_eq!(listing["swaggerVersion"], "1.2");
        assert!(listing["paths"]["/admin/log"].is_object());
        let below = format!("{path}{}", listing["apis"][0]["path"].as_str().unwrap());
        let (status, declaration) = call(&site, "GET", &below, "");
        assert_eq!(status, 200);
        assert_older_form(&declaration, &below, &[]);
        for api in declaration["apis"].as_array().unwrap() {
            let path = api["path"].as_str().unwrap();
            assert_eq!(call(&site, "GET", path, "").0, 200, "{path}");
        }
    }
}

#[test]
fn status_health_and_readiness() {
    let site = Site::start(Plan::default());
    site.sign_in(0, "alice");
    let counts = site.hub.ask(|hub, _, _| hub.counts()).unwrap();
    let Counts {
        connections,
        users,
        channels,
        ..
    } = counts;
    let (status, answer) = call(&site, "GET", "/api/status", "");
    assert_eq!(
        (status, &answer["status"], &answer["version"]),
        (200, &json!("ok"), &json!("1.2.3"))
    );
    assert_eq!(answer["connections"], connections);
    assert_eq!(
        (&answer["users"], &answer["channels"]),
        (&json!(users), &json!(channels))
    );
    assert!(answer["uptime_seconds"].is_u64());
    assert_eq!(
        call(&site, "GET", "/healthz", ""),
        (200, json!({"status": "ok"}))
    );
    assert_eq!(
        call(&site, "GET", "/readyz", ""),
        (200, json!({"ready": true, "reasons": {}}))
    );
    site.readiness.hinder("chat_log", "disk full");
    let not_ready = json!({"ready": false, "reasons": {"chat_log": "disk full"}});
    assert_eq!(call(&site, "GET", "/readyz", ""), (503, not_ready));
    assert_eq!(
        call(&site, "GET", "/api/status", "").1["status"],
        "degraded"
    );
    site.readiness.clear("chat_log");
    assert_eq!(call(&site, "GET", "/readyz", "").0, 200);
}

#[test]
fn metrics_are_prometheus_text() {
    let site = Site::start(Plan::default());
    site.sign_in(0, "alice");
    site.metrics.messages.inc_by(5);
    let token = format!("Bearer {TOKEN}");
    let response = call_with(&site, "GET", "/metrics", &[("Authorization", &token)], "");
    assert_eq!(response.status(), 200);
    let kind = response.headers()["Content-Type"].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text"));
    for line in [
        "chat_users 1",
        "chat_messages_total 5",
        "chat_hub_answered 1",
        "chat_connections{protocol=\"line\"} 1",
        "chat_connections_opened_total{protocol=\"line\"} 1",
        "chat_log_entries_dropped_total 0",
    ] {
        let body = response.body();
        assert!(body.lines().any(|shown| shown == line), "{line}: {body}");
    }
}

#[test]
fn the_documentation_is_complete_and_needs_no_network() {
    let site = Site::start(Plan::default());
    let response = call_with(&site, "GET", "/openapi.json", &[], "");
    let api: Value = serde_json::from_str(response.body()).unwrap();
    assert!(api["paths"]["/admin/users/{nickname}"]["delete"].is_object());
    assert_eq!(
        api["components"]["securitySchemes"]["admin_token"]["scheme"],
        "bearer"
    );
    // ureq follows the redirection of /docs.
    let page = call_with(&site, "GET", "/docs", &[], "");
    assert_eq!(page.status(), 200);
    for file in [
        "swagger-ui.css",
        "swagger-ui-bundle.js",
        "swagger-initializer.js",
    ] {
        assert!(page.body().contains(file));
        let response = call_with(&site, "GET", &format!("/docs/{file}"), &[], "");
        assert_eq!(response.status(), 200);
        let policy = response.headers()["Content-Security-Policy"]
            .to_str()
            .unwrap();
        assert!(policy.starts_with("default-src 'self'"));
    }
    let initializer = call_with(&site, "GET", "/docs/swagger-initializer.js", &[], "");
    assert!(initializer.body().contains("../openapi.json"));
}

#[test]
fn pages_of_allowed_origins_may_call() {
    let site = Site::start(Plan::default());
    let preflight = |origin: &str| {
        let headers = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "DELETE"),
            ("Access-Control-Request-Headers", "authorization"),
        ];
        call_with(&site, "OPTIONS", "/admin/users/alice", &headers, "")
    };
    let allowed = preflight("https://friend.example");
    assert_eq!(allowed.status(), 204);
    let header = |name: &str| allowed.headers()[name].to_str().unwrap();
    assert_eq!(
        header("Access-Control-Allow-Origin"),
        "https://friend.example"
    );
    assert_eq!(header("Access-Control-Allow-Methods"), "DELETE, OPTIONS");
    assert_eq!(
        header("Access-Control-Allow-Headers"),
        "Authorization, Content-Type, X-Requested-With, Accept, Content-Length, \
         Accept-Encoding, X-CSRF-Token, Idempotency-Key, Last-Event-ID"
    );
    assert_eq!(header("Vary"), "Origin, Authorization");
    let refused = preflight("https://other.example");
    assert_eq!(refused.status(), 403);
    assert!(
        !refused
            .headers()
            .contains_key("Access-Control-Allow-Origin")
    );

    // Every answer, errors included, says which origin may read it.
    let get = |origin: &str| call_with(&site, "GET", "/admin/users", &[("Origin", origin)], "");
    let friend = get("https://friend.example");
    assert_eq!(friend.status(), 401);
    assert_eq!(
        friend.headers()["Access-Control-Allow-Origin"],
        "https://friend.example"
    );
    assert!(
        !get("https://other.example")
            .headers()
            .contains_key("Access-Control-Allow-Origin")
    );
    let plain = call_with(&site, "OPTIONS", "/healthz", &[], "");
    assert_eq!(
        (plain.status().as_u16(), &plain.headers()["Allow"]),
        (204, &"GET, HEAD, OPTIONS".parse().unwrap())
    );
    assert_eq!(
        call_with(&site, "OPTIONS", "/nowhere", &[], "").status(),
        404
    );
}
