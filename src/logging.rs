//! The server's own log: lines on standard error, at a level that a reload
//! can change. It never reads the environment; the level is a setting.

use std::io::Write;

use env_logger::Logger;
use env_logger::fmt::Formatter;
use log::{Log, Metadata, Record};
use parking_lot::RwLock;

/// The logger in force. Locked because `log` is called from every thread and
/// takes one logger for the life of the process.
struct Current(RwLock<Logger>);

static CURRENT: std::sync::OnceLock<Current> = std::sync::OnceLock::new();

/// Logs what `filter` lets through from now on: `info`, or something like
/// `info,chat_server=debug`. Call again to change it.
pub fn set_filter(filter: &str) {
    let logger = build(filter);
    let level = logger.filter();
    let mut first = Some(logger);
    let current =
        CURRENT.get_or_init(|| Current(RwLock::new(first.take().unwrap_or_else(|| build(filter)))));
    if let Some(logger) = first {
        *current.0.write() = logger;
    }
    // Fails when it is set already, which is as good.
    let _ = log::set_logger(current);
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

impl Log for Current {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.read().enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        self.0.read().log(record);
    }

    fn flush(&self) {
        self.0.read().flush();
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
