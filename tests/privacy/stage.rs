//! The stage: servers, people, rooms, and what everyone may know.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::marker::marker;
use crate::oracle::{Pass, Room, Who};
use crate::person::{Front, Person};
use crate::random::Random;
use crate::support::Server;
use crate::wire::Answer;

/// A connection: the person and which of their connections.
pub type Via = (Who, usize);

/// See the module documentation.
pub struct Stage {
    pub servers: Vec<Server>,
    pub names: Server,
    pub people: Vec<Person>,
    pub rooms: Vec<Room>,
    pub random: Random,
    /// The number of the step, and of parts of steps.
    pub now: u64,
    /// Rooms about which people may know more after this step.
    pub touched: BTreeSet<usize>,
    /// What was done, in words.
    pub story: Vec<String>,
    last_marker: u64,
    last_connection: usize,
}

/// Who there is: the nickname, whether they have an account, whether they are strangers,
/// and their fronts.
const CAST: &[(&str, bool, bool, &[Front])] = &[
    ("ann", true, false, &[Front::Json, Front::Json]),
    ("bob", true, false, &[Front::Socket, Front::Json]),
    ("cat", true, false, &[Front::Json, Front::Direct]),
    ("dan", false, false, &[Front::Json]),
    ("eve", false, true, &[Front::Json]),
    ("fay", false, false, &[Front::Telnet]),
    ("gus", false, false, &[Front::Socket]),
    ("hal", false, true, &[Front::Telnet]),
    ("ida", true, true, &[Front::Json, Front::Direct]),
    ("jim", false, false, &[Front::Room]),
    ("kit", false, false, &[Front::Json]),
    // Nobody: what one may call without a nickname.
    ("www", false, true, &[]),
];

impl Stage {
    pub fn new(servers: Vec<Server>, names: Server, seed: u64) -> Stage {
        let mut stage = Stage {
            servers,
            names,
            people: Vec::new(),
            rooms: Vec::new(),
            random: Random::new(seed),
            now: 0,
            touched: BTreeSet::new(),
            story: Vec::new(),
            last_marker: 0,
            last_connection: 0,
        };
        for (who, &(nick, has_account, is_stranger, fronts)) in CAST.iter().enumerate() {
            let mut person = Person::new(who, nick, is_stranger);
            if has_account {
                person.register(&stage.servers[0]);
            }
            for &front in fronts {
                let (at, number) = (stage.somewhere(), stage.next_connection());
                person.come(&stage.servers, at, front, number);
            }
            stage.people.push(person);
        }
        stage
    }

    /// One of the servers.
    pub fn somewhere(&mut self) -> usize {
        self.random.below(self.servers.len())
    }

    pub fn next_connection(&mut self) -> usize {
        self.last_connection += 1;
        self.last_connection
    }

    /// A word that occurs nowhere else.
    pub fn new_marker(&mut self) -> String {
        self.last_marker += 1;
        marker(self.last_marker)
    }

    /// Notes what is done.
    pub fn tell(&mut self, via: Via, what: &str) {
        let person = &self.people[via.0];
        let front = person.connections.get(via.1).map(|it| it.front);
        let place = person.connections.get(via.1).map_or(0, |it| it.at);
        let line = format!("{}: {} ({front:?} {place}): {what}", self.now, person.nick);
        self.story.push(line);
    }

    /// The story so far, for a failure.
    pub fn story_of(&self, about: &str) -> String {
        let lines = self.story.iter().filter(|line| line.contains(about));
        lines.cloned().collect::<Vec<_>>().join("\n")
    }

    /// Sends a command by JSON, or the same as a line.
    pub fn ask(&mut self, via: Via, kind: &str, args: Value, line: &str) -> Answer {
        let is_json = self.is_json(via);
        let what = match is_json {
            true => format!("{kind} {args}"),
            false => line.to_owned(),
        };
        self.tell(via, &what);
        let Some(wire) = self.connection(via).wire.as_mut() else {
            return Answer::default();
        };
        match is_json {
            true => wire.command(kind, args),
            false => wire.line(line),
        }
    }

    pub fn connection(&mut self, via: Via) -> &mut crate::person::Connection {
        &mut self.people[via.0].connections[via.1]
    }

    pub fn number(&mut self, via: Via) -> usize {
        self.connection(via).number
    }

    pub fn is_json(&self, via: Via) -> bool {
        let connection = &self.people[via.0].connections[via.1];
        connection.front == Front::Json
    }

    /// All connections that are open and of which this holds.
    pub fn all(&self, wanted: impl Fn(&Person, Front) -> bool) -> Vec<Via> {
        let people = self.people.iter();
        let all = people.flat_map(|person| {
            let places = person.connections.iter().enumerate();
            let open = places.filter(|(_, it)| it.wire.is_some() && wanted(person, it.front));
            open.map(|(place, _)| (person.who, place))
                .collect::<Vec<_>>()
        });
        all.collect()
    }

