//! Registration, logins, and requests signed with a token.

use chat_server::account::{
    GuessLimits, Guesses, LoginError, PasswordLengths, PasswordWorkers, RegisterError,
    RegistrationForm, SignatureError, authenticate, log_in, new_token, register,
};
use chat_server::name::Name;
use chat_server::store::{Secret, SqliteSettings, SqliteStore, Store, Token, UniqueField, Who};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use tempfile::TempDir;

const NOW: u64 = 1_790_000_000_000;

const FORM: RegistrationForm<'static> = RegistrationForm {
    first_name: "Mina",
    last_name: "Harker",
    username: "mina",
    password: "whitby 1897",
    email: "mina@example.org",
    phone: "+44 1947 600000",
    invitation: "",
};

fn store() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(SqliteSettings::new(folder.path().join("chat.db"))).unwrap();
    (folder, store)
}

fn sign(token: &Token) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.extras.insert("access_key", &token.access_key_id);
    let key = EncodingKey::from_secret(token.secret_access_key.expose().as_bytes());
    encode(
        &header,
        &serde_json::json!({ "exp": NOW / 1000 + 60 }),
        &key,
    )
    .unwrap()
}

#[test]
fn who_has_registered_can_log_in_with_that_password_only() {
    let (_folder, store) = store();
    let workers = PasswordWorkers::new(8);
    let made = register(
        &store,
        &workers,
        FORM.check(PasswordLengths::default()).unwrap(),
        NOW,
    )
    .unwrap();
    let log_in = |username: &str, password: &str| {
        let username = Name::parse(username).unwrap();
        let meant = store.account(&Who::Username(username)).unwrap();
        log_in(&store, &workers, meant, &Secret::new(password)).map(|account| account.id)
    };
    assert_eq!(log_in("mina", "whitby 1897"), Ok(made.id));
    assert_eq!(log_in("MINA", "whitby 1897"), Ok(made.id));
    assert_eq!(log_in("mina", "Whitby 1897"), Err(LoginError::Wrong));
    assert_eq!(log_in("dracula", "whitby 1897"), Err(LoginError::Wrong));
    let again = register(
        &store,
        &workers,
        FORM.check(PasswordLengths::default()).unwrap(),
        NOW,
    )
    .unwrap_err();
    let all = vec![
        UniqueField::Username,
        UniqueField::Email,
        UniqueField::Phone,
    ];
    assert_eq!(again, RegisterError::Taken(all));
}

#[test]
fn a_signed_request_is_believed_until_its_token_is_gone() {
    let (_folder, store) = store();
    let workers = PasswordWorkers::new(8);
    let account = register(
        &store,
        &workers,
        FORM.check(PasswordLengths::default()).unwrap(),
        NOW,
    )
    .unwrap();
    let first = new_token(account.id, NOW).unwrap();
    let jwt = sign(&first);
    let check = |jwt: &str| authenticate(&store, jwt, NOW).map(|token| token.account);
    assert_eq!(check(&jwt), Err(SignatureError::UnknownToken));
    store.add_token(&first).unwrap();
    assert_eq!(check(&jwt), Ok(account.id));

    let second = new_token(account.id, NOW).unwrap();
    let exchanged = store.exchange_token(&first.refresh_token, &second, NOW);
    assert!(exchanged.unwrap().is_some());
    assert_eq!(check(&jwt), Err(SignatureError::Inactive));
    assert_eq!(check(&sign(&second)), Ok(account.id));
    let forged = Token {
        access_key_id: second.access_key_id.clone(),
        ..first
    };
    assert_eq!(check(&sign(&forged)), Err(SignatureError::WrongSignature));

    store.deactivate_token(&second.access_key_id, NOW).unwrap();
    assert_eq!(check(&sign(&second)), Err(SignatureError::Inactive));
}

#[test]
fn guessing_is_slowed_down() {
    let mut guesses = Guesses::new(GuessLimits {
        per_address: 10,
        per_account: 100,
    });
    let address = "198.51.100.7".parse().unwrap();
    let mut tries = 0;
    for n in 0..1000 {
        tries += u32::from(guesses.allow(address, Some("mina"), n * 60).is_ok());
    }
    assert_eq!(tries, 19, "ten at once, and ten a minute");
}
