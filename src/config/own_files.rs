//! The server's own files: the chat log must not be written to them, and no folder
//! that the web listener serves may hold them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Config;

/// The server's files in its data folder, besides the chat log.
const KEPT: [&str; 13] = [
    "admin-token",
    "admin-token.new",
    "signing-key",
    "signing-key.new",
    "cloak-key",
    "cloak-key.new",
    "bans.json",
    "bans.json.new",
    "chat.db",
    "chat.db-wal",
    "chat.db-shm",
    "chat.db-journal",
    "lock",
];

/// The default folder of the chat log in the data folder, and the stems of the other
/// journals in it.
const JOURNALS: &str = "chatlog";
const OTHER_JOURNALS: [&str; 2] = ["audit", "error"];

/// The most symbolic links followed from one name.
const MOST_LINKS: usize = 16;

/// What the server uses `file` for already, in words for a sentence; none if it is
/// free.
pub(super) fn what_it_is(
    file: &Path,
    config: &Config,
    configuration: Option<&Path>,
) -> Option<String> {
    let is = |other: &Path| is_same(file, other);
    if configuration.is_some_and(is) {
        return Some("the configuration file".to_owned());
    }
    let named = [
        ("tls.certificate", &config.tls.certificate),
        ("tls.key", &config.tls.key),
        ("cluster.redis_ca", &config.cluster.redis_ca),
        ("cluster.redis_cert", &config.cluster.redis_cert),
        ("cluster.redis_key", &config.cluster.redis_key),
    ];
    for (setting, path) in named {
        if path.as_deref().is_some_and(is) {
            return Some(setting.to_owned());
        }
    }
    if is_other_journal(file, config) {
        return Some("where what administrators did and what was refused is kept".to_owned());
    }
    let kept = KEPT.iter().find(|name| is(&config.data_dir.join(name)));
    kept.map(|name| format!("{name} of the data folder"))
}

/// Whether a file belongs to another journal, be it the current file or a rotated one.
fn is_other_journal(file: &Path, config: &Config) -> bool {
    let file = place(file, MOST_LINKS);
    let folder = place(&config.data_dir.join(JOURNALS), MOST_LINKS);
    let name = file.file_name().and_then(OsStr::to_str).unwrap_or_default();
    file.parent() == Some(&*folder)
        && OTHER_JOURNALS.iter().any(|stem| {
            let rest = name.strip_prefix(stem);
            rest.is_some_and(|rest| rest == ".log" || rest.starts_with('-'))
        })
}

/// The first of the server's own files that `folder` contains, with its path.
pub(super) fn served_with(
    folder: &Path,
    config: &Config,
    configuration: Option<&Path>,
) -> Option<(&'static str, PathBuf)> {
    let folder = place(folder, MOST_LINKS);
    let own = [
        ("the data folder", Some(config.data_dir.as_path())),
        ("the configuration file", configuration),
        ("the chat log", config.chat_log.file.as_deref()),
        ("tls.key", config.tls.key.as_deref()),
    ];
    let mut own = own
        .into_iter()
        .filter_map(|(what, path)| Some((what, path?)));
    own.find(|(_, path)| place(path, MOST_LINKS).starts_with(&folder))
        .map(|(what, path)| (what, path.to_owned()))
}

/// Whether both names are of one file, which may not exist yet.
fn is_same(one: &Path, other: &Path) -> bool {
    let inode = |path| fs::metadata(path).ok().map(|m| (m.dev(), m.ino()));
    let is_one_inode = inode(one).is_some_and(|found| Some(found) == inode(other));
    is_one_inode || place(one, MOST_LINKS) == place(other, MOST_LINKS)
}

/// The path without links and dots, as far as it exists.
fn place(path: &Path, links: usize) -> PathBuf {
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let Some(parent) = path.parent() else {
        return path;
    };
    // A dangling link: opening it would create its target.
    if links > 0
        && let Ok(target) = fs::read_link(&path)
    {
        return place(&parent.join(target), links - 1);
    }
    let mut folder = place(parent, links);
    match path.file_name() {
        Some(name) => folder.push(name),
        // It ends in "..".
        None => {
            folder.pop();
        }
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn one_file_has_many_names() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("file"), "").unwrap();
        fs::hard_link(path("file"), path("hard")).unwrap();
        symlink("file", path("soft")).unwrap();
        symlink("absent", path("dangling")).unwrap();
        symlink("round", path("round")).unwrap();
        for (one, other) in [
            ("file", "./file"),
            ("file", "hard"),
            ("file", "soft"),
            ("absent", "dangling"),
            ("new/../absent", "absent"),
            ("new/x", "new/y/../x"),
            ("round", "round"),
        ] {
            assert!(is_same(&path(one), &path(other)), "{one} {other}");
        }
        for (one, other) in [("file", "absent"), ("new/x", "x"), ("round", "file")] {
            assert!(!is_same(&path(one), &path(other)), "{one} {other}");
        }
    }
}
