//! Everything that can be asked, by people who may know and by those who may not.

use serde_json::json;

use crate::person::Front;
use crate::rpc::{self, CALLS};
use crate::stage::{Stage, Via, takes_commands};

/// What anyone may call without a token.
const OPEN_PATHS: &[&str] = &[
    "/api/status",
    "/status",
    "/api/nodes",
    "/api/nodes/best",
    "/healthz",
    "/readyz",
    "/metrics",
    "/admin/channels",
    "/admin/users",
    "/admin/messages?q=tea",
    "/admin/log",
    "/openapi.json",
    "/api/inbox",
];

impl Stage {
    /// Someone asks something.
    pub fn wonder(&mut self) -> Option<()> {
        let all = self.all(|_, front| takes_commands(front));
        let via = self.one_of(&all)?;
        match self.random.chance(700) {
            true => self.ask_at_large(via),
            false => self.ask_about_a_room(via),
        }
        Some(())
    }

    /// Questions that name no channel.
    fn ask_at_large(&mut self, via: Via) {
        let who = self.random.below(self.people.len());
        let nick = self.people[who].nick.clone();
        let answer = match self.random.below(8) {
            0 => self.ask(
                via,
                "whois",
                json!({ "user": nick }),
                &format!("/whois @{nick}"),
            ),
            1 => self.ask(
                via,
                "seen",
                json!({ "user": nick }),
                &format!("/seen @{nick}"),
            ),
            2 => self.ask(via, "listusers", json!({}), "/list"),
            3 => self.ask(via, "history", json!({ "limit": 100 }), "/history 100"),
            4 => self.ask(via, "search", json!({ "query": "tea" }), "/topic"),
            5 => self.ask(via, "inbox", json!({}), "/mode"),
            6 => self.ask(via, "thread", json!({ "user": nick }), "/bans"),
            _ => self.ask(via, "listrooms", json!({}), "/rooms"),
        };
        drop(answer);
    }

    /// Questions that name a channel: the one who asks must know the name, or one that
    /// looks like it.
    fn ask_about_a_room(&mut self, via: Via) {
        let Some(room) = self.some_room() else {
            return;
        };
        let name = self.rooms[room].name.clone();
        if !self.is_json(via) {
            return;
        }
        if self.random.chance(200) || self.people[via.0].is_stranger {
            if !self.rooms[room].exists() {
                return;
            }
            // A capital i for the small l.
            let double = name.replacen('l', "I", 1);
            self.ask(via, "createroom", json!({ "name": double }), "");
            return;
        }
        self.knows(via.0, &name);
        let args = json!({ "room": name });
        match self.random.below(8) {
            0 => drop(self.ask(via, "topic", args, "")),
            1 => drop(self.ask(via, "rules", args, "")),
            2 => drop(self.ask(via, "bans", args, "")),
            3 => drop(self.ask(via, "listusers", args, "")),
            4 => {
                let args = json!({ "room": name, "limit": 500 });
                drop(self.ask(via, "history", args, ""));
            }
            5 => {
                let args = json!({ "room": name, "query": "tea", "limit": 500 });
                drop(self.ask(via, "search", args, ""));
            }
            6 => {
                let args = json!({ "room": name, "before": "9999999999999-0" });
                drop(self.ask(via, "history", args, ""));
            }
            _ => drop(self.ask(via, "typing", args, "")),
        }
    }

    /// Someone calls what needs no token, or what needs one's own.
    pub fn call(&mut self) -> Option<()> {
        let who = self.random.below(self.people.len());
        let at = self.somewhere();
        let listener = *self.random.pick(&["rest", "web"]);
        let other = self.random.below(self.people.len());
        let path = match self.random.below(OPEN_PATHS.len() + 2) {
            number if number < OPEN_PATHS.len() => OPEN_PATHS[number].to_owned(),
            _ => format!("/api/thread/{}", self.people[other].nick),
        };
        self.people[who].get(&self.servers[at], listener, &path);
        Some(())
    }

    /// Someone calls what there is over gRPC, or the name server.
    pub fn call_remotely(&mut self) -> Option<()> {
        let who = self.random.below(self.people.len());
        let at = self.somewhere();
        let room = self.some_room()?;
        let name = match self.people[who].is_stranger {
            true => "somewhere".to_owned(),
            false => self.rooms[room].name.clone(),
        };
        self.knows(who, &name);
        let names = self.names.address("name-server");
        let own = self.people[who].own();
        match self.random.below(CALLS.len() + 3) {
            number if number < CALLS.len() => {
                let at = self.servers[at].address("grpc");
                rpc::call(at, own, CALLS[number], &name);
            }
            number if number == CALLS.len() => rpc::call(names, own, rpc::CREATE_ROOM, &name),
            _ => {
                let path = *self
                    .random
                    .pick(&["/api/nodes", "/api/nodes/best", "/metrics"]);
                self.people[who].get_at(names, path);
            }
        }
        Some(())
    }

    /// Someone writes to someone.
    pub fn write(&mut self) -> Option<()> {
        let all = self.all(|_, front| front != Front::Room);
        let via = self.one_of(&all)?;
        let to = self.random.below(self.people.len());
        let word = self.new_marker();
        self.knows(via.0, &word);
        self.knows(to, &word);
        let nick = self.people[to].nick.clone();
        let text = format!("tea {word}");
        if self.connection(via).front == Front::Direct {
            self.tell(via, &format!("writes {word} to {nick}"));
            if let Some(wire) = &mut self.connection(via).wire {
                wire.direct_message(&nick, &text);
            }
            return Some(());
        }
        let args = json!({ "to": nick, "body": text });
        self.ask(via, "private", args, &format!("/msg @{nick} {text}"));
        Some(())
    }
}
