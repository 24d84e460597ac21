//! Reads the event stream, and goes on where it was when the stream breaks.

use std::io::{BufRead, Read};
use std::thread;
use std::time::Duration;

use crossbeam_channel::Sender;
use serde_json::Value;

use crate::cli::remote::{Client, Failed, Patience, Problem, Stream, on_one_line};
use crate::http::encode;
use crate::model::Name;

use super::Told;

/// The longest line, in bytes: a message with all that belongs to it.
const MOST_LINE: u64 = 4 << 20;
/// The pause before a stream that has ended is opened again.
const PAUSE: Duration = Duration::from_millis(500);
/// The place before all messages.
const START: &str = "0-0";

/// Where the stream begins.
pub(super) enum Begin {
    /// With what is said from now on.
    Now,
    /// With the last messages of each channel.
    Last(usize),
    /// After this cursor.
    After(String),
}

/// Follows channels.
pub(super) struct Follower {
    client: Client,
    /// In the spelling in which they are asked for; without those that the bot was put out of.
    channels: Vec<Name>,
    begin: Begin,
    /// How long to look for the server.
    time: Duration,
    /// The last cursor that came.
    cursor: Option<String>,
}

/// Why reading has ended without an error.
enum Ended {
    /// The stream is to be opened again.
    Broken,
    /// The task has ended.
    Unwanted,
}

impl Follower {
    pub fn new(client: Client, channels: &[Name], begin: Begin, time: Duration) -> Follower {
        let mut once: Vec<Name> = Vec::with_capacity(channels.len());
        for channel in channels {
            if !once.contains(channel) {
                once.push(channel.clone());
            }
        }
        Follower {
            client,
            channels: once,
            begin,
            time,
            cursor: None,
        }
    }

    /// Tells all that happens, until the end.
    pub fn run(mut self, told: &Sender<Told>) {
        if let Err(error) = self.follow(told) {
            // Otherwise the task has ended.
            let _ = told.send(Told::Over(error));
        }
    }

    fn follow(&mut self, told: &Sender<Told>) -> Result<(), Failed> {
        self.cursor = self.first_cursor()?;
        // The first time, what is wrong is said at once.
        let mut stream = self.open()?;
        loop {
            match self.read(stream, told)? {
                Ended::Broken => thread::sleep(PAUSE),
                Ended::Unwanted => return Ok(()),
            }
            stream = self.open_again(told)?;
        }
    }

    /// Where the stream begins.
    fn first_cursor(&self) -> Result<Option<String>, Problem> {
        let messages = match &self.begin {
            Begin::Now => return Ok(None),
            Begin::After(cursor) => return Ok(Some(cursor.clone())),
            Begin::Last(messages) => *messages,
        };
        let mut places = Vec::with_capacity(self.channels.len());
        for channel in &self.channels {
            let name = encode(channel.as_str());
            let limit = messages + 1;
            let path = format!("/api/channels/{name}/messages?limit={limit}");
            let page = self.client.get(&path)?.json()?;
            let page = page["messages"].as_array().map_or(&[][..], Vec::as_slice);
            let before = match page.len() > messages {
                true => page.first().and_then(|message| message["id"].as_str()),
                false => None,
            };
            places.push(format!("{name}:{}", before.unwrap_or(START)));
        }
        Ok(Some(places.join(",")))
    }

    fn open(&self) -> Result<Stream, Problem> {
        let channels = self.channels.iter();
        let channels = channels.map(|name| format!("channel={}", encode(name.as_str())));
        let query: Vec<String> = channels.collect();
        let path = format!("/api/events?{}", query.join("&"));
        self.client.events(&path, self.cursor.as_deref())
    }

    /// Opens the stream again, as soon as the server is there.
    fn open_again(&self, told: &Sender<Told>) -> Result<Stream, Failed> {
        let mut patience = Patience::of(self.time);
        let mut is_told = false;
        loop {
            let problem = match self.open() {
                Ok(stream) => {
                    if is_told {
                        let _ = told.send(Told::Note("the server is there again".into()));
                    }
                    return Ok(stream);
                }
                Err(problem) => problem,
            };
            if !problem.may_pass() {
                return Err(problem.into());
            }
            let Some(pause) = patience.next_pause(problem.wait()) else {
                return Err(Failed::GaveUp(problem, false));
            };
            if !is_told {
                let _ = told.send(Told::Note(format!("{problem}; trying again")));
                is_told = true;
            }
            thread::sleep(pause);
        }
    }

    /// Tells what a stream says, to its end.
    fn read(&mut self, mut stream: Stream, told: &Sender<Told>) -> Result<Ended, Failed> {
        loop {
            let mut line = Vec::new();
            let read = stream.by_ref().take(MOST_LINE).read_until(b'\n', &mut line);
            if read.is_err() {
                return Ok(Ended::Broken);
            }
            if line.pop() != Some(b'\n') {
                // Without its end it may be part of a line.
                return match line.len() as u64 + 1 >= MOST_LINE {
                    true => Err(self.nonsense()),
                    false => Ok(Ended::Broken),
                };
            }
            let line = String::from_utf8(line).map_err(|_| self.nonsense())?;
            let event: Value = serde_json::from_str(&line).map_err(|_| self.nonsense())?;
            match event["event"].as_str() {
                None => return Err(self.nonsense()),
                Some("alive") => continue,
                Some("end") => return self.ended(&event),
                Some("removed") => self.was_removed(&event),
                Some(_) => {}
            }
            if let Some(cursor) = event["cursor"].as_str() {
                self.cursor = Some(cursor.to_owned());
            }
            if told.send(Told::Event(event, line)).is_err() {
                return Ok(Ended::Unwanted);
            }
        }
    }

    /// What the last event of a stream means.
    fn ended(&self, event: &Value) -> Result<Ended, Failed> {
        let why = on_one_line(event["message"].as_str().unwrap_or_default()).to_string();
        match event["code"].as_str().unwrap_or_default() {
            "shutdown"
            | "slow_reader"
            | "cut_off"
            | "full"
            | "internal_error"
            | "history_unavailable" => Ok(Ended::Broken),
            "token_revoked" => Err(Problem::Token(why).into()),
            _ => Err(Problem::Refused(why).into()),
        }
    }

    /// A channel that the bot was put out of is not asked for again.
    fn was_removed(&mut self, event: &Value) {
        let channel = event["channel"]
            .as_str()
            .and_then(|raw| Name::parse_channel(raw).ok());
        if let Some(channel) = channel {
            self.channels.retain(|own| *own != channel);
        }
    }

    fn nonsense(&self) -> Failed {
        Problem::Foreign(self.client.server().clone(), 200).into()
    }
}
