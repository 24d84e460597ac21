//! What people do in rooms: come, speak, and go.

use serde_json::json;

use crate::oracle::{Pass, Room};
use crate::person::Front;
use crate::stage::{Stage, Via, in_room};
use crate::support::wait_until;
use crate::wire::{Answer, Wire};

/// The most rooms.
const MOST_ROOMS: usize = 14;

impl Stage {
    /// Makes a room, and closes it at once.
    pub fn create(&mut self) -> Option<()> {
        if self.rooms.len() >= MOST_ROOMS {
            return None;
        }
        let via = self.someone()?;
        let name = self.new_marker();
        self.knows(via.0, &name);
        let answer = self.ask(
            via,
            "join",
            json!({ "room": name }),
            &format!("/join #{name}"),
        );
        if answer.is_put_off() {
            return Some(());
        }
        assert!(answer.joined(&name), "{}", answer.shown());
        self.rooms.push(Room {
            name: name.clone(),
            ..Room::default()
        });
        let room = self.rooms.len() - 1;
        self.leave_for(via, room);
        self.enter(via, room, &Pass::Nothing);
        self.wait_for_operator(room);
        if self.random.chance(800) {
            self.set_flag(via, room, "secret", true);
        }
        match self.random.below(4) {
            0 => self.set_key(via, room, true),
            1 => self.set_flag(via, room, "invite_only", true),
            2 => self.set_flag(via, room, "registered_only", true),
            _ => {}
        }
        Some(())
    }

    /// A line leaves its channel for another one.
    fn leave_for(&mut self, via: Via, room: usize) {
        let before = self.connection(via).rooms.last().copied();
        if !self.is_json(via)
            && let Some(before) = before.filter(|&before| before != room)
        {
            self.exit(via, before);
        }
    }

    /// Someone tries to come into a room, with or without what opens it.
    pub fn join(&mut self) -> Option<()> {
        let via = self.someone()?;
        let room = self.some_room()?;
        if self.connection(via).rooms.contains(&room) {
            return None;
        }
        let pass = self.some_pass(via, room);
        let name = self.rooms[room].name.clone();
        self.knows(via.0, &name);
        let face = self.people[via.0].face();
        let at = self.connection(via).at;
        let may_come_in = self.rooms[room].admits(&face, &pass);
        let must_come_in = self.rooms[room].surely_admits(&face, &pass, at);
        let exists = self.rooms[room].exists();
        let kind = match self.random.below(3) {
            0 => "resume",
            1 if exists => "switchroom",
            _ => "join",
        };
        let answer = self.ask_to_join(via, kind, &name, &pass);
        let is_in = answer.joined(&name);
        assert!(
            answer.is_put_off() || is_in == may_come_in || is_in == must_come_in,
            "{} into {:?}\n{}\n{}",
            face.names[0],
            self.rooms[room],
            answer.shown(),
            self.story_of(&name)
        );
        if is_in {
            match kind {
                "switchroom" => {
                    if let Some(before) = self.connection(via).rooms.last().copied() {
                        self.exit(via, before);
                    }
                }
                _ => self.leave_for(via, room),
            }
            self.enter(via, room, &pass);
        }
        Some(())
    }

    fn ask_to_join(&mut self, via: Via, kind: &str, name: &str, pass: &Pass) -> Answer {
        let mut args = json!({ "room": name });
        let mut line = format!("/join #{name}");
        match pass {
            Pass::Nothing => {}
            Pass::Key(key) => {
                args["key"] = key.as_str().into();
                line = format!("{line} {key}");
            }
            Pass::Link(secret) => args["invitation"] = secret.as_str().into(),
        }
        if kind == "resume" {
            args["after"] = "1-0".into();
        }
        self.ask(via, kind, args, &line)
    }

    fn some_pass(&mut self, via: Via, room: usize) -> Pass {
        let is_json = self.is_json(via);
        let link = self.rooms[room].links.last().map(|(link, _)| link.clone());
        match (self.random.below(4), self.rooms[room].key.clone(), link) {
            (0, Some(key), _) => Pass::Key(key),
            (1, _, Some(link)) if is_json => Pass::Link(link),
            (2, ..) => Pass::Key("wrong".to_owned()),
            _ => Pass::Nothing,
        }
    }

    /// Someone comes into a room by room lines.
    pub fn come_by_room_lines(&mut self) -> Option<()> {
        let room = self.some_room()?;
        let mut people = self.people.iter();
        let is_away = |front, wire: &Option<Wire>| front == Front::Room && wire.is_none();
        let via = people.find_map(|person| {
            let mut places = person.connections.iter();
            let place = places.position(|it| is_away(it.front, &it.wire))?;
            Some((person.who, place))
        })?;
        let name = self.rooms[room].name.clone();
        let at = self.somewhere();
        let face = self.people[via.0].face();
        let admits = self.rooms[room].admits(&face, &Pass::Nothing);
        if admits != self.rooms[room].surely_admits(&face, &Pass::Nothing, at) {
            return None;
        }
        let word = self.new_marker();
        self.knows(via.0, &name);
        self.knows(via.0, &word);
        self.tell(via, &format!("into {name}, and says {word}"));
        let nick = self.people[via.0].nick.clone();
        let own = self.people[via.0].own();
        let mut wire = Wire::room(&self.servers[at], (&nick, &name), &word, own);
        let echo = format!("{nick}:{word}");
        if !admits {
            let lines = wire.expect_end();
            assert!(
                !lines.contains(&echo),
                "{lines:?}\n{}",
                self.story_of(&name)
            );
            return Some(());
        }
        let speaks = self.rooms[room].lets_speak(&face);
        let is_moderated = self.rooms[room].is_moderated;
        wire.expect_in_room(match (speaks, is_moderated) {
            (true, _) => &echo,
            (false, true) => "may speak",
            (false, false) => "You are muted",
        });
        let number = self.next_connection();
        let connection = self.connection(via);
        (connection.at, connection.number, connection.wire) = (at, number, Some(wire));
        self.enter(via, room, &Pass::Nothing);
        if speaks {
            self.now += 1;
            self.rooms[room].said.push((self.now, word));
        }
        Some(())
    }

