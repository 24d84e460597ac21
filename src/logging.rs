//! The server's own log: lines on standard error, at a level that a reload
//! can change. It never reads the environment; the level is a setting.

use std::io::Write;
use std::sync::Arc;

use env_logger::Logger;
use env_logger::fmt::Formatter;
use log::{Log, Metadata, Record};
use parking_lot::RwLock;

/// What decides and writes. Locked because every thread logs and `log` takes
/// one logger for the life of the process; never while something is written.
static CURRENT: RwLock<Option<Arc<Logger>>> = RwLock::new(None);

/// Hands everything on to [`CURRENT`].
struct Switch;

/// Logs what `filter` lets through from now on: `info`, or something like
/// `info,chat_server=debug`. Call again to change it.
pub fn set_filter(filter: &str) {
    let logger = build(filter);
    let level = logger.filter();
    *CURRENT.write() = Some(Arc::new(logger));
    // Fails from the second time on: it is set already.
    let _ = log::set_logger(&Switch);
    log::set_max_level(level);
}

fn build(filter: &str) -> Logger {
    env_logger::Builder::new()
        .parse_filters(filter)
        .format(write_line)
        .build()
}

/// `2026-01-31T12:00:00Z INFO chat_server::server: text`. Whatever a client
/// managed to get into the text stays on this line and steers no terminal.
fn write_line(line: &mut Formatter, record: &Record<'_>) -> std::io::Result<()> {
    let text = record.args().to_string();
    let safe = escape_controls(&text);
    let (at, level, target) = (line.timestamp(), record.level(), record.target());
    writeln!(line, "{at} {level:<5} {target}: {safe}")
}

fn escape_controls(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

fn current() -> Option<Arc<Logger>> {
    CURRENT.read().clone()
}

impl Log for Switch {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        current().is_some_and(|logger| logger.enabled(metadata))
    }

    fn log(&self, record: &Record<'_>) {
        if let Some(logger) = current() {
            logger.log(record);
        }
    }

    fn flush(&self) {
        if let Some(logger) = current() {
            logger.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(
            escape_controls("a\nb\x1b[2J\u{9b} é"),
            "a\\nb\\u{1b}[2J\\u{9b} é"
        );
    }

    #[test]
    fn the_level_can_change_while_running() {
        set_filter("off");
        assert!(!log::log_enabled!(log::Level::Error));
        set_filter("warn");
        assert!(log::log_enabled!(log::Level::Warn));
        assert!(!log::log_enabled!(log::Level::Info));
        set_filter("off");
        assert!(!log::log_enabled!(log::Level::Warn));
    }
}
