//! Talks in one room over TCP, line by line (docs/room-lines.md).
//!
//! ```text
//! cargo run --example tcp_client                  # User<number>, in lounge
//! cargo run --example tcp_client -- --client Mina --room devroom
//! printf 'hi\n' | cargo run --example tcp_client -- --client Jon --room devroom
//! ```
//!
//! It ends when the server closes the connection, or at the end of standard input
//! when all lines are sent.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use serde_json::json;

/// Talks in one room over TCP.
#[derive(Parser)]
struct Args {
    /// Your name in the room
    #[arg(long, value_name = "NAME", default_value_t = some_name())]
    client: String,
    /// The room
    #[arg(long, value_name = "ROOM", default_value = "lounge")]
    room: String,
    /// The server's address
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:8989")]
    address: String,
}

fn main() -> ExitCode {
    let args = Args::parse_from(std::env::args_os().map(with_two_dashes));
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", args.address);
            ExitCode::FAILURE
        }
    }
}

/// Accepts `-client NAME` and `-client=NAME`, as other programs for room lines do.
fn with_two_dashes(argument: OsString) -> OsString {
    let is_flag = argument.to_str().is_some_and(|text| {
        let name = text.split_once('=').map_or(text, |(name, _)| name);
        matches!(name, "-client" | "-room" | "-address")
    });
    match is_flag {
        true => OsString::from_iter([OsStr::new("-"), &argument]),
        false => argument,
    }
}

/// The default name: `User` and a number.
fn some_name() -> String {
    format!("User{}", getrandom::u32().unwrap_or_default() % 10_000)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut stream = TcpStream::connect(&args.address)?;
    let hello = json!({"name": args.client, "room": args.room});
    writeln!(stream, "{hello}")?;
    let to_server = stream.try_clone()?;
    // Not joined: when the server ends, the program must not wait for more input.
    thread::spawn(move || send_all(to_server));
    let mut out = io::stdout().lock();
    for line in BufReader::new(stream).split(b'\n') {
        out.write_all(&line?)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Sends standard input, then closes the sending side. The server still sends all
/// its answers, our own lines included, before it closes.
fn send_all(mut stream: TcpStream) {
    // The reader notices a server that is gone.
    let _ = io::copy(&mut io::stdin().lock(), &mut stream);
    let _ = stream.shutdown(Shutdown::Write);
}
