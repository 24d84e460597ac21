//! One gate for rights, one gate for the past: whether someone may do something is
//! decided in `hub/governance`, and what is shown of the past was cut by `readable`.
//!
//! This looks for other ways: code elsewhere that decides by a role, a rule or a list of
//! a channel, and functions that show stored messages without having asked. What may stay
//! is listed with its reason, and leaves the list when it is gone.

use crate::source::{tokens, without_tests};

/// Code that decides who may do what, or shows what was said.
struct Watched {
    what: &'static str,
    /// The spellings, as tokens with spaces between them.
    spellings: &'static [&'static str],
    /// Below which folders and files it is looked for.
    within: &'static [&'static str],
    /// Where it may stay without having asked, and why: a folder, a file, or a function
    /// of a file behind `#`.
    stays: &'static [(&'static str, &'static str)],
    /// What a function must ask to have it; nothing if it may be nowhere else.
    gates: &'static [&'static str],
}

/// What cuts the past to what its reader may read: the one gate, and the functions that
/// ask it for others.
const PAST: &[&str] = &[
    "readable",
    "readable_part",
    "readable_of",
    "recent_for",
    "own_room",
];

/// Everything that carries out wishes of people who are no administrators.
const LIVE: &[&str] = &["hub", "session", "turn", "keeper", "server", "outbox"];

