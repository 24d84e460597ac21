//! What is done on one server is in force on the others a little later: the next thing is
//! done when all agree.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::stage::Stage;
use crate::support::{DEADLINE, Server, wait_until};

impl Stage {
    /// Waits until all servers have the rooms that something was done in as they are now.
    pub fn agree(&self) {
        for &room in &self.touched {
            let room = &self.rooms[room];
            if self.servers.len() == 1 && room.exists() {
                continue;
            }
            let mut seen = Vec::new();
            let agree = || {
                seen = self
                    .servers
                    .iter()
                    .map(|it| shown(it, &room.name))
                    .collect();
                let is_same = seen.iter().all(|one| *one == seen[0]);
                // When everyone has left, the server opens the room by itself.
                is_same && (room.exists() || seen.iter().all(is_open))
            };
            if !comes_true(agree) {
                let story = self.story_of(&room.name);
                panic!("no agreement:\n{seen:#?}\n{room:?}\n{story}");
            }
        }
    }

    /// Waits until a room that someone has made has its operator: several servers must
    /// agree who was first.
    pub fn wait_for_operator(&self, room: usize) {
        if self.rooms[room].roles.is_empty() {
            return;
        }
        let name = &self.rooms[room].name;
        wait_until(&format!("{name} has an operator"), || {
            let mut shown = self.servers.iter().map(|server| shown(server, name));
            shown.all(|it| it["roles"] == json!(["\"operator\""]))
        });
    }

    /// Waits until the members of a room on all servers have got a message: who joins
    /// later has joined after it then, on whatever server.
    pub fn wait_heard(&mut self, room: usize, word: &str) {
        if self.servers.len() == 1 {
            return;
        }
        for (who, place) in self.members(room) {
            let person = &mut self.people[who];
            let tape = person.tape.clone();
            let wire = person.connections[place].wire.as_mut();
            let heard = || memchr::memmem::find(&tape.lock().unwrap(), word.as_bytes()).is_some();
            let Some(wire) = wire else { continue };
            wait_until(&format!("{} hears {word}", person.nick), || {
                wire.settle();
                heard()
            });
        }
    }

    /// Waits until nobody has a nickname.
    pub fn wait_free(&self, nick: &str) {
        wait_until(&format!("{nick} is gone"), || {
            self.servers.iter().all(|server| {
                let users = server.get("/admin/users").json()["users"].clone();
                let mut users = users.as_array().into_iter().flatten();
                users.all(|user| user["nickname"] != nick)
            })
        });
    }
}

/// Whether something becomes true in time.
fn comes_true(mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// A room as a server shows it to administrators.
fn shown(server: &Server, room: &str) -> Value {
    let answer = server.get(&format!("/admin/channels/{room}"));
    if answer.status == 404 {
        return Value::Null;
    }
    let mut shown = answer.json();
    // Of those elsewhere a server may know another spelling.
    let roles = shown["roles"]
        .as_object()
        .map(|roles| roles.values().cloned());
    let mut roles: Vec<String> = roles
        .into_iter()
        .flatten()
        .map(|role| role.to_string())
        .collect();
    roles.sort();
    shown["roles"] = json!(roles);
    // Shown only where the server has anything to do with the room.
    shown["nothing_before"].take();
    shown
}

/// Whether a room is open to all, and nobody has registered it.
fn is_open(shown: &Value) -> bool {
    let rules = &shown["rules"];
    let closed = ["invite_only", "registered_only", "secret"];
    shown.is_null()
        || (closed.iter().all(|rule| rules[rule] == false)
            && rules["key"].is_null()
            && rules["history"] == "all"
            && shown["registered"] == false
            && shown["roles"] == json!([]))
}
