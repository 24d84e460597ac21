//! Programs with tokens of their own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use super::server::{DEADLINE, Server};

/// An HTTP answer with its head.
#[derive(Debug)]
pub struct Told {
    /// The status code.
    pub status: u16,
    /// The head, as it came.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Told {
    /// The body, which must be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    /// A field of the head, if it is there.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let field = lines.find(|(field, _)| field.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value)
    }

    /// The word of the error.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }
}

/// Makes a request on a connection of its own, as `curl` does.
pub fn call(at: SocketAddr, token: &str, request: &str, fields: &str, body: &str) -> Told {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let length = body.len();
    let request = format!(
        "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         {fields}Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    Told {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

impl Server {
    /// Makes a request with a token on the REST listener.
    pub fn call(&self, token: &str, request: &str, body: &str) -> Told {
        call(self.rest().unwrap(), token, request, "", body)
    }

    /// Makes a token; returns its id and the token itself.
    pub fn new_token(&self, fields: Value) -> (String, String) {
        let made = self.post("/admin/tokens", fields);
        assert_eq!(made.status, 201, "{}", made.body);
        let made = made.json();
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        (text("id"), text("token"))
    }

    /// A token with this name and these scopes.
    pub fn token_for(&self, name: &str, scopes: &[&str]) -> String {
        self.new_token(json!({"name": name, "scopes": scopes})).1
    }
}
