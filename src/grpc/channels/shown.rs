//! Channels as the answers show them.

use crate::admin::channels::shown;
use crate::hub::{ChannelInfo, Overview, RulesSummary};
use crate::model::Keeping;
use crate::model::governance::{Flag, Grant, Key, Link, List, ListEntry, Role, Rules, Topic};

use super::super::proto::admin as proto;

/// A channel in a list of many.
pub fn short(info: ChannelInfo) -> proto::Channel {
    proto::Channel {
        name: info.name.to_string(),
        members: info.members.iter().map(ToString::to_string).collect(),
        bots: info.bots.iter().map(ToString::to_string).collect(),
        topic: info.rules.topic.as_ref().map(topic),
        registered: info.rules.is_registered,
        founder: info.rules.founder.as_ref().map(ToString::to_string),
        rules: Some(rules(&info.rules)),
        details: None,
    }
}

/// A channel with all that is known about it.
pub fn whole(info: ChannelInfo, overview: &Overview) -> proto::Channel {
    proto::Channel {
        details: Some(details(overview)),
        ..short(info)
    }
}

/// What is laid down for the past of a channel.
pub fn keeping(keeping: &Keeping) -> proto::Keeping {
    proto::Keeping {
        channel: keeping.channel.to_string(),
        days: keeping.days,
        messages: keeping.messages,
        hold: keeping.is_held,
    }
}

/// All lists, or one of them.
pub fn lists(rules: &Rules, only: Option<List>) -> proto::ChannelLists {
    let of = |list| match only.is_none_or(|only| only == list) {
        true => rules.list(list).iter().map(entry).collect(),
        false => Vec::new(),
    };
    proto::ChannelLists {
        ban: of(List::Ban),
        mute: of(List::Mute),
        except: of(List::Except),
        invite: of(List::Invite),
    }
}

fn topic(topic: &Topic) -> proto::ChannelTopic {
    proto::ChannelTopic {
        text: topic.text.to_string(),
        by: topic.by.to_string(),
        at_ms: topic.at_ms,
    }
}

fn rules(rules: &RulesSummary) -> proto::ChannelRules {
    let has = |flag| Some(rules.flags.has(flag));
    proto::ChannelRules {
        invite_only: has(Flag::InviteOnly),
        moderated: has(Flag::Moderated),
        members_only: has(Flag::MembersOnly),
        topic_locked: has(Flag::TopicLocked),
        secret: has(Flag::Secret),
        registered_only: has(Flag::RegisteredOnly),
        registered_speak: has(Flag::RegisteredSpeak),
        no_ctcp: has(Flag::NoCtcp),
        op_moderated: has(Flag::OpModerated),
        auditorium: has(Flag::Auditorium),
        key: rules.key.as_ref().map(Key::as_str).map(str::to_owned),
        limit: rules.limit,
        history: Some(shown(rules.history).to_owned()),
        slow_seconds: Some(rules.slow_seconds),
    }
}

fn details(overview: &Overview) -> proto::ChannelDetails {
    let rules = &overview.view.rules;
    let roles = overview.roles.iter();
    let floor = Some(rules.floor).filter(|floor| *floor != Default::default());
    proto::ChannelDetails {
        registered_ms: rules.registered.as_ref().map(|it| it.since_ms),
        nothing_before: floor.map(|floor| floor.to_string()),
        roles: roles
            .map(|(name, role)| (name.to_string(), role.word().to_owned()))
            .collect(),
        accounts: rules.grants.values().map(account).collect(),
        lists: Some(lists(rules, None)),
        links: rules.links.iter().map(link).collect(),
    }
}

fn account(grant: &Grant) -> proto::ChannelAccount {
    proto::ChannelAccount {
        name: grant.name.to_string(),
        role: grant.role.map_or("member", Role::word).to_owned(),
        since: grant.since.to_string(),
    }
}

fn entry(entry: &ListEntry) -> proto::ChannelEntry {
    proto::ChannelEntry {
        mask: entry.mask.to_string(),
        by: entry.by.to_string(),
        at_ms: entry.at_ms,
        expires_ms: entry.until_ms,
        reason: entry.reason.as_ref().map(ToString::to_string),
    }
}

fn link(link: &Link) -> proto::InvitationLink {
    proto::InvitationLink {
        id: link.id().to_owned(),
        by: link.by.to_string(),
        uses: link.uses,
        expires_ms: link.until_ms,
    }
}
