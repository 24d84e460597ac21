//! Events of GitHub and of Gitea, which names and shapes its own after them.

use serde_json::Value;

use super::value::{first, join, list, pair, short, text};

/// Commits of a push that are shown one by one.
const COMMITS: usize = 5;
/// Digits of a commit that are shown.
const DIGITS: usize = 8;

/// What an event says; `None` if what it is about is not there.
pub fn words(event: &str, value: &Value) -> Option<String> {
    let who = first(
        value,
        &[
            &["sender", "login"],
            &["sender", "username"],
            &["pusher", "name"],
        ],
    );
    let said = match event {
        "push" => push(value, &who)?,
        "ping" => join(&["this hook is set up:", &text(value, &["zen"])]),
        "issues" => about(value, &who, "issue", "issue"),
        "issue_comment" => comment(value, &who, "issue"),
        "pull_request" => about(value, &who, "pull request", "pull_request"),
        "pull_request_review" => review(value, &who, &text(value, &["review", "state"])),
        "pull_request_review_comment" => comment(value, &who, "pull_request"),
        // Gitea's reviews.
        "pull_request_approved" => review(value, &who, "approved"),
        "pull_request_rejected" => review(value, &who, "changes_requested"),
        "pull_request_comment" => review(value, &who, "commented"),
        "discussion" => about(value, &who, "discussion", "discussion"),
        "discussion_comment" => comment(value, &who, "discussion"),
        "release" => release(value, &who),
        "create" | "delete" => created(event, value, &who)?,
        "workflow_run" | "workflow_job" | "check_run" | "check_suite" => run(value, event),
        "status" => {
            let state = pair(&text(value, &["context"]), &text(value, &["state"]));
            join(&[&state, &text(value, &["target_url"])])
        }
        other => another(value, &who, other),
    };
    let repository = first(
        value,
        &[
            &["repository", "full_name"],
            &["repository", "name"],
            &["organization", "login"],
        ],
    );
    Some(match repository.is_empty() {
        true => said,
        false => format!("[{repository}] {said}"),
    })
}

/// An event without words of its own.
fn another(value: &Value, who: &str, event: &str) -> String {
    let action = text(value, &["action"]);
    let what = join(&[who, &action, &event.replace('_', " ")]);
    let title = first(value, &[&[event, "title"], &[event, "name"]]);
    join(&[&pair(&what, &title), &text(value, &[event, "html_url"])])
}

/// A thing with its number, if it has one.
fn numbered(kind: &str, number: &str) -> String {
    match number.is_empty() {
        true => kind.to_owned(),
        false => format!("{kind} #{number}"),
    }
}

/// The name of a branch or tag, and which of the two it is.
fn branch(reference: &str) -> (&str, &str) {
    match reference.strip_prefix("refs/tags/") {
        Some(tag) => ("tag", tag),
        None => {
            let branch = reference.strip_prefix("refs/heads/");
            ("branch", branch.unwrap_or(reference))
        }
    }
}

/// Whether a commit is none: what was there before a branch was made.
fn is_nothing(commit: &str) -> bool {
    !commit.is_empty() && commit.bytes().all(|digit| digit == b'0')
}

/// A push is to a branch or tag, without which there is nothing to be said of it.
fn push(value: &Value, who: &str) -> Option<String> {
    let reference = text(value, &["ref"]);
    let (kind, name) = branch(&reference);
    if name.is_empty() {
        return None;
    }
    let commits = list(value, "commits");
    let (before, after) = (text(value, &["before"]), text(value, &["after"]));
    if is_nothing(&after) {
        return Some(join(&[who, "deleted the", kind, name]));
    }
    // Gitea shows the commit that a tag is at, which was pushed before.
    if commits.is_empty() || kind == "tag" {
        let deed = match is_nothing(&before) {
            true => "made",
            false => "moved",
        };
        return Some(join(&[who, deed, "the", kind, name]));
    }
    let all = text(value, &["total_commits"]).parse();
    let all = all.unwrap_or(commits.len()).max(commits.len());
    let plural = if all == 1 { "commit" } else { "commits" };
    let forced = match value.get("forced").and_then(Value::as_bool) {
        Some(true) => "force-pushed",
        _ => "pushed",
    };
    let link = first(value, &[&["compare"], &["compare_url"]]);
    let told = join(&[who, &format!("{forced} {all} {plural} to"), name]);
    let mut lines = vec![pair(&told, &link)];
    lines.extend(commits.iter().take(COMMITS).map(commit));
    if all > COMMITS {
        lines.push(format!("- and {} more", all - COMMITS.min(commits.len())));
    }
    Some(lines.join("\n"))
}

