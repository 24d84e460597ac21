//! A bot on the JSON protocol (docs/json.md): answers `!time` and
//! `!roll 2d6`, in rooms and in private.
//!
//! ```text
//! cargo run --example bot -- --nickname robot --room lobby --room dev
//! ```
//!
//! When the connection is lost, the bot reconnects, with longer pauses after each
//! failure.

use std::error::Error;
use std::thread;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use tungstenite::Message;

/// The first pause before connecting again; each failure doubles it.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The server closes with this code if the token's nickname cannot be had.
const NICKNAME_IN_USE: u16 = 4409;

/// A bot that answers !time and !roll 2d6.
#[derive(Parser)]
struct Args {
    /// The bot's nickname
    #[arg(long, default_value = "robot")]
    nickname: String,
    /// A room to join besides global; may be given several times
    #[arg(long, value_name = "ROOM")]
    room: Vec<String>,
    /// An HTTP listener of the server
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4004")]
    address: String,
}

fn main() {
    let args = Args::parse();
    let mut pause = SHORTEST_PAUSE;
    // Kept across connections, so that the bot keeps its nickname.
    let mut token = None;
    loop {
        let end = serve(&args, &mut token, || pause = SHORTEST_PAUSE);
        if let Err(error) = end {
            eprintln!("{}: {error}", args.address);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Logs in and answers until the connection ends.
fn serve(
    args: &Args,
    kept: &mut Option<String>,
    mut came_in: impl FnMut(),
) -> Result<(), Box<dyn Error>> {
    let token = match kept {
        Some(token) => token,
        None => kept.insert(get_token(args)?),
    };
    let url = format!("ws://{}/ws?token={token}", args.address);
    let (mut socket, _) = tungstenite::connect(url).inspect_err(|error| {
        if matches!(error, tungstenite::Error::Http(answer) if answer.status() == 401) {
            *kept = None;
        }
    })?;
    loop {
        let text = match socket.read()? {
            Message::Text(text) => text,
            Message::Close(close) => {
                let close = close.ok_or("closed")?;
                if u16::from(close.code) == NICKNAME_IN_USE {
                    *kept = None;
                }
                return Err(close.reason.as_str().into());
            }
            // The library answers pings.
            _ => continue,
        };
        let frame: Value = serde_json::from_str(&text)?;
        if frame["type"] == "welcome" {
            came_in();
            println!("{} is in", args.nickname);
            for room in &args.room {
                let join = json!({"type": "join", "args": {"room": room}});
                socket.send(Message::text(join.to_string()))?;
            }
        }
        if let Some(answer) = answer(&frame, &args.nickname) {
            socket.send(Message::text(answer.to_string()))?;
        }
    }
}

/// Claims the nickname and returns the token for it.
fn get_token(args: &Args) -> Result<String, Box<dyn Error>> {
    let url = format!("http://{}/auth", args.address);
    let mut answer = ureq::post(url).send_form([("nickname", &args.nickname)])?;
    let answer: Value = answer.body_mut().read_json()?;
    let token = answer["token"].as_str().ok_or("there is no token")?;
    Ok(token.to_owned())
}

/// The frame to answer a frame with, if any.
fn answer(frame: &Value, own: &str) -> Option<Value> {
    let from = frame["from"].as_str().filter(|&from| from != own)?;
    let body = reply(frame["body"].as_str()?)?;
    match frame["type"].as_str()? {
        "message" => {
            let args = json!({"room": frame["room"], "body": format!("{from}: {body}")});
            Some(json!({"type": "message", "args": args}))
        }
        "private" => Some(json!({"type": "private", "args": {"to": from, "body": body}})),
        _ => None,
    }
}

/// The bot's answer to a text, if it is a command.
fn reply(text: &str) -> Option<String> {
    let (command, rest) = text.split_once(' ').unwrap_or((text, ""));
    match command {
        "!time" => Some(format!("it is {:.0} UTC", jiff::Timestamp::now())),
        "!roll" => Some(roll(rest.trim()).unwrap_or_else(|| "try !roll 2d6".to_owned())),
        _ => None,
    }
}

/// Rolls `2d6`: two dice with six faces each.
fn roll(dice: &str) -> Option<String> {
    let (count, faces) = dice.split_once('d')?;
    let count: u32 = count
        .parse()
        .ok()
        .filter(|count| (1..=20).contains(count))?;
    let faces: u32 = faces
        .parse()
        .ok()
        .filter(|faces| (2..=1000).contains(faces))?;
    let rolled = (0..count).map(|_| Some(getrandom::u32().ok()? % faces + 1));
    let rolled: Vec<u32> = rolled.collect::<Option<_>>()?;
    let sum: u32 = rolled.iter().sum();
    Some(format!("{dice} gives {sum} {rolled:?}"))
}
