//! What operators do: rules, roles, removals, invitations.

use serde_json::{Value, json};

use crate::oracle::{Ban, Grant, Role};
use crate::stage::{Stage, Via, in_room};
use crate::wire::Answer;

impl Stage {
    /// An operator's command, which must be carried out.
    fn govern(&mut self, via: Via, room: usize, kind: &str, args: Value, line: &str) -> Answer {
        let mut args = args;
        args["room"] = self.rooms[room].name.as_str().into();
        let answer = self.ask(via, kind, args, line);
        let name = &self.rooms[room].name;
        assert!(
            answer.refusal().is_none(),
            "{}\n{:?}\n{}",
            answer.shown(),
            self.rooms[room],
            self.story_of(name)
        );
        self.touched.insert(room);
        answer
    }

    fn set_rule(&mut self, via: Via, room: usize, (rule, value): (&str, Value), line: &str) {
        let args = json!({ "changes": [{ "rule": rule, "value": value }] });
        self.govern(via, room, "setrules", args, line);
    }

    /// Sets a rule that is on or off.
    pub fn set_flag(&mut self, via: Via, room: usize, flag: &str, on: bool) {
        let sign = if on { '+' } else { '-' };
        self.set_rule(via, room, (flag, on.into()), &format!("/mode {sign}{flag}"));
        let rules = &mut self.rooms[room];
        match flag {
            "secret" => rules.is_secret = on,
            "invite_only" => rules.is_invite_only = on,
            "registered_only" => rules.is_for_accounts = on,
            _ => rules.is_moderated = on,
        }
    }

    pub fn set_key(&mut self, via: Via, room: usize, on: bool) {
        let key = on.then(|| format!("key{}", self.now));
        let line = match &key {
            Some(key) => format!("/mode key {key}"),
            None => "/mode -key".to_owned(),
        };
        self.set_rule(via, room, ("key", json!(key)), &line);
        self.rooms[room].key = key;
    }

    /// Sets whether members see only what was said since they came.
    fn set_past(&mut self, via: Via, room: usize, on: bool) {
        let word = if on { "since" } else { "all" };
        let line = format!("/mode history {word}");
        self.set_rule(via, room, ("history", word.into()), &line);
        self.rooms[room].shows_since = on;
    }

    /// An operator changes a rule.
    pub fn change_rules(&mut self) -> Option<()> {
        let (via, room) = self.operator()?;
        let on = self.random.chance(600);
        match self.random.below(6) {
            0 => self.set_flag(via, room, "secret", on),
            1 => self.set_flag(via, room, "invite_only", on),
            2 => self.set_flag(via, room, "registered_only", on),
            3 => self.set_flag(via, room, "moderated", on),
            4 => self.set_key(via, room, on),
            _ if self.rooms[room].founder == Some(via.0) => self.set_past(via, room, on),
            _ => return None,
        }
        Some(())
    }

    /// An operator says what the room is about.
    pub fn set_topic(&mut self) -> Option<()> {
        let (via, room) = self.operator()?;
        let topic = self.new_marker();
        self.knows(via.0, &topic);
        let line = format!("/topic about {topic}");
        let args = json!({ "topic": format!("about {topic}") });
        self.govern(via, room, "topic", args, &line);
        self.rooms[room].topic = Some(topic);
        Some(())
    }

    /// An operator with an account registers the room, or the founder gives it up.
    pub fn register(&mut self) -> Option<()> {
        let (via, room) = self.operator()?;
        let who = via.0;
        let now = self.now;
        match self.rooms[room].founder {
            None if self.people[who].has_account => {
                self.govern(via, room, "register_room", json!({}), "/channel register");
                let rules = &mut self.rooms[room];
                rules.founder = Some(who);
                rules.roles.remove(&who);
                let grant = rules.grants.entry(who).or_insert(Grant {
                    role: None,
                    since: now,
                });
                grant.role = Some(Role::Founder);
                if self.random.chance(400) {
                    self.set_past(via, room, true);
                }
            }
            Some(founder) if founder == who && self.random.chance(100) => {
                self.govern(via, room, "drop_room", json!({}), "/channel drop");
                self.rooms[room].drop_registration(now);
            }
            _ => return None,
        }
        Some(())
    }

    /// An operator makes someone an operator, or lets them speak.
    pub fn appoint(&mut self) -> Option<()> {
        let (via, room) = self.operator()?;
        let who = self.other_member(via, room)?;
        let is_registered = self.rooms[room].founder.is_some();
        let is_founder = self.rooms[room].founder == Some(via.0);
        let role = match self.random.below(3) {
            0 if !is_registered || is_founder => Some(Role::Operator),
            1 => Some(Role::Voice),
            _ => None,
        };
        if self.rooms[room].operates(who) {
            return None;
        }
        let nick = self.people[who].nick.clone();
        let (word, line) = match role {
            Some(Role::Voice) => ("voice", "/voice"),
            Some(_) => ("operator", "/op"),
            None => ("none", "/devoice"),
        };
        let args = json!({ "user": nick, "role": word });
        self.govern(via, room, "role", args, &format!("{line} @{nick}"));
        let now = self.now;
        let has_account = self.people[who].has_account;
        let rules = &mut self.rooms[room];
        rules.roles.remove(&who);
        match role {
            _ if is_registered && has_account => {
                let grant = rules.grants.entry(who).or_insert(Grant {
                    role: None,
                    since: now,
                });
                grant.role = role;
            }
            Some(role) => drop(rules.roles.insert(who, role)),
            None => {}
        }
        Some(())
    }

