//! Tags: a client's own names for its messages, until they have ids.
//!
//! A client that is cut off cannot know whether its last messages arrived. It
//! sends them again with the same tags, and the hub does not publish a second
//! time those that did arrive.
//!
//! A tag belongs to its client: to an account, to the holder of a token, or else
//! to one connection. It never stands for a message that another client wrote
//! under the same nickname, nor for a message to another destination.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::model::{AccountId, Mark, MessageId, Once};

use super::{Command, ConnectionId, Effects, Event, Hub, Limits, Now, Refusal, SharedTag};

/// How long a tag is remembered after its message is published.
const REMEMBERED_MS: u64 = 10 * 60 * 1000;
/// The most old tags that are forgotten in one go.
const FORGOTTEN_AT_ONCE: usize = 1024;
/// The length of the longest tag.
const MAX_TAG_BYTES: usize = 64;

/// A client's own name for a message. Two are the same if they are written the same.
#[derive(Clone, Debug)]
pub struct Tag {
    written: Arc<str>,
    /// What the store is to remember besides, for a program.
    once: Option<Arc<Once>>,
}

/// The string is not 1 to 64 printable ASCII characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadTag;

impl Tag {
    /// Takes 1 to 64 printable ASCII characters.
    pub fn parse(raw: &str) -> Result<Tag, BadTag> {
        let fits = (1..=MAX_TAG_BYTES).contains(&raw.len());
        if fits && raw.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            Ok(Tag {
                written: raw.into(),
                once: None,
            })
        } else {
            Err(BadTag)
        }
    }

    /// The tag as the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The tag of a call that is remembered for longer than tags are.
    pub fn of(once: Arc<Once>) -> Tag {
        let mark = Mark::of(&once.program, once.mark.as_str());
        Tag {
            written: mark.as_str().into(),
            once: Some(once),
        }
    }

    /// What the store is to remember, if it is the tag of such a call.
    pub fn once(&self) -> Option<&Arc<Once>> {
        self.once.as_ref()
    }

    /// What its message must be the same as, if that is asked.
    fn content(&self) -> Option<Mark> {
        self.once.as_ref()?.content.clone()
    }
}

impl PartialEq for Tag {
    fn eq(&self, other: &Tag) -> bool {
        self.written == other.written
    }
}

impl Eq for Tag {}

impl Hash for Tag {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.written.hash(state);
    }
}

impl fmt::Display for BadTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1 to {MAX_TAG_BYTES} printable ASCII characters")
    }
}

impl std::error::Error for BadTag {}

/// A tag together with its owner.
pub(super) type TagKey = (TagOwner, Tag);

/// The client that may send a message again under the same tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum TagOwner {
    /// The owner of an account, from anywhere.
    Account(AccountId),
    /// A guest, from every connection with this token.
    Token(Arc<str>),
    /// A guest who has no means to prove their identity on another connection.
    Connection(ConnectionId),
}

/// Where a message goes, by [`crate::model::Name::key`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// To a channel.
    Channel(Arc<str>),
    /// To a user.
    User(Arc<str>),
}

/// The tags of recent messages.
///
/// Each owner has room for a limited number, and its own oldest make room for
/// new ones. If the room for all owners is used up, the owner with the most tags
/// loses its oldest, so that a busy client cannot displace the tags of others.
#[derive(Default)]
pub(super) struct Tags {
    owners: HashMap<TagOwner, Owned>,
    /// The owners by how many tags of theirs are remembered.
    by_count: BTreeMap<(usize, u64), TagOwner>,
    /// The owners by when the oldest of their tags is to be forgotten.
    by_age: BTreeMap<(u64, u64), TagOwner>,
    last_number: u64,
    /// How many tags are remembered for all owners together.
    remembered: usize,
}

/// The tags of one owner.
#[derive(Default)]
struct Owned {
    /// Distinguishes owners that are equal in the order of `by_count` or `by_age`.
    number: u64,
    known: HashMap<Tag, Tagged>,
    /// The tags of published messages, in the order in which they are to be
    /// forgotten.
    by_age: VecDeque<(u64, Tag)>,
}

struct Tagged {
    to: Destination,
    /// What the message says, if another one under the same tag is a mistake.
    content: Option<Mark>,
    fate: Fate,
}

/// What has become of a tagged message.
enum Fate {
    /// It is being committed, and its tag is known for as long as that takes.
    /// The list holds the connections, other than its sender, that sent it
    /// again meanwhile: newer ones of the same client.
    Awaited(Vec<ConnectionId>),
    /// It has been published, and its tag is known until then.
    Stored { message: MessageId, until_ms: u64 },
}

