//! The program: a chat with the given configuration, until a signal ends it.

use std::process::ExitCode;

use crate::cli::Action;
use crate::config::{Config, Sources};
use crate::data::AdminToken;
use crate::logging::{self, say};
use crate::net::limits::raise_descriptor_limit;

use super::disk::Disk;
use super::{Chat, Protocol, StartError, book, scheduling, signals};

/// Exit code of a process whose hub or store has failed (EX_SOFTWARE of sysexits).
const FAILED: i32 = 70;

/// Runs a server until it is told to stop. Returns the program's exit code.
pub fn run(action: Action, config: Config, sources: Sources) -> ExitCode {
    match action {
        #[cfg(feature = "grpc")]
        Action::NameServer => super::run_name_server(config),
        _ => run_chat(config, sources),
    }
}

fn run_chat(config: Config, sources: Sources) -> ExitCode {
    raise_descriptor_limit();
    scheduling::run_in_turns();
    let signals = match signals::take() {
        Ok(signals) => signals,
        Err(error) => {
            logging::complain(&format!("chat-server: cannot handle signals: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let builder = Chat::builder().config(config);
    // Without its hub the program is useless, and without its store it cannot keep its promises. A
    // supervisor can only restart a process that has ended.
    let started = builder.on_failure(fail).start();
    match started {
        Ok(chat) => signals::serve(chat, signals, sources, introduce),
        Err(error) => {
            logging::complain(&format!("chat-server: {error}{}", advice(&error)));
            ExitCode::FAILURE
        }
    }
}

fn fail() {
    logging::finish();
    std::process::exit(FAILED);
}

/// What the person at the command line can do about it.
fn advice(error: &StartError) -> String {
    match error {
        StartError::Listen(error) if error.is_in_use() => {
            let (name, setting) = (error.name(), error.setting());
            format!("; choose another address with --{name} ADDR or {setting} in the configuration")
        }
        _ => String::new(),
    }
}

/// Says where everything is, one line each.
fn introduce(chat: &Chat) {
    let has_book = book::is_there(chat.shared.config().web.book);
    for listener in chat.listeners() {
        let (name, address) = (listener.name(), listener.address());
        let s = if listener.is_secure() { "s" } else { "" };
        match listener.protocol() {
            Protocol::Web => {
                say(&format!("listening: {name} http{s}://{address}/client"));
                if has_book {
                    say(&format!("documentation: http{s}://{address}/docs/book"));
                }
            }
            Protocol::Rest => say(&format!("listening: {name} http{s}://{address}/docs")),
            Protocol::RoomLinesWebSocket => {
                say(&format!("listening: {name} ws{s}://{address}/mychat"))
            }
            Protocol::Telnet | Protocol::RoomLines | Protocol::Irc | Protocol::Grpc => {
                say(&format!("listening: {name} {address}"))
            }
        }
    }
    match &chat.shared.found_token {
        AdminToken::Configured(_) => say("admin token: as configured"),
        AdminToken::Kept(_, path) => say(&format!("admin token: {}", path.display())),
    }
    let capacity = chat.shared.capacity();
    if let Some(bound_by) = capacity.bound_by {
        let fit = capacity.connections;
        say(&format!(
            "connections: at most {fit}, because of {bound_by}"
        ));
    }
    if let Some(disk) = Disk::of(&chat.shared.config()) {
        say(&disk.words());
        if disk.is_too_small() {
            log::warn!("the disk is smaller than what may be written to it; see the settings");
        }
    }
    say("ready");
}
