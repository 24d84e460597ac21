//! The operations that go to Redis in one step, and what the answer means for each.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Sender;

use crate::hub::{ConnectionId, Draft, Fate, News, Order, RosterChange, Settled, Shared};
use crate::model::{Conversation, MessageId, Name};
use crate::turn::{Claimant, Claimed};

use super::interest::Committed;
use super::keys::shard_of;
use super::people::{Assertion, People, Steps, kind};
use super::settings::{ClusterSettings, Delivery};
use super::topic::{self, Topic};
use super::{entry, notice};

/// Operations that Redis executes all or none, once.
pub struct Batch {
    /// Counts the batches of a life.
    pub number: u64,
    items: Vec<Item>,
    /// Whether Redis may have it already. Then nothing in it can be taken back or changed.
    pub is_sent: bool,
}

struct Item {
    arguments: Vec<Vec<u8>>,
    came: Instant,
    then: Then,
}

/// What to do with the answer to an operation.
enum Then {
    Settle {
        draft: MessageId,
        by: By,
    },
    Answer {
        name: Name,
        who: Claimant,
        answer: Sender<Option<Claimed>>,
    },
    Claimed {
        connection: ConnectionId,
        name: Name,
    },
    Asserted(Name),
    Nothing,
}

/// What settles a draft that is committed.
enum By {
    /// The answer.
    Answer,
    /// The reader, at the draft's place among the entries of all servers.
    Reader,
    /// The same, if this server hears of the topic; `None` is what all servers hear of.
    Topic(Option<Topic>),
}

/// What an answer means.
#[derive(Default)]
pub struct Answered {
    pub news: Vec<News>,
    /// How many drafts the reader will settle.
    pub to_read: i64,
    /// The drafts that are settled if they are heard of.
    pub committed: Vec<Committed>,
}

