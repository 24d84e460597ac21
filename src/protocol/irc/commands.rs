//! The commands, each declared once: how it is written, what it costs, and when it is
//! understood. To add one, add a row, and an arm in `session/irc`.

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "they are the words of the protocol")]
pub enum Verb {
    Admin,
    Authenticate,
    Away,
    Batch,
    Cap,
    Chanserv,
    Chathistory,
    Help,
    Info,
    Invite,
    Ison,
    Isupport,
    Join,
    Kick,
    Kill,
    Kline,
    Links,
    List,
    Lusers,
    Markread,
    Metadata,
    Mode,
    Monitor,
    Motd,
    Names,
    Nick,
    Nickserv,
    Notice,
    Oper,
    Part,
    Pass,
    Ping,
    Pong,
    Privmsg,
    Quit,
    Redact,
    Register,
    Rehash,
    Sajoin,
    Samode,
    Sapart,
    Setname,
    Stats,
    Summon,
    Tagmsg,
    Time,
    Topic,
    Unkline,
    User,
    Userhost,
    Users,
    Verify,
    Version,
    Wallops,
    Webirc,
    Who,
    Whois,
    Whowas,
}

/// One command, as declared.
#[derive(Debug)]
pub struct Spec {
    /// What it is.
    pub verb: Verb,
    /// Its name on the wire.
    pub name: &'static str,
    /// The fewest parameters.
    pub least: usize,
    /// Its cost in the units of `limits.message_rate`.
    pub cost: u32,
    /// Whether it is understood before the client has a nickname.
    pub is_early: bool,
    /// How it is written and what it does, for HELP.
    pub help: &'static str,
}

const fn row(verb: Verb, name: &'static str, least: usize, cost: u32, help: &'static str) -> Spec {
    Spec {
        verb,
        name,
        least,
        cost,
        is_early: false,
        help,
    }
}

const fn early(spec: Spec) -> Spec {
    Spec {
        is_early: true,
        ..spec
    }
}

