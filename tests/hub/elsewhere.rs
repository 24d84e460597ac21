//! Channels whose people are on several servers: the shared log gives out ids of its own,
//! and says in which order things were said.

use std::collections::BTreeMap;

use chat_server::hub::{
    Command, ConnectionId, Deed, Farewell, Fate, Message, MessageId, News, NodeId, Pass,
    RosterChange, Settled,
};
use chat_server::model::governance::{By, Change, ChannelChange, Flag, Key, Visibility};
use chat_server::model::{Place, Record};
use chat_server::store::Window;
use chat_server::text::Text;

use super::hub_support::name;
use super::keeping_house::Kept;

const OTHER: NodeId = NodeId(1);
/// Ids of logs whose clocks are far behind that of the hub, and far ahead.
const CLOCKS: [u64; 2] = [1_000_000, 1_900_000_000_000];

/// A hub, and the log that it shares with another server.
struct Several {
    kept: Kept,
    last: u64,
    said: Vec<Message>,
    /// The last change of each channel, by name.
    versions: BTreeMap<String, MessageId>,
}

fn key() -> Key {
    Key::parse("sesame").unwrap()
}

impl Several {
    fn new(clock: u64) -> Several {
        let mut kept = Kept::new();
        kept.house.hub.join_others();
        kept.run(|hub, now, fx| hub.hear(News::Met, now, fx));
        Several {
            kept,
            last: clock,
            said: Vec::new(),
            versions: BTreeMap::new(),
        }
    }

    fn hear(&mut self, news: News) {
        self.kept.run(|hub, now, fx| hub.hear(news, now, fx));
    }

    fn next(&mut self) -> MessageId {
        self.last += 1;
        MessageId {
            ms: self.last,
            sequence: 0,
        }
    }

    fn roster(&mut self, change: RosterChange) {
        self.hear(News::Roster(OTHER, change));
    }

    /// A user of the other server joins a channel.
    fn comes_elsewhere(&mut self, who: &str, channel: &str) {
        self.roster(RosterChange::Online {
            name: name(who),
            account: None,
            cloak: None,
        });
        self.roster(RosterChange::Joined {
            name: name(who),
            channel: name(channel),
        });
    }

    fn leaves_elsewhere(&mut self, who: &str, channel: &str) {
        self.roster(RosterChange::Left {
            name: name(who),
            channel: name(channel),
            reason: None,
        });
    }

    /// The log has a message of the other server.
    fn says_elsewhere(&mut self, who: &str, channel: &str, text: &str) {
        let message = Message {
            id: self.next(),
            at_ms: 0,
            author: name(who),
            place: Place::Channel {
                channel: name(channel),
                account: None,
            },
            body: Text::clean(text).into(),
        };
        self.said.push(message.clone());
        self.hear(News::Message(message));
    }

    /// The log has a change of the other server.
    fn changes_elsewhere(&mut self, channel: &str, change: Change) {
        let id = self.next();
        self.versions.insert(channel.to_owned(), id);
        self.hear(News::Changed(Box::new(ChannelChange {
            id,
            at_ms: 0,
            channel: name(channel),
            by: By::Server(name("other")),
            changes: vec![change],
        })));
    }

    /// The log takes in what this hub has drafted, and has the store answer.
    fn commit(&mut self) {
        loop {
            let drafts = std::mem::take(&mut self.kept.house.appended);
            let recalls = std::mem::take(&mut self.kept.house.recalls);
            if drafts.is_empty() && recalls.is_empty() {
                return;
            }
            for draft in drafts {
                let id = self.next();
                match self.kept.records[&draft].clone() {
                    Record::Message(message) => self.said.push(Message { id, ..message }),
                    Record::Keyed(keyed) => unreachable!("no program posts {keyed:?}"),
                    Record::Amend(amendment) => {
                        for message in &mut self.said {
                            amendment.apply(message);
                        }
                    }
                    Record::React(reaction) => {
                        for message in &mut self.said {
                            reaction.apply(message);
                        }
                    }
                    Record::Change(change) => {
                        self.versions.insert(change.channel.to_string(), id);
                    }
                }
                let fate = Fate::Committed(id);
                self.hear(News::Settled(Settled { draft, fate }));
            }
            for recall in recalls {
                let is_there = |it: &&Message| it.place.channel() == Some(&recall.channel);
                let past = self.said.iter().filter(is_there).cloned().collect();
                self.kept
                    .run(|hub, now, fx| hub.recalled(&recall, past, now, fx));
            }
        }
    }

    fn join(&mut self, id: ConnectionId, channel: &str) {
        let command = Command::Opened {
            pass: Pass::Key(key()),
            command: Box::new(Command::Join(name(channel))),
        };
        self.kept.apply(id, command);
    }