impl Batch {
    pub fn new(number: u64) -> Batch {
        Batch {
            number,
            items: Vec::new(),
            is_sent: false,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The script's arguments, after those that every batch has.
    pub fn arguments(&self) -> impl Iterator<Item = &[u8]> {
        let arguments = self.items.iter().flat_map(|item| &item.arguments);
        arguments.map(Vec::as_slice)
    }

    fn push(&mut self, came: Instant, then: Then, arguments: &[&[u8]]) {
        self.items.push(Item {
            arguments: arguments.iter().map(|argument| argument.to_vec()).collect(),
            came,
            then,
        });
    }

    /// A message to be committed.
    pub fn draft(&mut self, draft: &Draft, settings: &ClusterSettings, came: Instant) {
        let conversation = draft.record.conversation();
        let shards = settings.shards;
        let shard = shard_of(&conversation, shards).to_string();
        let topics = match settings.delivery {
            Delivery::All => String::new(),
            Delivery::Interest => topic::told_of(&draft.record, shards),
        };
        let (owner, tag, most) = match &draft.tag {
            Some(shared) => (
                &*shared.owner,
                format!("{} {}", shared.to, shared.tag.as_str()),
                shared.most.to_string(),
            ),
            None => ("", String::new(), String::new()),
        };
        let by = match (conversation, settings.delivery) {
            (Conversation::Thread(..), _) => By::Answer,
            (Conversation::Channel(_), Delivery::All) => By::Reader,
            (Conversation::Channel(_), Delivery::Interest) => {
                By::Topic(Topic::of(&draft.record).pop())
            }
        };
        let draft_id = draft.record.id();
        let then = Then::Settle {
            draft: draft_id,
            by,
        };
        let entry = entry::encode(draft);
        let arguments: [&[u8]; 7] = [
            b"a",
            shard.as_bytes(),
            &entry,
            owner.as_bytes(),
            tag.as_bytes(),
            most.as_bytes(),
            topics.as_bytes(),
        ];
        self.push(came, then, &arguments);
    }

    /// Wakes this server's own thread that hears what is published.
    pub fn wake(&mut self) {
        self.push(Instant::now(), Then::Nothing, &[b"w"]);
    }

    /// Adds something for the other servers. A claim that cannot succeed is answered at once.
    pub fn share(&mut self, shared: Shared, people: &mut People, came: Instant) -> Option<News> {
        match shared {
            Shared::Roster(change) => self.roster(&change, people, came),
            Shared::Order(order) => self.order(&order, came),
            // Handled inside the cluster.
            Shared::Rejoin(_) => {}
            Shared::Whisper { message, from } => {
                let notice = notice::whisper(&message, from);
                self.push(came, Then::Nothing, &[b"t", &notice]);
            }
            Shared::Claim { connection, name } => {
                if people.is_taken(&name, None) {
                    return Some(News::Claimed {
                        connection,
                        name,
                        free: false,
                    });
                }
                let then = Then::Claimed {
                    connection,
                    name: name.clone(),
                };
                self.claim(&name, &kind(&Claimant::Guest), "", then, came);
            }
        }
        None
    }

    /// A client of this server wants a nickname.
    pub fn ask(
        &mut self,
        name: Name,
        who: Claimant,
        answer: Sender<Option<Claimed>>,
        people: &People,
        came: Instant,
    ) {
        if people.is_taken(&name, who.account()) {
            // The client may have given up.
            let _ = answer.send(None);
            return;
        }
        let kind = kind(&who);
        let then = Then::Answer {
            name: name.clone(),
            who,
            answer,
        };
        self.claim(&name, &kind, "", then, came);
    }

    /// Nicknames are free again.
    pub fn release(&mut self, key: &Arc<str>, came: Instant) {
        self.push(came, Then::Nothing, &[b"f", key.as_bytes()]);
    }

    /// The script explains `new_name`.
    fn claim(&mut self, name: &Name, kind: &str, new_name: &str, then: Then, came: Instant) {
        let looks = name.looks().join(" ");
        let arguments: [&[u8]; 5] = [
            b"c",
            name.key().as_bytes(),
            kind.as_bytes(),
            looks.as_bytes(),
            new_name.as_bytes(),
        ];
        self.push(came, then, &arguments);
    }

    fn roster(&mut self, change: &RosterChange, people: &mut People, came: Instant) {
        let Steps {
            release,
            claim,
            forget,
            line,
        } = people.apply(change);
        if let Some(Assertion { name, who, is_new }) = claim {
            let new_name = if is_new { name.as_str() } else { "-" };
            let then = Then::Asserted(name.clone());
            self.claim(&name, &kind(&who), new_name, then, came);
        }
        if let Some(key) = release {
            self.release(&key, came);
        }
        if let Some(key) = forget {
            self.push(came, Then::Nothing, &[b"r", b"", key.as_bytes(), b""]);
        }
        if let Some((key, line)) = line {
            let notice = notice::roster(change);
            self.push(came, Then::Nothing, &[b"r", &notice, key.as_bytes(), &line]);
        }
    }

    fn order(&mut self, order: &Order, came: Instant) {
        let notice = notice::order(order);
        let ban = match order {
            Order::Ban(ban) => Some((notice::target_key(&ban.target), notice::ban(ban))),
            Order::Unban(target) => Some((notice::target_key(target), Vec::new())),
            _ => None,
        };
        match ban {
            Some((target, ban)) => self.push(
                came,
                Then::Nothing,
                &[b"b", &notice, target.as_bytes(), &ban],
            ),
            None => self.push(came, Then::Nothing, &[b"t", &notice]),
        }
    }

    /// Gives up drafts older than `then`, unless Redis may have them.
    pub fn expire(&mut self, then: Instant) -> Vec<MessageId> {
        let mut expired = Vec::new();
        if !self.is_sent {
            self.items.retain(|item| match item.then {
                Then::Settle { draft, .. } if item.came < then => {
                    expired.push(draft);
                    false
                }
                _ => true,
            });
        }
        expired
    }

    /// What the answer means. `None` if it is not an answer to this batch.
    pub fn answered(self, answer: &str, people: &mut People) -> Option<Answered> {
        let mut words = answer.split(' ');
        let number: u64 = words.next()?.parse().ok()?;
        let words: Vec<&str> = words.collect();
        if number != self.number || words.len() != self.items.len() {
            return None;
        }
        let now = Instant::now();
        let mut answered = Answered::default();
        for (item, word) in self.items.into_iter().zip(words) {
            let free = word == "1";
            match item.then {
                Then::Settle { draft, by } => match (fate(word)?, by) {
                    (Fate::Committed(_), By::Reader) => answered.to_read += 1,
                    (Fate::Committed(id), By::Topic(topic)) => {
                        answered.committed.push(Committed { draft, id, topic });
                    }
                    (fate, _) => answered.news.push(News::Settled(Settled { draft, fate })),
                },
                Then::Answer { name, who, answer } => {
                    let claimed = claimed(word, &name);
                    match &claimed {
                        Some(Claimed::Free) => people.hold(&name, &who, now),
                        Some(Claimed::Moved(name)) => people.hold(name, &who, now),
                        None => {}
                    }
                    let _ = answer.send(claimed);
                }
                Then::Claimed { connection, name } => {
                    if free {
                        people.hold(&name, &Claimant::Guest, now);
                    }
                    answered.news.push(News::Claimed {
                        connection,
                        name,
                        free,
                    });
                }
                Then::Asserted(name) if !free => answered.news.push(News::Lost(name)),
                Then::Asserted(_) | Then::Nothing => {}
            }
        }
        Some(answered)
    }

    /// The ids of its drafts.
    pub fn drafts(&self) -> Vec<MessageId> {
        let draft = |item: &Item| match item.then {
            Then::Settle { draft, .. } => Some(draft),
            _ => None,
        };
        self.items.iter().filter_map(draft).collect()
    }
}

/// The fate of a draft. `None` if the word makes no sense.
fn fate(word: &str) -> Option<Fate> {
    match word.strip_prefix('=') {
        Some(before) => Some(Fate::Before(before.parse().ok()?)),
        None => Some(Fate::Committed(word.parse().ok()?)),
    }
}

/// The outcome of a claim.
fn claimed(word: &str, name: &Name) -> Option<Claimed> {
    match word.strip_prefix('=') {
        Some("") => Some(Claimed::Moved(name.clone())),
        Some(moved) => Some(Claimed::Moved(Name::parse(moved).ok()?)),
        None => (word == "1").then_some(Claimed::Free),
    }
}

/// The news about drafts that will never be committed.
pub fn not_stored(drafts: Vec<MessageId>) -> Vec<News> {
    let refuse = |draft| {
        News::Settled(Settled {
            draft,
            fate: Fate::NotStored,
        })
    };
    drafts.into_iter().map(refuse).collect()
}
