//! The shell lines of README.md and docs/programs.md, run as they stand there, one after the other,
//! by a newcomer who has started a server.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::json;

use crate::shell::{PROGRAM, plain};
use crate::support::{JsonClient, LineClient, Server, User, free_address, wait_for};

/// The address that the pages name.
const NAMED: &str = "localhost:4001";

/// The blocks of a page that are typed in a shell: those of no language.
fn blocks(page: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once("\n```") {
        let (language, after) = after.split_once('\n').unwrap();
        let (block, after) = after.split_once("\n```").expect("the end of a block");
        if language.is_empty() {
            blocks.push(block);
        }
        rest = after;
    }
    blocks
}

/// The part of a page below a heading.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let heading = format!("\n## {heading}\n");
    let (_, section) = page.split_once(&heading).unwrap();
    section
        .split_once("\n## ")
        .map_or(section, |(section, _)| section)
}

/// A shell in the folder of a server.
struct Session {
    server: Server,
    bash: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Session {
    fn start() -> Session {
        let server = Server::start(|config| {
            config["listen"]["rest"] = free_address().to_string().into();
        });
        // The program as make builds it.
        let built = server.dir().join("target/release");
        std::fs::create_dir_all(&built).unwrap();
        symlink(PROGRAM, built.join("chat-server")).unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut bash = plain("bash");
        bash.args(["--norc", "-s"]).current_dir(server.dir());
        bash.env("PATH", format!("{path}:{}", built.display()));
        bash.env("CHAT_URL", format!("http://{}", server.rest().unwrap()));
        bash.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut bash = bash.spawn().unwrap();
        let input = bash.stdin.take().unwrap();
        let output = BufReader::new(bash.stdout.take().unwrap());
        let mut session = Session {
            server,
            bash,
            input,
            output,
        };
        // Jobs get process groups of their own.
        session.run("exec 2>&1; set -mu -o pipefail; shopt -s expand_aliases");
        session.run("alias curl='curl -s --fail-with-body'");
        session
    }

    /// Runs lines, all of which must succeed. Returns what they print.
    #[track_caller]
    fn run(&mut self, lines: &str) -> String {
        let address = self.server.rest().unwrap().to_string();
        let lines = lines.replace(NAMED, &address);
        writeln!(self.input, "{lines}\nprintf '\\n=== %s\\n' $?").unwrap();
        let mut printed = String::new();
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "{printed}");
            if let Some(code) = line.strip_prefix("=== ") {
                assert_eq!(code, "0\n", "{lines}\n{printed}");
                return printed;
            }
            printed.push_str(&line);
        }
    }

    /// Runs lines that would go on for ever, until they have printed this.
    #[track_caller]
    fn run_until(&mut self, lines: &str, wanted: &str) {
        self.run(&format!("{{ {lines}\n}} > followed &"));
        let path = self.server.dir().join("followed");
        // The job may not have begun.
        let read = || std::fs::read_to_string(&path).unwrap_or_default();
        wait_for(&format!("{lines} prints {wanted}"), || match read() {
            seen if seen.contains(wanted) => Ok(()),
            seen => Err(seen),
        });
        self.run("kill -- -$!; wait $! || true");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Jobs see the end of the server.
        let _ = self.bash.kill();
        let _ = self.bash.wait();
    }
}

#[test]
fn the_readme_leads_a_newcomer_from_a_token_to_a_pipeline() {
    let page = include_str!("../../README.md");
    let blocks = blocks(section(page, "Programs"));
    let [token, post, hook, follow, scripts] = blocks[..] else {
        panic!("{blocks:#?}");
    };
    let mut session = Session::start();
    let mut ann = LineClient::enter_channel(&session.server, "ann", "dev");
    session.run(token);
    session.run(post);
    ann.expect_message("builds", "build 512 ok");
    session.run(hook);
    ann.expect_message("alerts", "disk full on web-1");
    session.run_until(follow, "event: caught_up");
    // There is no makefile here, and make says so.
    let counted = session.run(scripts);
    ann.expect("@builds: ");
    assert!(counted.trim() == "1", "{counted}");
}

#[test]
fn the_lines_of_the_page_on_programs_do_what_it_says() {
    let page = include_str!("../../docs/programs.md");
    let blocks: Vec<&str> = blocks(page)
        .into_iter()
        // What a stream says.
        .filter(|block| !block.starts_with("retry: "))
        .collect();
    let [
        first,
        post,
        more,
        hook,
        call,
        own,
        outgoing,
        follow,
        scripts,
    ] = blocks[..]
    else {
        panic!("{blocks:#?}");
    };
    let mut session = Session::start();
    let mut bob = LineClient::enter_channel(&session.server, "bob", "dev");
    let made = session.run(first);
    let token = quoted(&made, "token");
    session.run(&format!("TOKEN={token}"));
    session.run(post);
    bob.expect_message("builds", "build 512 ok");
    let listed = session.run(more);
    assert!(listed.contains("post:* read:*"), "{listed}");
    let url = quoted(&session.run(hook), "url");
    session.run(&format!("URL={url}"));
    session.run(call);
    JsonClient::registered(&session.server, "ann");
    let founder = json!({ "founder": "ann" });
    let registered = session
        .server
        .put("/admin/channels/ops/registration", founder);
    assert_eq!(registered.status, 200, "{}", registered.body);
    session.run("PASSWORD='long enough'");
    let own = session.run(own);
    assert!(quoted(&own, "url").starts_with("/hooks/"), "{own}");
    let outgoing = session.run(outgoing);
    assert!(
        quoted(&outgoing, "secret").starts_with("whsec_"),
        "{outgoing}"
    );
    session.run_until(follow, "event: caught_up");
    let printed = session.run(scripts);
    bob.expect_message("watcher", "build 513 ok");
    bob.expect("@watcher: ");
    assert!(
        printed.contains("#dev @watcher: build 513 ok\n"),
        "{printed}"
    );
}

/// A text in an answer.
#[track_caller]
fn quoted(answer: &str, field: &str) -> String {
    let (_, after) = answer.split_once(&format!("\"{field}\":\"")).expect(answer);
    after.split('"').next().unwrap().to_owned()
}