    /// What is said here, before the log has it.
    fn say(&mut self, id: ConnectionId, channel: &str, text: &str) {
        let channel = Some(name(channel));
        let body = Text::clean(text).into();
        self.kept.apply(id, Command::Say { channel, body });
    }

    /// What a connection was told of words that were said, live or as the past.
    fn words(&mut self, id: ConnectionId) -> String {
        let told = self.kept.events(id).into_iter();
        let told = told.map(|event| format!("{event:?}"));
        told.collect::<Vec<_>>().join("\n")
    }

    /// The message after which a connection may read the past of a channel.
    fn readable(&mut self, id: ConnectionId, channel: &str) -> MessageId {
        let command = Command::History {
            channel: Some(name(channel)),
            window: Window::Latest,
            limit: 10,
        };
        self.kept.apply(id, command);
        let reading = self.kept.house.readings.pop().unwrap();
        self.kept
            .run(|hub, now, fx| hub.history_read(&reading, None, now, fx));
        reading.readable
    }

    /// A channel with a key, in which a user of the other server is alone.
    fn den_elsewhere(&mut self) {
        self.comes_elsewhere("ann", "den");
        self.changes_elsewhere("den", Change::Key(Some(key())));
        self.says_elsewhere("ann", "den", "an old secret");
    }

    fn id_of(&self, text: &str) -> MessageId {
        let said = self.said.iter().find(|it| it.body.text.as_str() == text);
        said.unwrap().id
    }
}

#[test]
fn what_comes_from_the_log_before_it_says_that_a_channel_is_open_is_told_to_nobody() {
    for clock in CLOCKS {
        let mut it = Several::new(clock);
        it.den_elsewhere();
        let bob = it.kept.arrive(0, "bob");
        it.leaves_elsewhere("ann", "den");
        it.join(bob, "den");
        it.commit();
        // It was said before ann left, and this server has read the log more slowly.
        it.says_elsewhere("ann", "den", "the last secret");
        assert_eq!(it.readable(bob, "den"), MessageId::LAST);
        let version = it.versions["den"];
        it.changes_elsewhere("den", Change::Floor(version));
        it.comes_elsewhere("cem", "den");
        it.says_elsewhere("cem", "den", "good morning");
        let words = it.words(bob);
        assert!(!words.contains("secret"), "{words}");
        assert!(words.contains("good morning"), "{words}");
        let readable = it.readable(bob, "den");
        assert!(readable >= it.id_of("the last secret"));
        assert!(readable < it.id_of("good morning"));
    }
}

#[test]
fn what_is_said_here_after_everyone_has_left_shows_what_came_before() {
    for clock in CLOCKS {
        let mut it = Several::new(clock);
        it.den_elsewhere();
        let bob = it.kept.arrive(0, "bob");
        it.leaves_elsewhere("ann", "den");
        it.join(bob, "den");
        it.commit();
        it.says_elsewhere("ann", "den", "the last secret");
        // The server that is to open the channel is slow. They talk all the same.
        it.say(bob, "den", "anyone here?");
        it.commit();
        it.comes_elsewhere("cem", "den");
        it.says_elsewhere("cem", "den", "good morning");
        let words = it.words(bob);
        assert!(!words.contains("secret"), "{words}");
        assert!(words.contains("anyone here?"), "{words}");
        assert!(words.contains("good morning"), "{words}");
        let readable = it.readable(bob, "den");
        assert!(readable >= it.id_of("the last secret"));
        assert!(readable < it.id_of("anyone here?"));
    }
}

#[test]
fn what_the_last_one_here_has_said_is_not_told_to_who_comes_after() {
    for clock in CLOCKS {
        let mut it = Several::new(clock);
        let ann = it.kept.arrive(0, "ann");
        let bob = it.kept.arrive(1, "bob");
        it.join(ann, "den");
        it.commit();
        let rules = Deed::Rules(vec![Change::Key(Some(key()))]);
        it.kept
            .apply(ann, Command::Govern(Some(name("den")), rules));
        it.commit();
        it.say(ann, "den", "the secret");
        it.kept
            .run(|hub, now, fx| hub.close(ann, Farewell::Quit, now, fx));
        it.join(bob, "den");
        it.commit();
        it.say(bob, "den", "hello?");
        it.commit();
        let words = it.words(bob);
        assert!(!words.contains("the secret"), "{words}");
        assert!(words.contains("hello?"), "{words}");
        // A server that starts now knows it, too: the log says so.
        assert!(it.readable(bob, "den") > it.id_of("the secret"));
        let rules = it.kept.hub.rules(&name("den")).unwrap().rules;
        assert!(rules.is_open() && rules.floor > it.id_of("the secret"));
    }
}

