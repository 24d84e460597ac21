//! What could not be tried on this machine.

use std::io::{self, Write};

/// Says that something was not tried, and why. Past the capture of passing
/// tests' output, so that `.ci/test` can repeat it at its end.
pub fn not_tested(why: &str) {
    let _ = writeln!(io::stderr(), "not tested: {why}");
}
