//! Rules for values beyond their type.

use std::fmt;

/// What a setting accepts beyond its type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// Every value of the type.
    Any,
    /// A number in a range.
    Number {
        min: f64,
        max: f64,
        /// What 0 does, when it is accepted although below `min`.
        zero: Option<&'static str>,
    },
    /// One line of text of at most `max_chars` characters.
    Line { max_chars: usize },
    /// One word of ASCII letters, digits and `-._` of at most `max_chars` characters.
    Word { max_chars: usize },
    /// A log level or a filter.
    LogFilter,
}

impl Rule {
    /// A whole number in a range. Bounds must be below 2^53.
    pub const fn whole(min: u64, max: u64) -> Rule {
        Rule::number(min as f64, max as f64)
    }

    /// A number in a range.
    pub const fn number(min: f64, max: f64) -> Rule {
        Rule::Number {
            min,
            max,
            zero: None,
        }
    }

    /// Accepts 0 as well; `meaning` follows "0" in words, such as "for no limit".
    pub const fn or_zero(self, meaning: &'static str) -> Rule {
        match self {
            Rule::Number { min, max, .. } => Rule::Number {
                min,
                max,
                zero: Some(meaning),
            },
            other => other,
        }
    }

    /// Whether a number is in the range.
    pub fn allows(&self, number: f64) -> bool {
        match self {
            Rule::Number { min, max, zero } => {
                (*min..=*max).contains(&number) || (zero.is_some() && number == 0.0)
            }
            _ => true,
        }
    }
}

/// The range in words, after "a number".
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule::Number { min, max, zero } = self else {
            return Ok(());
        };
        write!(f, " from {min} to {max}")?;
        match zero {
            Some(meaning) => write!(f, ", or 0 {meaning}"),
            None => Ok(()),
        }
    }
}
