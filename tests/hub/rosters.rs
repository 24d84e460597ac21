//! IRC clients of all kinds, among many others who come, speak and go: whatever the order, they
//! are shown everyone who speaks before that one does, nobody stays in their lists who has gone, and
//! everyone is there with the role that they have; they know which of those that they watch are on,
//! and the connections of an account are in the same channels.

use std::collections::{BTreeMap, BTreeSet};

use crate::hub_support::{House, credential, name};
use crate::irc_screen::Screen;
use chat_server::hub::{Command, ConnectionId, Deed, Farewell, Profile, Refusal};
use chat_server::model::governance::{Person, Role};
use chat_server::name::Name;
use chat_server::protocol::irc::{Caps, Reader};
use chat_server::protocol::speech::IRC;
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
/// What clients of different kinds have asked for.
const KINDS: [&str; 4] = [
    "",
    "server-time multi-prefix invite-notify",
    "server-time message-tags account-tag extended-join userhost-in-names away-notify",
    "server-time message-tags account-tag extended-join userhost-in-names multi-prefix \
     account-notify away-notify chghost setname invite-notify echo-message extended-monitor",
];
/// Of lines that a planted bug loses, every so many-th is lost.
const LOST: usize = 3;

/// A bug between hub and client: a line of this kind is lost now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    Coming,
    Going,
    Removal,
    Renaming,
    Role,
    Watch,
}

impl Bug {
    const ALL: [Bug; 6] = [
        Bug::Coming,
        Bug::Going,
        Bug::Removal,
        Bug::Renaming,
        Bug::Role,
        Bug::Watch,
    ];

    fn loses(self, line: &str) -> bool {
        let mut words = line.split(' ').skip_while(|word| word.starts_with('@'));
        let command = words.nth(1).unwrap_or_default();
        match self {
            Bug::Coming => command == "JOIN",
            Bug::Going => matches!(command, "PART" | "QUIT"),
            Bug::Removal => command == "KICK",
            Bug::Renaming => command == "NICK",
            Bug::Role => command == "MODE",
            Bug::Watch => matches!(command, "730" | "731"),
        }
    }
}

/// Numbers that follow from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// A client, and the account to which it has logged in.
#[derive(Default)]
struct Client {
    account: Option<u32>,
    screen: Screen,
}

struct World {
    house: House,
    clients: BTreeMap<ConnectionId, Client>,
    generation: u32,
    bug: Option<Bug>,
    /// Lines that the bug could have lost.
    losable: usize,
}

impl World {
    /// The account to which a connection logs in first.
    fn account(index: u32) -> Option<u32> {
        (index < ACCOUNTS * SHARED).then_some(index % ACCOUNTS)
    }

    fn owner(account: u32) -> Name {
        name(&format!("owner{account}"))
    }

    fn new(bug: Option<Bug>) -> World {
        World {
            house: House::new(),
            clients: BTreeMap::new(),
            generation: 0,
            bug,
            losable: 0,
        }
    }

    fn enter(&mut self, index: u32, random: &mut Random) {
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
        let mut reader = Reader::of(IRC.format);
        let kind = KINDS[index as usize % KINDS.len()];
        reader.set_caps(Caps::default().after(kind, true).expect("capabilities"));
        self.house.readers.insert(id, reader);
        self.house
            .run(|hub, now, fx| hub.open(id, profile, now, fx));
        let account = World::account(index);
        let (wanted, credential) = match account {
            Some(account) => (World::owner(account), Some(credential(account.into()))),
            None => (name(&format!("guest{index}")), None),
        };
        if account.is_some() && random.below(2) == 0 {
            let wish = some_other(random);
            self.house.run(|hub, _, _| hub.wish_nickname(id, wish));
        }
        let claimed = (self.house).run(|hub, now, fx| hub.claim(id, wanted, credential, now, fx));
        if let Err(Refusal::NicknameInUse(_)) = claimed {
            // An account is called so.
            self.house
                .run(|hub, now, fx| hub.close(id, Farewell::Quit, now, fx));
            self.house.readers.remove(&id);
            return;
        }
        claimed.unwrap();
        let client = Client {
            account,
            ..Client::default()
        };
        self.clients.insert(id, client);
        // As the session of a client that has logged in does.
        for channel in self.house.hub.shared_channels(id) {
            self.house.apply(id, Command::Join(channel));
        }
    }

