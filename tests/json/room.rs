//! A room with an operator and a member, for the tests of who may do what.

use crate::support::{JsonClient, Server};
use serde_json::{Value, json};

/// A room `dev`: `ada`, who has an account, has made it, and `bob`, a guest, is in it.
pub struct Room {
    pub server: Server,
    pub ada: JsonClient,
    pub bob: JsonClient,
}

impl Room {
    pub fn new() -> Room {
        let server = Server::start(|config| config["limits"]["message_rate"] = 0.into());
        let token = JsonClient::registered(&server, "ada");
        let mut ada = JsonClient::come_in(&server, &token);
        ada.send("createroom", json!({"name": "dev"}));
        assert_eq!(ada.expect("role")["role"], "operator");
        let mut bob = JsonClient::enter(&server, "bob");
        join(&mut bob, json!({"room": "dev"}));
        Room { server, ada, bob }
    }

    /// Another client, that is not in the room.
    pub fn outsider(&self, nickname: &str) -> JsonClient {
        JsonClient::enter(&self.server, nickname)
    }

    /// Another client with an account, that is not in the room.
    pub fn owner(&self, nickname: &str) -> JsonClient {
        let token = JsonClient::registered(&self.server, nickname);
        JsonClient::come_in(&self.server, &token)
    }

    /// Has `ada` set one rule, and both take note.
    pub fn set(&mut self, rule: &str, value: Value) {
        let changes = json!([{"rule": rule, "value": value}]);
        self.ada
            .send("setrules", json!({"room": "dev", "changes": changes}));
        assert_eq!(self.ada.expect("rules")["changes"], changes);
        assert_eq!(self.bob.expect("rules")["changes"], changes);
    }

    /// Has `ada` register the room, and both take note.
    pub fn register(&mut self) {
        self.ada.send("register_room", json!({"room": "dev"}));
        for client in [&mut self.ada, &mut self.bob] {
            let registered = json!([{"rule": "registered", "value": true, "founder": "ada"}]);
            assert_eq!(client.expect("rules")["changes"], registered);
        }
    }
}

/// Joins, and reads that.
pub fn join(client: &mut JsonClient, args: Value) -> Value {
    client.send("join", args);
    client.expect("joined")
}

/// The command is refused with this code. Returns the frame.
pub fn refused(client: &mut JsonClient, kind: &str, args: Value, code: &str) -> Value {
    client.send(kind, args.clone());
    let frame = client.expect("error");
    assert_eq!(frame["code"], code, "{kind} {args}: {frame}");
    frame
}

/// The command is refused with this code, in a frame that names the room.
pub fn refused_in_dev(client: &mut JsonClient, kind: &str, args: Value, code: &str) -> Value {
    let frame = refused(client, kind, args, code);
    assert_eq!(frame["room"], "dev", "{frame}");
    frame
}
