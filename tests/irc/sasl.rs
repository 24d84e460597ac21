//! SASL, and passwords instead of it.

use crate::support::IrcClient;
use crate::{register, start, start_with, words};

const PASSWORD: &str = "correct horse";

fn encoded(account: &str, password: &str) -> String {
    data_encoding::BASE64.encode(format!("\0{account}\0{password}").as_bytes())
}

#[test]
fn an_account_is_logged_in_before_it_has_its_nickname() {
    let server = start();
    register(&server, "ann", "correct horse");
    let mut ann = IrcClient::connect(server.address("irc"));
    ann.send("CAP LS 302");
    ann.send("CAP REQ :sasl");
    ann.expect(" ACK ");
    ann.send("NICK other");
    ann.send("USER ann 0 * :Ann");
    ann.send("AUTHENTICATE PLAIN");
    assert_eq!(ann.next(), "AUTHENTICATE +");
    ann.send(&format!("AUTHENTICATE {}", encoded("ann", "wrong horse")));
    assert!(ann.next().contains(" 904 * "));
    ann.send("AUTHENTICATE PLAIN");
    ann.expect("AUTHENTICATE +");
    ann.send(&format!("AUTHENTICATE {}", encoded("ann", "correct horse")));
    let line = ann.next();
    assert!(
        words(&line).starts_with("900 * *!~ann@ann.user ann "),
        "{line}"
    );
    assert!(ann.next().contains(" 903 * "));
    ann.send("CAP END");
    // The nickname is the account's.
    ann.expect(" 001 ann ");
    ann.settle();
    assert!(ann.ask("NICK other").contains(" 447 ann "));
    ann.send("WHOIS ann");
    ann.expect(" 330 ann ann ann ");
}

#[test]
fn what_is_no_login_is_refused() {
    let server = start();
    let mut ann = IrcClient::connect(server.address("irc"));
    ann.send("CAP REQ :sasl");
    ann.expect(" ACK ");
    ann.send("AUTHENTICATE NONSENSE");
    assert!(ann.next().contains(" 908 * PLAIN "));
    assert!(ann.next().contains(" 904 * "));
    ann.send("AUTHENTICATE PLAIN");
    ann.expect("AUTHENTICATE +");
    ann.send("AUTHENTICATE *");
    assert!(ann.next().contains(" 906 * "));
    ann.send("AUTHENTICATE PLAIN");
    ann.expect("AUTHENTICATE +");
    ann.send(&format!("AUTHENTICATE {}", "A".repeat(401)));
    assert!(ann.next().contains(" 905 * "));
    ann.send("NICK ann");
    ann.send("USER ann 0 * :Ann");
    ann.send("CAP END");
    ann.expect(" 001 ann ");
}

#[test]
fn clients_without_sasl_log_in_with_a_password() {
    let server = start();
    register(&server, "ann", "correct horse");
    let mut guest = IrcClient::connect(server.address("irc"));
    guest.send("NICK ann");
    guest.send("USER ann 0 * :Ann");
    assert!(guest.next().contains(" 433 * ann "));
    let mut ann = IrcClient::connect(server.address("irc"));
    ann.send("PASS :ann:correct horse");
    ann.send("NICK ann");
    ann.send("USER ann 0 * :Ann");
    ann.expect(" 001 ann ");
}

#[test]
fn a_guest_who_logs_in_is_told_so_before_the_change_of_nickname() {
    let server = start();
    register(&server, "ann", "correct horse");
    let mut ann = IrcClient::enter_with(&server, "other", "sasl");
    ann.send("AUTHENTICATE PLAIN");
    ann.expect("AUTHENTICATE +");
    ann.send(&format!("AUTHENTICATE {}", encoded("ann", "correct horse")));
    assert!(ann.next().contains(" 900 other "));
    assert!(ann.next().contains(" 903 other "));
    assert!(ann.next().ends_with(" NICK :ann"));
    // Again, which changes nothing.
    ann.send("AUTHENTICATE PLAIN");
    ann.expect("AUTHENTICATE +");
    ann.send(&format!("AUTHENTICATE {}", encoded("ann", "correct horse")));
    assert!(ann.next().contains(" 900 ann "));
    assert!(ann.next().contains(" 903 ann "));
    assert!(ann.settle().is_empty());
}

fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
    sign(&Key::new(HMAC_SHA256, key), message.as_bytes())
        .as_ref()
        .to_vec()
}

fn hash(bytes: &[u8]) -> Vec<u8> {
    use aws_lc_rs::digest::{SHA256, digest};
    digest(&SHA256, bytes).as_ref().to_vec()
}

/// What the server says in a dialogue.
fn told(client: &mut IrcClient) -> String {
    let line = client.next();
    let said = line.strip_prefix("AUTHENTICATE ");
    let said = said.unwrap_or_else(|| panic!("{line}"));
    String::from_utf8(data_encoding::BASE64.decode(said.as_bytes()).unwrap()).unwrap()
}

