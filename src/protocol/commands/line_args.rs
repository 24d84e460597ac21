//! The arguments of a command in the line protocol.

use crate::hub::{Command, Part, Pass};
use crate::model::governance::{BadKey, Key, LinkSecret};
use crate::model::{BadSign, MAX_ROWS, Name, NameError, Secret, Text};

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
    /// It is none of the words that the command knows.
    Word,
    /// It is no rule of a channel.
    Rule,
    /// It is no key.
    Key(BadKey),
    /// It is not a number from the first to the second.
    Range(u64, u64),
    /// It is neither a nickname nor a mask.
    Mask,
    /// It is no sign to react with.
    Sign(BadSign),
}

pub(super) fn nothing(args: &str) -> Result<(), Mistake> {
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

pub(super) fn channel(args: &str) -> Result<Name, Mistake> {
    Name::parse_channel(one_word(args)?).map_err(Mistake::Name)
}

/// A channel to join, and what opens it: its key, or the secret of a link.
pub(super) fn channel_and_pass(args: &str) -> Result<Command, Mistake> {
    let (name, rest) = args.split_once(char::is_whitespace).unwrap_or((args, ""));
    let join = Command::Join(channel(name)?);
    let pass = match rest.trim() {
        "" => return Ok(join),
        // Another channel: only one can be joined at a time.
        rest if rest.starts_with('#') => return Err(Mistake::TooMuch),
        rest => one_word(rest)?,
    };
    let pass = match LinkSecret::parse(pass) {
        Some(secret) => Pass::Link(secret.hash()),
        None => Pass::Key(Key::parse(pass).map_err(Mistake::Key)?),
    };
    let command = Box::new(join);
    Ok(Command::Opened { pass, command })
}

/// The reason in the rest of a line, if there is one.
pub(super) fn reason(args: &str) -> Option<Text> {
    let text = Text::one_line(args.trim());
    (!text.is_empty()).then_some(text)
}

pub(super) fn nickname(args: &str) -> Result<Name, Mistake> {
    Name::parse_nickname(one_word(args)?).map_err(Mistake::Name)
}

/// A nickname and what follows it, if anything does.
pub(super) fn nickname_and_rest(args: &str) -> Result<(Name, Option<&str>), Mistake> {
    let (name, rest) = match args.split_once(char::is_whitespace) {
        Some((name, rest)) => (name, Some(rest.trim_start())),
        None => (args, None),
    };
    if name.is_empty() {
        return Err(Mistake::Missing);
    }
    let name = Name::parse_nickname(name).map_err(Mistake::Name)?;
    Ok((name, rest))
}

/// The part of a list of names: after this one, if one is given.
pub(super) fn after(args: &str, parse: fn(&str) -> Result<Name, Mistake>) -> Result<Part, Mistake> {
    let after = Some(args).filter(|args| !args.is_empty());
    Ok(Part {
        after: after.map(parse).transpose()?,
        prefix: None,
    })
}

/// How many messages.
pub(super) fn count(args: &str, usual: usize) -> Result<usize, Mistake> {
    let count = match args {
        "" => usual,
        args => one_word(args)?.parse().map_err(|_| Mistake::Count)?,
    };
    match (1..=MAX_ROWS).contains(&count) {
        true => Ok(count),
        false => Err(Mistake::Count),
    }
}

/// The rest of the line is the password, including its spaces.
pub(super) fn password(args: &str) -> Option<Secret> {
    (!args.is_empty()).then(|| Secret::new(args))
}
