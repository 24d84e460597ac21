//! Prints a configuration's mistakes or summary, and a file in today's form.
//!
//! Everything here writes without `println!`, which panics when the reading end is closed.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::config::{self, Loaded, Problems};

use super::{MISTAKE, output};

/// Prints a configuration in today's form on standard output, and what became of
/// each key on standard error.
pub(super) fn convert(path: &Path) -> ExitCode {
    let converted = match config::convert(path) {
        Ok(converted) => converted,
        Err(problems) => {
            complain(&problems);
            return ExitCode::from(MISTAKE);
        }
    };
    for note in &converted.notes {
        let _ = writeln!(io::stderr(), "{note}");
    }
    output::show(&converted.json)
}

/// Lists the mistakes, for which the program does not start.
pub(super) fn complain(problems: &Problems) {
    let count = problems.iter().count();
    let mistakes = if count == 1 { "mistake" } else { "mistakes" };
    let _ = writeln!(
        io::stderr(),
        "{problems}\nchat-server: {count} {mistakes} in the configuration; nothing was started"
    );
}

/// Every setting in force, for `check-config`.
pub(super) fn summary(loaded: &Loaded) -> String {
    let mut text = match &loaded.file {
        Some(path) => format!("OK: {}\n", path.display()),
        None => "OK: no configuration file\n".to_owned(),
    };
    for note in loaded.notes() {
        text.push_str(&format!("{note}\n"));
    }
    text + &loaded.to_string()
}
