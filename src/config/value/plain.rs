//! Numbers, words and paths.

use std::path::PathBuf;

use serde_json::{Number, Value as Json};

use crate::json;
use crate::model::text::ends_line;

use super::{Given, Node, Rejected, Rule, Value};

macro_rules! whole_numbers {
    ($($type:ty)*) => {$(
        impl Value for $type {
            fn read(&mut self, given: Given<'_>, rule: &Rule) -> Result<(), Rejected> {
                let number: u64 = given.number(json::whole)?;
                if !rule.allows(number as f64) {
                    return Err(Rejected::Unexpected);
                }
                *self = number.try_into().map_err(|_| Rejected::Unexpected)?;
                Ok(())
            }

            fn to_json(&self) -> Json {
                Json::from(*self)
            }

            fn expected(&self, rule: &Rule) -> String {
                format!("a whole number{rule}")
            }
        }
    )*};
}

whole_numbers!(usize u64 u32);

impl Value for f64 {
    fn read(&mut self, given: Given<'_>, rule: &Rule) -> Result<(), Rejected> {
        let number: f64 = given.number(Number::as_f64)?;
        if !number.is_finite() || !rule.allows(number) {
            return Err(Rejected::Unexpected);
        }
        *self = number;
        Ok(())
    }

    fn to_json(&self) -> Json {
        // Shows 20 rather than 20.0; the rules keep the number in range.
        if self.fract() == 0.0 {
            Json::from(*self as i64)
        } else {
            Json::from(*self)
        }
    }

    fn expected(&self, rule: &Rule) -> String {
        format!("a number{rule}")
    }
}

impl Value for bool {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = match given {
            Given::Json(Node::Bool(value)) => *value,
            Given::Text("true") => true,
            Given::Text("false") => false,
            _ => return Err(Rejected::Unexpected),
        };
        Ok(())
    }

    fn to_json(&self) -> Json {
        Json::from(*self)
    }

    fn expected(&self, _: &Rule) -> String {
        "true or false".to_owned()
    }
}

impl Value for String {
    fn read(&mut self, given: Given<'_>, rule: &Rule) -> Result<(), Rejected> {
        let text = given.text()?;
        let accepted = match rule {
            Rule::Line { max_chars } => {
                !text.trim().is_empty()
                    && text.chars().count() <= *max_chars
                    && !text.chars().any(|c| c.is_control() || ends_line(c))
            }
            Rule::Word { max_chars } => {
                (1..=*max_chars).contains(&text.len()) && text.bytes().all(is_word_byte)
            }
            Rule::LogFilter => text.split(',').all(is_log_directive),
            _ => true,
        };
        if !accepted {
            return Err(Rejected::Unexpected);
        }
        *self = text.to_owned();
        Ok(())
    }

    fn to_json(&self) -> Json {
        Json::from(self.as_str())
    }

    fn expected(&self, rule: &Rule) -> String {
        match rule {
            Rule::Line { max_chars } => format!("one line of 1 to {max_chars} characters"),
            Rule::Word { max_chars } => {
                format!("1 to {max_chars} ASCII letters, digits, -, _ and .")
            }
            Rule::LogFilter => "one of off, error, warn, info, debug, trace, or a filter such \
                                as \"info,chat_server=debug\""
                .to_owned(),
            _ => "a string".to_owned(),
        }
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._".contains(&byte)
}

/// `level` or `target=level`. A bare target, which the logger would take
/// too, is far more often a misspelt level.
fn is_log_directive(directive: &str) -> bool {
    let (target, level) = directive.split_once('=').unwrap_or(("any", directive));
    let is_target_character = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-');
    !target.is_empty()
        && target.chars().all(is_target_character)
        && level.parse::<log::LevelFilter>().is_ok()
}

impl Value for PathBuf {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        let text = given.text()?;
        if text.is_empty() || text.contains('\0') {
            return Err(Rejected::Unexpected);
        }
        *self = PathBuf::from(text);
        Ok(())
    }

    fn to_json(&self) -> Json {
        Json::from(self.to_string_lossy())
    }

    fn expected(&self, _: &Rule) -> String {
        "a path".to_owned()
    }
}

impl Value for Option<PathBuf> {
    fn read(&mut self, given: Given<'_>, rule: &Rule) -> Result<(), Rejected> {
        *self = match given {
            Given::Json(Node::Null) => None,
            // The environment has no other way to unset a value.
            other if other.text() == Ok("") => None,
            other => {
                let mut path = PathBuf::new();
                path.read(other, rule)?;
                Some(path)
            }
        };
        Ok(())
    }

    fn to_json(&self) -> Json {
        match self {
            Some(path) => path.to_json(),
            None => Json::Null,
        }
    }

    fn expected(&self, _: &Rule) -> String {
        "a path, or null".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_not_taken_for_a_filter() {
        let accepts = |text| {
            let mut level = String::new();
            level.read(Given::Text(text), &Rule::LogFilter).is_ok()
        };
        for text in [
            "off",
            "WARN",
            "info,chat_server=debug",
            "chat_server::hub=trace",
        ] {
            assert!(accepts(text), "{text}");
        }
        for text in [
            "",
            "inof",
            "info,",
            "=debug",
            "chat_server",
            "info/x",
            "a=b=info",
        ] {
            assert!(!accepts(text), "{text}");
        }
    }

    #[test]
    fn a_rejected_value_leaves_the_old_one() {
        let mut number = 7_u32;
        let rule = Rule::whole(0, u64::from(u32::MAX) + 1);
        assert!(number.read(Given::Text("4294967296"), &rule).is_err());
        assert_eq!(number, 7);
        let mut rate = 2.5_f64;
        for text in ["NaN", "inf", "1e400", "-0.5"] {
            assert!(
                rate.read(Given::Text(text), &Rule::number(0.1, 1e6))
                    .is_err(),
                "{text}"
            );
        }
        assert_eq!(rate, 2.5);
    }
}
