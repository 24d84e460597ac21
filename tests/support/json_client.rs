//! A client that speaks JSON commands and looks at their typed fields.

use serde_json::{Value, json};

use super::server::Server;
use super::user::User;
use super::ws_client::WsClient;

/// A WebSocket whose frames are all JSON objects.
pub struct JsonClient(pub WsClient);

impl JsonClient {
    /// Gets a token for a nickname.
    pub fn token(server: &Server, nickname: &str) -> String {
        JsonClient::token_with(server, &[("nickname", nickname)])
    }

    /// Registers an account and gets a token for it.
    pub fn registered(server: &Server, nickname: &str) -> String {
        let form = [
            ("username", nickname),
            ("password", "long enough"),
            ("first_name", "A"),
            ("last_name", "B"),
            ("email", &format!("{nickname}@example.org")),
            ("phone", &phone(nickname)),
        ];
        let answer = server.post_form("/api/register", &form);
        assert_eq!(answer.json()["status"], "success", "{}", answer.body);
        let form = [("nickname", nickname), ("password", "long enough")];
        JsonClient::token_with(server, &form)
    }

    fn token_with(server: &Server, form: &[(&str, &str)]) -> String {
        let answer = server.post_form("/auth", form);
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// Opens a connection without reading.
    pub fn open(server: &Server, token: &str) -> JsonClient {
        let path = format!("/ws?token={token}");
        JsonClient(WsClient::open(server.web(), &path, &[]).unwrap())
    }

    /// Opens a connection and reads the first frames every client gets.
    pub fn come_in(server: &Server, token: &str) -> JsonClient {
        let mut client = JsonClient::open(server, token);
        client.expect("welcome");
        let joined = client.expect("joined");
        assert_eq!(joined["room"], "global");
        client
    }

    /// Logs in under a free nickname.
    pub fn enter(server: &Server, nickname: &str) -> JsonClient {
        JsonClient::come_in(server, &JsonClient::token(server, nickname))
    }

    /// Sends a command.
    pub fn send(&mut self, kind: &str, args: Value) {
        self.0
            .send(&json!({ "type": kind, "args": args }).to_string());
    }

    /// The next frame; each one has `from` and `body`.
    pub fn next(&mut self) -> Option<Value> {
        let frame = self.0.next_json()?;
        let for_the_simplest = frame["from"].is_string() && frame["body"].is_string();
        assert!(for_the_simplest, "{frame}");
        Some(frame)
    }

    /// The next frame of a type.
    pub fn expect(&mut self, kind: &str) -> Value {
        loop {
            let Some(frame) = self.next() else {
                panic!("closed before {kind}\n{}", self.0.transcript())
            };
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The types of all frames before the answer to a question asked now.
    /// Frames caused by earlier events are among them.
    pub fn settle(&mut self) -> Vec<String> {
        self.send("presence", json!({ "users": [] }));
        let mut kinds = Vec::new();
        loop {
            let frame = self.next().expect("closed before the answer");
            match frame["type"].as_str() {
                Some("presence") => return kinds,
                kind => kinds.push(kind.unwrap_or_default().to_owned()),
            }
        }
    }
}

/// A phone number of this nickname alone.
fn phone(nickname: &str) -> String {
    let digits = nickname.bytes().map(|byte| format!("{byte:03}"));
    let digits: String = digits.collect();
    format!("+{:0<8.14}", digits)
}