/// All commands, by name.
pub const TABLE: &[Spec] = &[
    row(Verb::Admin, "ADMIN", 0, 1, "ADMIN: who runs the server"),
    early(row(
        Verb::Authenticate,
        "AUTHENTICATE",
        1,
        1,
        "AUTHENTICATE mechanism: logs in to an account (SASL)",
    )),
    row(
        Verb::Away,
        "AWAY",
        0,
        1,
        "AWAY [why]: you are away, or back",
    ),
    row(
        Verb::Batch,
        "BATCH",
        1,
        0,
        "BATCH +name draft/multiline target: begins a message of several lines",
    ),
    early(row(
        Verb::Cap,
        "CAP",
        1,
        1,
        "CAP LS|LIST|REQ|END: capabilities of your client",
    )),
    row(
        Verb::Chathistory,
        "CHATHISTORY",
        0,
        3,
        "CHATHISTORY LATEST|BEFORE|AFTER|AROUND|BETWEEN|TARGETS ...: what was said before",
    ),
    row(
        Verb::Chanserv,
        "CS",
        0,
        2,
        "CS command: registers and operates channels; CS HELP lists the commands",
    ),
    row(Verb::Chanserv, "CHANSERV", 0, 2, "CHANSERV command: as CS"),
    row(
        Verb::Nickserv,
        "NS",
        0,
        2,
        "NS command: registers nicknames; NS HELP lists the commands",
    ),
    row(Verb::Nickserv, "NICKSERV", 0, 2, "NICKSERV command: as NS"),
    row(
        Verb::Help,
        "HELP",
        0,
        1,
        "HELP [command]: what a command does",
    ),
    row(Verb::Help, "HELPOP", 0, 1, "HELPOP [command]: as HELP"),
    row(Verb::Info, "INFO", 0, 1, "INFO: what runs here"),
    row(
        Verb::Invite,
        "INVITE",
        0,
        2,
        "INVITE [nick #channel]: invites someone to a channel, or shows who has invited you",
    ),
    early(row(
        Verb::Isupport,
        "ISUPPORT",
        0,
        2,
        "ISUPPORT: what the server is like",
    )),
    row(
        Verb::Ison,
        "ISON",
        1,
        1,
        "ISON nick ...: who of them is here",
    ),
    row(
        Verb::Join,
        "JOIN",
        1,
        2,
        "JOIN #channel[,#channel] [key,key]: takes you into channels",
    ),
    row(
        Verb::Kick,
        "KICK",
        2,
        2,
        "KICK #channel nick [why]: takes someone out of a channel",
    ),
    row(
        Verb::Kill,
        "KILL",
        1,
        1,
        "KILL nick [why]: disconnects someone, for operators of the server",
    ),
    row(
        Verb::Kline,
        "KLINE",
        1,
        2,
        "KLINE [minutes] address|network|nick [:why]: bans from the server, for its operators",
    ),
    row(Verb::Links, "LINKS", 0, 1, "LINKS: the servers"),
    row(
        Verb::List,
        "LIST",
        0,
        10,
        "LIST [#channel,...]: the channels",
    ),
    row(Verb::Lusers, "LUSERS", 0, 1, "LUSERS: how many are here"),
    row(
        Verb::Markread,
        "MARKREAD",
        0,
        1,
        "MARKREAD target [timestamp=...]: how far you have read",
    ),
    row(
        Verb::Metadata,
        "METADATA",
        2,
        2,
        "METADATA target GET|LIST|SET|CLEAR|SYNC|SUB|UNSUB|SUBS [key [:value]]: what users and channels say of themselves",
    ),
    row(
        Verb::Mode,
        "MODE",
        1,
        2,
        "MODE #channel [modes [values]]: the rules of a channel",
    ),
    row(
        Verb::Monitor,
        "MONITOR",
        1,
        2,
        "MONITOR +|- nick[,nick] or C|L|S: tells you when people come and go",
    ),
    row(Verb::Motd, "MOTD", 0, 1, "MOTD: the message of the day"),
    row(
        Verb::Names,
        "NAMES",
        0,
        3,
        "NAMES #channel: who is in a channel",
    ),
    early(row(Verb::Nick, "NICK", 0, 2, "NICK nick: another nickname")),
    row(
        Verb::Notice,
        "NOTICE",
        0,
        1,
        "NOTICE target :text: a message that no program answers",
    ),
    row(
        Verb::Oper,
        "OPER",
        2,
        3,
        "OPER name password: you operate the server",
    ),
    row(
        Verb::Part,
        "PART",
        1,
        1,
        "PART #channel [why]: leaves channels",
    ),
    early(row(
        Verb::Pass,
        "PASS",
        1,
        1,
        "PASS password: before all else",
    )),
    early(row(
        Verb::Ping,
        "PING",
        0,
        1,
        "PING token: answered by PONG",
    )),
    early(row(
        Verb::Pong,
        "PONG",
        0,
        0,
        "PONG token: the answer to PING",
    )),
    row(
        Verb::Privmsg,
        "PRIVMSG",
        0,
        1,
        "PRIVMSG target[,target] :text: a message to a channel or a person",
    ),
    early(row(
        Verb::Register,
        "REGISTER",
        3,
        2,
        "REGISTER *|nick *|email password: makes your nickname an account",
    )),
    early(row(Verb::Quit, "QUIT", 0, 0, "QUIT [why]: leaves")),
    row(
        Verb::Redact,
        "REDACT",
        2,
        1,
        "REDACT target msgid: deletes a message of one's own, or as an operator",
    ),
    row(
        Verb::Rehash,
        "REHASH",
        0,
        10,
        "REHASH: reads the configuration again, for operators of the server",
    ),
    row(
        Verb::Sajoin,
        "SAJOIN",
        2,
        2,
        "SAJOIN nick #channel: takes someone into a channel, for operators of the server",
    ),
    row(
        Verb::Samode,
        "SAMODE",
        2,
        2,
        "SAMODE #channel modes: changes a channel, for operators of the server",
    ),
    row(
        Verb::Sapart,
        "SAPART",
        2,
        2,
        "SAPART nick #channel [:why]: takes someone out, for operators of the server",
    ),
    row(
        Verb::Setname,
        "SETNAME",
        1,
        2,
        "SETNAME :name: another real name",
    ),
    row(
        Verb::Stats,
        "STATS",
        0,
        1,
        "STATS u: since when the server runs",
    ),
    row(Verb::Summon, "SUMMON", 0, 1, "SUMMON: is not done here"),
    row(
        Verb::Tagmsg,
        "TAGMSG",
        1,
        1,
        "TAGMSG target[,target]: tags for the clients of others",
    ),
    row(Verb::Time, "TIME", 0, 1, "TIME: the time of the server"),
    row(
        Verb::Topic,
        "TOPIC",
        1,
        2,
        "TOPIC #channel [:topic]: what a channel is about",
    ),
    early(row(
        Verb::User,
        "USER",
        4,
        1,
        "USER user * * :real name: who you are",
    )),
    row(
        Verb::Userhost,
        "USERHOST",
        1,
        1,
        "USERHOST nick ...: where they are",
    ),
    row(
        Verb::Unkline,
        "UNKLINE",
        1,
        2,
        "UNKLINE address|network|nick: lifts a KLINE",
    ),
    row(Verb::Users, "USERS", 0, 1, "USERS: is not done here"),
    early(row(
        Verb::Verify,
        "VERIFY",
        2,
        2,
        "VERIFY account code: is not needed here",
    )),
    row(Verb::Version, "VERSION", 0, 1, "VERSION: what runs here"),
    row(
        Verb::Wallops,
        "WALLOPS",
        1,
        2,
        "WALLOPS :text: writes to all who want to hear operators of the server",
    ),
    row(
        Verb::Who,
        "WHO",
        1,
        3,
        "WHO #channel|nick: who is in a channel, and who someone is",
    ),
    early(row(
        Verb::Webirc,
        "WEBIRC",
        4,
        1,
        "WEBIRC password gateway host address: where the client of a gateway comes from",
    )),
    row(Verb::Whois, "WHOIS", 1, 1, "WHOIS nick: who someone is"),
    row(
        Verb::Whowas,
        "WHOWAS",
        1,
        2,
        "WHOWAS nick [count]: who had a nickname",
    ),
];

/// The command of this name, in any case.
pub fn find(name: &str) -> Option<&'static Spec> {
    TABLE
        .iter()
        .find(|spec| spec.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_begins_with_the_name() {
        for spec in TABLE {
            assert!(spec.help.starts_with(spec.name), "{}", spec.name);
            assert_eq!(find(&spec.name.to_lowercase()).unwrap().name, spec.name);
        }
    }
}
