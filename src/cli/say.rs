//! `say`: posts a message to a channel, from a shell script.

use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal, Read};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::http::encode;
use crate::model::{Name, Text};

use super::output;
use super::remote::{Client, EXIT_CODES, Failed, Patience, Remote, VARIABLES, channel};

/// The longest text, in bytes, as `docs/programs.md` has it.
const MOST_TEXT: usize = 64 << 10;
/// The longest wait for the answer to one try.
const TRY: Duration = Duration::from_secs(15);
/// The seconds that it is tried unless the command line says otherwise, and the most: also while
/// its database is away, a cluster knows for ten minutes which message a key stands for.
const USUAL_SECONDS: u64 = 30;
const MOST_SECONDS: u64 = 540;
const KEY_BYTES: usize = 16;

const EXAMPLES: &str = "\
Examples:
  export CHAT_TOKEN_FILE=~/.chat-token
  chat-server say --channel dev build 512 ok
  make 2>&1 | tail -20 | chat-server say --channel dev
  journalctl -fu backup | chat-server say --channel ops --notice --each-line
  ID=$(chat-server say -C dev --print-id deploying) &&
      chat-server say -C dev --reply-to $ID deployed

The message is published once, also if the connection breaks and it is sent
again. A token comes from `chat-server token add builds --scope 'post:#dev'`.
";

/// The arguments of `say`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = format!("{EXAMPLES}\n{VARIABLES}\n{EXIT_CODES}"))]
pub struct Say {
    /// The channel, with or without #
    #[arg(short = 'C', long, value_name = "CHANNEL", value_parser = channel)]
    channel: Name,
    /// The message that this one answers, by its id
    #[arg(long, value_name = "ID")]
    reply_to: Option<String>,
    /// Say it as a notice, which other programs do not answer
    #[arg(long)]
    notice: bool,
    /// Make each line of standard input a message, as it comes
    #[arg(long, conflicts_with = "text")]
    each_line: bool,
    /// Print the id of the message
    #[arg(long)]
    print_id: bool,
    /// How long to try while the server cannot be reached or has no time
    #[arg(long, value_name = "SECONDS", default_value_t = USUAL_SECONDS,
        value_parser = clap::value_parser!(u64).range(1..=MOST_SECONDS))]
    retry_for: u64,
    #[command(flatten)]
    remote: Remote,
    /// The text; without it, what standard input has, up to 64 KiB
    #[arg(value_name = "TEXT")]
    text: Vec<String>,
}

