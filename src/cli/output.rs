//! What a task of the command line prints. Who reads it may have gone, as
//! `head` does: then the rest is not wanted, and that is no error.

use std::io::{self, Write};
use std::process::ExitCode;

/// Prints what a task has to show; the program's exit code.
pub(super) fn show(text: &str) -> ExitCode {
    shown(io::stdout().lock().write_all(text.as_bytes()))
}

/// The program's exit code when this has come of printing.
pub(super) fn shown(written: io::Result<()>) -> ExitCode {
    match written.and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("standard output cannot be written: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Says why a task was not done. Nobody is left to tell when standard error is
/// closed.
pub(super) fn complain(words: &str) {
    let _ = writeln!(io::stderr(), "chat-server: {words}");
}
