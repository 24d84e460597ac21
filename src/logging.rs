//! The program's output: the log, as lines on standard error, with a level and a format that a
//! reload can change, and the listening addresses on standard output. It never reads the
//! environment; both are settings. A slow reader of the output never holds up a thread.

mod output;

use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use env_logger::fmt::Formatter;
use env_logger::{Logger, Target};
use jiff::Timestamp;
use log::{Level, Log, Metadata, Record};
use parking_lot::RwLock;
use serde::Serialize;

use crate::config::{Config, LogFormat};
use output::Stream;

/// The filter and format in force. Locked because every thread logs and `log` takes one logger for
/// the life of the process; never held while something is written.
static CURRENT: RwLock<Option<Arc<Logger>>> = RwLock::new(None);
/// Whether lines are JSON.
static IS_JSON: AtomicBool = AtomicBool::new(false);
/// The target of the program's own lines.
const PROGRAM: &str = "chat_server";

/// Passes everything on to [`CURRENT`].
struct Switch;

/// Applies the settings for the log. Call it again to change them.
pub fn configure(config: &Config) {
    output::start_all();
    IS_JSON.store(config.log_format == LogFormat::Json, Ordering::Relaxed);
    set_filter(&config.log_level);
}

/// Sets the filter: `info`, or something like `info,chat_server=debug`.
fn set_filter(filter: &str) {
    let logger = build(filter);
    let level = logger.filter();
    *CURRENT.write() = Some(Arc::new(logger));
    // Fails from the second time on, when it is set already.
    let _ = log::set_logger(&Switch);
    log::set_max_level(level);
}

/// Writes a line to standard output.
pub fn say(line: &str) {
    put(Stream::Stdout, Level::Info, line);
}

/// Writes an error to standard error, whatever the level of the log.
pub fn complain(line: &str) {
    put(Stream::Stderr, Level::Error, line);
}

/// Logs panics like everything else: the default hook would wait for the reader of standard error.
pub fn catch_panics() {
    std::panic::set_hook(Box::new(|panic| complain(&panicked(panic))));
}

/// Writes the remaining lines, if they are read, before the process ends.
pub fn finish() {
    output::finish();
}

fn put(stream: Stream, level: Level, text: &str) {
    let line = match IS_JSON.load(Ordering::Relaxed) {
        true => json_line(level, PROGRAM, text),
        false => format!("{text}\n"),
    };
    stream.put(line.as_bytes());
}

/// The line that replaces dropped lines.
fn dropped_line(count: u64) -> String {
    let lines = if count == 1 { "line was" } else { "lines were" };
    let text = format!("{count} {lines} dropped here: they were not read in time");
    match IS_JSON.load(Ordering::Relaxed) {
        true => json_line(Level::Warn, PROGRAM, &text),
        false => format!("{text}\n"),
    }
}

fn panicked(panic: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("without a name").to_owned();
    let place = panic
        .location()
        .map_or_else(String::new, |at| format!(" at {at}"));
    let payload = panic.payload();
    let words = payload.downcast_ref::<&str>().copied();
    let words = words.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let words = escape_controls(words.unwrap_or_default());
    let trace = std::backtrace::Backtrace::capture();
    match trace.status() {
        std::backtrace::BacktraceStatus::Captured => {
            format!("thread '{thread}' panicked{place}: {words}\n{trace}")
        }
        _ => format!("thread '{thread}' panicked{place}: {words}"),
    }
}

/// The destination of the logger, which passes whole lines.
struct StderrLines;

impl Write for StderrLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        Stream::Stderr.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn build(filter: &str) -> Logger {
    env_logger::Builder::new()
        .parse_filters(filter)
        .target(Target::Pipe(Box::new(StderrLines)))
        .format(write_line)
        .build()
}

/// `2026-01-31T12:00:00Z INFO chat_server::server: text`, or an object. Text that came from a
/// client stays on this line and contains no terminal control codes.
fn write_line(line: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let text = record.args().to_string();
    let (level, target) = (record.level(), record.target());
    if IS_JSON.load(Ordering::Relaxed) {
        return line.write_all(json_line(level, target, &text).as_bytes());
    }
    let (at, safe) = (line.timestamp(), escape_controls(&text));
    writeln!(line, "{at} {level:<5} {target}: {safe}")
}

/// A line of the log as an object.
#[derive(Serialize)]
struct JsonLine<'a> {
    time: String,
    level: &'a str,
    target: &'a str,
    message: &'a str,
}

fn json_line(level: Level, target: &str, message: &str) -> String {
    let line = JsonLine {
        time: format!("{:.3}", Timestamp::now()),
        level: level.as_str(),
        target,
        message,
    };
    let json = serde_json::to_string(&line).unwrap_or_default();
    let mut safe = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        // JSON escapes only those below U+0020; these control terminals, too.
        match c {
            '\u{7f}'..='\u{9f}' => safe.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => safe.push(c),
        }
    }
    safe.push('\n');
    safe
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
        // The client of outgoing hooks would write down their URLs, which have secrets in them.
        let is_of_client = record.target().starts_with("ureq");
        if let Some(logger) = current().filter(|_| !is_of_client) {
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
    fn a_line_of_json_is_one_object() {
        let text = "a\nb\x1b[2J\u{9b}\u{7f} é \"quoted\"";
        let line = json_line(Level::Warn, "chat_server::net", text);
        assert_eq!(line.matches('\n').count(), 1);
        assert!(!line.trim_end().contains(char::is_control), "{line:?}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["message"], text);
        assert_eq!(read["level"], "WARN");
        assert_eq!(read["target"], "chat_server::net");
        read["time"].as_str().unwrap().parse::<Timestamp>().unwrap();
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
