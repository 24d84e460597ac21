//! The hub alone: commands in, effects out, no socket.

use std::net::Ipv4Addr;

use chat_server::hub::{
    Ban, BanTarget, Command, ConnectionId, Effects, Farewell, Hub, Limits, MAX_BANS, Now, Profile,
};
use chat_server::model::governance::{Cloak, Grant, List, ListEntry, Mask, Registered, Rules};
use chat_server::model::{AccountId, MessageId};
use chat_server::name::Name;
use chat_server::text::Text;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Commands in one turn.
const TURN: u64 = 64;

/// A hub with rooms that have `members` members in all.
struct House {
    hub: Hub,
    fx: Effects,
    now: Now,
    people: Vec<ConnectionId>,
}

impl House {
    fn empty() -> House {
        House {
            hub: Hub::new(Limits::none()),
            fx: Effects::default(),
            now: Now {
                unix_ms: 1_790_000_000_000,
                ticks_ms: 0,
            },
            people: Vec::new(),
        }
    }

    fn new(members: u32, in_a_room: u32) -> House {
        let mut house = House::empty();
        for index in 0..members {
            house.enter(index, &format!("room{}", index / in_a_room));
        }
        house
    }

    fn enter(&mut self, index: u32, room: &str) {
        let id = ConnectionId {
            index,
            generation: 0,
        };
        let profile = Profile {
            protocol: "bench",
            address: "192.0.2.1:1".parse().unwrap(),
            cloak: Cloak::parse("abcdefghijkl.guest"),
            one_channel: true,
            shows_past: true,
            ends_with_channel: false,
            keeps_rosters: false,
        };
        let nickname = Name::parse(&format!("member{index}")).unwrap();
        self.hub.open(id, profile, self.now, &mut self.fx);
        let claimed = self.hub.claim(id, nickname, None, self.now, &mut self.fx);
        claimed.unwrap();
        self.apply(id, Command::Join(Name::parse(room).unwrap()));
        self.people.push(id);
    }

    fn apply(&mut self, id: ConnectionId, command: Command) {
        self.hub.apply(id, command, self.now, &mut self.fx);
        self.fx.clear();
    }
}

fn messages(c: &mut Criterion) {
    let mut group = c.benchmark_group("messages");
    group.throughput(Throughput::Elements(TURN));
    let text = Text::clean("a message of forty-seven characters, neither long");
    for (members, in_a_room) in [(2, 2), (1000, 2), (1000, 1000), (10_000, 10_000)] {
        let mut house = House::new(members, in_a_room);
        let name = BenchmarkId::new(format!("rooms of {in_a_room}"), members);
        group.bench_function(name, |b| {
            b.iter(|| {
                for sender in 0..TURN as usize {
                    let id = house.people[sender * 7 % house.people.len()];
                    let say = Command::Say {
                        channel: None,
                        body: text.clone().into(),
                    };
                    house.apply(id, say);
                }
            });
        });
    }
    group.finish();
}

fn rooms(c: &mut Criterion) {
    let mut house = House::new(1000, 1000);
    let id = house.people[0];
    let names = ["room0", "elsewhere"].map(|name| Name::parse(name).unwrap());
    c.bench_function("leave a room of 1000 and come back", |b| {
        b.iter(|| {
            for name in names.iter().rev() {
                house.apply(id, Command::Join(name.clone()));
            }
        });
    });
}

/// A channel with as many bans, mutes and accounts as there can be.
fn full_rules() -> Rules {
    let name = |what: &str, n: u32| Name::parse(&format!("{what}{n}")).unwrap();
    let entry = |mask| ListEntry {
        mask,
        by: name("operator", 0),
        at_ms: 0,
        until_ms: None,
        reason: None,
    };
    let mask = |n: u32| match n % 4 {
        0 => Mask::Account(AccountId(n.into()), name("banned", n)),
        1 => Mask::Host(Cloak::parse(&format!("{n}.guest")).unwrap(), None),
        2 => Mask::parse(&format!("*bad{n}*")).unwrap(),
        _ => Mask::parse(&format!("banned{n}")).unwrap(),
    };
    let entries: Vec<ListEntry> = (0..100).map(mask).map(entry).collect();
    let grant = |n: u32| Grant {
        name: name("account", n),
        role: None,
        since: MessageId::default(),
    };
    let grants = (0..1000).map(|n| (AccountId(1000 + i64::from(n)), grant(n)));
    Rules {
        registered: Some(Registered {
            founder: AccountId(1000),
            since_ms: 0,
        }),
        lists: [(List::Ban, entries.clone()), (List::Mute, entries)].into(),
        grants: grants.collect(),
        ..Rules::default()
    }
}

/// What rules cost: an open room of 100, and one with [`full_rules`].
fn governed(c: &mut Criterion) {
    let text = Text::clean("a message of forty-seven characters, neither long");
    for kind in ["open", "governed"] {
        let mut house = House::empty();
        if kind == "governed" {
            let room = Name::parse("room").unwrap();
            house.hub.restore_channels(vec![(room, full_rules())]);
        }
        for index in 0..100 {
            house.enter(index, "room");
        }
        let names = ["room", "elsewhere"].map(|name| Name::parse(name).unwrap());
        let id = house.people[0];
        let mut group = c.benchmark_group(format!("{kind} room of 100"));
        group.bench_function("leave and come back", |b| {
            b.iter(|| {
                for name in names.iter().rev() {
                    house.apply(id, Command::Join(name.clone()));
                }
            });
        });
        group.bench_function("message", |b| {
            b.iter(|| {
                let say = Command::Say {
                    channel: None,
                    body: text.clone().into(),
                };
                house.apply(id, say);
            });
        });
        group.finish();
    }
}

/// Half of the bans are of addresses and networks, half of nicknames.
fn many_bans() -> Vec<Ban> {
    let ban = |number: u32| Ban {
        id: number.into(),
        target: match number % 4 {
            0 => BanTarget::Address(
                format!("{}/32", Ipv4Addr::from(number << 8))
                    .parse()
                    .unwrap(),
            ),
            1 => BanTarget::Address(format!("2001:db8:{number:x}::/48").parse().unwrap()),
            _ => BanTarget::Nickname(Name::parse(&format!("banned{number}")).unwrap()),
        },
        reason: None,
        created_ms: 0,
        expires_ms: None,
    };
    (0..MAX_BANS as u32).map(ban).collect()
}

/// A client connects, takes a nickname, and disconnects.
fn coming(c: &mut Criterion) {
    let mut group = c.benchmark_group("come with a nickname and go");
    for bans in [Vec::new(), many_bans()] {
        let mut house = House::new(1000, 1000);
        let name = BenchmarkId::new("bans", bans.len());
        house.hub.restore_bans(bans);
        let id = ConnectionId {
            index: 1000,
            generation: 0,
        };
        let nickname = Name::parse("visitor").unwrap();
        group.bench_function(name, |b| {
            b.iter(|| {
                let profile = Profile {
                    protocol: "bench",
                    address: "203.0.113.7:1".parse().unwrap(),
                    cloak: None,
                    one_channel: true,
                    shows_past: true,
                    ends_with_channel: false,
                    keeps_rosters: false,
                };
                let House { hub, fx, now, .. } = &mut house;
                hub.open(id, profile, *now, fx);
                let claimed = hub.claim(id, nickname.clone(), None, *now, fx);
                claimed.unwrap();
                hub.close(id, Farewell::Quit, *now, fx);
                fx.clear();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, messages, rooms, governed, coming);
criterion_main!(benches);
