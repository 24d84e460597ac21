//! Bans of channels, and the ways round them that people try: another spelling, another
//! nickname, another connection, another protocol.
//!
//! The clients come through a balancer that names their addresses, so that not all of
//! them are at one.

use std::os::unix::fs::PermissionsExt;

use crate::support::{JsonClient, LineClient, Server, User, WsClient};
use serde_json::json;

/// A server whose clients come through balancers and proxies on this machine.
fn start() -> Server {
    Server::start(|config| {
        config["listen"]["tcp"] = "127.0.0.1:0".into();
        config["listen"]["proxy_protocol_from"] = json!(["127.0.0.0/8"]);
        config["web"]["trusted_proxies"] = json!(["127.0.0.0/8"]);
    })
}

/// A client of the line protocol at an address, which has not said anything yet.
fn line_at(server: &Server, address: &str) -> LineClient {
    let kind = if address.contains(':') { "6" } else { "4" };
    let mut client = LineClient::connect(server.telnet());
    client.send_bytes(format!("PROXY TCP{kind} {address} {address} 4711 4000\r\n").as_bytes());
    client
}

/// A client of the line protocol at an address, in `#dev`.
fn in_dev(server: &Server, nickname: &str, address: &str) -> LineClient {
    let mut client = line_at(server, address);
    client.login(nickname);
    client.send("/join #dev");
    client.settle();
    client
}

/// A WebSocket of a client at an address.
fn socket_at(server: &Server, path: &str, address: &str) -> WsClient {
    WsClient::open(server.web(), path, &[("x-forwarded-for", address)]).unwrap()
}

/// The masks in the lists of a channel.
fn masks(server: &Server, channel: &str) -> Vec<String> {
    let lists = server
        .get(&format!("/admin/channels/{channel}/bans"))
        .json();
    let entries = lists
        .as_object()
        .unwrap()
        .values()
        .flat_map(|list| list.as_array());
    let masks = entries
        .flatten()
        .map(|entry| entry["mask"].as_str().unwrap().to_owned());
    masks.collect()
}

/// Checks that a client is not let into `#dev`.
#[track_caller]
fn is_kept_out(client: &mut impl User) {
    client.settle();
    client.send("/join #dev");
    client.expect("You are banned from #dev");
}

#[test]
fn a_ban_of_a_guest_keeps_the_address_out_whatever_the_name_and_the_protocol() {
    let server = start();
    let mut teacher = in_dev(&server, "teacher", "192.0.2.1");
    let mut kevin = in_dev(&server, "Kevin", "203.0.113.9");
    let mut ann = in_dev(&server, "ann", "203.0.113.10");
    teacher.settle();
    teacher.send("/ban @kevin spam");
    kevin.expect("You were removed from #dev by @teacher: spam");
    is_kept_out(&mut kevin);
    let masks = masks(&server, "dev");
    let [mask] = &*masks else {
        panic!("{masks:?}");
    };
    assert!(
        mask.starts_with("host:") && mask.ends_with(".guest"),
        "{mask}"
    );
    assert!(!mask.contains("203"), "{mask} shows the address");

    // Another nickname, on the same connection and on a new one.
    kevin.send("/nick @innocent");
    is_kept_out(&mut kevin);
    let mut again = line_at(&server, "203.0.113.9");
    again.login("someone-new");
    is_kept_out(&mut again);
    // The same address as a balancer with IPv6 alone would name it.
    let mut mapped = line_at(&server, "::ffff:203.0.113.9");
    mapped.login("mapped");
    is_kept_out(&mut mapped);

    // Other protocols.
    let mut lines = socket_at(&server, "/ws", "203.0.113.9");
    lines.login("weblines");
    is_kept_out(&mut lines);
    let token = JsonClient::token(&server, "jay");
    let mut jay = JsonClient(socket_at(
        &server,
        &format!("/ws?token={token}"),
        "203.0.113.9",
    ));
    jay.expect("joined");
    for (kind, args) in [
        ("join", json!({"room": "dev"})),
        ("switchroom", json!({"room": "dev"})),
        ("resume", json!({"room": "dev", "after": "0-0"})),
    ] {
        jay.send(kind, args);
        assert_eq!(jay.expect("error")["code"], "banned_from_channel", "{kind}");
    }

    // Who is elsewhere is not hit, and sees no address.
    let mut guest = line_at(&server, "203.0.113.11");
    guest.login("guest");
    guest.send("/join #dev");
    guest.send("hello");
    ann.expect_message("guest", "hello");
    for client in [&mut teacher, &mut ann] {
        client.send("/whois @innocent");
        client.send("/bans");
        let seen = client.settle().join("\n");
        assert!(
            seen.contains("innocent") && !seen.contains("203.0.113"),
            "{seen}"
        );
    }
}

