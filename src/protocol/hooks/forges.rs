//! Events of GitHub and of Gitea, which names and shapes its own after them.

use serde_json::Value;

use super::value::{first, join, list, pair, short, text};

/// Commits of a push that are shown one by one.
const COMMITS: usize = 5;
/// Digits of a commit that are shown.
const DIGITS: usize = 8;

/// What an event says.
pub fn words(event: &str, value: &Value) -> String {
    let who = first(
        value,
        &[
            &["sender", "login"],
            &["sender", "username"],
            &["pusher", "name"],
        ],
    );
    let said = match event {
        "push" => push(value, &who),
        "ping" => join(&["this hook is set up:", &text(value, &["zen"])]),
        "issues" => about(value, &who, "issue", "issue"),
        "issue_comment" => comment(value, &who),
        "pull_request" => about(value, &who, "pull request", "pull_request"),
        "pull_request_review" => review(value, &who),
        "release" => release(value, &who),
        "create" | "delete" => created(event, value, &who),
        "workflow_run" => run(value),
        other => {
            let action = text(value, &["action"]);
            join(&[&who, &action, &other.replace('_', " ")])
        }
    };
    let repository = first(
        value,
        &[
            &["repository", "full_name"],
            &["repository", "name"],
            &["organization", "login"],
        ],
    );
    match repository.is_empty() {
        true => said,
        false => format!("[{repository}] {said}"),
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

fn push(value: &Value, who: &str) -> String {
    let reference = text(value, &["ref"]);
    let (kind, name) = branch(&reference);
    let commits = list(value, "commits");
    let (before, after) = (text(value, &["before"]), text(value, &["after"]));
    if is_nothing(&after) {
        return format!("{who} deleted the {kind} {name}");
    }
    if commits.is_empty() {
        let deed = match is_nothing(&before) {
            true => "made",
            false => "moved",
        };
        return format!("{who} {deed} the {kind} {name}");
    }
    let all = text(value, &["total_commits"]).parse();
    let all = all.unwrap_or(commits.len()).max(commits.len());
    let plural = if all == 1 { "commit" } else { "commits" };
    let forced = match value.get("forced").and_then(Value::as_bool) {
        Some(true) => "force-pushed",
        _ => "pushed",
    };
    let link = first(value, &[&["compare"], &["compare_url"]]);
    let told = format!("{who} {forced} {all} {plural} to {name}");
    let mut lines = vec![pair(&told, &link)];
    lines.extend(commits.iter().take(COMMITS).map(commit));
    if all > COMMITS {
        lines.push(format!("- and {} more", all - COMMITS.min(commits.len())));
    }
    lines.join("\n")
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
    let what = format!("{who} {action} {kind} #{number}");
    let title = pair(&what, &text(value, &[name, "title"]));
    join(&[&title, &text(value, &[name, "html_url"])])
}

fn comment(value: &Value, who: &str) -> String {
    let is_pull = value.get("is_pull").and_then(Value::as_bool) == Some(true)
        || value
            .get("issue")
            .is_some_and(|issue| issue.get("pull_request").is_some_and(Value::is_object));
    let kind = if is_pull { "pull request" } else { "issue" };
    let deed = match text(value, &["action"]).as_str() {
        "created" | "" => "commented on".to_owned(),
        action => format!("{action} a comment on"),
    };
    let what = format!("{who} {deed} {kind} #{}", text(value, &["issue", "number"]));
    let head = pair(&what, &text(value, &["issue", "title"]));
    let head = join(&[&head, &text(value, &["comment", "html_url"])]);
    match text(value, &["comment", "body"]) {
        body if body.is_empty() => head,
        body => format!("{head}\n> {body}"),
    }
}

fn review(value: &Value, who: &str) -> String {
    let deed = match text(value, &["review", "state"]).as_str() {
        "approved" => "approved".to_owned(),
        "changes_requested" => "asked for changes of".to_owned(),
        "commented" | "" => "reviewed".to_owned(),
        other => format!("reviewed ({other})"),
    };
    let number = text(value, &["pull_request", "number"]);
    let what = format!("{who} {deed} pull request #{number}");
    let head = pair(&what, &text(value, &["pull_request", "title"]));
    join(&[&head, &text(value, &["review", "html_url"])])
}

fn release(value: &Value, who: &str) -> String {
    let action = text(value, &["action"]);
    let tag = text(value, &["release", "tag_name"]);
    let name = match text(value, &["release", "name"]) {
        name if name == tag => String::new(),
        name => name,
    };
    let what = format!("{who} {action} release {tag}");
    let link = text(value, &["release", "html_url"]);
    join(&[&pair(&what, &name), &link])
}

fn created(event: &str, value: &Value, who: &str) -> String {
    let deed = if event == "create" { "made" } else { "deleted" };
    let kind = text(value, &["ref_type"]);
    let reference = text(value, &["ref"]);
    format!("{who} {deed} the {kind} {}", branch(&reference).1)
}

fn run(value: &Value) -> String {
    let of = |name: &str| text(value, &["workflow_run", name]);
    let state = match of("conclusion") {
        state if state.is_empty() => of("status"),
        state => state,
    };
    let what = match of("head_branch") {
        branch if branch.is_empty() => of("name"),
        branch => format!("{} on {branch}", of("name")),
    };
    let head = pair(&what, &state.replace('_', " "));
    join(&[&short(&head), &of("html_url")])
}
