//! The life of a running server, as its signals have it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::config::{Config, Sources};
use crate::logging;

use super::{Chat, program};

/// Exit code after a second signal: as a shell has it for an interrupt.
const INTERRUPTED: i32 = 130;
/// How long a signal waits at most while a server says that it will stop.
const GLANCE: Duration = Duration::from_millis(50);

/// Serves until a signal ends it: SIGTERM and SIGINT orderly, a second one at
/// once; SIGHUP reloads.
pub fn serve(chat: Chat, sources: &Sources) -> ExitCode {
    let mut signals = match Signals::new([SIGHUP, SIGINT, SIGTERM]) {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("chat-server: cannot handle signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    program::introduce(&chat);
    for signal in signals.forever() {
        if signal != SIGHUP {
            break;
        }
        reload(&chat, sources);
    }
    shut_down(chat, signals, sources)
}

fn reload(chat: &Chat, sources: &Sources) {
    // Whatever the configuration is like: this is also how one says that the
    // file was moved away.
    chat.shared.chat_log.reopen();
    let new = match Config::load(sources) {
        Ok(new) => new,
        Err(problems) => {
            for problem in problems.iter() {
                log::error!("{problem}");
            }
            let shared = &chat.shared;
            shared.note("reload: refused, everything stays as it was".to_owned());
            log::error!("not reloaded: everything stays as it was");
            return;
        }
    };
    let changes = chat.shared.config().changes(&new);
    chat.shared.reload(&new);
    for change in &changes {
        log::info!("{change}");
        chat.shared.note(format!("reload: {change}"));
    }
    if changes.is_empty() {
        chat.shared
            .note("reload: no setting has changed".to_owned());
    }
    match changes.len() {
        0 => log::info!("reloaded: no setting has changed"),
        1 => log::info!("reloaded: 1 setting has changed"),
        count => log::info!("reloaded: {count} settings have changed"),
    }
    logging::set_filter(&chat.shared.config().log_level);
}

fn shut_down(mut chat: Chat, mut signals: Signals, sources: &Sources) -> ExitCode {
    let config = chat.shared.config();
    let allowed = Duration::from_secs(config.shutdown_seconds);
    let draining = Duration::from_secs(config.drain_seconds);
    chat.drain();
    match config.drain_seconds {
        0 => println!("shutting down"),
        seconds => println!("shutting down in {seconds} s; not ready for new connections"),
    }
    drain(&chat, &mut signals, sources, draining);
    let second = std::thread::Builder::new().name("second signal".to_owned());
    let second = second.spawn(move || {
        if signals.forever().any(|signal| signal != SIGHUP) {
            std::process::exit(INTERRUPTED);
        }
    });
    if let Err(error) = second {
        log::warn!("a second signal will change nothing: {error}");
    }
    match chat.shut_down(allowed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(overdue) => {
            log::error!("{overdue}");
            ExitCode::FAILURE
        }
    }
}

/// Serves on for so long: whoever sends people here has to hear first that it
/// will stop. A second signal ends it at once.
fn drain(chat: &Chat, signals: &mut Signals, sources: &Sources, draining: Duration) {
    let end = Instant::now() + draining;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        for signal in signals.pending() {
            if signal != SIGHUP {
                std::process::exit(INTERRUPTED);
            }
            reload(chat, sources);
        }
        std::thread::sleep(left.min(GLANCE));
    }
}
