//! A command is declared once: documentation, `/help` and the browser page
//! agree with the table of commands.

use std::fs;
use std::path::Path;

use chat_server::protocol::commands::{self, Json, Line, Spec, Takes};
use serde_json::Value;

use crate::support::{Answer, LineClient, Server, User};

fn documented(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    fs::read_to_string(path).unwrap()
}

/// The rows of the table below this head.
fn rows<'a>(text: &'a str, head: &str) -> Vec<&'a str> {
    let lines = text.lines().skip_while(|line| *line != head).skip(2);
    lines.take_while(|line| line.starts_with('|')).collect()
}

fn lines() -> impl Iterator<Item = (&'static Spec, &'static Line)> {
    commands::all().filter_map(|spec| Some((spec, spec.line.as_ref()?)))
}

fn frames() -> impl Iterator<Item = (&'static Spec, &'static Json)> {
    commands::all().filter_map(|spec| Some((spec, spec.json.as_ref()?)))
}

#[test]
fn the_note_on_lines_has_every_command_as_it_is_declared() {
    let text = documented("line.md");
    let declared: Vec<String> = lines()
        .map(|(spec, line)| {
            let others: String = line
                .names
                .iter()
                .skip(1)
                .map(|it| format!(", `{it}`"))
                .collect();
            // A bar would end the cell.
            let syntax = line.syntax().replace('|', "\\|");
            let example = line.example;
            format!(
                "| `{syntax}`{others} | {} | {} | `{example}` |",
                line.help, spec.cost
            )
        })
        .collect();
    let found = rows(&text, "| command | does | costs | example |");
    assert_eq!(found, declared, "\n{}\n", declared.join("\n"));
}

#[test]
fn the_note_on_json_has_every_command_as_it_is_declared() {
    let text = documented("json.md");
    let declared: Vec<String> = frames()
        .map(|(spec, json)| {
            let (needed, others): (Vec<&Takes>, Vec<&Takes>) =
                json.takes.iter().partition(|it| it.is_needed);
            let needed = needed.iter().map(|it| format!("`{}`", it.name));
            let others = others.iter().map(|it| format!("`{}`?", it.name));
            let args: Vec<String> = needed.chain(others).collect();
            format!(
                "| `{}` | {} | {} | {} |",
                json.kind,
                args.join(", "),
                spec.cost,
                json.does
            )
        })
        .collect();
    let found = rows(&text, "| type | args | costs | does |");
    assert_eq!(found, declared, "\n{}\n", declared.join("\n"));

    let declared: Vec<String> = frames().map(|(_, json)| json.frame()).collect();
    let found: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("{\"type\"") && !line.contains("\"from\""))
        .collect();
    assert_eq!(found, declared, "\n{}\n", declared.join("\n"));
}

#[test]
fn the_server_itself_lists_them_to_people_and_to_the_page() {
    let server = Server::start(|_| {});
    let mut alice = LineClient::enter(&server, "alice");
    for (asked, for_operators) in [("/help", false), ("/help operators", true)] {
        alice.send(asked);
        let help = alice.settle();
        let declared: Vec<String> = lines()
            .filter(|(_, line)| line.for_operators == for_operators && !line.is_explained)
            .map(|(_, line)| format!("{}\t{}", line.syntax(), line.help))
            .collect();
        assert_eq!(help[..declared.len()], declared);
    }

    let script =
        Answer::of(ureq::get(format!("http://{}/client/declared.js", server.web())).call());
    let list = script.body.split_once("DECLARED = ").unwrap().1;
    let list: Vec<Value> = serde_json::from_str(list.trim_end().trim_end_matches(';')).unwrap();
    let pages: Vec<&str> = commands::all()
        .filter_map(|spec| Some(spec.page.as_ref()?.name))
        .collect();
    let listed: Vec<&str> = list.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(listed, pages);
}

/// The real server accepts every example line.
#[test]
fn no_example_of_a_line_is_a_mistake() {
    let server =
        Server::start(|config| config["limits"] = serde_json::json!({ "message_rate": 0 }));
    let _bob = LineClient::enter(&server, "bob");
    for (_, line) in lines() {
        let nickname = format!("user_{}", line.name().trim_start_matches('/'));
        let mut user = LineClient::enter_channel(&server, &nickname, "dev");
        user.send(line.example);
        // After these the next line is no command, or the connection is closed.
        let then = match line.name() {
            "/register" | "/login" => Some("please"),
            "/password" => Some("You have no account"),
            "/quit" => Some("Good-bye"),
            _ => None,
        };
        if let Some(then) = then {
            user.expect(then);
            continue;
        }
        let said = user.settle();
        let wrong = ["There is no command", "Something is missing", "too much"];
        let is_wrong = |said: &&String| wrong.iter().any(|it| said.contains(it));
        assert_eq!(said.iter().find(is_wrong), None, "{}", line.example);
    }
}
