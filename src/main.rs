//! The chat server's program.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    chat_server::cli::main(chat_server::server::run)
}