impl Owned {
    fn forget_oldest(&mut self) {
        let Some((oldest, tag)) = self.by_age.pop_front() else {
            return;
        };
        // By now the tag may stand for another message.
        let fate = self.known.get(&tag).map(|tagged| &tagged.fate);
        if matches!(fate, Some(Fate::Stored { until_ms, .. }) if *until_ms == oldest) {
            self.known.remove(&tag);
        }
    }

    fn place_by_count(&self) -> (usize, u64) {
        (self.by_age.len(), self.number)
    }

    fn place_by_age(&self) -> Option<(u64, u64)> {
        let (until_ms, _) = self.by_age.front()?;
        Some((*until_ms, self.number))
    }
}

impl Tags {
    /// What is still known about a message.
    fn get_mut(&mut self, (owner, tag): &TagKey, now: Now) -> Option<&mut Tagged> {
        let tagged = self.owners.get_mut(owner)?.known.get_mut(tag)?;
        match tagged.fate {
            Fate::Stored { until_ms, .. } if until_ms <= now.ticks_ms => None,
            _ => Some(tagged),
        }
    }

    /// Changes an owner's tags, and keeps `by_count`, `by_age` and `remembered`
    /// in step.
    fn change<T>(&mut self, owner: &TagOwner, change: impl FnOnce(&mut Owned) -> T) -> T {
        let owned = self.owners.entry(owner.clone()).or_insert_with(|| {
            self.last_number += 1;
            Owned {
                number: self.last_number,
                ..Owned::default()
            }
        });
        self.by_count.remove(&owned.place_by_count());
        if let Some(place) = owned.place_by_age() {
            self.by_age.remove(&place);
        }
        let before = owned.by_age.len();
        let result = change(owned);
        self.remembered = self.remembered - before + owned.by_age.len();
        match owned.place_by_age() {
            Some(place) => {
                self.by_age.insert(place, owner.clone());
                self.by_count.insert(owned.place_by_count(), owner.clone());
            }
            None if owned.known.is_empty() => {
                self.owners.remove(owner);
            }
            None => {}
        }
        result
    }

    /// A message waits to be committed.
    fn await_commit(&mut self, (owner, tag): TagKey, to: Destination) {
        let fate = Fate::Awaited(Vec::new());
        let content = tag.content();
        self.change(&owner, |owned| {
            owned.known.insert(tag, Tagged { to, content, fate });
        });
    }

    /// Notes that a message has been published.
    fn store(
        &mut self,
        (owner, tag): TagKey,
        to: Destination,
        message: MessageId,
        limits: &Limits,
        now: Now,
    ) {
        self.forget_old(now);
        let until_ms = now.ticks_ms + REMEMBERED_MS;
        self.change(&owner, |owned| {
            while owned.by_age.len() >= limits.tags_per_client.max(1) {
                owned.forget_oldest();
            }
            owned.by_age.push_back((until_ms, tag.clone()));
            let fate = Fate::Stored { message, until_ms };
            let content = tag.content();
            owned.known.insert(tag, Tagged { to, content, fate });
        });
        // One round is enough, unless the limit was lowered.
        for _ in 0..FORGOTTEN_AT_ONCE {
            if self.remembered <= limits.tags.max(1) {
                break;
            }
            self.forget_of_largest();
        }
    }

    /// Forgets the tags that are old enough, up to a bounded number.
    fn forget_old(&mut self, now: Now) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            let Some((&(until_ms, _), owner)) = self.by_age.first_key_value() else {
                return;
            };
            if until_ms > now.ticks_ms {
                return;
            }
            let owner = owner.clone();
            self.change(&owner, Owned::forget_oldest);
        }
    }

    fn forget_of_largest(&mut self) {
        let largest = self.by_count.last_key_value();
        if let Some(owner) = largest.map(|(_, owner)| owner.clone()) {
            self.change(&owner, Owned::forget_oldest);
        }
    }

    /// Forgets all tags of an owner that cannot return.
    pub fn forget(&mut self, owner: &TagOwner) {
        if let Some(owned) = self.owners.remove(owner) {
            self.by_count.remove(&owned.place_by_count());
            if let Some(place) = owned.place_by_age() {
                self.by_age.remove(&place);
            }
            self.remembered -= owned.by_age.len();
        }
    }

    /// Notes whether a message was committed. Returns the connections, besides
    /// its sender, that have to be told.
    fn settle(
        &mut self,
        key: &TagKey,
        message: Option<MessageId>,
        limits: &Limits,
        now: Now,
    ) -> Vec<ConnectionId> {
        let (owner, tag) = key;
        if !self.owners.contains_key(owner) {
            return Vec::new();
        }
        let settled = self.change(owner, |owned| owned.known.remove(tag));
        let Some(Tagged { to, fate, .. }) = settled else {
            return Vec::new();
        };
        if let Some(message) = message {
            self.store(key.clone(), to, message, limits, now);
        }
        match fate {
            Fate::Awaited(asked) => asked,
            Fate::Stored { .. } => Vec::new(),
        }
    }

    /// How many tags are known.
    pub fn len(&self) -> usize {
        self.owners.values().map(|owned| owned.known.len()).sum()
    }

    /// How many of them will expire.
    pub fn aging(&self) -> usize {
        self.remembered
    }
}

