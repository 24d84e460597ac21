//! Prints the results of command-line tasks. A reader that stops early, as `head`
//! does, is no error.

use std::io::{self, Write};
use std::process::ExitCode;

/// Prints a task's result. Returns the program's exit code.
pub(super) fn show(text: &str) -> ExitCode {
    shown(io::stdout().lock().write_all(text.as_bytes()))
}

/// The program's exit code for the outcome of printing.
pub(super) fn shown(written: io::Result<()>) -> ExitCode {
    match written.and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("standard output cannot be written: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Prints a line at once.
pub(super) fn print_line(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// Says why a task failed. If standard error is closed, there is nowhere to report
/// that.
pub(super) fn complain(words: &str) {
    let _ = writeln!(io::stderr(), "chat-server: {words}");
}
