//! The commands, each declared once.
//!
//! A declaration says how a command is written in each protocol, what the hub is
//! asked to do, what the chat log calls it, what it costs, and how it is described
//! to users. The parsers of the line protocol and of JSON, `/help`, the
//! rate limit, the browser page's completion list, the tables in `docs/line.md`
//! and `docs/json.md` and the seeds of the fuzz targets all go by it, so none
//! of them can drift. To add a command, add a row to one of the tables in this
//! folder and an arm to the hub's `match`: docs/architecture.md has the steps.

mod asked;
mod cost;
mod governance;
mod json_args;
mod line_args;
mod mending;
mod messages;
mod moderation;
mod moderation_args;
mod people;
mod reacting;
mod rooms;
mod rule_args;
mod who;
mod yourself;

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::model::governance::Change;

pub use asked::{Action, Asked, Help, Query, Step};
pub use cost::Cost;
pub use json_args::{Args, Mistake as JsonMistake, Takes};
pub use line_args::Mistake as LineMistake;

/// One command, as declared.
pub struct Spec {
    /// Its name in the chat log; `None` if it is not logged.
    pub word: Option<&'static str>,
    /// Its cost in the units of `limits.message_rate`.
    pub cost: Cost,
    /// Its form in the line protocol.
    pub line: Option<Line>,
    /// Its form for JSON clients.
    pub json: Option<Json>,
    /// Its form on the browser page.
    pub page: Option<Page>,
}

/// A command of the line protocol.
pub struct Line {
    /// Its names with their slash. `/help` shows the first.
    pub names: &'static [&'static str],
    /// What it takes, as shown in `/help`.
    pub takes: &'static str,
    /// What it does, as shown in `/help`.
    pub help: &'static str,
    /// An example line.
    pub example: &'static str,
    /// What the chat log keeps of its arguments if they are a mistake.
    pub logged: Logged,
    /// Whether it is understood before the client has a nickname.
    pub before_nickname: bool,
    /// Whether it is for those who run a channel: `/help operators` lists it.
    pub for_operators: bool,
    /// Whether the help of another command explains it, so that `/help` has no line for it.
    pub is_explained: bool,
    read: fn(&str) -> Result<Action, LineMistake>,
}

/// What the chat log keeps of a command's arguments if they are a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logged {
    /// All of them.
    All,
    /// The first: a secret may follow it.
    First,
    /// Nothing: they may be a secret.
    Nothing,
}

impl Logged {
    /// The arguments to log.
    pub fn of(self, args: &str) -> &str {
        match self {
            Logged::All => args,
            Logged::First => args.split_whitespace().next().unwrap_or_default(),
            Logged::Nothing => "",
        }
    }
}

/// A command of JSON clients.
pub struct Json {
    /// Its `type`.
    pub kind: &'static str,
    /// Its `args`.
    pub takes: &'static [Takes],
    /// What it does, for `docs/json.md`.
    pub does: &'static str,
    /// Example `args`; empty if it takes none.
    pub example: &'static str,
    /// Whether it waits for a moment instead of being refused if it comes too fast,
    /// and the client's later frames with it. For commands that a client sends all
    /// at once when it connects.
    pub waits: bool,
    read: fn(&Args) -> Result<Step, JsonMistake>,
}

/// A command of the browser page.
pub struct Page {
    /// Its name without the slash.
    pub name: &'static str,
    /// What it takes, as the completion list shows it.
    pub takes: &'static str,
    /// What it does, as the completion list shows it.
    pub does: &'static str,
}

impl Line {
    /// Defaults for a row of a table.
    const PLAIN: Line = Line {
        names: &[],
        takes: "",
        help: "",
        example: "",
        logged: Logged::All,
        before_nickname: false,
        for_operators: false,
        is_explained: false,
        read: |_| Err(LineMistake::TooMuch),
    };

    /// The name that `/help` shows.
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    /// How it is written.
    pub fn syntax(&self) -> String {
        match self.takes {
            "" => self.name().to_owned(),
            takes => format!("{} {takes}", self.name()),
        }
    }

    /// Reads what follows the name.
    pub fn read(&self, args: &str) -> Result<Action, LineMistake> {
        (self.read)(args.trim())
    }
}

impl Json {
    /// Reads `args`.
    pub fn read(&self, args: &Args) -> Result<Step, JsonMistake> {
        (self.read)(args)
    }

    /// Whether the client may give it a tag.
    pub fn takes_tag(&self) -> bool {
        self.takes.iter().any(|argument| argument.name == "tag")
    }

