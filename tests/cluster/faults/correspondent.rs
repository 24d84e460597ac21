//! Clients that send each other direct messages through the API for accounts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tungstenite::{Error, Message, WebSocket};

use super::plan::{PAUSE, Plan, connect};
use crate::support::Server;

/// Pause between two messages.
const PACE: Duration = Duration::from_millis(300);
/// How long one read may wait.
const MOMENT: Duration = Duration::from_millis(50);
/// A client leaves a server that is silent for this long.
const SILENCE: Duration = Duration::from_secs(4);

/// An account and its credentials.
#[derive(Clone)]
pub struct Account {
    pub name: String,
    token: Value,
}

/// One device of an account.
pub struct Correspondent {
    account: Account,
    /// The account it writes to; other devices only read.
    peer: Option<String>,
    device: String,
    plan: Arc<Plan>,
    at: usize,
    said: usize,
    /// Author, id and text of received messages, one list per connection.
    pub sessions: Vec<Vec<Letter>>,
}

/// A message between two accounts.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    pub id: String,
    pub author: String,
    pub text: String,
}

impl Account {
    /// Registers an account.
    pub fn register(server: &Server, name: &str, phone: &str) -> Account {
        let email = format!("{name}@example.org");
        let form = [
            ("first_name", "A"),
            ("last_name", "B"),
            ("username", name),
            ("password", "long enough"),
            ("email", &email),
            ("phone", phone),
        ];
        let answer = server.post_form("/api/register", &form);
        assert_eq!(answer.status, 200, "{}", answer.body);
        Account {
            name: name.to_owned(),
            token: answer.json()["data"][0]["token"].clone(),
        }
    }

    fn signed(&self) -> String {
        let text = |field: &str| self.token[field].as_str().unwrap().to_owned();
        let mut header = Header::new(Algorithm::HS256);
        header
            .extras
            .insert("access_key", text("access_key_id").as_str());
        let key = EncodingKey::from_secret(text("secret_access_key").as_bytes());
        encode(&header, &json!({}), &key).unwrap()
    }

    /// The whole thread between this account and another, oldest first.
    pub fn thread(&self, server: &Server, peer: &str) -> Vec<Letter> {
        let agent = ureq::Agent::new_with_defaults();
        let mut letters = Vec::new();
        for page in 1.. {
            let url = format!("http://{}/api/thread/{peer}?page={page}", server.web());
            let request = agent.get(url);
            let request = request.header("Authorization", format!("Bearer {}", self.signed()));
            let body = request.call().unwrap().body_mut().read_to_string().unwrap();
            let answer: Value = serde_json::from_str(&body).unwrap();
            let rows = answer["data"].as_array().unwrap();
            if rows.is_empty() {
                break;
            }
            letters.extend(rows.iter().map(letter));
        }
        letters.reverse();
        letters
    }
}

impl Correspondent {
    pub fn new(
        account: &Account,
        device: &str,
        peer: Option<&Account>,
        plan: &Arc<Plan>,
        at: usize,
    ) -> Correspondent {
        plan.enter(device);
        Correspondent {
            account: account.clone(),
            peer: peer.map(|peer| peer.name.clone()),
            device: device.to_owned(),
            plan: plan.clone(),
            at,
            said: 0,
            sessions: Vec::new(),
        }
    }

    /// Runs until enough has been said.
    pub fn run(mut self) -> Correspondent {
        while !self.plan.is_enough() {
            self.plan.check_time(|| self.device.clone());
            // Whatever fails, there are other servers.
            let _ = self.visit();
            self.at += 1;
            std::thread::sleep(PAUSE);
        }
        self
    }

    fn visit(&mut self) -> Option<()> {
        let address = self.plan.doors(self.at).web;
        let stream = connect(address, SILENCE)?;
        let url = format!("ws://{address}/api/ws?token={}", self.account.signed());
        let (mut socket, _) = tungstenite::client(url, stream).ok()?;
        socket.get_ref().set_read_timeout(Some(MOMENT)).ok()?;
        self.sessions.push(Vec::new());
        let (mut said_at, mut heard_at) = (Instant::now(), Instant::now());
        while !self.plan.is_enough() && heard_at.elapsed() < SILENCE {
            if said_at.elapsed() >= PACE {
                self.say(&mut socket)?;
                said_at = Instant::now();
            }
            match socket.read() {
                Ok(message) => {
                    heard_at = Instant::now();
                    self.hear(&message);
                }
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return None,
            }
        }
        Some(())
    }

    fn say(&mut self, socket: &mut WebSocket<std::net::TcpStream>) -> Option<()> {
        let Some(peer) = &self.peer else {
            return Some(());
        };
        self.said += 1;
        let text = format!("{} {}", self.device, self.said);
        let frame = json!({ "recipient": peer, "message": text });
        socket.send(Message::text(frame.to_string())).ok()
    }

    fn hear(&mut self, message: &Message) {
        let Message::Text(text) = message else {
            return;
        };
        let frame: Value = serde_json::from_str(text).unwrap();
        // Any other type reports a message that was not sent.
        if frame["message_type"] == 0 {
            self.plan.done(&self.device);
            if let Some(session) = self.sessions.last_mut() {
                session.push(letter(&frame));
            }
        }
    }
}

fn letter(frame: &Value) -> Letter {
    let text = |field: &str| frame[field].as_str().unwrap().to_owned();
    Letter {
        id: text("id"),
        author: text("author"),
        text: text("message"),
    }
}
