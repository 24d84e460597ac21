//! `config.yaml` of the server of JSON commands, and its variables.

use super::super::value::quoted;
use super::reader::Reader;
use super::{Assignment, Note};

/// The variable with its log level.
pub const MODE: &str = "ICS_ENVIRONMENT";
/// The variable with its key for signing tokens.
const SIGNING_KEY: &str = "ICS_JWT_KEY";

/// Translates a file of the server of JSON commands.
pub fn translate(reader: &mut Reader<'_>) {
    if let Some(address) = reader.address("addr", ":7000") {
        let what = format!(
            "listen.web is \"{address}\", and web.allowed_origins is [\"*\"]: there pages of every \
             origin could open WebSockets; better, name yours"
        );
        reader.note("addr", what);
        reader.imply(Some("addr"), "listen.web", address);
        reader.imply(Some("addr"), "web.allowed_origins", vec!["*"]);
    }
    if reader.has("ns_endpoints") {
        let what = "not carried out: the name server is another; write \
                    {\"name_server\": {\"url\": \"http://host:7001\"}}";
        reader.note("ns_endpoints", what);
    }
}

/// What a variable of that server does here; none for any other variable. The
/// signing key is never shown.
pub fn variable(name: &str, value: &str) -> Option<(Option<Assignment>, Note)> {
    let level = match (name, value) {
        (SIGNING_KEY, _) => {
            let what = "not used: this server makes a key of its own and keeps it with the \
                        accounts, so tokens outlive a restart; leave it out";
            return Some((None, note(name, what.to_owned())));
        }
        (MODE, "DEVELOPMENT") => "debug",
        (MODE, "RELEASE") => "info",
        (MODE, other) => {
            let what = format!(
                "{} changes nothing; write DEVELOPMENT, RELEASE, or CHAT_SERVER_LOG_LEVEL=debug",
                quoted(other)
            );
            return Some((None, note(name, what)));
        }
        _ => return None,
    };
    let assignment = Assignment {
        key: Some(MODE),
        path: "log_level",
        value: level.into(),
    };
    let what = format!("log_level is \"{level}\"");
    Some((Some(assignment), note(name, what)))
}

fn note(key: &str, what: String) -> Note {
    Note {
        key: key.to_owned(),
        what,
    }
}