#[test]
fn a_ban_of_a_guest_holds_after_a_restart_because_the_key_is_kept() {
    let mut server = start();
    let token = JsonClient::registered(&server, "teacher");
    let mut teacher = JsonClient::come_in(&server, &token);
    teacher.send("join", json!({"room": "dev"}));
    teacher.expect("role");
    teacher.send("register_room", json!({"room": "dev"}));
    teacher.expect("rules");
    let mut kevin = in_dev(&server, "kevin", "2001:db8:1:2::9");
    teacher.send("ban", json!({"room": "dev", "user": "kevin"}));
    kevin.expect("You were removed from #dev");
    let key = server.dir().join("data/cloak-key");
    let mode = std::fs::metadata(key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    server.restart();
    // Another address of the same network.
    let mut again = line_at(&server, "2001:db8:1:2:ffff::1");
    again.login("anew");
    is_kept_out(&mut again);
    let mut neighbour = in_dev(&server, "neighbour", "2001:db8:1:3::9");
    neighbour.send("hello");
    neighbour.expect_message("neighbour", "hello");
}

#[test]
fn one_of_a_class_behind_one_router_is_banned_alone() {
    let server = start();
    let mut teacher = in_dev(&server, "teacher", "192.0.2.1");
    let mut mia = in_dev(&server, "mia", "203.0.113.9");
    let mut tom = in_dev(&server, "tom", "203.0.113.9");
    teacher.settle();
    teacher.send("/ban @tom 10 enough");
    tom.expect("You were removed from #dev by @teacher: enough");
    mia.expect("banned @tom by nickname for 10 minutes: enough");
    is_kept_out(&mut tom);
    mia.send("still here");
    mia.expect_message("mia", "still here");
    tom.send("/nick @Tommy");
    is_kept_out(&mut tom);
    teacher.send("/unban @tom");
    teacher.expect("lifted the ban of the nickname tom");
    // With nobody else from there, it is the address; the name finds it all the same.
    mia.send("/leave");
    mia.settle();
    tom.send("/join #dev");
    tom.settle();
    teacher.send("/ban @tommy");
    teacher.expect("banned @Tommy by address");
    is_kept_out(&mut tom);
    is_kept_out(&mut mia);
    tom.send("/quit");
    teacher.send("/unban @tommy");
    teacher.expect("lifted the ban of @Tommy");
    mia.send("/join #dev");
    mia.expect("You are now in #dev");
}

#[test]
fn a_mask_hits_every_spelling_and_earlier_names_and_nobody_else() {
    let server = start();
    let mut teacher = in_dev(&server, "teacher", "192.0.2.1");
    let addresses = (1..).map(|n| format!("203.0.113.{n}"));
    // Cyrillic letters, capitals, digits that look like letters.
    let spellings = ["evil", "ЕVAL", "еvе1", "EVOL"];
    let mut hit: Vec<LineClient> = spellings
        .iter()
        .zip(addresses)
        .map(|(nickname, address)| in_dev(&server, nickname, &address))
        .collect();
    let mut renamed = in_dev(&server, "evul", "203.0.113.20");
    renamed.send("/nick @saint");
    renamed.settle();
    hit.push(renamed);
    let mut devil = in_dev(&server, "devil", "203.0.113.21");
    teacher.settle();
    teacher.send("/ban ev*l");
    for client in &mut hit {
        client.expect("You were removed from #dev by @teacher");
        is_kept_out(client);
    }
    devil.settle();
    teacher.send("are we alone?");
    devil.expect_message("teacher", "are we alone?");
    for client in &mut hit {
        let heard = client.settle();
        assert!(
            !heard.iter().any(|line| line.contains("alone")),
            "{heard:?}"
        );
    }
    // Who takes such a nickname in the channel is out, too.
    devil.send("/nick @ev3l");
    devil.expect("You were removed from #dev");
    is_kept_out(&mut devil);
    teacher.expect("left");
    // And who comes with one.
    let mut again = line_at(&server, "203.0.113.30");
    again.login("Еvаil");
    is_kept_out(&mut again);
    teacher.send("/unban ev*l");
    teacher.settle();
    again.send("/join #dev");
    again.send("back");
    teacher.expect_message("Еvаil", "back");
}

#[test]
fn a_name_that_is_banned_while_nobody_has_it_is_banned_in_all_spellings() {
    let server = start();
    let mut teacher = in_dev(&server, "teacher", "192.0.2.1");
    teacher.send("/ban @Kevin");
    teacher.settle();
    for (n, nickname) in ["kevin", "KEVIN", "Кevin", "kеvin"].iter().enumerate() {
        let mut client = line_at(&server, &format!("203.0.113.{n}"));
        client.login(nickname);
        is_kept_out(&mut client);
        client.send("/quit");
        client.expect_close();
    }
}

#[test]
fn a_ban_of_an_account_holds_at_every_address_and_for_every_connection() {
    let server = start();
    let mut teacher = in_dev(&server, "teacher", "192.0.2.1");
    let token = JsonClient::registered(&server, "mallory");
    let path = format!("/ws?token={token}");
    let mut tabs = ["203.0.113.1", "203.0.113.2"].map(|address| {
        let mut tab = JsonClient(socket_at(&server, &path, address));
        tab.expect("joined");
        tab.send("join", json!({"room": "dev"}));
        tab.settle();
        tab
    });
    // A guest who has the same address as the account.
    let mut guest = in_dev(&server, "guest", "203.0.113.1");
    teacher.settle();
    teacher.send("/ban @mallory");
    for tab in &mut tabs {
        assert_eq!(tab.expect("left")["code"], "kicked");
        tab.send("join", json!({"room": "dev"}));
        assert_eq!(tab.expect("error")["code"], "banned_from_channel");
    }
    assert_eq!(masks(&server, "dev"), ["account:mallory"]);
    // Elsewhere, on lines, by logging in inside the channel.
    let mut lines = in_dev(&server, "innocent", "203.0.113.3");
    lines.send("/login mallory");
    lines.expect("assword");
    lines.send("long enough");
    lines.expect("You were removed from #dev");
    is_kept_out(&mut lines);
    // The ban is of the account alone.
    guest.send("still here");
    guest.expect_message("guest", "still here");
}

#[test]
fn a_ban_of_a_guest_is_lifted_by_name_and_is_for_no_account_at_the_address() {
    let server = start();
    let mut teacher = in_dev(&server, "teacher", "192.0.2.1");
    let token = JsonClient::registered(&server, "mina");
    let mut mina = JsonClient(socket_at(
        &server,
        &format!("/ws?token={token}"),
        "203.0.113.1",
    ));
    mina.expect("joined");
    mina.send("join", json!({"room": "dev"}));
    mina.settle();
    let mut kevin = in_dev(&server, "kevin", "203.0.113.1");
    teacher.settle();
    teacher.send("/ban @kevin");
    kevin.expect("You were removed from #dev");
    is_kept_out(&mut kevin);
    let listed = masks(&server, "dev");
    assert!(listed[0].starts_with("host:"), "{listed:?}");
    mina.settle();
    teacher.send("hello, mina");
    assert_eq!(mina.expect("message")["body"], "hello, mina");
    // By the name of one who is not on any more.
    kevin.send("/quit");
    kevin.expect_close();
    teacher.send("/unban @kevin");
    teacher.settle();
    assert_eq!(masks(&server, "dev"), Vec::<String>::new());
    in_dev(&server, "kevin", "203.0.113.1").send("back");
    teacher.expect_message("kevin", "back");
}
