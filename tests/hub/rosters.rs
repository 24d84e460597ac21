//! Clients that keep lists of members, among many others who come, speak and go: whatever the
//! order, they are shown everyone who speaks before that one does, nobody stays in their lists who
//! has gone, and the connections of an account are in the same channels.

use std::collections::{BTreeMap, BTreeSet};

use crate::hub_support::{House, credential, name};
use chat_server::hub::{Command, ConnectionId, Event, Farewell, Profile, Refusal, RosterNews};
use chat_server::name::Name;
use chat_server::protocol::irc::nicknames::Nicknames;
use chat_server::text::Text;

/// Connections, of which each account has [`SHARED`] and guests have one.
const CONNECTIONS: u32 = 80;
const ACCOUNTS: u32 = 3;
const SHARED: u32 = 3;
const CHANNELS: [&str; 2] = ["red", "blue"];
const STEPS: usize = 1000;
/// After so many steps nothing happens for a while.
const UNTIL_QUIET: usize = 50;
const QUIET_MS: u64 = 120_000;

/// Numbers that follow from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// What a client knows from what it was told: the members of its channels, by key.
#[derive(Default)]
struct Client {
    nick: String,
    account: Option<u32>,
    channels: BTreeMap<String, BTreeSet<String>>,
}

impl Client {
    fn list(&mut self, channel: &Name) -> Option<&mut BTreeSet<String>> {
        self.channels.get_mut(channel.as_str())
    }

    fn take(&mut self, event: &Event, nicknames: &Nicknames, seed: u64) {
        match event {
            Event::Welcome { nickname } => self.nick = nickname.to_string(),
            Event::Joined { channel, .. } => {
                let own = BTreeSet::from([self.nick.clone()]);
                self.channels.insert(channel.to_string(), own);
            }
            Event::Left { channel, .. } => {
                self.channels.remove(channel.as_str());
            }
            Event::Members { channel, page, .. } => {
                let rows = page.rows.iter();
                let names = rows.map(|row| nicknames.shown(&row.name).to_string());
                let names: Vec<String> = names.collect();
                if let Some(list) = self.list(channel) {
                    list.extend(names);
                }
            }
            Event::MemberJoined {
                channel, nickname, ..
            } => {
                if let Some(list) = self.list(channel) {
                    list.insert(nickname.to_string());
                }
            }
            Event::MemberLeft {
                channel, nickname, ..
            } => {
                if let Some(list) = self.list(channel) {
                    list.remove(nickname.as_str());
                }
            }
            Event::Roster(RosterNews::Quit { nickname, .. }) => {
                for list in self.channels.values_mut() {
                    list.remove(nickname.as_str());
                }
            }
            Event::Roster(RosterNews::Renamed { from, to }) => self.rename(from.as_str(), to),
            Event::Renamed { to } => {
                let from = self.nick.clone();
                self.rename(&from, to);
                self.nick = to.to_string();
            }
            Event::Message(message) => {
                let author = message.author.to_string();
                if let Some(list) = message.place.channel().and_then(|it| self.list(it)) {
                    assert!(
                        list.contains(&author),
                        "seed {seed}: {author} is not in {list:?}"
                    );
                }
            }
            _ => {}
        }
    }

    fn rename(&mut self, from: &str, to: &Name) {
        for list in self.channels.values_mut() {
            if list.remove(from) {
                list.insert(to.to_string());
            }
        }
    }
}

struct World {
    house: House,
    clients: BTreeMap<ConnectionId, Client>,
    generation: u32,
    seed: u64,
}

impl World {
    /// The account to which a connection logs in first.
    fn account(index: u32) -> Option<u32> {
        (index < ACCOUNTS * SHARED).then_some(index % ACCOUNTS)
    }

    fn owner(account: u32) -> Name {
        name(&format!("owner{account}"))
    }

    fn enter(&mut self, index: u32) {
        self.generation += 1;
        let id = ConnectionId {
            index,
            generation: self.generation,
        };
        let profile = Profile {
            protocol: "test",
            address: "192.0.2.1:9".parse().unwrap(),
            cloak: None,
            one_channel: false,
            shows_past: false,
            ends_with_channel: false,
            keeps_rosters: true,
        };
        self.house
            .run(|hub, now, fx| hub.open(id, profile, now, fx));
        let account = World::account(index);
        let (wanted, credential) = match account {
            Some(account) => (World::owner(account), Some(credential(account.into()))),
            None => (name(&format!("guest{index}")), None),
        };
        let nick = wanted.to_string();
        let claimed = (self.house).run(|hub, now, fx| hub.claim(id, wanted, credential, now, fx));
        if claimed == Err(Refusal::NicknameInUse(name(&nick))) {
            // An account is called so.
            return (self.house).run(|hub, now, fx| hub.close(id, Farewell::Quit, now, fx));
        }
        claimed.unwrap();
        let client = Client {
            nick,
            account,
            ..Client::default()
        };
        self.clients.insert(id, client);
        // As the session of a client that has logged in does.
        for channel in self.house.hub.shared_channels(id) {
            self.house.apply(id, Command::Join(channel));
        }
    }

