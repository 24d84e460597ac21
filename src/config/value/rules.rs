//! The rules that new channels begin with.

use serde_json::Value as Json;

use crate::model::governance::{Flag, Flags};

use super::{Given, Rejected, Rule, Value};

impl Value for Flags {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        let flags = given.list(|word| {
            let flag = Flag::from_word(word.text()?).ok_or(Rejected::Unexpected)?;
            match flag.is_supported() {
                true => Ok(flag),
                false => Err(Rejected::Because(format!(
                    "{} is not supported",
                    flag.word()
                ))),
            }
        })?;
        let flags = flags.into_iter();
        *self = flags.fold(Flags::none(), |flags, flag| flags.with(flag, true));
        Ok(())
    }

    fn to_json(&self) -> Json {
        self.iter().map(Flag::word).collect()
    }

    fn expected(&self, _: &Rule) -> String {
        let words = Flag::ALL.into_iter().filter(|flag| flag.is_supported());
        let words: Vec<&str> = words.map(Flag::word).collect();
        format!("a list of some of {}", words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Flags, Rejected> {
        let mut flags = Flags::default();
        let read = flags.read(Given::Text(text), &Rule::Any);
        read.map(|()| flags)
    }

    #[test]
    fn only_rules_with_an_effect_are_taken() {
        let moderated = Flags::none().with(Flag::Moderated, true);
        assert_eq!(read(""), Ok(Flags::none()));
        assert_eq!(read("moderated"), Ok(moderated));
        let both = moderated.with(Flag::TopicLocked, true);
        assert_eq!(read("moderated, topic_locked"), Ok(both));
        assert_eq!(read("moderate"), Err(Rejected::Unexpected));
        let why = "auditorium is not supported".to_owned();
        assert_eq!(read("auditorium"), Err(Rejected::Because(why)));
    }
}