fn commit(commit: &Value) -> String {
    let id: String = text(commit, &["id"]).chars().take(DIGITS).collect();
    let author = first(commit, &[&["author", "username"], &["author", "name"]]);
    let author = match author.is_empty() {
        true => author,
        false => format!("({author})"),
    };
    join(&["-", &id, &text(commit, &["message"]), &author])
}

/// Who did what to an issue or a pull request.
fn about(value: &Value, who: &str, kind: &str, name: &str) -> String {
    let is_merged = value
        .get(name)
        .and_then(|it| it.get("merged")?.as_bool())
        .unwrap_or(false);
    let action = match text(value, &["action"]) {
        action if action == "closed" && is_merged => "merged".to_owned(),
        action => action.replace('_', " "),
    };
    let number = first(value, &[&[name, "number"], &["number"]]);
    let what = join(&[who, &action, &numbered(kind, &number)]);
    let title = pair(&what, &text(value, &[name, "title"]));
    join(&[&title, &text(value, &[name, "html_url"])])
}

/// Who commented on the issue or pull request of this name.
fn comment(value: &Value, who: &str, name: &str) -> String {
    let is_pull = value.get("is_pull").and_then(Value::as_bool) == Some(true)
        || value
            .get("issue")
            .is_some_and(|issue| issue.get("pull_request").is_some_and(Value::is_object));
    let kind = match is_pull {
        true => "pull request".to_owned(),
        false => name.replace('_', " "),
    };
    let deed = match text(value, &["action"]).as_str() {
        "created" | "" => "commented on".to_owned(),
        action => format!("{action} a comment on"),
    };
    let what = join(&[
        who,
        &deed,
        &numbered(&kind, &text(value, &[name, "number"])),
    ]);
    let head = pair(&what, &text(value, &[name, "title"]));
    let head = join(&[&head, &text(value, &["comment", "html_url"])]);
    match text(value, &["comment", "body"]) {
        body if body.is_empty() => head,
        body => format!("{head}\n> {body}"),
    }
}

fn review(value: &Value, who: &str, state: &str) -> String {
    let deed = match state {
        "approved" => "approved".to_owned(),
        "changes_requested" => "asked for changes of".to_owned(),
        "commented" | "" => "reviewed".to_owned(),
        other => format!("reviewed ({other})"),
    };
    let number = first(value, &[&["pull_request", "number"], &["number"]]);
    let what = join(&[who, &deed, &numbered("pull request", &number)]);
    let head = pair(&what, &text(value, &["pull_request", "title"]));
    let links: [&[&str]; 2] = [&["review", "html_url"], &["pull_request", "html_url"]];
    join(&[&head, &first(value, &links)])
}

fn release(value: &Value, who: &str) -> String {
    let action = text(value, &["action"]);
    let tag = text(value, &["release", "tag_name"]);
    let name = match text(value, &["release", "name"]) {
        name if name == tag => String::new(),
        name => name,
    };
    let what = join(&[who, &action, "release", &tag]);
    let link = text(value, &["release", "html_url"]);
    join(&[&pair(&what, &name), &link])
}

fn created(event: &str, value: &Value, who: &str) -> Option<String> {
    let deed = if event == "create" { "made" } else { "deleted" };
    let kind = text(value, &["ref_type"]);
    let reference = text(value, &["ref"]);
    let name = branch(&reference).1;
    (!name.is_empty()).then(|| join(&[who, deed, "the", &kind, name]))
}

/// What has become of a run of checks.
fn run(value: &Value, event: &str) -> String {
    let of = |name: &str| text(value, &[event, name]);
    let state = match of("conclusion") {
        state if state.is_empty() => of("status"),
        state => state,
    };
    let name = match of("name") {
        name if name.is_empty() => event.replace('_', " "),
        name => name,
    };
    let what = match of("head_branch") {
        branch if branch.is_empty() => name,
        branch => format!("{name} on {branch}"),
    };
    let head = pair(&what, &state.replace('_', " "));
    join(&[&short(&head), &of("html_url")])
}
