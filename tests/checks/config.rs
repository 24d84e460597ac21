//! Configuration: what is accepted reads back as the same, and errors can be
//! shown safely.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use chat_server::config::{Config, ConfigFile, Loaded, Problems, Sources};
use serde_json::{Map, Value};
use tempfile::TempDir;

use super::{assert_shown_safely, parts};

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().unwrap();
}

/// The input is the file, then variables as `NAME=value`.
pub fn check(data: &[u8]) {
    let mut parts = parts(data);
    let text = parts.next().unwrap_or_default();
    let environment: Vec<(OsString, OsString)> = parts
        .filter_map(|part| {
            let (name, value) = part.split_once('=')?;
            Some((format!("CHAT_SERVER_{name}").into(), value.into()))
        })
        .collect();
    match load(&text, environment) {
        Ok(loaded) => {
            assert!((64..=1 << 20).contains(&loaded.config.limits.line_bytes));
            assert_shown_safely(&loaded.config.greeting);
            reads_back(&loaded);
        }
        Err(problems) => {
            assert!(problems.iter().next().is_some());
            for problem in problems.iter() {
                let words = problem.to_string();
                assert_shown_safely(&words);
                assert!(!words.contains('\n'), "{words:?}");
            }
        }
    }
}

fn load(text: &str, environment: Vec<(OsString, OsString)>) -> Result<Loaded, Problems> {
    let path: PathBuf = FOLDER.with(|folder| folder.path().join("config.json"));
    fs::write(&path, text).unwrap();
    let sources = Sources {
        file: ConfigFile::Required(path),
        environment,
        flags: Vec::new(),
    };
    sources.load()
}

/// Every setting as it is shown, in a new file.
fn reads_back(loaded: &Loaded) {
    let mut document = Map::new();
    for setting in Config::settings() {
        if setting.path == "admin.token" {
            continue;
        }
        let value = setting.value(&loaded.config);
        match setting.path.split_once('.') {
            None => document.insert(setting.path.to_owned(), value),
            Some((section, name)) => {
                let section = document
                    .entry(section)
                    .or_insert_with(|| Value::Object(Map::new()));
                let section = section.as_object_mut().expect("a section");
                section.insert(name.to_owned(), value)
            }
        };
    }
    let text = Value::Object(document).to_string();
    let again = load(&text, Vec::new()).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    for setting in Config::settings() {
        if setting.path != "admin.token" {
            let (value, other) = (setting.value(&loaded.config), setting.value(&again.config));
            assert_eq!(value, other, "{}", setting.path);
        }
    }
}
