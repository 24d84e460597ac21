//! The life of a running server, as its signals have it.

use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::config::{Config, Sources};
use crate::logging;

use super::Server;

/// Exit code after a second signal: as a shell has it for an interrupt.
const INTERRUPTED: i32 = 130;
/// How long over its time a shutdown may be before the process just ends.
const GRACE: Duration = Duration::from_secs(1);

/// Serves until a signal ends it: SIGTERM and SIGINT orderly, a second one at
/// once; SIGHUP reloads.
pub fn serve(server: Server, sources: &Sources) -> ExitCode {
    let mut signals = match Signals::new([SIGHUP, SIGINT, SIGTERM]) {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("chat-server: cannot handle signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    server.introduce();
    for signal in signals.forever() {
        if signal != SIGHUP {
            break;
        }
        reload(&server, sources);
    }
    shut_down(server, signals)
}

fn reload(server: &Server, sources: &Sources) {
    // Whatever the configuration is like: this is also how one says that the
    // file was moved away.
    server.shared.chat_log.reopen();
    let new = match Config::load(sources) {
        Ok(new) => new,
        Err(problems) => {
            for problem in problems.iter() {
                log::error!("{problem}");
            }
            log::error!("not reloaded: everything stays as it was");
            return;
        }
    };
    let changes = server.shared.config().changes(&new);
    server.shared.reload(&new);
    for change in &changes {
        log::info!("{change}");
    }
    match changes.len() {
        0 => log::info!("reloaded: no setting has changed"),
        1 => log::info!("reloaded: 1 setting has changed"),
        count => log::info!("reloaded: {count} settings have changed"),
    }
    logging::set_filter(&server.shared.config().log_level);
}

fn shut_down(server: Server, mut signals: Signals) -> ExitCode {
    println!("shutting down");
    let allowed = Duration::from_secs(server.shared.config().shutdown_seconds);
    let (done, is_done) = channel();
    std::thread::spawn(move || {
        if signals.forever().any(|signal| signal != SIGHUP) {
            std::process::exit(INTERRUPTED);
        }
    });
    std::thread::spawn(move || {
        server.shut_down();
        let _ = done.send(());
    });
    match is_done.recv_timeout(allowed + GRACE) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => {
            log::error!("the shutdown took too long");
            ExitCode::FAILURE
        }
    }
}
