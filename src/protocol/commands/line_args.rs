//! The arguments of a command in the line protocol.

use crate::hub::Part;
use crate::model::{MAX_ROWS, Name, NameError, Secret};

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
