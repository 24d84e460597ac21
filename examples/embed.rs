//! A game with the chat inside: guess a number in #game.
//!
//! ```text
//! cargo run --example embed
//! telnet localhost 4040       # then: /join #game, and guess
//! ```
//!
//! The program starts a chat, joins it under a name of its own and reacts to
//! messages. It announces lines typed at its console to everyone; the end of
//! standard input (Ctrl-D) shuts it down.

use std::error::Error;
use std::io;
use std::thread;
use std::time::Duration;

use chat_server::chatlog::Kind;
use chat_server::{Chat, Participant, Protocol, Watch};
use clap::Parser;

const CHANNEL: &str = "game";
const HOST: &str = "host";

/// A game with the chat inside.
#[derive(Parser)]
struct Args {
    /// Where to listen for telnet
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4040")]
    telnet: String,
    /// Where to listen for browsers
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4044")]
    web: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let chat = Chat::builder()
        .settings(|settings| settings.greeting = "Guess the number in #game!".into())
        .start()?;
    let telnet = chat.listen(Protocol::Telnet, &args.telnet)?;
    let web = chat.listen(Protocol::Web, &args.web)?;

    let host = chat.enter(HOST)?;
    host.join(CHANNEL)?;
    let watch = chat.watch()?;
    let game = thread::spawn(move || play(&host, watch));

    println!("telnet: {}", telnet.address());
    println!("web: http://{}/client", web.address());
    for line in io::stdin().lines() {
        let line = line?;
        if !line.trim().is_empty() {
            chat.announce(&line)?;
            println!("announced");
        }
    }
    chat.shut_down(Duration::from_secs(5))?;
    // The watch ended with the chat, and the game with the watch.
    let _ = game.join();
    Ok(())
}

/// Plays rounds until the chat ends.
fn play(host: &Participant, watch: Watch) {
    let mut secret = random(100);
    for entry in watch {
        let (Kind::Message, Some(nick), Some(text)) = (entry.kind, entry.nick, entry.text) else {
            continue;
        };
        if &*nick == HOST || entry.channel.as_deref() != Some(CHANNEL) {
            continue;
        }
        let Ok(guess) = text.trim().parse::<u32>() else {
            continue;
        };
        let answer = match guess {
            _ if guess < secret => format!("{guess} is too small."),
            _ if guess > secret => format!("{guess} is too large."),
            _ => {
                secret = random(100);
                format!("{guess} it is! {nick} has won. I have a new number.")
            }
        };
        if let Err(error) = host.say(CHANNEL, &answer) {
            eprintln!("the host cannot speak: {error}");
            return;
        }
    }
}

/// A number from 1 to `most`.
fn random(most: u32) -> u32 {
    getrandom::u32().unwrap_or_default() % most + 1
}
