//! The life of a running server, controlled by signals.
//!
//! The thread that receives signals does nothing that could block: a reload reads files, so it has
//! a thread of its own, which may hang without delaying the end.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::config::{Applies, Change, Config, Sources};
use crate::logging;

use super::Chat;
use super::departure::Departure;
use super::shared::Shared;

/// Exit code after a second signal: the one that shells use for an interrupt.
const INTERRUPTED: i32 = 130;
/// The longest that a signal waits while a server announces that it will stop.
const GLANCE: Duration = Duration::from_millis(50);
/// How long a server that is starting may take when it is told to end.
const STARTING: Duration = Duration::from_secs(1);
/// Signals that may be queued.
const WAITING: usize = 16;

/// The signals, received from before a server starts.
pub struct Taken {
    signals: Receiver<i32>,
    started: Arc<AtomicBool>,
}

/// Receives signals from now on. Until the server has started, SIGTERM and SIGINT end the process,
/// and SIGHUP waits.
pub fn take() -> io::Result<Taken> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let (taken, waiting) = bounded(WAITING);
    let started = Arc::new(AtomicBool::new(false));
    let is_started = started.clone();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                if signal != SIGHUP && !will_have_started(&is_started) {
                    logging::finish();
                    std::process::exit(128 + signal);
                }
                // Full: more than one of each is already queued.
                let _ = taken.try_send(signal);
            }
        })?;
    Ok(Taken {
        signals: waiting,
        started,
    })
}

/// Whether the server has started or is about to: its listeners may be there already.
fn will_have_started(started: &AtomicBool) -> bool {
    let deadline = Instant::now() + STARTING;
    while !started.load(Ordering::Relaxed) && Instant::now() < deadline {
        std::thread::sleep(GLANCE);
    }
    started.load(Ordering::Relaxed)
}

/// Serves until a signal ends it: SIGTERM and SIGINT orderly, a second one at once; SIGHUP reloads.
/// `introduce` says where the server can be reached.
pub fn serve(
    chat: Chat,
    taken: Taken,
    sources: Sources,
    introduce: impl FnOnce(&Chat),
) -> ExitCode {
    taken.started.store(true, Ordering::Relaxed);
    let signals = taken.signals;
    let reloads = match Reloads::start(chat.shared.clone(), sources) {
        Ok(reloads) => reloads,
        Err(error) => {
            logging::complain(&format!("chat-server: cannot start a thread: {error}"));
            return ExitCode::FAILURE;
        }
    };
    introduce(&chat);
    for signal in &signals {
        if signal != SIGHUP {
            break;
        }
        reloads.ask();
    }
    shut_down(chat, signals, &reloads)
}

/// The thread that reloads.
struct Reloads {
    shared: Arc<Shared>,
    wanted: Sender<()>,
}

impl Reloads {
    fn start(shared: Arc<Shared>, sources: Sources) -> std::io::Result<Reloads> {
        // One may wait while another is in progress, and will read the newest files, so a third
        // would be pointless.
        let (wanted, told): (_, Receiver<()>) = bounded(1);
        let of_thread = shared.clone();
        std::thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || {
                for () in told {
                    reload(&of_thread, &sources);
                }
            })?;
        // Operators on IRC may ask for it, too.
        let (asked, of_operators) = (wanted.clone(), shared.clone());
        shared
            .operating
            .reloads_by(Box::new(move || ask(&of_operators, &asked)));
        Ok(Reloads { shared, wanted })
    }

    fn ask(&self) {
        ask(&self.shared, &self.wanted);
    }
}

fn ask(shared: &Shared, wanted: &Sender<()>) {
    // Also with a bad configuration: SIGHUP is how a log rotation tells that the file was moved
    // away.
    shared.chat_log.reopen();
    if wanted.try_send(()).is_err() {
        log::warn!("another reload is still under way; this one is left out");
    }
}

fn reload(shared: &Shared, sources: &Sources) {
    let new = match Config::load_again(sources) {
        Ok(new) => new,
        Err(problems) => {
            for problem in problems.iter() {
                log::error!("{problem}");
            }
            shared.note("reload: refused, everything stays as it was".to_owned());
            log::error!("not reloaded: everything stays as it was");
            return;
        }
    };
    let changes = shared.config().changes(&new);
    shared.reload(&new);
    for change in &changes {
        log::info!("{change}");
        shared.note(format!("reload: {change}"));
    }
    if changes.is_empty() {
        shared.note("reload: no setting has changed".to_owned());
    }
    let is_later = |change: &&Change| change.applies == Applies::Restart;
    let later = match changes.iter().filter(is_later).count() {
        0 => String::new(),
        count => format!(" ({count} at the next start)"),
    };
    match changes.len() {
        0 => log::info!("reloaded: no setting has changed"),
        1 => log::info!("reloaded: 1 setting has changed{later}"),
        count => log::info!("reloaded: {count} settings have changed{later}"),
    }
    logging::configure(&shared.config());
}

fn shut_down(mut chat: Chat, signals: Receiver<i32>, reloads: &Reloads) -> ExitCode {
    let config = chat.shared.config();
    let allowed = Duration::from_secs(config.shutdown_seconds);
    let now = Instant::now();
    let end = now + Duration::from_secs(config.drain_seconds);
    let departure = Departure::new(end, config.drain_rate, now);
    chat.drain();
    logging::say(&match config.drain_seconds {
        0 => "shutting down".to_owned(),
        seconds => format!("shutting down in {seconds} s; not ready for new connections"),
    });
    drain(&chat, &signals, reloads, end, departure);
    let second = std::thread::Builder::new().name("second signal".to_owned());
    let second = second.spawn(move || {
        if signals.iter().any(|signal| signal != SIGHUP) {
            end_at_once();
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

/// Goes on serving for a while: balancers have to notice first that the server will stop, and
/// clients are asked to leave bit by bit. A second signal ends it at once.
fn drain(
    chat: &Chat,
    signals: &Receiver<i32>,
    reloads: &Reloads,
    end: Instant,
    mut departure: Departure,
) {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        for signal in signals.try_iter() {
            if signal != SIGHUP {
                end_at_once();
            }
            reloads.ask();
        }
        departure.step(&chat.shared.hub, chat.shared.registry.ids());
        std::thread::sleep(left.min(GLANCE));
    }
}

fn end_at_once() -> ! {
    logging::finish();
    std::process::exit(INTERRUPTED);
}
