//! Channels as the API shows them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::channels::shown;
use crate::hub::{ChannelInfo, Overview, RulesSummary};
use crate::model::governance::{Flag, Grant, Key, Link, List, ListEntry, Role, Topic};

use super::super::reply::rfc3339;
use super::super::users::names;

/// Channels.
#[derive(Serialize, ToSchema)]
pub(super) struct Channels {
    /// By name.
    channels: Vec<Channel>,
    /// `true` if there are more: ask again with the last name as `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<bool>,
}

/// One channel.
#[derive(Serialize, ToSchema)]
pub(super) struct Channel {
    name: String,
    /// The nicknames in it.
    members: Vec<String>,
    /// Those of them that are programs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bots: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<ChannelTopic>,
    registered: bool,
    /// The account that has registered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    founder: Option<String>,
    rules: Rules,
    /// In answers about one channel.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    more: Option<ChannelRules>,
}

/// What a channel is about.
#[derive(Serialize, ToSchema)]
struct ChannelTopic {
    text: String,
    by: String,
    #[schema(format = DateTime)]
    at: String,
}

/// What is in force in a channel.
#[derive(Serialize, Deserialize, ToSchema)]
pub(super) struct Rules {
    /// Only invited people may join.
    invite_only: bool,
    /// Only people with a role may speak.
    moderated: bool,
    /// Only members may speak.
    members_only: bool,
    /// Only operators set the topic.
    topic_locked: bool,
    /// Outsiders are not shown the channel.
    secret: bool,
    /// Only accounts may join.
    registered_only: bool,
    /// Only accounts may speak.
    registered_speak: bool,
    /// Requests between clients are refused.
    no_ctcp: bool,
    /// Operators see what others may not say.
    op_moderated: bool,
    /// People without a role see only those with one.
    auditorium: bool,
    /// What one must know to join; `null`: nothing.
    key: Option<String>,
    /// The most people; `null`: any number.
    limit: Option<u32>,
    /// `all`, or `since`: each member reads what was said since they joined.
    history: String,
    /// Seconds between two messages of one person; 0 is no limit.
    slow_seconds: u32,
}

/// The rest of a channel's rules.
#[derive(Serialize, ToSchema)]
pub(super) struct ChannelRules {
    /// When it was registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    registered_at: Option<String>,
    /// Nothing up to the message with this id is shown to anyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    nothing_before: Option<String>,
    /// The roles that people have until they leave, by nickname.
    roles: BTreeMap<String, &'static str>,
    /// The accounts that belong to it.
    accounts: Vec<Belonging>,
    lists: Lists,
    links: Vec<ShownLink>,
}

/// An account that belongs to a channel.
#[derive(Serialize, ToSchema)]
struct Belonging {
    name: String,
    /// `founder`, `operator`, `voice` or `member`.
    role: &'static str,
    /// Since which change.
    since: String,
}

/// The lists of a channel, oldest entries first.
#[derive(Serialize, ToSchema)]
pub(super) struct Lists {
    #[serde(skip_serializing_if = "Option::is_none")]
    ban: Option<Vec<Listed>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mute: Option<Vec<Listed>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    except: Option<Vec<Listed>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invite: Option<Vec<Listed>>,
}

/// An entry of a list.
#[derive(Serialize, ToSchema)]
struct Listed {
    mask: String,
    by: String,
    #[schema(format = DateTime)]
    at: String,
    /// `null`: for ever.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    reason: Option<String>,
}

/// An invitation link, without its secret.
#[derive(Serialize, ToSchema)]
struct ShownLink {
    id: String,
    by: String,
    /// How often it can still be used; `null`: any number of times.
    uses: Option<u32>,
    /// `null`: for ever.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

impl Channels {
    pub fn of(channels: Vec<ChannelInfo>, more: bool) -> Channels {
        Channels {
            channels: channels.into_iter().map(Channel::short).collect(),
            more: more.then_some(true),
        }
    }
}

impl Channel {
    fn short(info: ChannelInfo) -> Channel {
        Channel {
            name: info.name.to_string(),
            members: names(&info.members),
            bots: names(&info.bots),
            topic: info.rules.topic.as_ref().map(ChannelTopic::of),
            registered: info.rules.is_registered,
            founder: info.rules.founder.as_ref().map(ToString::to_string),
            rules: Rules::of(&info.rules),
            more: None,
        }
    }

    pub fn whole(info: ChannelInfo, overview: &Overview) -> Channel {
        Channel {
            more: Some(ChannelRules::of(overview)),
            ..Channel::short(info)
        }
    }
}

impl ChannelTopic {
    fn of(topic: &Topic) -> ChannelTopic {
        ChannelTopic {
            text: topic.text.to_string(),
            by: topic.by.to_string(),
            at: rfc3339(topic.at_ms),
        }
    }
}

impl Rules {
    fn of(rules: &RulesSummary) -> Rules {
        let has = |flag| rules.flags.has(flag);
        Rules {
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
            history: shown(rules.history).to_owned(),
            slow_seconds: rules.slow_seconds,
        }
    }
}

impl ChannelRules {
    fn of(overview: &Overview) -> ChannelRules {
        let rules = &overview.view.rules;
        let roles = overview.roles.iter();
        let floor = Some(rules.floor).filter(|floor| *floor != Default::default());
        ChannelRules {
            registered_at: rules.registered.as_ref().map(|it| rfc3339(it.since_ms)),
            nothing_before: floor.map(|floor| floor.to_string()),
            roles: roles
                .map(|(name, role)| (name.to_string(), role.word()))
                .collect(),
            accounts: rules.grants.values().map(Belonging::of).collect(),
            lists: Lists::of(rules, None),
            links: rules.links.iter().map(ShownLink::of).collect(),
        }
    }
}

impl Belonging {
    fn of(grant: &Grant) -> Belonging {
        Belonging {
            name: grant.name.to_string(),
            role: grant.role.map_or("member", Role::word),
            since: grant.since.to_string(),
        }
    }
}

impl Lists {
    /// All lists, or one of them.
    pub fn of(rules: &crate::model::governance::Rules, only: Option<List>) -> Lists {
        let of = |list| {
            let is_wanted = only.is_none_or(|only| only == list);
            is_wanted.then(|| rules.list(list).iter().map(Listed::of).collect())
        };
        Lists {
            ban: of(List::Ban),
            mute: of(List::Mute),
            except: of(List::Except),
            invite: of(List::Invite),
        }
    }
}

impl Listed {
    fn of(entry: &ListEntry) -> Listed {
        Listed {
            mask: entry.mask.to_string(),
            by: entry.by.to_string(),
            at: rfc3339(entry.at_ms),
            expires_at: entry.until_ms.map(rfc3339),
            reason: entry.reason.as_ref().map(ToString::to_string),
        }
    }
}

impl ShownLink {
    fn of(link: &Link) -> ShownLink {
        ShownLink {
            id: link.id().to_owned(),
            by: link.by.to_string(),
            uses: link.uses,
            expires_at: link.until_ms.map(rfc3339),
        }
    }
}
