//! What LIST is to show (`ELIST=CMNTU`): channels by name or mask, by the number of people,
//! and by the age of channel and topic.

use crate::hub::ChannelRow;
use crate::model::Name;
use crate::model::name::{Form, Pattern};

/// The conditions as clients are told of them.
pub const ELIST: &str = "CMNTU";
/// The most conditions of one command.
const MAX_CONDITIONS: usize = 20;
/// Milliseconds of a minute, in which ages are given.
const MINUTE_MS: u64 = 60_000;

/// What a client wants to see.
#[derive(Debug, Default, PartialEq)]
pub struct Filter {
    /// These channels; none are all.
    pub names: Vec<Name>,
    /// Channels with a name of one of these forms; none are all.
    masks: Vec<Pattern>,
    /// No channels with a name of one of these forms.
    except: Vec<Pattern>,
    conditions: Vec<Condition>,
}

/// A bound: less or more than this.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    Less(u64),
    More(u64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Condition {
    /// The number of people.
    People(Bound),
    /// Minutes since the channel was created.
    Created(Bound),
    /// Minutes since the topic was set.
    Topic(Bound),
}

impl Bound {
    fn parse(raw: &str) -> Option<Bound> {
        match (raw.strip_prefix('<'), raw.strip_prefix('>')) {
            (Some(most), _) => Some(Bound::Less(most.parse().ok()?)),
            (_, Some(least)) => Some(Bound::More(least.parse().ok()?)),
            _ => None,
        }
    }

    fn admits(self, value: u64) -> bool {
        match self {
            Bound::Less(bound) => value < bound,
            Bound::More(bound) => value > bound,
        }
    }

    /// Whether a time is less, or more, than so many minutes ago.
    fn admits_time(self, at_ms: Option<u64>, now_ms: u64) -> bool {
        let Some(at_ms) = at_ms else {
            return false;
        };
        let age_ms = now_ms.saturating_sub(at_ms);
        match self {
            Bound::Less(minutes) => age_ms < minutes.saturating_mul(MINUTE_MS),
            Bound::More(minutes) => age_ms > minutes.saturating_mul(MINUTE_MS),
        }
    }
}

impl Condition {
    fn parse(raw: &str) -> Option<Condition> {
        let people = Bound::parse(raw).map(Condition::People);
        let created = raw.strip_prefix(['C', 'c']).and_then(Bound::parse);
        let topic = raw.strip_prefix(['T', 't']).and_then(Bound::parse);
        let created = created.map(Condition::Created);
        people.or(created).or(topic.map(Condition::Topic))
    }

    fn admits(self, row: &ChannelRow, now_ms: u64) -> bool {
        match self {
            Condition::People(bound) => bound.admits(row.people as u64),
            Condition::Created(bound) => bound.admits_time(row.since_ms, now_ms),
            Condition::Topic(bound) => bound.admits_time(row.topic_at_ms, now_ms),
        }
    }
}

impl Filter {
    /// Reads the parameter of LIST: conditions separated by commas. What is none is
    /// passed over; `None` if then nothing is left that could be shown.
    pub fn parse(raw: &str) -> Option<Filter> {
        let mut filter = Filter::default();
        let words = raw.split(',').filter(|word| !word.is_empty());
        let mut has_target = false;
        for word in words.take(MAX_CONDITIONS) {
            if let Some(condition) = Condition::parse(word) {
                filter.conditions.push(condition);
                continue;
            }
            if let Some(mask) = word.strip_prefix('!') {
                filter.except.extend(pattern(mask));
                continue;
            }
            has_target = true;
            match word.contains(['*', '?']) {
                true => filter.masks.extend(pattern(word)),
                false => filter.names.extend(named(word)),
            }
        }
        let is_empty = filter.names.is_empty() && filter.masks.is_empty();
        (!has_target || !is_empty).then_some(filter)
    }

    /// Whether only channels with given names are wanted.
    pub fn is_by_name(&self) -> bool {
        !self.names.is_empty() && self.masks.is_empty()
    }

    /// Whether a channel is to be shown.
    pub fn admits(&self, row: &ChannelRow, now_ms: u64) -> bool {
        let is_named = self.names.contains(&row.name);
        let all = self.names.is_empty() && self.masks.is_empty();
        let is_admitted = self.conditions.iter().all(|it| it.admits(row, now_ms));
        if !is_admitted || (self.masks.is_empty() && self.except.is_empty()) {
            return is_admitted && (all || is_named);
        }
        let form = Form::of(&row.name);
        let has_form = |masks: &[Pattern]| masks.iter().any(|mask| mask.matches(&form));
        (all || is_named || has_form(&self.masks)) && !has_form(&self.except)
    }
}

fn named(word: &str) -> Option<Name> {
    Name::parse(word.strip_prefix('#')?).ok()
}

/// The form of a channel's name, with or without the sign.
fn pattern(mask: &str) -> Option<Pattern> {
    Pattern::parse(mask.strip_prefix('#').unwrap_or(mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, people: usize, age_ms: u64) -> ChannelRow {
        ChannelRow {
            name: Name::parse(name).unwrap(),
            people,
            topic: None,
            since_ms: Some(1_000_000 - age_ms),
            topic_at_ms: None,
        }
    }

    fn shows(filter: &str, row: &ChannelRow) -> bool {
        Filter::parse(filter).is_some_and(|filter| filter.admits(row, 1_000_000))
    }

    #[test]
    fn channels_are_found_by_name_people_and_age() {
        let dev = row("dev1", 2, 90_000);
        for (filter, expected) in [
            ("", true),
            ("#dev1", true),
            ("#dev", false),
            ("*v1", true),
            ("#d*", true),
            ("!d*", false),
            ("!*x", true),
            (">1", true),
            (">2", false),
            ("<3,*v1", true),
            ("<2", false),
            ("C>1", true),
            ("C<1", false),
            ("C<0", false),
            ("T>0", false),
            ("nothing", false),
        ] {
            assert_eq!(shows(filter, &dev), expected, "{filter}");
        }
    }
}