/// Says something in a dialogue.
fn tell(client: &mut IrcClient, words: &str) {
    let said = data_encoding::BASE64.encode(words.as_bytes());
    client.send(&format!("AUTHENTICATE {said}"));
}

/// A client that has begun to log in by SCRAM-SHA-256, and the server's challenge.
fn challenged(server: &crate::Server, account: &str) -> (IrcClient, String) {
    let mut client = IrcClient::connect(server.address("irc"));
    client.send("CAP REQ :sasl");
    client.expect(" ACK ");
    let challenge = challenge(&mut client, account);
    (client, challenge)
}

/// Begins to log in by SCRAM-SHA-256, and returns the server's challenge.
fn challenge(client: &mut IrcClient, account: &str) -> String {
    client.send("AUTHENTICATE SCRAM-SHA-256");
    assert_eq!(client.next(), "AUTHENTICATE +");
    tell(client, &format!("n,,n={account},r=fyko"));
    told(client)
}

/// The value of a part of a message.
fn part<'a>(message: &'a str, key: &str) -> &'a str {
    let part = message.split(',').find_map(|it| it.strip_prefix(key));
    part.unwrap_or_else(|| panic!("{message}"))
}

/// The client's last message, and what the server has to answer.
fn proof(account: &str, password: &str, challenge: &str) -> (String, String) {
    use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
    use data_encoding::BASE64;
    let salt = BASE64.decode(part(challenge, "s=").as_bytes()).unwrap();
    let rounds = part(challenge, "i=").parse().unwrap();
    let mut salted = [0; 32];
    derive(
        PBKDF2_HMAC_SHA256,
        rounds,
        &salt,
        password.as_bytes(),
        &mut salted,
    );
    let bare = format!("c=biws,r={}", part(challenge, "r="));
    let signed = format!("n={account},r=fyko,{challenge},{bare}");
    let key = hmac(&salted, "Client Key");
    let signature = hmac(&hash(&key), &signed);
    let proof: Vec<u8> = key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
    let own = hmac(&hmac(&salted, "Server Key"), &signed);
    let last = format!("{bare},p={}", BASE64.encode(&proof));
    (last, format!("v={}", BASE64.encode(&own)))
}

#[test]
fn a_password_is_proved_without_being_sent() {
    let server = start_with(|config| config["accounts"]["scram"] = true.into());
    register(&server, "ann", "correct horse");
    let (mut ann, challenge) = challenged(&server, "ann");
    let (last, answer) = proof("ann", "correct horse", &challenge);
    tell(&mut ann, &last);
    assert_eq!(told(&mut ann), answer);
    ann.send("AUTHENTICATE +");
    assert!(ann.next().contains(" 900 "));
    assert!(ann.next().contains(" 903 "));
    ann.begin("ann", "sasl");
    ann.send("WHOIS ann");
    ann.expect(" 330 ann ann ann ");
    // A wrong password proves nothing, and neither does a proof that was used before.
    let (mut eve, challenge) = challenged(&server, "ann");
    let (wrong, _) = proof("ann", "correct horsf", &challenge);
    tell(&mut eve, &wrong);
    assert!(eve.next().contains(" 904 "));
    let (mut eve, _) = challenged(&server, "ann");
    tell(&mut eve, &last);
    assert!(eve.next().contains(" 904 "));
    // Without the client's consent, nobody is logged in.
    let (mut eve, challenge) = challenged(&server, "ann");
    tell(&mut eve, &proof("ann", "correct horse", &challenge).0);
    told(&mut eve);
    eve.send("AUTHENTICATE *");
    assert!(eve.next().contains(" 906 "));
    eve.begin("eve", "sasl");
    eve.send("WHOIS eve");
    let quiet = eve.settle();
    assert!(
        quiet.iter().all(|line| !line.contains(" 330 ")),
        "{quiet:?}"
    );
}

#[test]
fn an_account_that_is_not_there_is_not_told_from_others() {
    let server = start_with(|config| config["accounts"]["scram"] = true.into());
    let salt = |account: &str| {
        let (_, challenge) = challenged(&server, account);
        (
            part(&challenge, "s=").to_owned(),
            part(&challenge, "i=").to_owned(),
        )
    };
    let (first, rounds) = salt("nobody");
    assert_eq!(salt("nobody"), (first.clone(), rounds.clone()));
    assert_ne!(salt("noone").0, first);
    register(&server, "nobody", "correct horse");
    let (other, same) = salt("nobody");
    assert_eq!((other.len(), same), (first.len(), rounds));
    let (mut eve, challenge) = challenged(&server, "noone");
    tell(&mut eve, &proof("noone", "", &challenge).0);
    assert!(eve.next().contains(" 904 "));
}

#[test]
fn proofs_are_counted_as_guesses() {
    let server = start_with(|config| {
        config["accounts"]["scram"] = true.into();
        config["limits"]["account_attempts"] = 3.into();
    });
    register(&server, "ann", "correct horse");
    for _ in 0..3 {
        let (mut eve, challenge) = challenged(&server, "ann");
        tell(&mut eve, &proof("ann", "wrong", &challenge).0);
        assert!(eve.next().contains(" 904 "));
    }
    let (mut ann, challenge) = challenged(&server, "ann");
    tell(&mut ann, &proof("ann", "correct horse", &challenge).0);
    assert!(ann.next().contains(" 904 "));
}

