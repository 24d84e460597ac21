//! Room lines over TCP and over a WebSocket in one chat, until SIGINT or SIGTERM.
//!
//! ```text
//! cargo run --example serve
//! cargo run --example serve -- -tcp localhost:8990 -ws localhost:8091 -path /talk
//! ```

use std::error::Error;
use std::ffi::{OsStr, OsString};

use chat_server::{Chat, Protocol, RoomLinesAt};
use clap::Parser;

/// Serves room lines and stores nothing.
#[derive(Parser)]
struct Args {
    /// Where to listen for TCP
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:8989")]
    tcp: String,
    /// Where to listen for WebSockets
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:8099")]
    ws: String,
    /// At which path
    #[arg(long, value_name = "PATH", default_value = "/mychat")]
    path: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse_from(std::env::args_os().map(with_two_dashes));
    let chat = Chat::builder().start()?;
    let tcp = chat.listen(Protocol::RoomLines, &args.tcp)?;
    let at = RoomLinesAt::path(&args.path)
        .read_buffer(1024)
        .write_buffer(64 * 1024);
    let ws = chat.listen_room_lines(at, &args.ws)?;
    println!("tcp: {}", tcp.address());
    println!("ws: ws://{}{}", ws.address(), args.path);
    chat.run()?;
    println!("ended");
    Ok(())
}

/// Accepts `-tcp ADDR` and `-ws=ADDR`, as other programs for room lines do.
fn with_two_dashes(argument: OsString) -> OsString {
    let is_flag = argument.to_str().is_some_and(|text| {
        let name = text.split_once('=').map_or(text, |(name, _)| name);
        matches!(name, "-tcp" | "-ws" | "-path")
    });
    match is_flag {
        true => OsString::from_iter([OsStr::new("-"), &argument]),
        false => argument,
    }
}
