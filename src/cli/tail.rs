//! `tail`: prints what is said in channels, one line a message, for as long as it is wanted.
//!
//! One thread reads the stream; another one watches whether standard output is still read, which
//! a task that only waits would not notice. This thread prints.

mod follower;
mod watcher;
mod words;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use serde_json::Value;
use signal_hook::consts::SIGINT;

use crate::model::Name;

use super::output;
use super::remote::{EXIT_CODES, Failed, Remote, VARIABLES, channel};
use follower::{Begin, Follower};
use words::Words;

/// The most channels that a stream follows, and the most messages that it can begin before now, as
/// `docs/programs.md` has them.
const MOST_CHANNELS: usize = 50;
const MOST_LAST: usize = 499;
/// The seconds that a lost server is looked for unless the command line says otherwise.
const USUAL_SECONDS: u64 = 600;
const MOST_SECONDS: u64 = 7 * 86_400;
/// Lines that wait to be printed; beyond that nothing is read, and the server waits.
const WAITING: usize = 64;
/// Exit code after Ctrl-C, as shells use it.
const INTERRUPTED: i32 = 130;

const EXAMPLES: &str = "\
Examples:
  export CHAT_TOKEN_FILE=~/.chat-token
  chat-server tail --channel dev --channel ops
  chat-server tail -C dev --last 20 | grep --line-buffered deploy
  chat-server tail -C dev --count 1 --for 60    exits with 1 if nothing was said
  chat-server tail -C dev --json | jq --unbuffered -r .text

A line is the time here, the channel, and what was said or done there:
  12:30:01 #dev @ann: hello
When the server is started again, tail goes on where it was: nothing is
missing and nothing comes twice. Line breaks in a message are shown as \u{23ce}.
";

/// The arguments of `tail`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = format!("{EXAMPLES}\n{VARIABLES}\n{EXIT_CODES}"))]
pub struct Tail {
    /// A channel, with or without #; may be given several times
    #[arg(short = 'C', long = "channel", value_name = "CHANNEL", required = true,
        value_parser = channel)]
    channels: Vec<Name>,
    /// Begin with the last N messages of each channel
    #[arg(long, value_name = "N", conflicts_with = "after", value_parser = last)]
    last: Option<usize>,
    /// Begin after a cursor, which each line of --json has
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// Show also who comes and goes, and reactions
    #[arg(long)]
    all: bool,
    /// Print the events as the server sends them, a JSON object a line
    #[arg(long)]
    json: bool,
    /// End after N messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after so many seconds; with --count, exit with 1 if fewer messages have come
    #[arg(long = "for", value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=MOST_SECONDS))]
    seconds: Option<u64>,
    /// How long to look for a server that has gone
    #[arg(long, value_name = "SECONDS", default_value_t = USUAL_SECONDS,
        value_parser = clap::value_parser!(u64).range(0..=MOST_SECONDS))]
    retry_for: u64,
    #[command(flatten)]
    remote: Remote,
}

/// What the thread that prints is told.
enum Told {
    /// An event, and the line that it came as.
    Event(Value, String),
    /// Something that the user should know.
    Note(String),
    /// The stream has ended for good.
    Over(Failed),
    /// Nobody reads standard output any more.
    Unread,
}

impl Tail {
    /// The mistake in options that parse each by itself.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.channels.len() > MOST_CHANNELS {
            true => Err(format!(
                "more than {MOST_CHANNELS} channels; run another tail for the others"
            )),
            false => Ok(()),
        }
    }

    /// Prints what is said. Returns the program's exit code.
    pub(super) fn main(&self, environment: &[(OsString, OsString)]) -> ExitCode {
        match self.run(environment) {
            Ok(code) => code,
            Err(error) => error.complain(),
        }
    }

    fn run(&self, environment: &[(OsString, OsString)]) -> Result<ExitCode, Failed> {
        let end = self
            .seconds
            .map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let begin = match (&self.after, self.last) {
            (Some(cursor), _) => Begin::After(cursor.clone()),
            (None, Some(messages)) => Begin::Last(messages),
            (None, None) => Begin::Now,
        };
        let client = self.remote.client(environment)?;
        let time = Duration::from_secs(self.retry_for);
        let follower = Follower::new(client, &self.channels, begin, time);
        end_when_interrupted().map_err(|error| Failed::Here(error.to_string()))?;
        let (told, tells) = bounded(WAITING);
        spawn("follower", told.clone(), move |told| follower.run(&told))?;
        spawn("watcher", told, |told| watcher::watch(&told))?;
        self.print(&tells, end)
    }

    /// Prints what it is told until the end.
    fn print(&self, tells: &Receiver<Told>, end: Option<Instant>) -> Result<ExitCode, Failed> {
        let words = Words::new(self.all);
        let mut messages = 0;
        loop {
            let told = match end {
                Some(end) => tells.recv_deadline(end),
                None => tells.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let line = match told {
                Ok(Told::Event(event, line)) => {
                    messages += u64::from(event["event"] == "message");
                    match self.json {
                        true => Some(words::escaped(&line)),
                        false => words.of(&event),
                    }
                }
                Ok(Told::Note(note)) => {
                    output::complain(&note);
                    None
                }
                Ok(Told::Over(error)) => return Err(error),
                Ok(Told::Unread) | Err(RecvTimeoutError::Disconnected) => {
                    return Ok(ExitCode::SUCCESS);
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Ok(match self.count {
                        Some(_) => ExitCode::FAILURE,
                        None => ExitCode::SUCCESS,
                    });
                }
            };
            match line.map_or(Ok(()), |line| output::print_line(&line)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(ExitCode::SUCCESS);
                }
                Err(error) => {
                    let why = format!("standard output cannot be written: {error}");
                    return Err(Failed::Here(why));
                }
            }
            if self.count.is_some_and(|count| messages >= count) {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}

/// The number of messages to begin with.
fn last(raw: &str) -> Result<usize, String> {
    let number = raw.parse().ok().filter(|last| *last <= MOST_LAST);
    number.ok_or_else(|| format!("must be a number from 0 to {MOST_LAST}"))
}

/// Has Ctrl-C end the process, also where it is the first one of a container, which signals do not
/// end by themselves.
fn end_when_interrupted() -> io::Result<()> {
    let always = Arc::new(AtomicBool::new(true));
    signal_hook::flag::register_conditional_shutdown(SIGINT, INTERRUPTED, always).map(|_| ())
}

fn spawn(
    name: &str,
    told: Sender<Told>,
    run: impl FnOnce(Sender<Told>) + Send + 'static,
) -> Result<(), Failed> {
    let thread = thread::Builder::new().name(name.to_owned());
    let spawned = thread.spawn(move || run(told));
    spawned
        .map(|_| ())
        .map_err(|error| Failed::Here(format!("no thread can be started: {error}")))
}
