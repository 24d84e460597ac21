//! What operators of the server do to it and to channels.

use crate::operators::HASH;
use crate::support::{IrcClient, LineClient, Server, User};
use crate::{start_with, two_in};

fn start() -> Server {
    start_with(|config| {
        config["irc"]["operators"] = vec![format!("boss:{HASH}")].into();
    })
}

fn operator(server: &Server) -> IrcClient {
    let mut boss = IrcClient::enter(server, "theboss");
    boss.send("OPER boss operpassword");
    boss.expect(" MODE theboss ");
    boss.settle();
    boss
}

#[test]
fn only_operators_of_the_server_do_these_things() {
    let server = start();
    let (mut ann, _bob) = two_in(&server, "c");
    for line in [
        "KLINE bob",
        "UNKLINE bob",
        "REHASH",
        "SAMODE #c +m",
        "SAJOIN bob #d",
        "SAPART bob #c",
    ] {
        assert!(ann.ask(line).contains(" 481 ann "), "{line}");
    }
}

#[test]
fn a_nickname_or_an_address_is_banned_and_let_in_again() {
    let server = start();
    let mut boss = operator(&server);
    let mut eve = IrcClient::enter(&server, "eve");
    boss.send("KLINE 60 eve!*@* :enough of this");
    boss.expect("eve!*@* is banned");
    assert!(eve.expect("ERROR ").contains("enough of this"));
    let mut again = LineClient::connect(server.telnet());
    again.send("eve");
    again.expect("banned");
    assert!(boss.ask("UNKLINE eve").contains("not banned any more"));
    assert!(boss.ask("UNKLINE eve").contains("There is no ban of eve"));
    IrcClient::enter(&server, "eve");
    assert!(boss.ask("KLINE 192.0.2.0/24").contains("is banned"));
    assert!(
        boss.ask("UNKLINE *@192.0.2.0/24")
            .contains("not banned any more")
    );
    assert!(boss.ask("KLINE *@*").contains("takes an address"));
    assert!(boss.ask("KLINE 60").contains(" 461 "));
}

#[test]
fn a_channel_is_changed_whatever_its_rules_say() {
    let server = start();
    let (mut ann, mut bob) = two_in(&server, "c");
    let mut boss = operator(&server);
    boss.send("SAMODE #c +mo-t bob");
    assert!(boss.settle().is_empty());
    assert!(bob.expect(" MODE #c ").contains("+m"));
    assert!(bob.expect(" MODE #c ").contains("+o bob"));
    assert!(bob.expect(" MODE #c ").contains("-t"));
    ann.settle();
    boss.send("SAMODE #c -o ann");
    assert!(ann.expect(" MODE #c ").contains("-o ann"));
    assert!(boss.ask("SAMODE #c +Z").contains(" 472 "));
    assert!(boss.ask("SAMODE #c +o").contains(" 461 "));
}

#[test]
fn someone_is_taken_into_a_channel_and_out_of_it() {
    let server = start();
    let mut ann = IrcClient::enter_channel(&server, "ann", "shut");
    ann.send("MODE #shut +i");
    ann.expect(" MODE #shut ");
    let mut bob = IrcClient::enter(&server, "bob");
    bob.send("JOIN #shut");
    bob.expect(" 473 ");
    let mut boss = operator(&server);
    boss.send("SAJOIN bob #shut");
    bob.expect(" JOIN :#shut");
    bob.expect(" 366 ");
    ann.expect(":bob!");
    boss.send("SAPART bob #shut :and out");
    assert!(bob.expect(" PART #shut").ends_with(":and out"));
    assert!(ann.expect(" PART #shut").ends_with(":and out"));
    assert!(boss.ask("SAJOIN nobody #shut").contains(" 401 "));
    assert!(boss.ask("SAJOIN bob nowhere").contains(" 403 "));
    assert!(
        boss.ask("SAPART bob #nowhere")
            .contains("SAPART bob #nowhere")
    );
}

#[test]
fn the_configuration_is_read_again() {
    let server = start();
    let mut boss = operator(&server);
    let file = server.dir().join("config.json");
    let config = std::fs::read_to_string(&file).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
    config["greeting"] = "Welcome back".into();
    std::fs::write(&file, config.to_string()).unwrap();
    assert!(boss.ask("REHASH").contains(" 382 "));
    server.wait_output("reloaded: 1 setting");
}
