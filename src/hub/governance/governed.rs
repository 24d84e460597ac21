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
    /// That everyone has left the channel, which was restricted then.
    closed: Option<Closed>,
    /// Whether a member here has left while others were in it on other servers.
    was_left_here: bool,
}

/// Where in the log everyone had left a restricted channel: what comes before that is not
/// told any more, neither to members who come in meanwhile nor to later ones.
///
/// Only drafts are in the log, not that people leave. But each server puts what its
/// members say, and then that they leave, into Redis in this order. So whatever is
/// drafted here once this server knows that all have left comes after all that they have
/// said: the first such entry that is committed shows the place. It is usually the one
/// that opens the channel ([`super::closing`]), and until then nothing that comes from
/// the log counts as said afterwards. A server that stands alone gives out the ids, and
/// knows the place at once.
struct Closed {
    /// The last draft of this server before that, in its own numbers.
    drafted: MessageId,
    /// The last id of the log before that, as soon as it is known.
    up_to: Option<MessageId>,
}

impl Governed {
    /// The rules of a channel without members.
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
        self.was_left_here = false;
    }

    /// Notes that a member here has left, and others are in it on other servers.
    pub fn was_left_here(&mut self) {
        self.was_left_here = true;
    }

    /// Notes that everyone has left, after the draft `last` of this server, and that the
    /// rules are to end. Returns whether a member here has left since the channel was empty last.
    pub fn closed_after(&mut self, last: MessageId, is_alone: bool) -> bool {
        let was_left_here = self.was_left_here;
        self.all_left();
        if self.rules.is_restricted() {
            self.closed = Some(Closed {
                drafted: last,
                up_to: is_alone.then_some(last),
            });
        }
        was_left_here
    }

    /// Whether everyone had left the channel, which was restricted, and the log does not
    /// say yet that it is open.
    pub fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Takes note of the place of an entry that this server has drafted.
    pub fn committed(&mut self, draft: MessageId, id: MessageId) {
        if let Some(closed) = &mut self.closed
            && draft > closed.drafted
        {
            closed.up_to.get_or_insert(id.previous());
        }
    }

    /// Notes that the channel is not to be opened any more: it is open, or registered.
    pub fn was_opened(&mut self) {
        self.closed = None;
    }

    /// The message up to which nothing is shown to anyone any more.
    pub fn floor(&self) -> MessageId {
        let closed = self.closed.as_ref();
        let closed = closed.map(|closed| closed.up_to.unwrap_or(MessageId::LAST));
        self.rules.floor.max(closed.unwrap_or_default())
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