    fn act(&mut self, random: &mut Random) -> Result<(), String> {
        let index = random.below(CONNECTIONS.into()) as u32;
        let id = self.clients.keys().find(|id| id.index == index).copied();
        let Some(id) = id else {
            self.enter(index, random);
            return Ok(());
        };
        let channel = name(CHANNELS[random.below(2) as usize]);
        match random.below(20) {
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
                self.learn()?;
                self.clients.remove(&id);
                self.house.readers.remove(&id);
            }
            11 => {
                let other = some_other(random);
                if self.account_of(id).is_some() {
                    let wish = other.clone();
                    (self.house).run(|hub, _, _| hub.wish_nickname(id, wish));
                }
                self.house.apply(id, Command::Rename(other));
            }
            12 => self.log_in_to_another(id, random.below(ACCOUNTS.into()) as u32),
            13 | 14 => self.watch(id, random),
            15 => {
                let text = (random.below(2) == 0).then(|| Text::one_line("lunch"));
                self.house.apply(id, Command::SetAway(text));
            }
            _ => self.govern(channel, random),
        }
        Ok(())
    }

    /// Someone's nickname, as clients are shown it.
    fn some_nick(&self, random: &mut Random) -> Name {
        let place = random.below(self.clients.len() as u64) as usize;
        let client = self.clients.values().nth(place).expect("a client");
        match client.screen.nick.is_empty() || random.below(4) == 0 {
            true => some_other(random),
            false => name(&client.screen.nick),
        }
    }

    fn watch(&mut self, id: ConnectionId, random: &mut Random) {
        let who = match random.below(4) {
            0 => World::owner(random.below(ACCOUNTS.into()) as u32),
            _ => self.some_nick(random),
        };
        let names = vec![who.clone()];
        let watched = self.house.run(|hub, _, _| hub.watch(id, names));
        if let Some(client) = self.clients.get_mut(&id) {
            let is_on = watched.offline.is_empty();
            client.screen.watched.insert(who.to_string(), is_on);
        }
    }

    /// A member, mostly one who may, takes another one out or gives a role.
    fn govern(&mut self, channel: Name, random: &mut Random) {
        let is_operator = |client: &Client| {
            let members = client.screen.channels.get(channel.as_str());
            members.and_then(|it| it.get(&client.screen.nick)) == Some(&Some('@'))
        };
        let operator = self.clients.iter().find(|(_, it)| is_operator(it));
        let Some((id, _)) = operator.or_else(|| self.clients.iter().next()) else {
            return;
        };
        let (id, who) = (*id, person(self.some_nick(random)));
        let role = match random.below(2) {
            0 => Role::Voice,
            _ => Role::Operator,
        };
        let deed = match random.below(6) {
            0 => Deed::Kick { who, reason: None },
            1 | 2 => Deed::Lower { who, role },
            _ => Deed::Raise { who, role },
        };
        self.apply_as_session(id, Command::Govern(Some(channel), deed));
    }

    /// Carries out a command that names people by what clients are shown of them.
    fn apply_as_session(&mut self, id: ConnectionId, command: Command) {
        let command = self.house.nicknames.command(command);
        self.house.apply(id, command);
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
    fn learn(&mut self) -> Result<(), String> {
        self.house.settle(true);
        self.house.forget();
        for (id, line) in std::mem::take(&mut self.house.lines) {
            if self.bug.is_some_and(|bug| bug.loses(&line)) {
                self.losable += 1;
                if self.losable.is_multiple_of(LOST) {
                    continue;
                }
            }
            if let Some(client) = self.clients.get_mut(&id) {
                client.screen.take(&line)?;
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        let mut shared: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
        let on = self.clients.values().map(|it| it.screen.nick.as_str());
        let on: BTreeSet<&str> = on.collect();
        for (id, Client { account, screen }) in &self.clients {
            let nick = &screen.nick;
            let own = self.house.hub.channels_of(*id).into_iter();
            let own: BTreeSet<String> = own.map(|channel| channel.to_string()).collect();
            let told: BTreeSet<String> = screen.channels.keys().cloned().collect();
            if own != told {
                let lines = screen.lines();
                return Err(format!("{nick} is in {own:?}, and shows {told:?}\n{lines}"));
            }
            if let Some(account) = account {
                let first = shared.entry(*account).or_insert_with(|| own.clone());
                if *first != own {
                    return Err(format!("{nick} is in {first:?}, and in {own:?}"));
                }
            }
            for (who, is_on) in &screen.watched {
                if on.contains(who.as_str()) != *is_on {
                    let lines = screen.lines();
                    return Err(format!("{nick} shows {who} as on: {is_on}\n{lines}"));
                }
            }
        }
        Ok(())
    }

    /// Nobody is in a list any more who has gone, once nothing happens for a while, and everyone
    /// is there with the role that they have.
    fn check_quiet(&mut self) -> Result<(), String> {
        self.house.pass(QUIET_MS);
        self.learn()?;
        for channel in CHANNELS {
            let overview = self.house.hub.overview(&name(channel));
            let roles = overview.into_iter().flat_map(|it| it.roles);
            let roles = roles.map(|(who, role)| {
                let nick = self.house.nicknames.shown(&who).to_string();
                (nick, if role == Role::Voice { '+' } else { '@' })
            });
            let roles: BTreeMap<String, char> = roles.collect();
            let screens = || self.clients.values().map(|it| &it.screen);
            let there = screens().filter(|it| it.channels.contains_key(channel));
            let there: BTreeSet<&String> = there.map(|it| &it.nick).collect();
            for screen in screens() {
                let nick = &screen.nick;
                for (who, role) in screen.channels.get(channel).into_iter().flatten() {
                    if !there.contains(who) {
                        let lines = screen.lines();
                        return Err(format!(
                            "{nick} sees {who} in {channel}, who has gone\n{lines}"
                        ));
                    }
                    let has = roles.get(who).copied();
                    if has != *role {
                        let lines = screen.lines();
                        return Err(format!(
                            "{nick} sees {who} as {role:?}, who is {has:?}\n{lines}"
                        ));
                    }
                }
            }
        }
        match self.house.hub.sizes().late_leavings {
            0 => Ok(()),
            late => Err(format!("{late} leavings are not told")),
        }
    }

    /// Runs it; says whether leavings were told late.
    fn run(&mut self, random: &mut Random) -> Result<bool, String> {
        let mut was_late = false;
        for step in 0..STEPS {
            self.act(random)?;
            self.learn()?;
            was_late |= self.house.hub.sizes().late_leavings > 0;
            self.house.pass(random.below(30));
            self.learn()?;
            self.check()?;
            if step % UNTIL_QUIET == 0 {
                self.check_quiet()?;
            }
        }
        self.check_quiet()?;
        Ok(was_late)
    }
}

fn some_other(random: &mut Random) -> Name {
    name(&format!("other{}", random.below(200)))
}

fn person(name: Name) -> Person {
    Person {
        name,
        account: None,
    }
}

#[test]
fn irc_clients_show_what_is() {
    for seed in 1..=3 {
        let mut world = World::new(None);
        let run = world.run(&mut Random(seed));
        let was_late = run.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        assert!(was_late, "seed {seed}: no leaving was told later");
        let people = world.clients.len();
        assert!(
            people > 40,
            "seed {seed}: {people} do not make a large channel"
        );
    }
}

#[test]
fn a_lost_line_is_found() {
    for bug in Bug::ALL {
        let mut seeds = 1..=3;
        let is_found = seeds.any(|seed| World::new(Some(bug)).run(&mut Random(seed)).is_err());
        assert!(is_found, "{bug:?}");
    }
}