const WATCHED: &[Watched] = &[
    Watched {
        what: "reads stored messages",
        spellings: &[
            ". history (",
            ". search (",
            ". find_message (",
            "Store :: history",
            "Store :: search",
            "> :: history",
            "> :: search",
        ],
        within: &[""],
        stays: &[
            ("cluster/store", "is the store of several servers"),
            ("keeper", "reads for the hub, which cuts what comes back"),
            ("session/json_queries#thread", "a thread of one's own"),
            ("session/bots#history", "reads for the functions that ask"),
            (
                "session/bots#come_in",
                "asks whether there are any, and shows none",
            ),
            (
                "session/bots#end",
                "asks which is the last one, and shows none",
            ),
            (
                "session/bots#is_in_the_log",
                "asks whether an id was given out, and shows none",
            ),
            (
                "session/irc/history#read",
                "what `Readable` says: the gate, or a thread of one's own",
            ),
            ("rest/messages", "threads of one's own"),
            (
                "rest/mending#mend",
                "the hub asks `sees` for it, and nothing of it is shown",
            ),
            (
                "admin/messages#delete_message",
                "for administrators, and nothing of it is shown",
            ),
            ("rest/found", "for administrators"),
            ("rest/log", "the chat log, for administrators"),
            ("grpc/admin", "the chat log, for administrators"),
        ],
        gates: PAST,
    },
    Watched {
        what: "asks for stored messages",
        spellings: &[
            "fx . read (",
            "fx . recall (",
            "fx . find (",
            "read ( Reading {",
        ],
        within: &["hub", "session", "turn", "server"],
        stays: &[
            ("hub/similar", "asks whether there are any, and shows none"),
            (
                "hub/history#recall_past",
                "is cut for each member who is told",
            ),
            (
                "hub/history#reads_again",
                "repeats a question that was asked through the gate",
            ),
            (
                "hub/history#take_past",
                "repeats its question; is cut for each member who is told",
            ),
            (
                "hub/mending#found",
                "repeats the question of `look_for`, whose answer it asks `sees` about",
            ),
            (
                "hub/mending#look_for",
                "`sees` is asked for what comes back, which is not shown",
            ),
        ],
        gates: PAST,
    },
    Watched {
        what: "shows what was said before",
        spellings: &[
            "Event :: History {",
            "AnswerFromPast {",
            ". tell_missed (",
            ". tell_page (",
            ". recent (",
            "Past :: recent",
        ],
        within: LIVE,
        stays: &[
            ("hub/command", "says what it is"),
            ("hub/apply", "hands it on to the function that asks"),
            ("hub/noting", "does not show it"),
            ("session/attached", "does not show it"),
            (
                "hub/foremost#foremost",
                "names members who have spoken, and nothing that they said",
            ),
        ],
        gates: PAST,
    },
    Watched {
        what: "tells what has become of a message",
        spellings: &[
            "Event :: Amended (",
            "Event :: Reacted (",
            "Event :: Reactions (",
        ],
        within: &["hub"],
        stays: &[
            (
                "hub/mending#amended",
                "tells those of whom `readable` was asked",
            ),
            (
                "hub/reacting#reacted",
                "tells those of whom `readable` was asked",
            ),
            (
                "hub/reacting#tell_reactions",
                "tells one of whom `sees` was asked",
            ),
            (
                "hub/reacting#tell_again",
                "tells one of whom `readable` was asked",
            ),
            ("hub/resume#tell_page", "is given what was cut"),
            (
                "hub/history#answer_as_seen",
                "only what the answer before it shows, which asks",
            ),
        ],
        gates: PAST,
    },
    Watched {
        what: "handles text that a terminal would obey",
        spellings: &["Styled", ". styled"],
        within: &[""],
        stays: &[
            ("model", "says what it is"),
            ("store", "keeps it"),
            ("cluster", "passes it on to other servers"),
            ("protocol/irc/encode", "shows it to IRC clients"),
        ],
        gates: &[],
    },
    Watched {
        what: "decides by a role",
        spellings: &[
            "Role :: Voice",
            "Role :: Operator",
            "Role :: Founder",
            "Role :: *",
            "role_in (",
            "role_of (",
            "present_role (",
            "operates (",
        ],
        within: LIVE,
        stays: &[
            ("hub/governance", "is the gate"),
            ("hub/asking#each", "an example for tests"),
            ("hub/refusal", "words"),
            ("hub/lists#member_page", "shows what people are"),
            ("hub/foremost#foremost", "shows what people are"),
            ("hub/who", "shows what people are"),
            ("hub/whois", "shows what people are"),
            ("hub/signals#with_role", "tells those whom a signal is for"),
            ("session/irc/services/channels", "reads what people wish"),
        ],
        gates: &[],
    },
    Watched {
        what: "compares roles",
        spellings: &[
            "> = Some ( Role ::",
            "< = Some ( Role ::",
            "= = Some ( Role ::",
            "! = Some ( Role ::",
            "> Some ( Role ::",
            "< Some ( Role ::",
            "> = Role ::",
            "< = Role ::",
            "= = Role ::",
            "! = Role ::",
            "> Role ::",
            "< Role ::",
        ],
        within: &["protocol", "rest", "grpc", "admin", "page", "http"],
        stays: &[
            ("admin/channels", "nobody is made a founder by a role"),
            (
                "protocol/commands/moderation_args",
                "nobody is made a founder by a role",
            ),
        ],
        gates: &[],
    },
    Watched {
        what: "decides by a rule",
        spellings: &["Flag ::", "Visibility ::", ". is_restricted ("],
        within: LIVE,
        stays: &[("hub/governance", "is the gate")],
        gates: &[],
    },
    Watched {
        what: "decides by what is secret",
        spellings: &[". is_secret ("],
        within: &["hub", "session", "turn", "server"],
        stays: &[
            ("hub/governance", "is the gate"),
            ("hub/channel", "keeps the names that everyone is shown"),
            ("hub/lists#own_secrets", "adds what one is in oneself"),
            (
                "hub/lists#members_in",
                "says to a member what the channel is",
            ),
        ],
        gates: &[],
    },
    Watched {
        what: "looks into the rules of a channel",
        spellings: &[". governed", ". grants", ". is_invited ("],
        within: &["hub", "session", "turn", "server"],
        stays: &[
            ("hub/governance", "is the gate"),
            ("hub/channel", "keeps them"),
            ("hub/messages", "asks the gate only where there are rules"),
            ("hub/foremost#foremost", "looks for those who have a role"),
            (
                "hub/history#show_past",
                "asks the gate only where there are rules",
            ),
        ],
        gates: &[],
    },
];

/// Everything in `files` (path relative to `src`, text) that goes round a gate.
pub fn faults(files: &[(String, String)]) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, text) in files {
        let functions = functions(&without_tests(&tokens(text)));
        for watched in WATCHED {
            for (name, body) in &functions {
                if let Some(fault) = watched.fault(file, name, body) {
                    faults.push(fault);
                }
            }
        }
    }
    faults
}

