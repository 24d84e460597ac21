//! What the hub knows about a channel that is not simply open.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::MessageId;
use crate::model::governance::{Role, Rules};

/// The most open invitations of a channel.
const MAX_PASSES: usize = 256;
/// How long an invitation is open.
const PASS_MS: u64 = 60 * 60 * 1000;

/// The rules of a channel, and what holds only while people are in it.
#[derive(Default)]
pub(in crate::hub) struct Governed {
    /// As the log has them.
    pub rules: Rules,
    /// Grows whenever they change.
    pub round: u64,
    /// By the key of a user who is in the channel: a guest, or an account whose role
    /// is not kept.
    roles: BTreeMap<Arc<str>, Role>,
    /// Until when a user may come in, by key, in milliseconds since 1970 UTC.
    passes: BTreeMap<Arc<str>, u64>,
    /// Uses of links, by their hash, that are not folded into the rules yet.
    uses: BTreeMap<Arc<str>, u32>,
    /// When each user last spoke, by key, on the monotonic clock; only with slow mode.
    spoke: BTreeMap<Arc<str>, u64>,
    /// Nothing up to this message is shown: it was said before everyone left the
    /// channel, which was restricted then.
    closed: MessageId,
}

impl Governed {
    /// The rules of a channel nobody is in.
    pub fn of(rules: Rules) -> Governed {
        Governed {
            rules,
            ..Governed::default()
        }
    }

    /// The role of a user while they are in the channel.
    pub fn present_role(&self, key: &str) -> Option<Role> {
        self.roles.get(key).copied()
    }

    /// Whether someone operates the channel who is in it.
    pub fn has_operator(&self) -> bool {
        self.roles.values().any(|role| *role >= Role::Operator)
    }

    /// Forgets what holds only while people are in the channel.
    pub fn all_left(&mut self) {
        self.roles.clear();
        self.passes.clear();
        self.spoke.clear();
    }

    /// Notes that everyone has left, after this message, and that the rules are to end.
    pub fn closed_after(&mut self, last: MessageId) {
        self.all_left();
        if self.rules.is_restricted() {
            self.closed = last;
        }
    }

    /// The message up to which nothing is shown to anyone any more.
    pub fn floor(&self) -> MessageId {
        self.rules.floor.max(self.closed)
    }

    /// The roles of people while they are in the channel, by key.
    pub fn roles(&self) -> impl Iterator<Item = (&str, Role)> {
        self.roles.iter().map(|(key, role)| (&**key, *role))
    }

    /// Gives a user a role for as long as they are in the channel.
    pub fn set_present_role(&mut self, key: &Arc<str>, role: Option<Role>) {
        match role {
            Some(role) => {
                self.roles.insert(key.clone(), role);
            }
            None => {
                self.roles.remove(key);
            }
        }
    }

    /// Forgets what a user had while they were in the channel.
    pub fn user_left(&mut self, key: &str) {
        self.roles.remove(key);
        self.spoke.remove(key);
    }

    /// Files what a user has under a new nickname.
    pub fn user_renamed(&mut self, from: &str, to: &Arc<str>) {
        if let Some(role) = self.roles.remove(from) {
            let before = self.roles.get(to).copied();
            self.roles
                .insert(to.clone(), before.map_or(role, |it| it.max(role)));
        }
        if let Some(at) = self.spoke.remove(from) {
            self.spoke.insert(to.clone(), at);
        }
    }

    /// Lets a user in once, within the next hour. Returns whether there was room.
    pub fn invite(&mut self, key: &Arc<str>, now_ms: u64) -> bool {
        self.passes.retain(|_, until| *until > now_ms);
        if self.passes.len() >= MAX_PASSES && !self.passes.contains_key(key) {
            return false;
        }
        self.passes.insert(key.clone(), now_ms + PASS_MS);
        true
    }

    /// Whether a user has an open invitation.
    pub fn is_invited(&self, key: &str, now_ms: u64) -> bool {
        self.passes.get(key).is_some_and(|until| *until > now_ms)
    }

    /// Uses up or withdraws an invitation.
    pub fn take_pass(&mut self, key: &str) {
        self.passes.remove(key);
    }

    /// Whether the link with this hash lets one more in.
    pub fn lets_in(&self, hash: &str, now_ms: u64) -> bool {
        let link = self.rules.links.iter().find(|link| &*link.hash == hash);
        let link = link.filter(|link| link.holds_at(now_ms));
        let under_way = self.uses.get(hash).copied().unwrap_or_default();
        link.is_some_and(|link| link.uses.is_none_or(|left| left > under_way))
    }

    /// Notes that a user has come in by a link, until that is folded into the rules.
    pub fn uses_link(&mut self, hash: &Arc<str>) {
        *self.uses.entry(hash.clone()).or_default() += 1;
    }

    /// Notes that a use of a link is folded into the rules, or never will be.
    pub fn used_link(&mut self, hash: &str) {
        if let Some(count) = self.uses.get_mut(hash) {
            *count = count.saturating_sub(1);
        }
        self.uses.retain(|_, count| *count > 0);
    }

    /// Seconds that a user must still wait before the next message, if there is
    /// slow mode.
    pub fn must_wait(&self, key: &str, ticks_ms: u64) -> Option<u64> {
        let slow_ms = u64::from(self.rules.slow_seconds) * 1000;
        let last = self.spoke.get(key).filter(|_| slow_ms > 0)?;
        let left = (last + slow_ms).checked_sub(ticks_ms)?;
        (left > 0).then(|| left.div_ceil(1000))
    }

    /// Notes that a user has spoken.
    pub fn has_spoken(&mut self, key: &Arc<str>, ticks_ms: u64) {
        if self.rules.slow_seconds > 0 {
            self.spoke.insert(key.clone(), ticks_ms);
        }
    }
}
