//! Servers agree on what an account is called (`Hub::wish_nickname`), whatever is chosen
//! where at the same time.

use std::collections::VecDeque;

use chat_server::hub::{
    Command, ConnectionId, Credential, Effect, Effects, Farewell, Hub, Limits, News, NodeId, Now,
    Profile, Refusal, RosterChange, Shared,
};
use chat_server::model::AccountId;
use chat_server::name::Name;

use super::hub_support::name;

const NOW: Now = Now {
    unix_ms: 1_000,
    ticks_ms: 1_000,
};

/// A server, and what it has for the others.
struct Node {
    hub: Hub,
    shared: VecDeque<RosterChange>,
    /// What accounts are called, as those are shown who know them by nicknames.
    called: Vec<(Name, Name)>,
}

impl Node {
    fn new() -> Node {
        let mut hub = Hub::new(Limits::none());
        hub.join_others();
        Node {
            hub,
            shared: VecDeque::new(),
            called: Vec::new(),
        }
    }

    fn run<T>(&mut self, act: impl FnOnce(&mut Hub, &mut Effects) -> T) -> T {
        let mut fx = Effects::default();
        let done = act(&mut self.hub, &mut fx);
        while self.hub.has_work() {
            self.hub.work(NOW, &mut fx);
        }
        for effect in fx.take_list() {
            match effect {
                Effect::Share(Shared::Roster(change)) => self.shared.push_back(change),
                Effect::Call { owner, nickname } => {
                    self.called.retain(|(other, _)| *other != owner);
                    self.called
                        .extend(nickname.map(|nickname| (owner, nickname)));
                }
                _ => {}
            }
        }
        done
    }

    fn come(&mut self, index: u32, owner: &str, account: i64, wish: &str) -> Result<(), Refusal> {
        let id = id(index);
        let profile = Profile {
            protocol: "test",
            address: "192.0.2.1:1".parse().unwrap(),
            cloak: None,
            one_channel: false,
            shows_past: false,
            ends_with_channel: false,
            keeps_rosters: true,
        };
        let credential = Credential {
            account: AccountId(account),
            ignored: Vec::new(),
            token: None,
        };
        self.run(|hub, fx| {
            hub.open(id, profile, NOW, fx);
            hub.wish_nickname(id, name(wish));
            hub.claim(id, name(owner), Some(credential), NOW, fx)
        })
    }

    fn nick(&mut self, index: u32, to: &str) {
        self.run(|hub, fx| {
            hub.wish_nickname(id(index), name(to));
            hub.apply(id(index), Command::Rename(name(to)), NOW, fx);
        });
    }

    fn leave(&mut self, index: u32) {
        self.run(|hub, fx| hub.close(id(index), Farewell::Quit, NOW, fx));
    }

    fn hear(&mut self, news: News) {
        self.run(|hub, fx| hub.hear(news, NOW, fx));
    }

    fn of(&self, owner: &str) -> Option<&str> {
        let mut called = self.called.iter();
        let called = called.find(|(other, _)| *other == name(owner))?;
        Some(called.1.as_str())
    }
}

fn id(index: u32) -> ConnectionId {
    ConnectionId {
        index,
        generation: 0,
    }
}

/// Passes on what the servers have for each other until they have nothing.
fn exchange(nodes: &mut [Node]) {
    for _ in 0..1_000 {
        let from = nodes.iter().position(|node| !node.shared.is_empty());
        let Some(from) = from else {
            return;
        };
        let change = nodes[from].shared.pop_front().unwrap();
        let origin = NodeId(from as u64);
        for (to, node) in nodes.iter_mut().enumerate() {
            if to != from {
                node.hear(News::Roster(origin, change.clone()));
            }
        }
    }
    panic!("they never agree");
}

fn agreed(nodes: &[Node], owner: &str) -> Option<String> {
    let first = nodes[0].of(owner);
    for node in nodes {
        assert_eq!(node.of(owner), first);
    }
    first.map(str::to_owned)
}

