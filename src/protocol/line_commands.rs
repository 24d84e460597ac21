//! The commands of the line protocol, each declared once: `/help` is
//! written from the same table that parses them.

use crate::hub::{Command, Part};
use crate::model::{MAX_ROWS, Name, NameError, Secret, Text, Window};

/// Messages `/history` shows unless told otherwise.
const HISTORY: usize = 20;

/// One command.
pub struct Spec {
    /// With its slash.
    pub name: &'static str,
    /// As shown in `/help`.
    pub syntax: &'static str,
    /// As shown in `/help`.
    pub description: &'static str,
    parse: fn(&str) -> Result<Action, Mistake>,
}

/// What a command comes to.
#[derive(Debug)]
pub enum Action {
    /// The hub carries it out.
    Hub(Command),
    /// The list of commands.
    Help,
    /// Registers the current nickname; without a password it is asked for.
    Register(Option<Secret>),
    /// Logs in to an account; without a password it is asked for.
    LogIn(Name, Option<Secret>),
}

/// What is wrong with a command's argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// It is missing.
    Missing,
    /// There is more than the command takes.
    TooMuch,
    /// It is not a valid name.
    Name(NameError),
    /// It is not a number of messages.
    Count,
}

/// All commands, in the order `/help` lists them.
pub const COMMANDS: &[Spec] = &[
    Spec {
        name: "/help",
        syntax: "/help",
        description: "this list",
        parse: |args| nothing(args).map(|()| Action::Help),
    },
    Spec {
        name: "/join",
        syntax: "/join #channel",
        description: "join a channel, or create it; leaves the one before",
        parse: |args| channel(args).map(Command::Join).map(Action::Hub),
    },
    Spec {
        name: "/leave",
        syntax: "/leave",
        description: "leave the current channel",
        parse: |args| nothing(args).map(|()| Action::Hub(Command::Leave(None))),
    },
    Spec {
        name: "/list",
        syntax: "/list",
        description: "who is in the current channel; /list @nick lists those after nick",
        parse: |args| {
            Ok(Action::Hub(Command::ListMembers(
                None,
                after(args, nickname)?,
            )))
        },
    },
    Spec {
        name: "/rooms",
        syntax: "/rooms",
        description: "channels and how many people are in them; /rooms #channel lists those after it",
        parse: |args| Ok(Action::Hub(Command::ListChannels(after(args, channel)?))),
    },
    Spec {
        name: "/history",
        syntax: "/history [n]",
        description: "the last n messages of the current channel",
        parse: history,
    },
    Spec {
        name: "/msg",
        syntax: "/msg @nick text",
        description: "a private message",
        parse: private,
    },
    Spec {
        name: "/ignore",
        syntax: "/ignore [@nick]",
        description: "no private messages from nick any more; or whom you ignore",
        parse: |args| match args {
            "" => Ok(Action::Hub(Command::ListIgnored(Part::default()))),
            args => nickname(args).map(Command::Ignore).map(Action::Hub),
        },
    },
    Spec {
        name: "/ignored",
        syntax: "/ignored",
        description: "whom you ignore; /ignored @nick lists those after nick",
        parse: |args| Ok(Action::Hub(Command::ListIgnored(after(args, nickname)?))),
    },
    Spec {
        name: "/unignore",
        syntax: "/unignore @nick",
        description: "private messages from nick again",
        parse: |args| nickname(args).map(Command::Unignore).map(Action::Hub),
    },
    Spec {
        name: "/nick",
        syntax: "/nick name",
        description: "change your nickname",
        parse: |args| nickname(args).map(Command::Rename).map(Action::Hub),
    },
    Spec {
        name: "/register",
        syntax: "/register",
        description: "keep your nickname: it gets a password",
        parse: |args| password(args).map(Action::Register),
    },
    Spec {
        name: "/login",
        syntax: "/login nick",
        description: "log in to a nickname you have registered",
        parse: log_in,
    },
    Spec {
        name: "/quit",
        syntax: "/quit",
        description: "say good-bye",
        parse: |_| Ok(Action::Hub(Command::Quit)),
    },
];

/// Finds a command by its name, in any case.
pub fn find(name: &str) -> Option<&'static Spec> {
    COMMANDS
        .iter()
        .find(|spec| spec.name.eq_ignore_ascii_case(name))
}

impl Spec {
    /// Reads what came after the name.
    pub fn parse(&self, args: &str) -> Result<Action, Mistake> {
        (self.parse)(args.trim())
    }
}

fn nothing(args: &str) -> Result<(), Mistake> {
    if args.is_empty() {
        Ok(())
    } else {
        Err(Mistake::TooMuch)
    }
}

fn one_word(args: &str) -> Result<&str, Mistake> {
    let mut words = args.split_whitespace();
    let word = words.next().ok_or(Mistake::Missing)?;
    match words.next() {
        None => Ok(word),
        Some(_) => Err(Mistake::TooMuch),
    }
}

fn channel(args: &str) -> Result<Name, Mistake> {
    Name::parse_channel(one_word(args)?).map_err(Mistake::Name)
}

fn nickname(args: &str) -> Result<Name, Mistake> {
    Name::parse_nickname(one_word(args)?).map_err(Mistake::Name)
}

/// Which part of a list of names.
fn after(args: &str, parse: fn(&str) -> Result<Name, Mistake>) -> Result<Part, Mistake> {
    let after = Some(args).filter(|args| !args.is_empty());
    Ok(Part {
        after: after.map(parse).transpose()?,
        prefix: None,
    })
}

fn private(args: &str) -> Result<Action, Mistake> {
    let (to, text) = args
        .split_once(char::is_whitespace)
        .ok_or(Mistake::Missing)?;
    let to = Name::parse_nickname(to).map_err(Mistake::Name)?;
    let text = Text::clean(text.trim_start());
    Ok(Action::Hub(Command::Private {
        to,
        account: None,
        text,
    }))
}

fn history(args: &str) -> Result<Action, Mistake> {
    let limit = match args {
        "" => HISTORY,
        args => one_word(args)?.parse().map_err(|_| Mistake::Count)?,
    };
    if !(1..=MAX_ROWS).contains(&limit) {
        return Err(Mistake::Count);
    }
    Ok(Action::Hub(Command::History {
        channel: None,
        window: Window::Latest,
        limit,
    }))
}

/// What is left of a line is the password, spaces and all.
fn password(args: &str) -> Result<Option<Secret>, Mistake> {
    Ok((!args.is_empty()).then(|| Secret::new(args)))
}

fn log_in(args: &str) -> Result<Action, Mistake> {
    let (name, rest) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
    if name.is_empty() {
        return Err(Mistake::Missing);
    }
    let name = Name::parse_nickname(name).map_err(Mistake::Name)?;
    Ok(Action::LogIn(name, password(rest.trim_start())?))
}