impl Hub {
    /// Sends a message unless it was sent before, and reports its fate. The caller
    /// reports a refusal, with the tag.
    pub(super) fn send_tagged(
        &mut self,
        id: ConnectionId,
        tag: Tag,
        message: Command,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let key = (self.tag_owner(id)?, tag.clone());
        let to = self.destination(id, &message)?;
        match self.tags.get_mut(&key, now) {
            Some(known) if known.to != to || known.content != tag.content() => {
                return Err(Refusal::TagUsed);
            }
            Some(known) => {
                match &mut known.fate {
                    Fate::Stored { message, .. } => fx.tell(id, stored(tag, *message)),
                    // Each connection once: the list must not grow with every repeat.
                    Fate::Awaited(asked) if !asked.contains(&id) => asked.push(id),
                    Fate::Awaited(_) => {}
                }
                return Ok(());
            }
            None => {}
        }
        let before = self.last_id;
        self.carry_out(id, message, now, fx)?;
        // A message that was sent has taken the next id.
        let sent = self.last_id;
        if let Some(unsettled) = self.unsettled.get_mut(&sent) {
            unsettled.tag = Some(key.clone());
            if let Some(shared) = shared_tag(&key, &to, &self.limits) {
                fx.tag(sent, shared);
            }
            self.tags.await_commit(key, to);
        } else if sent > before {
            self.tags.store(key, to, sent, &self.limits, now);
            fx.tell(id, stored(tag, sent));
        }
        Ok(())
    }

    /// Whether a message has a tag that is known: it has been sent before.
    pub(super) fn is_sent_again(&mut self, id: ConnectionId, message: &Command, now: Now) -> bool {
        match message {
            Command::Tagged { tag, .. } => self
                .tag_owner(id)
                .is_ok_and(|owner| self.tags.get_mut(&(owner, tag.clone()), now).is_some()),
            _ => false,
        }
    }

    fn tag_owner(&self, id: ConnectionId) -> Result<TagOwner, Refusal> {
        let (_, user) = self.user_of(id)?;
        let token = self.connection(id).and_then(|c| c.token.clone());
        Ok(match (user.account, token) {
            (Some(account), _) => TagOwner::Account(account),
            (None, Some(token)) => TagOwner::Token(token),
            (None, None) => TagOwner::Connection(id),
        })
    }

    fn destination(&self, id: ConnectionId, message: &Command) -> Result<Destination, Refusal> {
        Ok(match message {
            Command::Private { to, .. } => Destination::User(to.key().clone()),
            Command::Say {
                channel: Some(channel),
                ..
            } => Destination::Channel(channel.key().clone()),
            _ => Destination::Channel(self.own_channel(id, None)?.key().clone()),
        })
    }

    /// Reports the fate of a tagged message that was being committed.
    pub(super) fn settle_tag(
        &mut self,
        sender: ConnectionId,
        key: TagKey,
        committed: Option<MessageId>,
        now: Now,
        fx: &mut Effects,
    ) {
        let asked = self.tags.settle(&key, committed, &self.limits, now);
        let (_, tag) = key;
        for id in std::iter::once(sender).chain(asked) {
            let event = match committed {
                Some(message) => stored(tag.clone(), message),
                None => Event::NotSent {
                    tag: tag.clone(),
                    refusal: Refusal::NotStored,
                },
            };
            if self.connection(id).is_some() {
                fx.tell(id, event);
            }
        }
    }
}

/// A tag in the form that all servers know. `None` for a connection without a
/// token: it cannot send its messages again through another server.
fn shared_tag((owner, tag): &TagKey, to: &Destination, limits: &Limits) -> Option<SharedTag> {
    let owner = match owner {
        TagOwner::Account(account) => format!("account {}", account.0),
        TagOwner::Token(token) => format!("token {token}"),
        TagOwner::Connection(_) => return None,
    };
    let to = match to {
        Destination::Channel(key) => format!("#{key}"),
        Destination::User(key) => format!("@{key}"),
    };
    Some(SharedTag {
        owner: owner.into(),
        to: to.into(),
        tag: tag.clone(),
        most: limits.tags_per_client.max(1),
    })
}

fn stored(tag: Tag, id: MessageId) -> Event {
    Event::Stored { tag, id }
}