    fn act(&mut self, random: &mut Random) {
        let index = random.below(CONNECTIONS.into()) as u32;
        let id = self.clients.keys().find(|id| id.index == index).copied();
        let Some(id) = id else {
            return self.enter(index);
        };
        let channel = name(CHANNELS[random.below(2) as usize]);
        match random.below(13) {
            0..=4 => self.house.apply(id, Command::Join(channel)),
            5..=6 => {
                let channel = Some(channel);
                let reason = None;
                self.house.apply(id, Command::Leave { channel, reason });
            }
            7..=9 => {
                let channel = Some(channel);
                let body = Text::clean("hi").into();
                self.house.apply(id, Command::Say { channel, body });
            }
            10 => {
                self.house
                    .run(|hub, now, fx| hub.close(id, Farewell::Quit, now, fx));
                self.learn();
                self.clients.remove(&id);
            }
            11 => {
                let other = name(&format!("other{}", random.below(200)));
                if self.account_of(id).is_some() {
                    let wish = other.clone();
                    (self.house).run(|hub, _, _| hub.wish_nickname(id, wish));
                }
                self.house.apply(id, Command::Rename(other));
            }
            _ => self.log_in_to_another(id, random.below(ACCOUNTS.into()) as u32),
        }
    }

    fn account_of(&self, id: ConnectionId) -> Option<u32> {
        self.clients.get(&id)?.account
    }

    /// A guest, or a connection of an account, logs in to an account.
    fn log_in_to_another(&mut self, id: ConnectionId, account: u32) {
        let (before, owner) = (self.account_of(id), World::owner(account));
        // Some guests remain.
        if before == Some(account) || (before.is_none() && !id.index.is_multiple_of(8)) {
            return;
        }
        let proof = credential(account.into());
        let left = (self.house).run(|hub, now, fx| match before {
            Some(_) => hub.switch_account(id, owner, proof, now, fx),
            None => {
                if let Some(own) = hub.nickname_of(id) {
                    hub.wish_nickname(id, own);
                }
                let became = hub.become_account(id, owner, &proof, now, fx);
                became.map(|()| Vec::new())
            }
        });
        let mut channels = left.unwrap();
        // As the session does.
        channels.extend(self.house.hub.shared_channels(id));
        for channel in channels {
            self.house.apply(id, Command::Join(channel));
        }
        // One that was there before, and those with which it is shared from now on.
        for channel in self.house.hub.channels_of(id) {
            let others: Vec<ConnectionId> = self
                .clients
                .iter()
                .filter(|(_, it)| it.account == Some(account))
                .map(|(id, _)| *id)
                .collect();
            for other in others {
                self.house.apply(other, Command::Join(channel.clone()));
            }
        }
        if let Some(client) = self.clients.get_mut(&id) {
            client.account = Some(account);
        }
    }

    /// Has all clients take what they were told.
    fn learn(&mut self) {
        self.house.settle(true);
        for (id, event) in std::mem::take(&mut self.house.told) {
            if let Some(client) = self.clients.get_mut(&id) {
                client.take(&event, &self.house.nicknames, self.seed);
            }
        }
    }

    fn check(&self) {
        let seed = self.seed;
        let mut shared: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
        for (id, client) in &self.clients {
            let own = self.house.hub.channels_of(*id).into_iter();
            let own: BTreeSet<String> = own.map(|channel| channel.to_string()).collect();
            let told: BTreeSet<String> = client.channels.keys().cloned().collect();
            assert_eq!(own, told, "seed {seed}: {}", client.nick);
            if let Some(account) = client.account {
                let first = shared.entry(account).or_insert_with(|| own.clone());
                assert_eq!(*first, own, "seed {seed}: {}", client.nick);
            }
        }
    }
}

impl World {
    /// Nobody is in a list any more who has gone, once nothing happens for a while.
    fn check_quiet(&mut self) {
        self.house.pass(QUIET_MS);
        self.learn();
        let mut members: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (id, client) in &self.clients {
            for channel in self.house.hub.channels_of(*id) {
                let there = members.entry(channel.to_string()).or_default();
                there.insert(client.nick.clone());
            }
        }
        for client in self.clients.values() {
            for (channel, list) in &client.channels {
                let there = members.get(channel).cloned().unwrap_or_default();
                let gone: Vec<&String> = list.difference(&there).collect();
                let (seed, nick) = (self.seed, &client.nick);
                assert!(
                    gone.is_empty(),
                    "seed {seed}: {nick} sees {gone:?} in {channel}"
                );
            }
        }
        assert_eq!(self.house.hub.sizes().late_leavings, 0);
    }
}

#[test]
fn lists_of_members_have_everyone_who_speaks() {
    for seed in 1..=3 {
        let mut random = Random(seed);
        let mut world = World {
            house: House::new(),
            clients: BTreeMap::new(),
            generation: 0,
            seed,
        };
        let mut was_late = false;
        for step in 0..STEPS {
            world.act(&mut random);
            world.learn();
            was_late |= world.house.hub.sizes().late_leavings > 0;
            world.house.pass(random.below(30));
            world.learn();
            world.check();
            if step % UNTIL_QUIET == 0 {
                world.check_quiet();
            }
        }
        world.check_quiet();
        assert!(was_late, "seed {seed}: no leaving was told later");
        let people = world.clients.len();
        assert!(
            people > 40,
            "seed {seed}: {people} do not make a large channel"
        );
    }
}