    /// Another person in a room.
    fn other_member(&mut self, via: Via, room: usize) -> Option<usize> {
        let members = self.rooms[room].members.iter();
        let others: Vec<usize> = members.map(|it| it.who).filter(|&it| it != via.0).collect();
        (!others.is_empty()).then(|| *self.random.pick(&others))
    }

    /// An operator removes someone.
    pub fn kick(&mut self) -> Option<()> {
        let (via, room) = self.operator()?;
        let who = self.other_member(via, room)?;
        if self.rooms[room].operates(who) {
            return None;
        }
        let nick = self.people[who].nick.clone();
        let args = json!({ "user": nick });
        self.govern(via, room, "kick", args, &format!("/kick @{nick}"));
        self.rooms[room].passes.remove(&nick);
        self.expel(who, room);
        Some(())
    }

    /// An operator bans someone who is there or not, or lifts a ban.
    pub fn ban(&mut self) -> Option<()> {
        let (via, room) = self.operator()?;
        if self.random.chance(300) {
            let ban = self.rooms[room].bans.pop()?;
            let (args, line) = self.words_of(&ban);
            self.govern(via, room, "unban", args, &format!("/unban {line}"));
            return Some(());
        }
        let who = self.random.below(self.people.len());
        let has_connection = self.people[who]
            .connections
            .iter()
            .any(|it| it.wire.is_some());
        if who == via.0 || self.rooms[room].operates(who) || !has_connection {
            return None;
        }
        let ban = match self.people[who].has_account {
            true => Ban::Account(who),
            false => Ban::Nick(self.people[who].nick.clone()),
        };
        let (args, line) = self.words_of(&ban);
        self.govern(via, room, "ban", args, &format!("/ban {line}"));
        self.rooms[room].bans.retain(|it| *it != ban);
        let is_account = matches!(ban, Ban::Account(_));
        if is_account {
            let nick = self.people[who].nick.clone();
            self.rooms[room].passes.remove(&nick);
        }
        self.rooms[room].bans.push(ban);
        self.expel(who, room);
        Some(())
    }

    /// An operator mutes someone, or lets them speak again.
    pub fn mute(&mut self) -> Option<()> {
        let (via, room) = self.operator()?;
        if self.random.chance(400) {
            let mute = self.rooms[room].mutes.pop()?;
            let (mut args, line) = self.words_of(&mute);
            args["mute"] = true.into();
            self.govern(via, room, "unban", args, &format!("/unmute {line}"));
            return Some(());
        }
        let who = self.other_member(via, room)?;
        let mute = match self.people[who].has_account {
            true => Ban::Account(who),
            false => Ban::Nick(self.people[who].nick.clone()),
        };
        let (mut args, line) = self.words_of(&mute);
        args["mute"] = true.into();
        self.govern(via, room, "ban", args, &format!("/mute {line}"));
        self.rooms[room].mutes.retain(|it| *it != mute);
        self.rooms[room].mutes.push(mute);
        Some(())
    }

    /// The founder gives the room to another account, who need not be in it.
    pub fn transfer(&mut self) -> Option<()> {
        let (via, room) = self.operator()?;
        let to = self.random.below(self.people.len());
        let is_founder = self.rooms[room].founder == Some(via.0);
        let person = &self.people[to];
        if !is_founder || to == via.0 || !person.has_account || person.is_stranger {
            return None;
        }
        let nick = person.nick.clone();
        let args = json!({ "user": nick });
        let line = format!("/channel transfer @{nick}");
        self.govern(via, room, "transfer_room", args, &line);
        let now = self.now;
        self.rooms[room].transfer(to, now);
        Some(())
    }

    fn words_of(&self, ban: &Ban) -> (Value, String) {
        match ban {
            Ban::Account(who) => {
                let nick = &self.people[*who].nick;
                (json!({ "user": nick }), format!("@{nick}"))
            }
            // A pattern, which concerns the nickname and not the address.
            Ban::Nick(nick) => {
                let mask = format!("{}?{}", &nick[..2], &nick[3..]);
                (json!({ "mask": mask }), mask)
            }
        }
    }

    /// An operator lets someone in.
    pub fn invite(&mut self) -> Option<()> {
        let (via, room) = self.operator()?;
        let who = self.someone()?.0;
        if self.rooms[room].has(who) {
            return None;
        }
        let nick = self.people[who].nick.clone();
        let args = json!({ "user": nick });
        self.govern(via, room, "invite", args, &format!("/invite @{nick}"));
        let name = self.rooms[room].name.clone();
        self.knows(who, &name);
        let at = self.connection(via).at;
        self.rooms[room].passes.insert(nick, at);
        Some(())
    }

    /// An operator makes a link, or withdraws all.
    pub fn link(&mut self) -> Option<()> {
        let (via, room) = self.operator()?;
        if !self.is_json(via) {
            return None;
        }
        if self.random.chance(300) {
            self.govern(via, room, "unlink", json!({}), "");
            self.rooms[room].links.clear();
            return Some(());
        }
        if self.rooms[room].links.len() >= 10 {
            return None;
        }
        let uses = self.random.between(1, 3) as u32;
        let name = self.rooms[room].name.clone();
        let args = in_room(&name, "uses", uses);
        let answer = self.govern(via, room, "invitelink", args, "");
        let secret = answer.field("invitelink", "invitation").expect("a secret");
        self.rooms[room].links.push((secret, uses));
        Some(())
    }
}
