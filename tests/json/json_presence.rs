//! Who someone is, who is away, and why people leave, by JSON commands.

use serde_json::{Value, json};

use crate::room::{Room, join, refused};

#[test]
fn a_card_shows_what_the_asker_may_know() {
    let mut room = Room::new();
    let mut eve = room.outsider("eve");
    room.ada.send("away", json!({"text": "lunch"}));
    room.ada.expect("away");
    eve.send("whois", json!({"user": "ADA"}));
    let card = eve.expect("user");
    assert_eq!(
        (&card["user"], &card["account"]),
        (&json!("ada"), &json!("ada"))
    );
    assert_eq!(card["away"], "lunch");
    assert_eq!(card["rooms"], json!(["dev"]));
    assert_eq!(card["roles"], json!({"dev": "operator"}));
    assert!(card["since"].is_string() && card["idle"].is_u64(), "{card}");
    room.set("secret", json!(true));
    eve.send("whois", json!({"user": "ada"}));
    let card = eve.expect("user");
    assert_eq!((&card["rooms"], &card["roles"]), (&json!([]), &json!({})));
    assert!(!card["body"].as_str().unwrap().contains("dev"), "{card}");
    room.bob.send("whois", json!({"user": "ada"}));
    assert_eq!(room.bob.expect("user")["rooms"], json!(["dev"]));
    eve.send("whois", json!({"user": "bob"}));
    assert_eq!(eve.expect("user").get("account"), None);
    refused(&mut eve, "whois", json!({"user": "nobody"}), "no_such_user");
    refused(&mut eve, "whois", json!({}), "bad_argument");
}

#[test]
fn who_is_away_is_listed_and_says_so_to_who_writes() {
    let mut room = Room::new();
    room.bob.send("away", json!({"text": "lunch"}));
    let away = room.bob.expect("away");
    assert_eq!(
        (&away["user"], &away["text"]),
        (&json!("bob"), &json!("lunch"))
    );
    room.ada.send("listusers", json!({"room": "dev"}));
    assert_eq!(room.ada.expect("users")["away"], json!({"bob": "lunch"}));
    room.ada
        .send("private", json!({"to": "bob", "body": "psst"}));
    assert_eq!(room.ada.expect("away")["text"], "lunch");
    room.bob.send("away", json!({}));
    assert_eq!(room.bob.expect("away").get("text"), None);
    room.ada.send("listusers", json!({"room": "dev"}));
    assert_eq!(room.ada.expect("users").get("away"), None);
    let long = json!({"text": "x".repeat(301)});
    refused(&mut room.bob, "away", long, "reason_too_long");
    refused(&mut room.bob, "away", json!({"text": 7}), "bad_argument");
}

#[test]
fn others_are_told_why_someone_leaves() {
    let mut room = Room::new();
    let long = json!({"room": "dev", "reason": "x".repeat(301)});
    refused(&mut room.bob, "leave", long, "reason_too_long");
    room.bob
        .send("leave", json!({"room": "dev", "reason": "lunch"}));
    let told = room.ada.expect("leave");
    assert_eq!(
        (&told["user"], &told["reason"]),
        (&json!("bob"), &json!("lunch"))
    );
    assert_eq!(room.bob.expect("left").get("code"), None);
    join(&mut room.bob, json!({"room": "dev"}));
    room.bob.send("exit", json!({"reason": "good night"}));
    room.bob.expect("bye");
    let told = room.ada.expect("leave");
    assert_eq!(
        (&told["room"], &told["reason"]),
        (&json!("dev"), &json!("good night"))
    );
    let mut eve = room.outsider("eve");
    join(&mut eve, json!({"room": "dev"}));
    eve.send("leave", Value::Null);
    assert_eq!(room.ada.expect("leave").get("reason"), None);
}
