//! The rules of a channel as arguments, by their names and by their letters.

use serde_json::Value;

use crate::json::whole;
use crate::model::Text;
use crate::model::governance::{Change, Flag, Key, Visibility};

use super::json_args::{Args, Argument, Mistake as JsonMistake};
use super::line_args::Mistake;

/// The most rules in one command.
const MAX_CHANGES: usize = 20;
/// The highest limit of people.
const MAX_LIMIT: u64 = 1_000_000;
/// The slowest slow mode: a day.
const MAX_SLOW: u64 = 24 * 60 * 60;

/// Reads the rules of `/mode`: `+flag`, `-flag`, `key abc`, `-key`, `limit 5`,
/// `slow 10`, `history since`, or letters such as `+im-k`.
pub(super) fn rules_of_line(args: &str) -> Result<Vec<Change>, Mistake> {
    let mut words = args.split_whitespace();
    let mut changes = Vec::new();
    while let Some(word) = words.next() {
        let (on, name) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
            (Some(name), _) => (true, name),
            (_, Some(name)) => (false, name),
            (None, None) => (true, word),
        };
        match Rule::of(name) {
            Some(rule) => changes.push(rule.set(on, &mut words)?),
            None if name != word => letters(word, &mut words, &mut changes)?,
            None => return Err(Mistake::Rule),
        }
    }
    match (1..=MAX_CHANGES).contains(&changes.len()) {
        true => Ok(changes),
        false => Err(Mistake::TooMuch),
    }
}

fn letters<'a>(
    word: &str,
    values: &mut impl Iterator<Item = &'a str>,
    changes: &mut Vec<Change>,
) -> Result<(), Mistake> {
    let mut on = true;
    for letter in word.chars() {
        let rule = match letter {
            '+' | '-' => {
                on = letter == '+';
                continue;
            }
            'k' => Rule::Key,
            'l' => Rule::Limit,
            letter => Rule::Flag(Flag::from_letter(letter).ok_or(Mistake::Rule)?),
        };
        changes.push(rule.set(on, values)?);
    }
    Ok(())
}

/// A rule by name.
enum Rule {
    Flag(Flag),
    Key,
    Limit,
    Slow,
    History,
}

impl Rule {
    fn of(name: &str) -> Option<Rule> {
        let name = name.to_ascii_lowercase();
        Some(match name.as_str() {
            "key" => Rule::Key,
            "limit" => Rule::Limit,
            "slow" => Rule::Slow,
            "history" => Rule::History,
            name => Rule::Flag(Flag::from_word(name)?),
        })
    }

    fn set<'a>(
        self,
        on: bool,
        values: &mut impl Iterator<Item = &'a str>,
    ) -> Result<Change, Mistake> {
        let mut value = || values.next().ok_or(Mistake::Missing);
        Ok(match (self, on) {
            (Rule::Flag(flag), on) => Change::Flag(flag, on),
            (Rule::Key, true) => Change::Key(Some(Key::parse(value()?).map_err(Mistake::Key)?)),
            (Rule::Key, false) => Change::Key(None),
            (Rule::Limit, true) => Change::Limit(Some(number(value()?, 1, MAX_LIMIT)?)),
            (Rule::Limit, false) => Change::Limit(None),
            (Rule::Slow, true) => Change::Slow(number(value()?, 0, MAX_SLOW)?),
            (Rule::Slow, false) => Change::Slow(0),
            (Rule::History, true) => Change::History(visibility(value()?).ok_or(Mistake::Rule)?),
            (Rule::History, false) => Change::History(Visibility::All),
        })
    }
}

fn number(text: &str, least: u64, most: u64) -> Result<u32, Mistake> {
    let number = text.parse().ok().filter(|it| (least..=most).contains(it));
    let number = number.and_then(|it| u32::try_from(it).ok());
    number.ok_or(Mistake::Range(least, most))
}

fn visibility(word: &str) -> Option<Visibility> {
    match word {
        "all" => Some(Visibility::All),
        "since" => Some(Visibility::Since),
        _ => None,
    }
}

/// The `changes` of a JSON command.
pub(super) struct Changes(pub Vec<Change>);

/// How much of an unknown rule is repeated in the error.
const SHOWN_CHARS: usize = 40;
const WRONG: &str = "a list of 1 to 20 objects with a rule and its value";

impl Argument for Changes {
    fn read(args: &Args, name: &'static str) -> Result<Changes, JsonMistake> {
        let wrong = JsonMistake::Wrong(name, WRONG);
        let list = args.list(name, WRONG)?;
        if !(1..=MAX_CHANGES).contains(&list.len()) {
            return Err(wrong);
        }
        let changes: Result<Vec<Change>, JsonMistake> = list.iter().map(change).collect();
        changes.map(Changes)
    }
}

fn change(entry: &Value) -> Result<Change, JsonMistake> {
    let name = entry.get("rule").and_then(Value::as_str);
    let name = name.ok_or(JsonMistake::Wrong("changes", WRONG))?;
    let value = entry.get("value").unwrap_or(&Value::Null);
    let change = match Rule::of(name) {
        Some(rule) => rule.set_to(value),
        None => Err("there is no such rule".to_owned()),
    };
    change.map_err(|why| {
        let shown: String = name.chars().take(SHOWN_CHARS).collect();
        JsonMistake::Rule(Text::one_line(&shown), why)
    })
}

impl Rule {
    fn set_to(self, value: &Value) -> Result<Change, String> {
        let is_off = matches!(value, Value::Null | Value::Bool(false));
        let within = |least: u64, most: u64| {
            let number = value.as_number().and_then(whole);
            let number = number.filter(|it| (least..=most).contains(it));
            let number = number.and_then(|it| u32::try_from(it).ok());
            number.ok_or_else(|| format!("it is a number from {least} to {most}"))
        };
        Ok(match self {
            Rule::Flag(flag) => {
                let on = value.as_bool().ok_or("it is true or false")?;
                Change::Flag(flag, on)
            }
            Rule::Key if is_off => Change::Key(None),
            Rule::Key => {
                let key = Key::parse(value.as_str().unwrap_or_default());
                Change::Key(Some(key.map_err(|error| error.to_string())?))
            }
            Rule::Limit if is_off => Change::Limit(None),
            Rule::Limit => Change::Limit(Some(within(1, MAX_LIMIT)?)),
            Rule::Slow if is_off => Change::Slow(0),
            Rule::Slow => Change::Slow(within(0, MAX_SLOW)?),
            Rule::History => {
                let history = value.as_str().and_then(visibility);
                Change::History(history.ok_or("it is all or since")?)
            }
        })
    }
}