    /// One of the connections, if there are any.
    pub fn one_of(&mut self, all: &[Via]) -> Option<Via> {
        (!all.is_empty()).then(|| *self.random.pick(all))
    }

    /// One of the connections that take commands, of people who may be told secrets.
    pub fn someone(&mut self) -> Option<Via> {
        let all = self.all(|person, front| !person.is_stranger && takes_commands(front));
        self.one_of(&all)
    }

    /// Some room.
    pub fn some_room(&mut self) -> Option<usize> {
        (!self.rooms.is_empty()).then(|| self.random.below(self.rooms.len()))
    }

    /// A connection whose person operates a room, and that can do so: it is in it.
    pub fn operator(&mut self) -> Option<(Via, usize)> {
        let room = self.some_room()?;
        let operators: Vec<Via> = self.members(room);
        let operators: Vec<Via> = operators
            .into_iter()
            .filter(|&(who, _)| self.rooms[room].operates(who))
            .collect();
        Some((self.one_of(&operators)?, room))
    }

    /// The connections in a room whose current room it is, or that can name any.
    pub fn members(&self, room: usize) -> Vec<Via> {
        let all = self.all(|_, front| takes_commands(front));
        let is_in = |&(who, place): &Via| {
            let connection = &self.people[who].connections[place];
            match connection.front {
                Front::Json => connection.rooms.contains(&room),
                _ => connection.rooms.last() == Some(&room),
            }
        };
        all.into_iter().filter(is_in).collect()
    }

    /// Puts a connection into a room of the model.
    pub fn enter(&mut self, via: Via, room: usize, pass: &Pass) {
        let face = self.people[via.0].face();
        let number = self.number(via);
        self.rooms[room].join(&face, number, pass, self.now);
        self.connection(via).rooms.push(room);
        self.touched.insert(room);
    }

    /// Takes a connection out of a room of the model.
    pub fn exit(&mut self, via: Via, room: usize) {
        let number = self.number(via);
        self.rooms[room].leave(number, self.now);
        self.connection(via).rooms.retain(|&it| it != room);
        self.touched.insert(room);
    }

    /// Takes a person out of a room of the model.
    pub fn expel(&mut self, who: Who, room: usize) {
        self.rooms[room].remove(who, self.now);
        self.touched.insert(room);
        for connection in &mut self.people[who].connections {
            let was_in = connection.rooms.contains(&room);
            connection.rooms.retain(|&it| it != room);
            // Room lines are for one room only.
            if was_in
                && connection.front == Front::Room
                && let Some(wire) = connection.wire.take()
            {
                wire.expect_removal();
            }
        }
    }

    /// Takes note of what everyone may know after a step.
    pub fn reveal(&mut self) {
        for room in std::mem::take(&mut self.touched) {
            let everyone = 0..self.people.len();
            for (who, marker) in self.rooms[room].reveals(everyone) {
                self.people[who].may_know.insert(marker);
            }
        }
    }

    /// One may know what one has said oneself, and that of which one knows the name.
    pub fn knows(&mut self, who: Who, marker: &str) {
        self.people[who].may_know.insert(marker.to_owned());
    }

    /// Reads everything that was still on its way.
    pub fn finish(&mut self) {
        for person in &mut self.people {
            for connection in &mut person.connections {
                if let Some(mut wire) = connection.wire.take() {
                    wire.settle();
                    wire.end();
                }
            }
        }
    }

    /// Fails if anyone was sent what they must not know.
    pub fn judge(&self, seed: u64) {
        let mut leaks = Vec::new();
        for person in &self.people {
            for marker in person.knows_wrongly() {
                leaks.push((person, marker));
            }
        }
        let words = leaks.iter().map(|(person, marker)| {
            let (nick, around) = (&person.nick, person.around(marker));
            format!("{nick} was told {marker}: ...{around}...\n")
        });
        let words: String = words.take(20).collect();
        if !leaks.is_empty() {
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("privacy-{seed}.txt"));
            let rooms: Vec<String> = self.rooms.iter().map(|it| format!("{it:?}")).collect();
            let story = format!("{}\n\n{}\n", self.story.join("\n"), rooms.join("\n"));
            std::fs::write(&file, story).unwrap();
            panic!("seed {seed}\n{words}what was done is in {}", file.display());
        }
    }
}

/// Whether a front has the commands about channels.
pub fn takes_commands(front: Front) -> bool {
    matches!(front, Front::Json | Front::Telnet | Front::Socket)
}

/// The argument `room` and another one.
pub fn in_room(room: &str, name: &str, value: impl Into<Value>) -> Value {
    let mut args = json!({ "room": room });
    args[name] = value.into();
    args
}