    /// An example frame.
    pub fn frame(&self) -> String {
        match self.example {
            "" => format!(r#"{{"type": "{}"}}"#, self.kind),
            args => format!(r#"{{"type": "{}", "args": {args}}}"#, self.kind),
        }
    }
}

/// All commands, in the order in which `/help` and the documentation list them.
pub fn all() -> impl Iterator<Item = &'static Spec> {
    [
        rooms::TABLE,
        governance::TABLE,
        moderation::TABLE,
        messages::TABLE,
        mending::TABLE,
        reacting::TABLE,
        people::TABLE,
        yourself::TABLE,
    ]
    .into_iter()
    .flatten()
}

/// The changes of rules that a text means, written as for `/mode`.
pub fn rules(text: &str) -> Option<Vec<Change>> {
    rule_args::rules_of_line(text).ok()
}

/// The command with this name in the line protocol, in any case.
pub fn of_line(name: &str) -> Option<(&'static Spec, &'static Line)> {
    let mut lines = all().filter_map(|spec| Some((spec, spec.line.as_ref()?)));
    lines.find(|(_, line)| line.names.iter().any(|it| it.eq_ignore_ascii_case(name)))
}

/// The command with this `type` in JSON.
pub fn of_json(kind: &str) -> Option<(&'static Spec, &'static Json)> {
    let mut frames = all().filter_map(|spec| Some((spec, spec.json.as_ref()?)));
    frames.find(|(_, json)| json.kind == kind)
}

/// The script that tells the browser page which commands there are.
pub fn script() -> &'static str {
    static SCRIPT: LazyLock<String> = LazyLock::new(|| {
        let rows = all().filter_map(|spec| {
            let page = spec.page.as_ref()?;
            let json = spec.json.as_ref();
            let args = json.map(|json| json.takes.iter().filter(|it| it.is_needed));
            let args: Option<Vec<&str>> = args.map(|args| args.map(|it| it.name).collect());
            Some(json!({
                "name": page.name,
                "takes": page.takes,
                "does": page.does,
                "type": json.map(|json| json.kind),
                "args": args,
            }))
        });
        let rows: Vec<Value> = rows.collect();
        format!(
            "// Made by the server of its table of commands.\nexport const DECLARED = {};\n",
            Value::Array(rows)
        )
    });
    &SCRIPT
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::hub::Command;

    #[test]
    fn no_two_commands_have_the_same_name() {
        let lines = all().filter_map(|spec| spec.line.as_ref());
        let lines = lines.flat_map(|line| line.names.iter().map(|name| name.to_string()));
        let json = all().filter_map(|spec| Some(spec.json.as_ref()?.kind.to_owned()));
        let page = all().filter_map(|spec| Some(format!("page {}", spec.page.as_ref()?.name)));
        let mut seen = HashSet::new();
        for name in lines.chain(json).chain(page) {
            assert!(seen.insert(name.clone()), "{name} twice");
        }
        assert!(seen.iter().all(|name| *name == name.to_lowercase()));
    }

    #[test]
    fn every_example_is_read_and_logged_as_declared() {
        for spec in all() {
            if let Some(line) = &spec.line {
                let (name, args) = line.example.split_once(' ').unwrap_or((line.example, ""));
                assert_eq!(name, line.name());
                let action = line.read(args);
                match action.unwrap_or_else(|mistake| panic!("{name}: {mistake:?}")) {
                    Action::Hub(command) => assert_logged(&command, spec.word),
                    Action::Help(_) | Action::Accounts(_) => {}
                    Action::Register(_) | Action::LogIn(..) | Action::ChangePassword => {}
                }
            }
            if let Some(json) = &spec.json {
                let step = json.read(&args_of(json.example));
                match step.unwrap_or_else(|mistake| panic!("{}: {mistake:?}", json.kind)) {
                    Step::Command(command) => assert_logged(&command, spec.word),
                    Step::Query(_) => assert!(spec.word.is_some(), "{}", json.kind),
                }
            }
        }
    }

    /// The hub calls it what the declaration says.
    fn assert_logged(command: &Command, word: Option<&str>) {
        let words = command.in_words();
        assert_eq!(
            words.split(' ').next(),
            Some(word.unwrap_or_default()),
            "{words}"
        );
    }

    fn args_of(args: &str) -> Args {
        match args {
            "" => Args::default(),
            args => Args::of(serde_json::from_str(args).unwrap()),
        }
    }

    /// What is declared is what is read: without a needed argument the command
    /// is a mistake, and so it is with one of another kind.
    #[test]
    fn every_argument_is_needed_or_not_as_declared() {
        for json in all().filter_map(|spec| spec.json.as_ref()) {
            for argument in json.takes {
                let mut args: serde_json::Map<String, Value> = match json.example {
                    "" => Default::default(),
                    args => serde_json::from_str(args).unwrap(),
                };
                args.remove(argument.name);
                let without = json.read(&Args::of(args.clone()));
                let missing =
                    matches!(without, Err(JsonMistake::Missing(it)) if it == argument.name);
                assert_eq!(
                    missing, argument.is_needed,
                    "{} {}",
                    json.kind, argument.name
                );
                assert!(missing || without.is_ok(), "{}", json.kind);
                args.insert(argument.name.to_owned(), json!({"an": "object"}));
                let wrong = json.read(&Args::of(args)).unwrap_err();
                assert!(wrong.to_string().contains(argument.name), "{wrong}");
            }
        }
    }
}