impl Say {
    /// Posts what there is to say. Returns the program's exit code.
    pub(super) fn main(&self, environment: &[(OsString, OsString)]) -> ExitCode {
        match self.run(environment) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => error.complain(),
        }
    }

    fn run(&self, environment: &[(OsString, OsString)]) -> Result<(), Failed> {
        let client = self.remote.client(environment)?;
        if self.text.is_empty() && io::stdin().is_terminal() {
            output::complain("type what is to be said; Ctrl-D ends it");
        }
        if self.each_line {
            return self.say_lines(&client, io::stdin().lock());
        }
        let text = match self.text.is_empty() {
            true => read_text(io::stdin().lock(), "standard input")?,
            false => checked(self.text.join(" ").into_bytes(), "the text")?,
        };
        match Text::clean(&text).is_empty() {
            true => Err(Failed::Here(
                "there is nothing to say: the text is empty".into(),
            )),
            false => self.post(&client, &text),
        }
    }

    /// Posts each line; those with nothing in them are left out.
    fn say_lines(&self, client: &Client, mut input: impl BufRead) -> Result<(), Failed> {
        for number in 1_u64.. {
            let what = format!("line {number}");
            let mut line = Vec::new();
            let limit = MOST_TEXT as u64 + 2;
            let read = input.by_ref().take(limit).read_until(b'\n', &mut line);
            if read.map_err(|error| unread("standard input", &error))? == 0 {
                break;
            }
            while matches!(line.last(), Some(b'\r' | b'\n')) {
                line.pop();
            }
            let line = checked(line, &what)?;
            if !Text::clean(&line).is_empty() {
                self.post(client, &line)?;
            }
        }
        Ok(())
    }

    /// Posts a message, again and again until it is known what has become of it.
    fn post(&self, client: &Client, text: &str) -> Result<(), Failed> {
        let path = format!("/api/channels/{}/messages", encode(self.channel.as_str()));
        let key = new_key()?;
        let (kind, body) = self.body(text);
        let fields = [("Idempotency-Key", key.as_str()), ("Content-Type", kind)];
        let mut patience = Patience::of(Duration::from_secs(self.retry_for));
        let (mut may_be_done, mut has_complained) = (false, false);
        loop {
            let time = patience.left().clamp(Duration::from_secs(1), TRY);
            let posted = client.post(&path, &fields, &body, time);
            let problem = match posted.and_then(|reply| reply.json()) {
                Ok(posted) => return self.show(posted["id"].as_str().unwrap_or_default()),
                Err(problem) => problem,
            };
            may_be_done |= problem.may_be_done();
            if !problem.may_pass() {
                return Err(problem.into());
            }
            let Some(pause) = patience.next_pause(problem.wait()) else {
                return Err(Failed::GaveUp(problem, may_be_done));
            };
            if !has_complained {
                output::complain(&format!("{problem}; trying again"));
                has_complained = true;
            }
            thread::sleep(pause);
        }
    }

    /// The body of the call, and its type: a text as long as may be fits as it is only.
    fn body(&self, text: &str) -> (&'static str, String) {
        if !self.notice && self.reply_to.is_none() {
            return ("text/plain; charset=utf-8", text.to_owned());
        }
        let mut body = json!({ "text": text, "notice": self.notice });
        if let Some(id) = &self.reply_to {
            body["reply_to"] = json!(id);
        }
        ("application/json", body.to_string())
    }

    fn show(&self, id: &str) -> Result<(), Failed> {
        match self.print_id {
            true => output::print_line(id),
            false => Ok(()),
        }
        .map_err(|error| Failed::Here(format!("standard output cannot be written: {error}")))
    }
}

/// A key under which the server publishes one message, however often it is sent.
fn new_key() -> Result<String, Failed> {
    let mut random = [0; KEY_BYTES];
    getrandom::fill(&mut random)
        .map_err(|error| Failed::Here(format!("there are no random numbers: {error}")))?;
    Ok(data_encoding::HEXLOWER.encode(&random))
}

/// A text from an input, to its end.
fn read_text(input: impl Read, what: &str) -> Result<String, Failed> {
    let mut bytes = Vec::new();
    let read = input.take(MOST_TEXT as u64 + 2).read_to_end(&mut bytes);
    read.map_err(|error| unread(what, &error))?;
    while matches!(bytes.last(), Some(b'\r' | b'\n')) {
        bytes.pop();
    }
    checked(bytes, what)
}

/// A text that the server takes.
fn checked(bytes: Vec<u8>, what: &str) -> Result<String, Failed> {
    if bytes.len() > MOST_TEXT {
        let why =
            format!("{what} is longer than {MOST_TEXT} bytes; `tail -c 60000` takes the end of it");
        return Err(Failed::Here(why));
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to() + 1;
        let why = format!(
            "{what} is not UTF-8, from byte {place} on; `iconv -c -t UTF-8` leaves out what is not"
        );
        Failed::Here(why)
    })
}

fn unread(what: &str, error: &io::Error) -> Failed {
    Failed::Here(format!("{what} cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_bounded_and_utf_8() {
        let text = |bytes: &[u8]| read_text(bytes, "it").map_err(|error| error.to_string());
        assert_eq!(text(b"a\nb\r\n\n"), Ok("a\nb".to_owned()));
        let longest = [b'a'; MOST_TEXT];
        assert_eq!(text(&longest).unwrap().len(), MOST_TEXT);
        assert_eq!(
            text(&[&longest[..], b"\n"].concat()).unwrap().len(),
            MOST_TEXT
        );
        let longer = text(&[&longest[..], b"b"].concat());
        assert!(longer.unwrap_err().contains("longer than 65536 bytes"));
        assert!(text(b"ab\xff").unwrap_err().contains("byte 3"));
    }
}
