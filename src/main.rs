//! The chat server's program.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use chat_server::cli;
use chat_server::config::{Config, Sources};

fn main() -> ExitCode {
    cli::main(run)
}

/// HOOK: to become `chat_server::server::run(config, sources)`, which reads
/// `sources` again on SIGHUP.
fn run(_config: Config, _sources: Sources) -> ExitCode {
    log::error!("the server is not wired up yet");
    ExitCode::FAILURE
}
