//! The rules of a channel as people are shown them.

use crate::model::Name;
use crate::model::governance::{Flags, Key, Link, List, Role, Rules, Topic, Visibility};

/// The rules of a channel as someone is shown them.
#[derive(Clone, Debug)]
pub struct RulesView {
    /// The channel.
    pub channel: Name,
    /// The rules. The key, the lists and the links are left out for those who may
    /// not see them.
    pub rules: Rules,
    /// The founder's name.
    pub founder: Option<Name>,
    /// What the one who asks is in the channel.
    pub role: Option<Role>,
    /// How many entries of the lists are left out at the beginning.
    pub skipped: usize,
    /// Since when there are people in it, or it is registered, in milliseconds since 1970
    /// UTC, if that is known.
    pub since_ms: Option<u64>,
}

impl RulesView {
    /// The invitation links, if the one who asks is shown them.
    pub fn links(&self) -> Option<&[Link]> {
        (self.role >= Some(Role::Operator)).then_some(&self.rules.links)
    }

    /// Leaves out the first entries of the lists.
    pub(super) fn skip(&mut self, count: usize) {
        self.skipped = count;
        let mut left = count;
        for list in List::ALL {
            if let Some(entries) = self.rules.lists.get_mut(&list) {
                let here = left.min(entries.len());
                entries.drain(..here);
                left -= here;
            }
        }
    }
}

/// The rules of a channel in short: without lists, accounts and links.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RulesSummary {
    /// What the channel is about.
    pub topic: Option<Topic>,
    /// Whether an account has registered it.
    pub is_registered: bool,
    /// The name of that account.
    pub founder: Option<Name>,
    /// What is on.
    pub flags: Flags,
    /// What one must know to join.
    pub key: Option<Key>,
    /// The most people.
    pub limit: Option<u32>,
    /// How much of the past members are shown.
    pub history: Visibility,
    /// Seconds between two messages of one person; 0 is no limit.
    pub slow_seconds: u32,
}

impl RulesSummary {
    pub(super) fn of(rules: &Rules) -> RulesSummary {
        RulesSummary {
            topic: rules.topic.clone(),
            is_registered: rules.registered.is_some(),
            founder: founder(rules),
            flags: rules.flags,
            key: rules.key.clone(),
            limit: rules.limit,
            history: rules.history,
            slow_seconds: rules.slow_seconds,
        }
    }
}

/// One channel with all of its rules.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Its rules.
    pub view: RulesView,
    /// The roles that are not kept, of people who are in it.
    pub roles: Vec<(Name, Role)>,
}

/// The name of the account that has registered a channel.
pub(super) fn founder(rules: &Rules) -> Option<Name> {
    let founder = rules.registered.as_ref()?.founder;
    Some(rules.grants.get(&founder)?.name.clone())
}