    /// A member says something.
    pub fn say(&mut self) -> Option<()> {
        let room = self.some_room()?;
        let is_in = |it: &Room, number| it.has_line(number);
        let all = self.all(|_, front| front != Front::Direct);
        let members: Vec<Via> = all
            .into_iter()
            .filter(|&(who, place)| {
                let connection = &self.people[who].connections[place];
                let is_current =
                    connection.front == Front::Json || connection.rooms.last() == Some(&room);
                is_current && is_in(&self.rooms[room], connection.number)
            })
            .collect();
        let via = self.one_of(&members)?;
        let word = self.new_marker();
        let name = self.rooms[room].name.clone();
        self.knows(via.0, &word);
        let face = self.people[via.0].face();
        let may_speak = self.rooms[room].lets_speak(&face);
        if self.connection(via).front == Front::Room {
            if !may_speak {
                return None;
            }
            self.tell(via, &format!("says {word} in {name}"));
            let nick = self.people[via.0].nick.clone();
            if let Some(wire) = &mut self.connection(via).wire {
                wire.say_in_room(&nick, &word);
            }
        } else {
            let text = format!("tea {word}");
            let answer = self.ask(via, "message", in_room(&name, "body", text.as_str()), &text);
            let is_said = answer.refusal().is_none();
            assert_eq!(
                is_said,
                may_speak,
                "{}\n{}",
                answer.shown(),
                self.story_of(&name)
            );
        }
        if may_speak {
            self.wait_heard(room, &word);
            self.rooms[room].said.push((self.now, word));
            self.touched.insert(room);
        }
        Some(())
    }

    /// A member leaves.
    pub fn leave(&mut self) -> Option<()> {
        let room = self.some_room()?;
        let members = self.members(room);
        let via = self.one_of(&members)?;
        let name = self.rooms[room].name.clone();
        let answer = self.ask(via, "leave", json!({ "room": name }), "/leave");
        assert!(answer.refusal().is_none(), "{}", answer.shown());
        self.exit(via, room);
        Some(())
    }

    /// Someone ends a connection, and perhaps comes in again, perhaps elsewhere.
    pub fn reconnect(&mut self) -> Option<()> {
        let all = self.all(|_, _| true);
        let via = self.one_of(&all)?;
        self.tell(via, "ends the connection");
        let at = self.somewhere();
        let number = self.next_connection();
        let wire = self.connection(via).wire.take()?;
        // Those for direct messages are not counted among the connections.
        let is_counted = self.connection(via).front != Front::Direct;
        match is_counted && self.random.chance(400) {
            true => self.cut_off(via, wire),
            false => wire.end(),
        }
        for room in self.connection(via).rooms.clone() {
            self.exit(via, room);
        }
        self.agree();
        self.reveal();
        if !self.people[via.0].has_account {
            self.wait_free(&self.people[via.0].nick);
        }
        let person = &mut self.people[via.0];
        person.earlier.clear();
        person.come_again(&self.servers, via.1, at, number);
        self.tell(via, "is here again");
        Some(())
    }

    /// Cuts a connection off, and waits until its server has noticed.
    fn cut_off(&mut self, via: Via, wire: Wire) {
        let at = self.connection(via).at;
        let count = |stage: &Stage| {
            let status = stage.servers[at].get("/api/status").json();
            status["connections"].as_u64()
        };
        let before = count(self).expect("a number of connections");
        self.tell(via, "is cut off");
        wire.abort();
        wait_until("the server notices", || count(self) < Some(before));
    }

    /// The server dies and comes back, and so does everyone. What was settled before is
    /// as it was.
    pub fn die(&mut self) -> Option<()> {
        if self.servers.len() > 1 {
            return None;
        }
        // What is stored after all else shows that all else is stored.
        let args = json!({ "to": "bob", "body": "good night" });
        let answer = self.ask((0, 0), "private", args, "");
        assert!(answer.refusal().is_none(), "{}", answer.shown());
        let server = &mut self.servers[0];
        self.story.push(format!("{}: the server dies", self.now));
        server.kill();
        server.start_again();
        for room in &mut self.rooms {
            let lines: Vec<_> = room.members.iter().map(|it| it.line).collect();
            for line in lines {
                room.leave(line, self.now);
            }
            room.passes.clear();
        }
        self.touched.extend(0..self.rooms.len());
        for who in 0..self.people.len() {
            for place in 0..self.people[who].connections.len() {
                let number = self.next_connection();
                let person = &mut self.people[who];
                person.earlier.clear();
                person.come_again(&self.servers, place, 0, number);
            }
        }
        Some(())
    }

    /// A guest takes another nickname.
    pub fn rename(&mut self) -> Option<()> {
        let via = self.someone()?;
        if self.people[via.0].has_account {
            return None;
        }
        let before = self.people[via.0].nick.clone();
        let stem = before.split('_').next().unwrap_or_default();
        let nick = format!("{stem}_{}", self.now);
        let line = format!("/nick {nick}");
        let answer = self.ask(via, "setnick", json!({ "nickname": nick }), &line);
        assert!(answer.refusal().is_none(), "{}", answer.shown());
        let person = &mut self.people[via.0];
        person.earlier.push(before);
        person.nick = nick;
        Some(())
    }
}
