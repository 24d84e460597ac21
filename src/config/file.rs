//! Reads the configuration file, as JSON or YAML.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::document::Node;
use super::yaml;
use crate::model::text::without_byte_order_mark;
use crate::small_file;

/// The largest file that is read as a configuration.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Which configuration file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigFile {
    /// This file, if it exists.
    IfPresent(PathBuf),
    /// This file, which must exist.
    Required(PathBuf),
}

/// Whether the configuration is read at the start or again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// At the start: the file may be a pipe, such as a shell's `<(...)`.
    First,
    /// On a reload, which must not block on the writer of a pipe.
    Again,
}

/// Returns the text of a configuration file.
pub(super) fn read_file(path: &Path, reading: Reading) -> io::Result<String> {
    let is_pipe = reading == Reading::First && is_no_file(path);
    let file = match is_pipe {
        true => File::open(path)?,
        false => small_file::open(path)?,
    };
    let bytes = small_file::read(&file, MAX_FILE_BYTES)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))
}

/// Whether the file is a pipe, a terminal or the like. Does not open it: closing
/// it again would break the pipe for its writer.
fn is_no_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// Why a file could not be read, and what to do.
pub(super) fn unreadable(error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::NotFound => "; name a file that is there with -c, or leave -c out",
        io::ErrorKind::IsADirectory => "; name a file in it, such as config.json",
        io::ErrorKind::InvalidData => "; a configuration is text (UTF-8), JSON or YAML",
        io::ErrorKind::PermissionDenied => "; let this user read it",
        _ => "",
    };
    format!("cannot be read: {error}{advice}")
}

/// The entries of a document: YAML if the file's name ends in `.yaml` or `.yml`,
/// else JSON.
pub(super) fn parse(text: &str, path: &Path) -> Result<Vec<(String, Node)>, String> {
    if without_byte_order_mark(text).trim().is_empty() {
        return Err("is empty; {} is all defaults".to_owned());
    }
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    let is_yaml = ["yaml", "yml"]
        .iter()
        .any(|yaml| yaml.eq_ignore_ascii_case(extension));
    let node = match is_yaml {
        true => yaml::parse(text).map_err(|what| format!("not valid YAML: {what}"))?,
        // The parser's message ends with line and column.
        false => Node::parse(text).map_err(|error| format!("not valid JSON: {error}"))?,
    };
    match node {
        Node::Object(entries) => Ok(entries),
        other => Err(format!(
            "expected an object of settings, found {}",
            other.kind()
        )),
    }
}
