//! Reports what could not be tested on this machine.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::thread;

/// Reports that something was not tested, and why: on the terminal, past the
/// captured output of passing tests, and in a note that `make test` repeats at
/// its end.
pub fn not_tested(why: &str) {
    let _ = writeln!(io::stderr(), "not tested: {why}");
    if let Err(error) = note(why) {
        let _ = writeln!(io::stderr(), "the summary will not say so: {error}");
    }
}

/// Adds a line to the notes of this test program, which name the test.
fn note(why: &str) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-tested");
    std::fs::create_dir_all(&folder)?;
    let program = env!("CARGO_CRATE_NAME");
    let test = thread::current();
    let test = test.name().unwrap_or("?");
    let mut notes = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join(program))?;
    notes.write_all(format!("{program}: {test}: {why}\n").as_bytes())
}