#[test]
fn a_channel_that_was_left_is_opened_even_if_someone_has_come_in() {
    let mut it = Several::new(CLOCKS[0]);
    let ann = it.kept.arrive(0, "ann");
    it.join(ann, "den");
    it.commit();
    let rules = Deed::Rules(vec![Change::Key(Some(key()))]);
    it.kept
        .apply(ann, Command::Govern(Some(name("den")), rules));
    it.commit();
    it.say(ann, "den", "the secret");
    it.commit();
    let leave = Command::Leave {
        channel: Some(name("den")),
        reason: None,
    };
    // Both before there is time for anything else.
    it.kept.call(|hub, now, fx| hub.apply(ann, leave, now, fx));
    let joined = [
        RosterChange::Online {
            name: name("cem"),
            account: None,
            cloak: None,
        },
        RosterChange::Joined {
            name: name("cem"),
            channel: name("den"),
        },
    ];
    for change in joined {
        let news = News::Roster(OTHER, change);
        it.kept.call(|hub, now, fx| hub.hear(news, now, fx));
    }
    // An administrator changes it at the same moment.
    let version = it.versions["den"];
    it.kept.run(|_, _, _| ());
    it.changes_elsewhere("den", Change::Flag(Flag::Moderated, true));
    it.commit();
    let rules = it.kept.hub.rules(&name("den")).unwrap().rules;
    assert!(rules.version > version && rules.is_open(), "{rules:?}");
    assert!(rules.floor > it.id_of("the secret"));
    assert!(!it.kept.hub.has_work() && it.kept.appended.is_empty());
}

#[test]
fn if_the_last_two_leave_at_once_on_two_servers_the_channel_is_opened() {
    let mut it = Several::new(CLOCKS[0]);
    it.den_elsewhere();
    let bob = it.kept.arrive(0, "bob");
    it.join(bob, "den");
    it.commit();
    // Neither server has heard of the other's departure when it tells its own.
    it.kept.leave(bob, "den");
    assert!(it.kept.appended.is_empty(), "ann is still in it");
    it.leaves_elsewhere("ann", "den");
    it.commit();
    let rules = it.kept.hub.rules(&name("den"));
    let is_open = rules.is_none_or(|view| view.rules.is_open());
    assert!(is_open, "it would be locked for ever");
}

#[test]
fn what_was_said_before_one_came_is_not_read_however_quiet_the_server_was() {
    for clock in CLOCKS {
        let mut it = Several::new(clock);
        it.comes_elsewhere("ann", "den");
        it.changes_elsewhere("den", Change::History(Visibility::Since));
        let bob = it.kept.arrive(0, "bob");
        it.join(bob, "den");
        it.commit();
        it.says_elsewhere("ann", "den", "before");
        let cem = it.kept.arrive(1, "cem");
        it.join(cem, "den");
        it.commit();
        it.says_elsewhere("ann", "den", "after");
        let readable = it.readable(cem, "den");
        assert_eq!(readable, it.id_of("before"));
        assert!(it.readable(bob, "den") < it.id_of("before"));
    }
}

#[test]
fn the_limit_of_a_channel_counts_the_people_of_all_servers_once() {
    let mut it = Several::new(CLOCKS[0]);
    it.den_elsewhere();
    it.changes_elsewhere("den", Change::Limit(Some(3)));
    let bob = it.kept.arrive(0, "bob");
    it.join(bob, "den");
    it.commit();
    // On both servers at once, and yet one person.
    it.comes_elsewhere("bob", "den");
    let cem = it.kept.arrive(1, "cem");
    it.join(cem, "den");
    it.commit();
    assert!(
        it.words(cem).contains("Joined"),
        "there is room for one more"
    );
    let dan = it.kept.arrive(2, "dan");
    it.join(dan, "den");
    assert!(it.words(dan).contains("ChannelFull"));
    it.leaves_elsewhere("ann", "den");
    it.join(dan, "den");
    it.commit();
    assert!(it.words(dan).contains("Joined"));
}

#[test]
fn who_speaks_before_the_past_is_read_operates_a_channel_that_is_new() {
    for clock in CLOCKS {
        let mut it = Several::new(clock);
        it.comes_elsewhere("ann", "old");
        it.says_elsewhere("ann", "old", "we were here");
        it.leaves_elsewhere("ann", "old");
        let bob = it.kept.arrive(0, "bob");
        for (channel, operates) in [("new", true), ("old", false)] {
            it.join(bob, channel);
            it.say(bob, channel, "hello");
            it.commit();
            let words = it.words(bob);
            assert_eq!(words.contains("Role {"), operates, "{channel}: {words}");
        }
    }
}
