//! WEBIRC: gateways say where their clients come from.

use serde_json::Value;

use crate::operators::HASH;
use crate::start_with;
use crate::support::{IrcClient, Server};

/// The password of [`HASH`].
const PASSWORD: &str = "operpassword";

fn start(change: impl FnOnce(&mut Value)) -> Server {
    start_with(|config| {
        config["irc"]["webirc"] = vec![format!("127.0.0.1:{HASH}")].into();
        config["irc"]["operators"] = vec![format!("boss:{HASH}")].into();
        change(config);
    })
}

/// A client that a gateway has connected, for a client at an address.
fn through(server: &Server, address: &str, nick: &str) -> IrcClient {
    let mut client = IrcClient::connect(server.address("irc"));
    client.send(&format!("WEBIRC {PASSWORD} web host.example {address}"));
    client.begin(nick, "");
    client
}

fn host(asker: &mut IrcClient, nick: &str) -> String {
    let line = asker.ask(&format!("USERHOST {nick}"));
    line.rsplit_once('@').unwrap().1.trim().to_owned()
}

#[test]
fn a_client_has_the_address_that_its_gateway_names() {
    let server = start(|_| {});
    let mut direct = IrcClient::enter(&server, "direct");
    let mut ann = through(&server, "192.0.2.7", "ann");
    let _bob = through(&server, "192.0.2.7", "bob");
    let _eve = through(&server, "2001:db8::1", "eve");
    let own = host(&mut ann, "ann");
    assert!(own.ends_with(".guest"), "{own}");
    assert_eq!(host(&mut direct, "bob"), own);
    assert_ne!(host(&mut direct, "eve"), own);
    assert_ne!(host(&mut direct, "direct"), own);
    // The connection between client and gateway may be read by others.
    let mut operator = through(&server, "192.0.2.8", "operator");
    assert!(operator.ask("OPER boss operpassword").contains(" 491 "));
    // A ban of the client's address ends the client, not the gateway.
    direct.send("OPER boss operpassword");
    direct.expect(" 381 ");
    direct.send("KLINE 192.0.2.7 :spam");
    direct.expect("192.0.2.7 is banned");
    assert!(ann.expect("ERROR ").contains("spam"));
    let mut again = IrcClient::connect(server.address("irc"));
    again.send(&format!("WEBIRC {PASSWORD} web host.example 192.0.2.7"));
    again.expect("ERROR ");
    through(&server, "192.0.2.9", "other");
}

#[test]
fn only_a_gateway_names_addresses_and_first_of_all() {
    let server = start(|_| {});
    let refused = |lines: &[&str], why: &str| {
        let mut client = IrcClient::connect(server.address("irc"));
        for line in lines {
            client.send(line);
        }
        let line = client.expect(" 464 ");
        assert!(line.contains(why), "{line}");
        assert!(client.is_closed());
    };
    refused(&["WEBIRC wrong web host 192.0.2.7"], "No gateway");
    refused(&["WEBIRC operpassword web host nowhere"], "address");
    let late = ["NICK ann", "WEBIRC operpassword web host 192.0.2.7"];
    refused(&late, "first line");
    let mut ann = IrcClient::enter(&server, "ann");
    assert!(
        ann.ask("WEBIRC operpassword web host 192.0.2.7")
            .contains(" 462 ")
    );
    let without = start_with(|_| {});
    let mut client = IrcClient::connect(without.address("irc"));
    client.send("WEBIRC operpassword web host 192.0.2.7");
    client.expect(" 464 ");
    assert!(client.is_closed());
}

#[test]
fn the_clients_of_an_address_are_counted_behind_a_gateway_too() {
    let server = start(|config| config["limits"]["connections_per_address"] = 2.into());
    let _ann = through(&server, "192.0.2.7", "ann");
    let bob = through(&server, "192.0.2.7", "bob");
    let mut eve = IrcClient::connect(server.address("irc"));
    eve.send(&format!("WEBIRC {PASSWORD} web host 192.0.2.7"));
    assert!(eve.expect(" 464 ").contains("Too many connections"));
    through(&server, "192.0.2.8", "other");
    drop(bob);
    crate::support::wait_until("there is room again", || {
        let mut eve = IrcClient::connect(server.address("irc"));
        eve.send(&format!("WEBIRC {PASSWORD} web host 192.0.2.7"));
        eve.send("PING here");
        !eve.next().contains(" 464 ")
    });
}
