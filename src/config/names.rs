//! Names of settings as people write them: where one belongs, what an
//! unknown one was probably meant for, and how it can be printed.

use super::setting::Setting;
use super::value::quoted;
use super::{Config, suggest};

pub(super) fn join(section: &str, key: &str) -> String {
    if section.is_empty() {
        key.to_owned()
    } else {
        format!("{section}.{key}")
    }
}

pub(super) fn is_section(path: &str) -> bool {
    !path.is_empty() && Config::settings().any(|setting| setting.split().0 == path)
}

/// The settings of a section; of the top level, the sections as well.
pub(super) fn names_in(section: &str) -> impl Iterator<Item = &'static str> {
    Config::settings().filter_map(move |setting| {
        let (of, name) = setting.split();
        match (of == section, section.is_empty()) {
            (true, _) => Some(name),
            (false, true) => Some(of),
            (false, false) => None,
        }
    })
}

/// The path that an unknown key is probably meant for: a near name in the
/// same section, or the same name in another one.
pub(super) fn meant(section: &str, key: &str) -> Option<String> {
    if let Some(setting) = Setting::find(key) {
        return Some(setting.path.to_owned());
    }
    if let Some(name) = suggest::nearest(key, names_in(section)) {
        return Some(join(section, name));
    }
    let elsewhere = Config::settings().find(|setting| setting.split().1 == key)?;
    Some(elsewhere.path.to_owned())
}

/// How a dotted path is written in the file.
pub(super) fn nested(path: &str) -> String {
    match path.split_once('.') {
        Some((section, name)) => format!("{{\"{section}\": {{\"{name}\": ...}}}}"),
        None => path.to_owned(),
    }
}

/// A name from outside as it can be printed.
pub(super) fn printable(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if !name.is_empty() && name.len() <= 100 && name.chars().all(plain) {
        name.to_owned()
    } else {
        quoted(name)
    }
}
