//! Capabilities: what a client can ask for. To add one, add a row to the table.

use super::Terms;
use super::metadata;
use super::multiline::{MAX_BYTES, MAX_LINES};

/// A capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// `account-notify`: told when a guest gets an account.
    AccountNotify,
    /// `account-tag`: lines say the account of their author.
    AccountTag,
    /// `away-notify`: told when people go away and come back.
    AwayNotify,
    /// `batch`: lines that belong together come as a batch.
    Batch,
    /// `cap-notify`: told when capabilities come and go.
    CapNotify,
    /// `chghost`: told when what stands for where someone is changes.
    Chghost,
    /// `draft/account-registration`: registers an account.
    AccountRegistration,
    /// `draft/chathistory`: asks for what was said before.
    Chathistory,
    /// `draft/event-playback`: is told of changes with what was said before.
    EventPlayback,
    /// `draft/metadata-3`: users and channels say something of themselves.
    Metadata,
    /// `draft/multiline`: messages of several lines are one.
    Multiline,
    /// `no-implicit-names`: is given no list of members when it joins.
    NoImplicitNames,
    /// `draft/extended-isupport`: asks what the server is like, also before it has a nickname.
    ExtendedIsupport,
    /// `draft/read-marker`: is told how far its user has read.
    ReadMarker,
    /// `echo-message`: gets its own messages back.
    EchoMessage,
    /// `extended-monitor`: told of those it watches what others in a channel are told.
    ExtendedMonitor,
    /// `extended-join`: JOIN says account and real name.
    ExtendedJoin,
    /// `invite-notify`: told when others are invited to its channels.
    InviteNotify,
    /// `labeled-response`: answers have the label of their request.
    LabeledResponse,
    /// `message-tags`: lines have tags, such as `msgid`.
    MessageTags,
    /// `draft/message-redaction`: told which messages were deleted, and deletes them.
    MessageRedaction,
    /// `multi-prefix`: lists show all marks of a person.
    MultiPrefix,
    /// `sasl`: logs in before it has a nickname.
    Sasl,
    /// `server-time`: lines say when they were said.
    ServerTime,
    /// `setname`: told when people change their real name.
    Setname,
    /// `standard-replies`: understands `FAIL`, `WARN` and `NOTE`.
    StandardReplies,
    /// `userhost-in-names`: lists of names show user and host.
    UserhostInNames,
}

/// All of them, with the name on the wire.
pub const TABLE: &[(Cap, &str)] = &[
    (Cap::AccountNotify, "account-notify"),
    (Cap::AccountTag, "account-tag"),
    (Cap::AwayNotify, "away-notify"),
    (Cap::Batch, "batch"),
    (Cap::CapNotify, "cap-notify"),
    (Cap::Chghost, "chghost"),
    (Cap::AccountRegistration, "draft/account-registration"),
    (Cap::Chathistory, "draft/chathistory"),
    (Cap::EventPlayback, "draft/event-playback"),
    (Cap::Metadata, "draft/metadata-3"),
    (Cap::Multiline, "draft/multiline"),
    (Cap::NoImplicitNames, "no-implicit-names"),
    (Cap::ExtendedIsupport, "draft/extended-isupport"),
    (Cap::ReadMarker, "draft/read-marker"),
    (Cap::EchoMessage, "echo-message"),
    (Cap::ExtendedJoin, "extended-join"),
    (Cap::ExtendedMonitor, "extended-monitor"),
    (Cap::InviteNotify, "invite-notify"),
    (Cap::LabeledResponse, "labeled-response"),
    (Cap::MessageRedaction, "draft/message-redaction"),
    (Cap::MessageTags, "message-tags"),
    (Cap::MultiPrefix, "multi-prefix"),
    (Cap::Sasl, "sasl"),
    (Cap::ServerTime, "server-time"),
    (Cap::Setname, "setname"),
    (Cap::StandardReplies, "standard-replies"),
    (Cap::UserhostInNames, "userhost-in-names"),
];

/// A set of capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps(u32);

impl Caps {
    /// Whether a capability is in the set.
    pub fn has(self, cap: Cap) -> bool {
        self.0 & (1 << cap as u32) != 0
    }

    /// The set with one more or less.
    pub fn with(self, cap: Cap, on: bool) -> Caps {
        let bit = 1 << cap as u32;
        match on {
            true => Caps(self.0 | bit),
            false => Caps(self.0 & !bit),
        }
    }

