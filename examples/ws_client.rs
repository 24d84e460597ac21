//! Talks in one room over a WebSocket, line by line (docs/room-lines.md).
//!
//! ```text
//! cargo run --example ws_client                  # User<number>, in lounge
//! cargo run --example ws_client -- --client Mina --room devroom
//! cargo run --example ws_client -- --client Jon --room devroom \
//!     --address ws://chat.example.org/mychat --origin https://example.org
//! ```
//!
//! It ends when the server closes the connection, or at the end of standard input
//! when all lines are sent.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use chat_server::name::Name;
use clap::Parser;
use serde_json::json;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{ClientRequestBuilder, Message, WebSocket};

/// How long to wait for the socket before looking at standard input.
const TURN: Duration = Duration::from_millis(20);
/// How long to wait for our own last lines: some may have been refused.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Talks in one room over a WebSocket.
#[derive(Parser)]
struct Args {
    /// Your name in the room
    #[arg(long, value_name = "NAME", default_value_t = some_name())]
    client: String,
    /// The room
    #[arg(long, value_name = "ROOM", default_value = "lounge")]
    room: String,
    /// The server's URL
    #[arg(long, value_name = "URL", default_value = "ws://localhost:8099/mychat")]
    address: String,
    /// The Origin header, as a browser would send it
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
}

fn main() -> ExitCode {
    let args = Args::parse_from(std::env::args_os().map(with_two_dashes));
    match Client::connect(&args).and_then(Client::run) {
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
        matches!(name, "-client" | "-room" | "-address" | "-origin")
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

/// A name as the server shows it, in one word.
fn as_shown(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    let word = words.join("_");
    Name::parse_nickname(&word).map_or(word, |name| name.to_string())
}

struct Client {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    /// The number of our own lines that have not come back yet.
    awaited: usize,
    /// The prefix of our own lines.
    own: String,
}

impl Client {
    fn connect(args: &Args) -> Result<Client, Box<dyn Error>> {
        let mut request = ClientRequestBuilder::new(args.address.parse()?);
        if let Some(origin) = &args.origin {
            request = request.with_header("Origin", origin);
        }
        let (mut socket, _) = tungstenite::connect(request)?;
        let hello = json!({"name": args.client, "room": args.room});
        socket.send(Message::text(hello.to_string()))?;
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(TURN))?;
        }
        Ok(Client {
            socket,
            awaited: 0,
            own: format!("{}:", as_shown(&args.client)),
        })
    }

    /// One thread does both in turns: it sends typed lines, then reads the socket.
    fn run(mut self) -> Result<(), Box<dyn Error>> {
        let typed = standard_input();
        let mut deadline = None;
        while self.awaited > 0 || deadline.is_none() {
            match typed.try_recv() {
                Ok(line) => self.send(line)?,
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => {
                    let deadline = deadline.get_or_insert_with(|| Instant::now() + LAST_WORDS);
                    if Instant::now() > *deadline {
                        eprintln!("{} of your lines did not come back", self.awaited);
                        break;
                    }
                }
            }
            if !self.listen()? {
                return Ok(());
            }
        }
        self.leave()
    }

    fn send(&mut self, line: String) -> Result<(), Box<dyn Error>> {
        self.awaited += 1;
        self.socket.send(Message::text(line))?;
        Ok(())
    }

    /// Shows what arrives within a turn. Returns false when the server has closed.
    fn listen(&mut self) -> Result<bool, Box<dyn Error>> {
        match self.socket.read() {
            Ok(Message::Text(text)) => {
                if text.starts_with(&self.own) {
                    self.awaited = self.awaited.saturating_sub(1);
                }
                let mut out = io::stdout().lock();
                out.write_all(text.as_bytes())?;
                out.flush()?;
                Ok(true)
            }
            // The library answers pings.
            Ok(_) => Ok(true),
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
            {
                Ok(true)
            }
            Err(tungstenite::Error::ConnectionClosed) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn leave(mut self) -> Result<(), Box<dyn Error>> {
        self.socket.close(None)?;
        let deadline = Instant::now() + LAST_WORDS;
        while self.listen()? && Instant::now() < deadline {}
        Ok(())
    }
}

/// The lines of standard input; the channel disconnects at its end.
fn standard_input() -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
