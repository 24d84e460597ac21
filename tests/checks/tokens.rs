//! Tokens: the server accepts none that it has not signed itself, and takes
//! those it signed literally.

use chat_server::account::{Passes, authenticate, new_token};
use chat_server::config;
use chat_server::name::Name;
use chat_server::store::{
    Durability, NewAccount, Secret, SqliteSettings, SqliteStore, Store, Token,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use tempfile::TempDir;

use super::parts;

const NOW_MS: u64 = 1_800_000_000_000;

struct Signed {
    passes: Passes,
    pass: String,
    store: SqliteStore,
    jwt: String,
    _folder: TempDir,
}

thread_local! {
    static SIGNED: Signed = Signed::new();
}

/// The input has three parts to replace those of a token, and a text to use as
/// a token.
pub fn check(data: &[u8]) {
    let parts: Vec<String> = parts(data).collect();
    SIGNED.with(|signed| {
        for given in &parts {
            signed.refuses(given);
        }
        for good in [&signed.pass, &signed.jwt] {
            assert!(signed.believes(good));
            let pieces: Vec<&str> = good.split('.').collect();
            for (index, part) in parts.iter().enumerate() {
                let mut pieces = pieces.clone();
                pieces[index % 3] = part;
                let forged = pieces.join(".");
                if forged != *good {
                    signed.refuses(&forged);
                }
            }
            changed_by_a_character(signed, good, data);
        }
    });
}

fn changed_by_a_character(signed: &Signed, good: &str, data: &[u8]) {
    let [at, by, ..] = *data else {
        return;
    };
    let mut forged = good.as_bytes().to_vec();
    let at = (usize::from(at) * 7) % forged.len();
    forged[at] ^= by & 0x7f;
    let forged = String::from_utf8_lossy(&forged);
    if forged != good {
        signed.refuses(&forged);
    }
}

impl Signed {
    fn new() -> Signed {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(SqliteSettings {
            durability: Durability::Process,
            ..SqliteSettings::new(folder.path().join("chat.db"))
        });
        let store = store.unwrap();
        let token = stored_token(&store);
        let mut header = Header::new(Algorithm::HS256);
        header
            .extras
            .insert("access_key", token.access_key_id.as_str());
        let key = EncodingKey::from_secret(token.secret_access_key.expose().as_bytes());
        let secret = config::Secret::parse("a-secret-for-these-checks").unwrap();
        let passes = Passes::new(&secret);
        let (pass, _) = passes.issue(&name(), None, false, NOW_MS).unwrap();
        Signed {
            passes,
            pass,
            store,
            jwt: encode(&header, &serde_json::json!({}), &key).unwrap(),
            _folder: folder,
        }
    }

    fn believes(&self, given: &str) -> bool {
        let pass = self.passes.check(given, NOW_MS);
        pass.is_ok() || authenticate(&self.store, given, NOW_MS).is_ok()
    }

    fn refuses(&self, given: &str) {
        let pass = self.passes.check(given, NOW_MS);
        assert!(pass.is_err() || given == self.pass, "{given}");
        let token = authenticate(&self.store, given, NOW_MS);
        assert!(token.is_err() || given == self.jwt, "{given}");
    }
}

fn name() -> Name {
    Name::parse("alice").unwrap()
}

fn stored_token(store: &SqliteStore) -> Token {
    let account = store.create_account(&NewAccount {
        username: name(),
        first_name: String::new(),
        last_name: String::new(),
        email: None,
        phone: None,
        unique_contacts: true,
        password_hash: Secret::new("none"),
        created_at: NOW_MS,
    });
    let token = new_token(account.unwrap().id, NOW_MS).unwrap();
    store.add_token(&token).unwrap();
    token
}