#[test]
fn the_nickname_that_was_chosen_last_counts_on_all_servers() {
    let mut nodes = [Node::new(), Node::new(), Node::new()];
    nodes[0].come(0, "ann", 1, "foo").unwrap();
    exchange(&mut nodes);
    assert_eq!(agreed(&nodes, "ann").as_deref(), Some("foo"));
    // Who comes later shares it.
    nodes[1].come(0, "ann", 1, "bar").unwrap();
    exchange(&mut nodes);
    assert_eq!(agreed(&nodes, "ann").as_deref(), Some("foo"));
    nodes[1].nick(0, "bar");
    exchange(&mut nodes);
    assert_eq!(agreed(&nodes, "ann").as_deref(), Some("bar"));
    // It stays while there is a connection anywhere.
    nodes[1].leave(0);
    exchange(&mut nodes);
    assert_eq!(agreed(&nodes, "ann").as_deref(), Some("bar"));
    nodes[0].leave(0);
    exchange(&mut nodes);
    assert_eq!(agreed(&nodes, "ann"), None);
}

#[test]
fn of_two_that_are_chosen_at_once_one_counts() {
    for (one, two) in [("bar", "zed"), ("zed", "bar")] {
        let mut nodes = [Node::new(), Node::new(), Node::new()];
        nodes[0].come(0, "ann", 1, "foo").unwrap();
        exchange(&mut nodes);
        nodes[1].come(0, "ann", 1, "ann").unwrap();
        exchange(&mut nodes);
        nodes[0].nick(0, one);
        nodes[1].nick(0, two);
        exchange(&mut nodes);
        assert!(agreed(&nodes, "ann").is_some());
        // The account's own name is a choice like any other.
        nodes[0].nick(0, "ann");
        exchange(&mut nodes);
        assert_eq!(agreed(&nodes, "ann"), None);
        nodes[1].nick(0, one);
        exchange(&mut nodes);
        assert_eq!(agreed(&nodes, "ann").as_deref(), Some(one));
    }
}

#[test]
fn one_nickname_for_two_accounts_is_settled_alike_everywhere() {
    let mut nodes = [Node::new(), Node::new(), Node::new()];
    nodes[0].come(0, "ann", 1, "foo").unwrap();
    nodes[1].come(0, "eve", 2, "foo").unwrap();
    exchange(&mut nodes);
    assert_eq!(agreed(&nodes, "ann").as_deref(), Some("foo"));
    assert_eq!(agreed(&nodes, "eve"), None);
    // It is the other's as soon as it is free, or if it was given to that one.
    nodes[0].hear(News::Lost(name("foo")));
    exchange(&mut nodes);
    assert_eq!(agreed(&nodes, "ann"), None);
    assert_eq!(agreed(&nodes, "eve").as_deref(), Some("foo"));
    assert_eq!(
        nodes[2].come(0, "dan", 3, "foo"),
        Err(Refusal::NicknameInUse(name("foo")))
    );
}

#[test]
fn what_a_lost_server_called_an_account_is_free() {
    let mut nodes = [Node::new(), Node::new()];
    nodes[0].come(0, "ann", 1, "foo").unwrap();
    exchange(&mut nodes);
    assert_eq!(
        nodes[1].come(0, "eve", 2, "foo"),
        Err(Refusal::NicknameInUse(name("foo")))
    );
    nodes[1].leave(0);
    nodes[1].hear(News::Gone(NodeId(0)));
    assert_eq!(nodes[1].of("ann"), None);
    nodes[1].come(1, "eve", 2, "foo").unwrap();
    assert_eq!(nodes[1].of("eve"), Some("foo"));
    // A server that has lost the others forgets what they have said.
    nodes[1].leave(1);
    nodes[1].shared.clear();
    let mut nodes = [Node::new(), Node::new()];
    nodes[0].come(0, "ann", 1, "foo").unwrap();
    exchange(&mut nodes);
    nodes[1].hear(News::CutOff);
    assert_eq!(nodes[1].of("ann"), None);
}