#[test]
fn keys_are_made_of_a_password_that_is_used() {
    let mut server = start();
    register(&server, "ann", "correct horse");
    let mut ann = IrcClient::connect(server.address("irc"));
    ann.send("CAP LS 302");
    ann.expect(" sasl=PLAIN ");
    ann.send("AUTHENTICATE SCRAM-SHA-256");
    assert!(ann.next().contains(" 908 * PLAIN "));
    let file = server.dir().join("config.json");
    let config = std::fs::read_to_string(&file).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
    config["accounts"]["scram"] = true.into();
    std::fs::write(&file, config.to_string()).unwrap();
    server.restart();
    let proves = |server: &crate::Server| {
        let (mut ann, challenge) = challenged(server, "ann");
        tell(&mut ann, &proof("ann", "correct horse", &challenge).0);
        !ann.next().contains(" 904 ")
    };
    assert!(!proves(&server));
    let mut ann = IrcClient::connect(server.address("irc"));
    ann.send("PASS :ann:correct horse");
    ann.begin("ann", "");
    assert!(proves(&server));
}

#[test]
fn the_longest_password_fits_the_command_that_sets_it() {
    let server = start();
    let password = "x".repeat(1024);
    let mut ann = IrcClient::enter_with(&server, "ann", "draft/account-registration");
    ann.send(&format!("REGISTER * * :{password}"));
    ann.expect(" REGISTER SUCCESS ann ");
    ann.expect(" 900 ");
    let mut other = IrcClient::connect(server.address("irc"));
    other.send("CAP REQ :sasl");
    other.expect(" ACK ");
    other.send("AUTHENTICATE PLAIN");
    other.expect("AUTHENTICATE +");
    let answer = encoded("ann", &password);
    for piece in answer.as_bytes().chunks(400) {
        other.send(&format!("AUTHENTICATE {}", String::from_utf8_lossy(piece)));
    }
    other.expect(" 903 ");
    let line = ann.ask(&format!("PRIVMSG ann :{password}"));
    assert!(line.contains(" 417 "), "{line}");
}

#[test]
fn an_answer_without_an_end_fails() {
    let server = start();
    let mut ann = IrcClient::connect(server.address("irc"));
    ann.send("CAP REQ :sasl");
    ann.expect(" ACK ");
    ann.send("AUTHENTICATE PLAIN");
    ann.expect("AUTHENTICATE +");
    for _ in 0..6 {
        ann.send(&format!("AUTHENTICATE {}", "A".repeat(400)));
    }
    assert!(ann.next().contains(" 904 * "));
}

/// A client that has logged in and has no nickname yet.
fn early(server: &crate::Server, account: &str) -> IrcClient {
    let mut client = IrcClient::connect(server.address("irc"));
    client.send("CAP REQ :sasl");
    client.expect(" ACK ");
    client.send("AUTHENTICATE PLAIN");
    client.expect("AUTHENTICATE +");
    client.send(&format!("AUTHENTICATE {}", encoded(account, PASSWORD)));
    client.expect(" 903 ");
    client
}

fn come_in(client: &mut IrcClient) {
    client.send("NICK other");
    client.send("USER user 0 * :Real Name");
    client.send("CAP END");
}

fn disable(server: &crate::Server, account: &str) {
    let path = format!("/admin/accounts/{account}");
    let answer = server.patch(&path, serde_json::json!({"disabled": true}));
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn an_account_that_ended_since_the_login_gets_no_connection() {
    let server = start();
    for account in ["ann", "eve"] {
        register(&server, account, PASSWORD);
    }
    let mut ann = early(&server, "ann");
    let mut eve = early(&server, "eve");
    disable(&server, "ann");
    come_in(&mut ann);
    ann.expect("an administrator has disabled your account");
    assert!(ann.is_closed());
    let new = serde_json::json!({"password": "another horse"});
    let answer = server.put("/admin/accounts/eve/password", new);
    assert_eq!(answer.status, 200, "{}", answer.body);
    come_in(&mut eve);
    eve.expect("password of your account was changed");
    assert!(eve.is_closed());
}

#[test]
fn a_guest_who_logs_in_to_an_account_that_has_just_ended_is_disconnected() {
    let server = start_with(|config| config["accounts"]["scram"] = true.into());
    register(&server, "ann", PASSWORD);
    let mut guest = IrcClient::enter_with(&server, "guest", "sasl");
    guest.settle();
    let challenge = challenge(&mut guest, "ann");
    let (last, answer) = proof("ann", PASSWORD, &challenge);
    tell(&mut guest, &last);
    assert_eq!(told(&mut guest), answer);
    disable(&server, "ann");
    guest.send("AUTHENTICATE +");
    guest.expect("an administrator has disabled your account");
    assert!(guest.is_closed());
}
