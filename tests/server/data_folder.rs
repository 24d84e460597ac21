//! The data folder as an administrator sees it: its permissions, the admin
//! token, and the bans that outlive the server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use chat_server::config::Secret;
use chat_server::data::{AdminToken, DataDir, DataError};
use chat_server::hub::{Ban, BanTarget};
use chat_server::name::Name;
use chat_server::text::Text;
use tempfile::TempDir;

fn folder() -> (TempDir, DataDir) {
    let place = tempfile::tempdir().unwrap();
    let data = DataDir::open(&place.path().join("data")).unwrap();
    (place, data)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn ban(id: u64, target: BanTarget, expires_ms: Option<u64>) -> Ban {
    Ban {
        id,
        target,
        reason: Some(Text::clean("Grund: \"Lärm\"")),
        created_ms: 1_000,
        expires_ms,
    }
}

fn nickname(name: &str) -> BanTarget {
    BanTarget::Nickname(Name::parse(name).unwrap())
}

#[test]
fn the_folder_is_made_for_its_owner_alone() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("deep/er/data");
    let data = DataDir::open(&path).unwrap();
    assert_eq!(data.path(), path);
    assert_eq!(mode(&path), 0o700);
}

#[test]
fn one_server_uses_it_at_a_time() {
    let (place, data) = folder();
    let path = place.path().join("data");
    let refused = DataDir::open(&path).unwrap_err().to_string();
    assert!(refused.contains(path.to_str().unwrap()), "{refused}");
    let process = format!("(process {})", std::process::id());
    assert!(refused.contains(&process), "{refused}");
    assert!(refused.contains("--data-dir"), "{refused}");
    drop(data);
    DataDir::open(&path).unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = DataDir::open(&file.join("data")).unwrap_err();
    assert!(matches!(refused, DataError::Folder(..)), "{refused}");
    assert!(refused.to_string().contains("file/data"), "{refused}");
}

#[test]
fn the_admin_token_is_made_once_and_kept() {
    let (_place, data) = folder();
    let first = data.admin_token(None).unwrap();
    let AdminToken::Kept(secret, path) = &first else {
        panic!("not kept in a file");
    };
    assert_eq!(mode(path), 0o600);
    assert_eq!(secret.expose().len(), 52, "32 bytes in base32");
    assert_eq!(fs::read_to_string(path).unwrap().trim(), secret.expose());
    assert_eq!(data.admin_token(None).unwrap(), first);
    let (_place, other) = folder();
    assert_ne!(other.admin_token(None).unwrap().secret(), secret);
}

#[test]
fn a_configured_token_counts_and_leaves_no_file() {
    let (_place, data) = folder();
    let configured = Secret::parse("configured-0123456789").unwrap();
    let token = data.admin_token(Some(&configured)).unwrap();
    assert_eq!(token, AdminToken::Configured(configured));
    assert!(!data.path().join("admin-token").exists());
}

#[test]
fn a_token_open_to_others_is_closed() {
    let (_place, data) = folder();
    let path = data.path().join("admin-token");
    fs::write(&path, "written-by-hand-0123456789\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let token = data.admin_token(None).unwrap();
    assert!(token.secret().matches("written-by-hand-0123456789"));
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_bad_token_file_is_refused_and_left_alone() {
    let (_place, data) = folder();
    let path = data.path().join("admin-token");
    for contents in ["", "\n", "tiny", "with spaces in between"] {
        fs::write(&path, contents).unwrap();
        let refused = data.admin_token(None).unwrap_err().to_string();
        assert!(refused.contains(path.to_str().unwrap()), "{refused}");
        assert!(refused.contains("delete the file"), "{refused}");
        assert!(contents.trim().is_empty() || !refused.contains(contents.trim()));
        assert_eq!(fs::read_to_string(&path).unwrap(), contents);
    }
}

#[test]
fn bans_come_back_unless_they_have_ended() {
    let (_place, data) = folder();
    assert_eq!(data.bans().load(0).unwrap(), []);
    let for_ever = ban(1, nickname("Ünruh"), None);
    let ended = ban(
        2,
        BanTarget::Address("192.0.2.0/24".parse().unwrap()),
        Some(5_000),
    );
    let running = ban(
        7,
        BanTarget::Address("2001:db8::1/128".parse().unwrap()),
        Some(5_001),
    );
    let all = [for_ever.clone(), ended, running.clone()];
    data.bans().save(&all).unwrap();
    assert_eq!(mode(&data.path().join("bans.json")), 0o600);
    assert_eq!(data.bans().load(5_000).unwrap(), [for_ever, running]);
    data.bans().save(&[]).unwrap();
    assert_eq!(data.bans().load(0).unwrap(), []);
    assert!(!data.path().join("bans.json.new").exists());
}

#[test]
fn a_save_cut_short_leaves_the_old_bans_and_hinders_no_other() {
    let (_place, data) = folder();
    let bans = [ban(1, nickname("mallory"), None)];
    data.bans().save(&bans).unwrap();
    fs::write(data.path().join("bans.json.new"), "{\"version\":1,\"ba").unwrap();
    assert_eq!(data.bans().load(0).unwrap(), bans);
    data.bans().save(&[]).unwrap();
    assert_eq!(data.bans().load(0).unwrap(), []);
}

#[test]
fn bans_that_cannot_be_understood_are_refused_and_left_alone() {
    let (_place, data) = folder();
    let path = data.path().join("bans.json");
    let good = r#"{"id":1,"nickname":"x","created_ms":1}"#;
    for (contents, why) in [
        (String::new(), "line 1 column 0"),
        (r#"{"version":1,"bans":[{"#.into(), "line 1"),
        (r#"{"version":2,"bans":[]}"#.into(), "version 2"),
        (
            format!(r#"{{"version":1,"bans":[{good},{good}]}}"#),
            "two bans with id 1",
        ),
        (
            r#"{"version":1,"bans":[{"id":3,"created_ms":1}]}"#.into(),
            "ban 3 needs either",
        ),
        (
            r#"{"version":1,"bans":[{"id":4,"nickname":"a b","created_ms":1}]}"#.into(),
            "ban 4: a name is made of",
        ),
        (
            r#"{"version":1,"bans":[{"id":5,"address":"192.0.2","created_ms":1}]}"#.into(),
            "ban 5: expected a network",
        ),
    ] {
        fs::write(&path, &contents).unwrap();
        let refused = data.bans().load(0).unwrap_err();
        assert!(matches!(refused, DataError::BadBans(..)), "{refused}");
        let words = refused.to_string();
        assert!(words.contains(why), "{why} in {words}");
        assert!(
            words.contains("correct the file, or move it away"),
            "{words}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), contents);
    }
    fs::write(&path, b"\xff\xfe").unwrap();
    let refused = data.bans().load(0).unwrap_err();
    assert!(matches!(refused, DataError::BadBans(..)), "{refused}");
}

#[test]
fn bans_that_could_not_be_loaded_again_are_not_saved() {
    let (_place, data) = folder();
    let small = [ban(1, nickname("mallory"), None)];
    data.bans().save(&small).unwrap();
    let reason = Text::clean(&"x".repeat(1024 * 1024));
    let large: Vec<Ban> = (0..64)
        .map(|id| Ban {
            reason: Some(reason.clone()),
            ..ban(id, nickname("eve"), None)
        })
        .collect();
    let refused = data.bans().save(&large).unwrap_err();
    assert!(matches!(refused, DataError::TooManyBans(_)), "{refused}");
    assert_eq!(data.bans().load(0).unwrap(), small);
}
