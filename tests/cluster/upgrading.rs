//! Servers of an older version, which does not know rules of channels, beside newer ones.

use serde_json::{Value, json};

use crate::shared::Common;
use crate::support::{LineClient, Server, User, wait_until};

/// A server of an older version, as far as the others know of it: what it reports about
/// itself, and beats for as long as it is wanted.
struct Older<'a> {
    common: &'a Common,
    node: &'static str,
}

const OLD_ADDRESS: &str = "old.example.org:4004";

impl<'a> Older<'a> {
    fn join(common: &'a Common) -> Older<'a> {
        let older = Older {
            common,
            node: "00000000000000aa",
        };
        let report = json!({
            "address": OLD_ADDRESS,
            "connections": 0,
            "started_ms": 1,
            "draining": false,
            "ready": true,
        });
        older.set("chat:nodes", &report.to_string());
        older.set("chat:beats", "1000000000");
        older
    }

    fn set(&self, key: &str, value: &str) {
        let mut connection = self.common.redis.connect();
        let mut command = redis::cmd("HSET");
        let command = command.arg(key).arg(self.node).arg(value);
        command.query::<()>(&mut connection).unwrap();
    }

    fn leave(self) {
        let mut connection = self.common.redis.connect();
        for key in ["chat:nodes", "chat:beats"] {
            let mut command = redis::cmd("HDEL");
            let command = command.arg(key).arg(self.node);
            command.query::<()>(&mut connection).unwrap();
        }
    }
}

/// The version that a server reports of each address.
fn version(server: &Server, address: &str) -> Option<Value> {
    let nodes = server.get("/api/nodes").json()["nodes"].clone();
    let mut nodes = nodes.as_array().unwrap().clone().into_iter();
    nodes
        .find(|node| node["address"] == address)
        .map(|node| node["version"].clone())
}

/// Whether the server lets anyone change the channel that the client is in now.
fn is_allowed(client: &mut LineClient) -> bool {
    client.send("/topic about cats");
    let answer = client.settle();
    !answer
        .iter()
        .any(|line| line.contains("cluster.governance"))
}

/// The client creates a channel, and operates it as soon as the log says so.
fn creates(client: &mut LineClient, channel: &str) {
    client.send(&format!("/join #{channel}"));
    wait_until("who has created it operates it", || {
        client.send("/topic about cats");
        let answer = client.settle();
        answer.iter().any(|line| line.contains("set the topic"))
    });
}

#[test]
fn while_an_older_server_is_there_channels_are_not_changed() {
    let common = Common::new();
    let older = Older::join(&common);
    let server = common.server();
    let own = server.web().to_string();
    wait_until("both are listed", || {
        version(&server, OLD_ADDRESS) == Some(Value::Null)
    });
    assert_eq!(
        version(&server, &own),
        Some(json!(env!("CARGO_PKG_VERSION")))
    );
    let mut ann = LineClient::enter_channel(&server, "ann", "dev");
    assert!(!is_allowed(&mut ann));
    let topic = json!({ "topic": "cats" });
    let refused = server.patch("/admin/channels/dev", topic.clone());
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert_eq!(refused.json()["error"]["code"], "governance_off");
    assert!(
        refused.body.contains("cluster.governance"),
        "{}",
        refused.body
    );
    // As soon as it is gone they are, and who creates a channel operates it.
    older.leave();
    wait_until("channels can be changed", || is_allowed(&mut ann));
    creates(&mut ann, "club");
    let changed = server.patch("/admin/channels/club", topic);
    assert_eq!(changed.status, 200, "{}", changed.body);
    // Should it come back, what was allowed stays allowed here.
    let _again = Older::join(&common);
    wait_until("it is listed", || version(&server, OLD_ADDRESS).is_some());
    creates(&mut ann, "den");
}

#[test]
fn operators_of_the_server_say_whether_channels_are_changed() {
    let common = Common::new();
    let one = common.server();
    let two = common.server_with(|config| config["cluster"]["governance"] = "off".into());
    let mut ann = LineClient::enter(&one, "ann");
    let mut bob = LineClient::enter(&two, "bob");
    creates(&mut ann, "club");
    // What was changed elsewhere is in force on both.
    ann.send("/mode +invite-only");
    ann.expect("invite-only");
    wait_until("it is known", || {
        bob.send("/join #club");
        let answer = bob.settle();
        bob.send("/leave");
        answer.iter().any(|line| line.contains("invited"))
    });
    bob.send("/join #den");
    assert!(!is_allowed(&mut bob));
    let set = |word: &str| {
        two.reload(|config| config["cluster"]["governance"] = word.into());
    };
    set("on");
    wait_until("it is allowed", || is_allowed(&mut bob));
    creates(&mut bob, "cave");
    set("off");
    wait_until("it is not", || !is_allowed(&mut bob));
    set("auto");
    wait_until("all servers are new enough", || is_allowed(&mut bob));
}