/// What stands in the lists above and is not there any more, and gates that do not ask.
pub fn stale(files: &[(String, String)]) -> Vec<String> {
    let functions: Vec<(&str, String, Vec<String>)> = files
        .iter()
        .flat_map(|(file, text)| {
            let parts = functions(&without_tests(&tokens(text)));
            parts
                .into_iter()
                .map(move |(name, body)| (file.as_str(), name, body))
        })
        .collect();
    let mut stale = Vec::new();
    for watched in WATCHED {
        for (place, why) in watched.stays {
            let mut here = functions
                .iter()
                .filter(|(file, name, _)| is_at(file, name, place));
            if !here.any(|(_, _, body)| watched.is_in(body)) {
                let what = watched.what;
                stale.push(format!(
                    "{place} ({why}) no longer {what}: take it off the list"
                ));
            }
        }
    }
    for gate in PAST {
        let asks = |(_, name, body): &(&str, String, Vec<String>)| {
            let mut others = PAST.iter().filter(|other| *other != gate);
            name == gate && (name == PAST[0] || others.any(|other| has(body, other)))
        };
        if !functions.iter().any(asks) {
            stale.push(format!("no function {gate} asks for the past"));
        }
    }
    stale
}

impl Watched {
    fn is_in(&self, body: &[String]) -> bool {
        self.spellings.iter().any(|spelling| has(body, spelling))
    }

    fn fault(&self, file: &str, function: &str, body: &[String]) -> Option<String> {
        let is_watched = self.within.iter().any(|folder| is_below(file, folder));
        let stays = self
            .stays
            .iter()
            .any(|(place, _)| is_at(file, function, place));
        if !is_watched || stays || !self.is_in(body) {
            return None;
        }
        match self.gates.iter().any(|gate| has(body, gate)) {
            true => None,
            false => Some(format!("{file}: {function} {} without the gate", self.what)),
        }
    }
}

/// Whether a file is a folder's or the one of this name.
fn is_below(file: &str, folder: &str) -> bool {
    let rest = file.strip_prefix(folder);
    folder.is_empty() || rest.is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

/// Whether a function of a file is at a place: `folder`, `file` or `file#function`.
fn is_at(file: &str, function: &str, place: &str) -> bool {
    match place.split_once('#') {
        Some((folder, only)) => is_below(file, folder) && only == function,
        None => is_below(file, place),
    }
}

/// Whether tokens are among others, one after the other.
fn has(tokens: &[String], spelling: &str) -> bool {
    let wanted: Vec<&str> = spelling.split(' ').collect();
    let windows = tokens.windows(wanted.len());
    // `=> Role::Voice` and `-> Role` compare nothing.
    let is_arrow = |start: usize| {
        let before = start.checked_sub(1).and_then(|it| tokens.get(it));
        wanted[0] == ">" && before.is_some_and(|before| before == "=" || before == "-")
    };
    windows.enumerate().any(|(start, window)| {
        window.iter().map(String::as_str).eq(wanted.iter().copied()) && !is_arrow(start)
    })
}

/// The functions of a file with their tokens. What is in none of them belongs to one
/// without a name; a function within another belongs to both.
fn functions(tokens: &[String]) -> Vec<(String, Vec<String>)> {
    let mut functions = Vec::new();
    let mut outside = Vec::new();
    let mut end_of_last = 0;
    for (start, token) in tokens.iter().enumerate() {
        if token != "fn" || tokens.get(start + 1).is_none_or(|it| it == "(") {
            continue;
        }
        let end = end_of_function(tokens, start);
        functions.push((tokens[start + 1].clone(), tokens[start..end].to_vec()));
        if start >= end_of_last {
            outside.extend_from_slice(&tokens[end_of_last..start]);
            end_of_last = end;
        }
    }
    outside.extend_from_slice(&tokens[end_of_last..]);
    functions.push(("what is in no function".to_owned(), outside));
    functions
}

/// Behind the body of a function, or behind its signature if it has none.
fn end_of_function(tokens: &[String], start: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(start) {
        match token.as_str() {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return i + 1;
                }
            }
            ";" if depth == 0 => return i + 1,
            _ => {}
        }
    }
    tokens.len()
}