    /// The names of those in the set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let own = TABLE.iter().filter(move |(cap, _)| self.has(*cap));
        own.map(|(_, name)| *name)
    }

    /// The set after a request such as `server-time -echo-message`; `None` if it names
    /// something that is not known, or asks for what is not offered.
    pub fn after(self, request: &str, registers: bool) -> Option<Caps> {
        let mut words = request.split_ascii_whitespace();
        words.try_fold(self, |caps, word| {
            let (name, on) = match word.strip_prefix('-') {
                Some(name) => (name, false),
                None => (word, true),
            };
            let (cap, _) = TABLE.iter().find(|(_, known)| *known == name)?;
            (!on || is_offered(*cap, registers)).then(|| caps.with(*cap, on))
        })
    }
}

/// The mechanisms with which clients log in.
pub fn mechanisms(terms: &Terms) -> &'static str {
    match terms.scram {
        true => "PLAIN,SCRAM-SHA-256",
        false => "PLAIN",
    }
}

/// Whether clients are offered a capability; `registers`: whether everyone registers accounts.
fn is_offered(cap: Cap, registers: bool) -> bool {
    cap != Cap::AccountRegistration || registers
}

/// What a client is offered; with values for those that understand them (`CAP LS 302`).
pub fn offered(terms: &Terms, registers: bool, with_values: bool) -> Vec<String> {
    let offered = TABLE.iter().filter(|(cap, _)| is_offered(*cap, registers));
    offered.map(|row| shown(row, terms, with_values)).collect()
}

/// `draft/account-registration`, as clients are told of it when it comes or goes.
pub fn registration(terms: &Terms, with_values: bool) -> String {
    let is_it = |(cap, _): &&(Cap, &str)| *cap == Cap::AccountRegistration;
    let row = TABLE.iter().find(is_it);
    row.map_or_else(String::new, |row| shown(row, terms, with_values))
}

fn shown((cap, name): &(Cap, &str), terms: &Terms, with_values: bool) -> String {
    match cap {
        Cap::Sasl if with_values => format!("{name}={}", mechanisms(terms)),
        Cap::Metadata if with_values => format!("{name}={}", metadata::limits()),
        Cap::Multiline if with_values => {
            format!("{name}=max-bytes={MAX_BYTES},max-lines={MAX_LINES}")
        }
        Cap::AccountRegistration if with_values => {
            let early = terms.registers_before_connect.then_some("before-connect");
            let email = terms.email_required.then_some("email-required");
            let values: Vec<&str> = early.into_iter().chain(email).collect();
            match values.is_empty() {
                true => (*name).to_owned(),
                false => format!("{name}={}", values.join(",")),
            }
        }
        _ => (*name).to_owned(),
    }
}

/// Leaves out what does not fit a line of so many bytes, for clients that understand only
/// one: drafts first.
pub fn keep_to_a_line(offered: &mut Vec<String>, most: usize) {
    let length = |names: &[String]| names.iter().map(|name| name.len() + 1).sum::<usize>();
    while length(offered) > most + 1 {
        let draft = offered.iter().rposition(|name| name.starts_with("draft/"));
        match draft {
            Some(place) => drop(offered.remove(place)),
            None => drop(offered.pop()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_old_clients_are_offered_fits_a_line() {
        let mut offered = offered(&Terms::default(), true, false);
        let all = offered.len();
        keep_to_a_line(&mut offered, 2000);
        assert_eq!(offered.len(), all);
        for most in [400, 300, 100, 0] {
            keep_to_a_line(&mut offered, most);
            assert!(offered.join(" ").len() <= most);
        }
        assert!(offered.is_empty());
    }

    #[test]
    fn a_request_is_all_or_nothing() {
        let none = Caps::default();
        let some = none.after("server-time message-tags", true).unwrap();
        assert!(some.has(Cap::ServerTime) && some.has(Cap::MessageTags));
        assert_eq!(some.after("-server-time unknown", true), None);
        let fewer = some.after("-server-time", true).unwrap();
        assert_eq!(fewer.names().collect::<Vec<_>>(), ["message-tags"]);
        let registration = "draft/account-registration";
        assert_eq!(some.after(registration, false), None);
        assert!(some.after("-draft/account-registration", false).is_some());
        assert!(some.after(registration, true).is_some());
    }
}
