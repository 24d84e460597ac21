//! The progress, on standard error.

use indicatif::{ProgressBar, ProgressStyle};

const COUNTED: &str = "{msg:>12} [{bar:30}] {pos}/{len}";

/// A bar; not drawn unless standard error is a terminal.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Nothing begun.
    pub(super) fn new() -> Progress {
        let bar = ProgressBar::no_length();
        if let Ok(style) = ProgressStyle::with_template(COUNTED) {
            bar.set_style(style.progress_chars("=> "));
        }
        Progress(bar)
    }

    /// Begins something with this many steps.
    pub(super) fn begin(&self, what: &'static str, steps: u64) {
        self.0.set_length(steps);
        self.0.set_message(what);
        self.0.set_position(0);
    }

    /// Sets the number of steps done.
    pub(super) fn reach(&self, steps: u64) {
        if steps != self.0.position() {
            self.0.set_position(steps);
        }
    }

    /// Removes the bar from the terminal.
    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
