//! What administrators see of channels.

use crate::model::Name;
use crate::model::governance::Rules;

use super::view::{Overview, RulesSummary, RulesView};
use crate::hub::page::Part;
use crate::hub::{ChannelInfo, Hub};

impl Hub {
    /// The rules of a channel in short.
    pub(in crate::hub) fn summary(&self, channel: &Name) -> RulesSummary {
        let index = self.channels.find(channel);
        let channel = index.and_then(|index| self.channels.get(index));
        let governed = channel.and_then(|channel| channel.governed.as_deref());
        governed.map_or_else(RulesSummary::default, |it| RulesSummary::of(&it.rules))
    }

    /// A channel with all of its rules, if it is here or on another server.
    pub fn overview(&self, channel: &Name) -> Option<Overview> {
        let Some(index) = self.channels.find(channel) else {
            let is_elsewhere = self.remote_members(channel) > 0;
            return is_elsewhere.then(|| Overview {
                view: RulesView {
                    channel: channel.clone(),
                    rules: Rules::default(),
                    founder: None,
                    role: None,
                    skipped: 0,
                    since_ms: None,
                },
                roles: Vec::new(),
            });
        };
        let governed = self.channels.get(index)?.governed.as_deref();
        let roles = governed.into_iter().flat_map(|governed| governed.roles());
        let roles = roles.filter_map(|(key, role)| {
            let name = self.users.get(key).map(|user| user.name.clone());
            Some((name.or_else(|| Name::restore(key).ok())?, role))
        });
        Some(Overview {
            roles: roles.collect(),
            view: self.rules(channel)?,
        })
    }

    /// A page of a channel's members, those after `after`.
    pub fn channel(&self, name: &Name, after: Option<Name>) -> ChannelInfo {
        let part = Part {
            after,
            prefix: None,
        };
        self.channel_info(name, &part, self.limits.page_rows.max(1))
    }
}
