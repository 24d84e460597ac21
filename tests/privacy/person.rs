//! People, and all that each of them was ever sent.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::marker::markers;
use crate::oracle::{Face, Line, Who};
use crate::support::{Answer as Http, JsonClient, Server, Tape};
use crate::wire::{Own, Wire};

/// The password of every account.
const PASSWORD: &str = "long enough";

/// How a person comes in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Front {
    Json,
    Telnet,
    Socket,
    Room,
    Direct,
}

/// A connection of a person.
pub struct Connection {
    pub number: Line,
    /// The server that it is on.
    pub at: usize,
    pub front: Front,
    /// None until there is one; room lines have none before they are let in.
    pub wire: Option<Wire>,
    /// The rooms it is in, the current one last.
    pub rooms: Vec<usize>,
}

/// A person.
pub struct Person {
    pub who: Who,
    pub nick: String,
    pub has_account: bool,
    /// Never told a name or a secret: nothing may reach such a one.
    pub is_stranger: bool,
    /// The nicknames since coming in, oldest first.
    pub earlier: Vec<String>,
    pub connections: Vec<Connection>,
    /// For JSON.
    token: Option<String>,
    /// For calls of the API for direct messages.
    signed: Option<String>,
    pub tape: Tape,
    /// The markers that this one may have seen.
    pub may_know: BTreeSet<String>,
}

impl Person {
    /// Someone who is not here yet.
    pub fn new(who: Who, nick: &str, is_stranger: bool) -> Person {
        Person {
            who,
            nick: nick.to_owned(),
            has_account: false,
            is_stranger,
            earlier: Vec::new(),
            connections: Vec::new(),
            token: None,
            signed: None,
            tape: Tape::default(),
            may_know: BTreeSet::new(),
        }
    }

    /// Makes an account for the person.
    pub fn register(&mut self, server: &Server) {
        self.token = Some(JsonClient::registered(server, &self.nick));
        self.has_account = true;
        let form = [("username", self.nick.as_str()), ("password", PASSWORD)];
        let answer = server.post_form("/api/auth_token", &form).json();
        self.signed = Some(sign(&answer["data"][0]));
    }

    /// Comes in by a front.
    pub fn come(&mut self, servers: &[Server], at: usize, front: Front, number: Line) {
        let wire = self.open(&servers[at], front);
        self.connections.push(Connection {
            number,
            at,
            front,
            wire,
            rooms: Vec::new(),
        });
    }

    /// Comes in again, perhaps on another server, as a new connection.
    pub fn come_again(&mut self, servers: &[Server], place: usize, at: usize, number: Line) {
        let wire = self.open(&servers[at], self.connections[place].front);
        let connection = &mut self.connections[place];
        (connection.at, connection.number, connection.wire) = (at, number, wire);
        connection.rooms.clear();
    }

    fn open(&mut self, server: &Server, front: Front) -> Option<Wire> {
        let password = self.has_account.then_some(PASSWORD);
        match front {
            Front::Json => {
                if !self.has_account {
                    self.token = Some(JsonClient::token(server, &self.nick));
                }
                let token = self.token.as_ref().expect("a token");
                Some(Wire::json(server, token, self.own()))
            }
            Front::Telnet => Some(Wire::telnet(server, &self.nick, password, self.own())),
            Front::Socket => Some(Wire::socket(server, &self.nick, password, self.own())),
            Front::Direct => {
                let token = self.signed.as_ref().expect("an account");
                let path = format!("/api/ws?token={token}");
                Some(Wire::direct(server, &path, self.own()))
            }
            Front::Room => None,
        }
    }

    /// The person's address and tape.
    pub fn own(&self) -> Own<'_> {
        Own {
            address: Ipv4Addr::new(127, 0, 0, 10 + self.who as u8),
            tape: &self.tape,
        }
    }

    /// As the rules see the person.
    pub fn face(&self) -> Face {
        let mut names = vec![self.nick.clone()];
        names.extend(self.earlier.iter().cloned());
        Face {
            who: self.who,
            has_account: self.has_account,
            names,
        }
    }

    /// A call without the admin token; signed, if the person has an account.
    pub fn get(&self, server: &Server, listener: &str, path: &str) {
        self.get_at(server.address(listener), path);
    }

    /// The same at an address.
    pub fn get_at(&self, address: SocketAddr, path: &str) {
        let url = format!("http://{address}{path}");
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        let mut request = ureq::Agent::from(config).get(url);
        if let Some(token) = &self.signed {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let result = request.call();
        let fields = result.as_ref().map(|it| format!("{:?}", it.headers()));
        let fields = fields.unwrap_or_default();
        let answer = Http::of(result);
        let mut tape = self.tape.lock().unwrap();
        tape.extend_from_slice(fields.as_bytes());
        tape.extend_from_slice(answer.body.as_bytes());
    }

    /// The markers in all that the person was sent, but must not know.
    pub fn knows_wrongly(&self) -> Vec<String> {
        let known = markers(&self.tape.lock().unwrap());
        known.difference(&self.may_know).cloned().collect()
    }

    /// What stands around a marker on the tape.
    pub fn around(&self, marker: &str) -> String {
        let tape = self.tape.lock().unwrap();
        let lower = tape.to_ascii_lowercase();
        let at = memchr::memmem::find(&lower, marker.as_bytes()).unwrap_or(0);
        let part = &tape[at.saturating_sub(200)..tape.len().min(at + 100)];
        part.escape_ascii().to_string()
    }
}

/// Signs as clients of the API do.
fn sign(token: &Value) -> String {
    let field = |name: &str| token[name].as_str().expect("a field").to_owned();
    let mut header = Header::new(Algorithm::HS256);
    header.extras.insert("access_key", field("access_key_id"));
    let key = EncodingKey::from_secret(field("secret_access_key").as_bytes());
    encode(&header, &json!({}), &key).unwrap()
}
