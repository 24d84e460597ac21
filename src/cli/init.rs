//! `init`: five questions, and a configuration file of the answers.
//!
//! An option answers its question in advance; an empty line, or the end of the input, means the
//! default. The file has only what was asked: everything else keeps its default.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, BufRead, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

/// The longest input that is read, in bytes: five answers.
const MAX_BYTES: u64 = 16 * 1024;

/// The arguments of `init`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Init {
    /// Who can connect: this machine alone, or other machines too
    #[arg(long, value_enum)]
    reach: Option<Reach>,
    /// Whether IRC clients can connect
    #[arg(long, value_enum)]
    with_irc: Option<Switch>,
    /// Whether messages are kept
    #[arg(long, value_enum)]
    keep_messages: Option<Switch>,
    /// Folder for what is kept
    #[arg(long, value_name = "DIR")]
    folder: Option<String>,
    /// The first line that a client is shown
    #[arg(long, value_name = "TEXT")]
    greeting: Option<String>,
}

/// Who can connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Reach {
    /// Programs on this machine.
    Local,
    /// Other machines, too.
    Everyone,
}

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// The file that was written.
pub struct Written {
    file: PathBuf,
    reach: Reach,
}

/// Why there is no file.
#[derive(Debug)]
pub enum CannotInit {
    /// Standard input cannot be read, or the question cannot be shown.
    Ask(io::Error),
    /// An answer is none of those that there are.
    Answer(String),
    /// The file cannot be written.
    Write(PathBuf, io::Error),
}

impl Init {
    /// Asks what no option answers, and writes the file, which must not exist.
    pub fn run(&self, file: &Path) -> Result<Written, CannotInit> {
        // Before the questions: answers that cannot be kept are not asked for.
        if file.exists() {
            let there = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(CannotInit::Write(file.to_owned(), there));
        }
        let mut input = io::BufReader::new(io::stdin().lock().take(MAX_BYTES));
        let reach = "Who can connect: local (this machine) or everyone?";
        let reach = choice(&mut input, self.reach, reach, Reach::Local)?;
        let irc = "IRC clients too, on port 6667: on or off?";
        let irc = choice(&mut input, self.with_irc, irc, Switch::On)?;
        let keep = "Keep messages, for those who come later: on or off?";
        let keep = choice(&mut input, self.keep_messages, keep, Switch::On)?;
        let folder = "Folder for what is kept?";
        let folder = words(&mut input, self.folder.as_ref(), folder, "data")?;
        let greeting = "How are clients greeted?";
        let usual = "Welcome to the chat server.";
        let greeting = words(&mut input, self.greeting.as_ref(), greeting, usual)?;

        let host = match reach {
            Reach::Local => "127.0.0.1",
            Reach::Everyone => "0.0.0.0",
        };
        let irc = match irc {
            Switch::On => format!("{host}:6667"),
            Switch::Off => "off".to_owned(),
        };
        let history = match keep {
            Switch::On => "on",
            Switch::Off => "off",
        };
        let config = json!({
            "listen": {
                "telnet": format!("{host}:4000"),
                "web": format!("{host}:4004"),
                "irc": irc,
            },
            "data_dir": folder,
            "history": history,
            "greeting": greeting,
        });
        write(file, &format!("{config:#}\n"))
            .map_err(|error| CannotInit::Write(file.to_owned(), error))?;
        Ok(Written {
            file: file.to_owned(),
            reach,
        })
    }
}

/// Creates the file for its owner alone: secrets may be added to it.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut open = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    open.write_all(text.as_bytes())
}

/// The given choice, else the answer to a question.
fn choice<T: ValueEnum>(
    input: &mut impl BufRead,
    given: Option<T>,
    question: &str,
    usual: T,
) -> Result<T, CannotInit> {
    if let Some(given) = given {
        return Ok(given);
    }
    let shown = usual.to_possible_value();
    let shown = shown.as_ref().map_or("", |value| value.get_name());
    let answer = ask(input, question, shown)?;
    if answer.is_empty() {
        return Ok(usual);
    }
    T::from_str(&answer, true).map_err(|_| CannotInit::Answer(answer))
}

/// The given text, else the answer to a question.
fn words(
    input: &mut impl BufRead,
    given: Option<&String>,
    question: &str,
    usual: &str,
) -> Result<String, CannotInit> {
    let answer = match given {
        Some(given) => given.clone(),
        None => ask(input, question, usual)?,
    };
    Ok(if answer.is_empty() {
        usual.to_owned()
    } else {
        answer
    })
}

/// Asks on standard error, so that standard output has the result alone.
fn ask(input: &mut impl BufRead, question: &str, usual: &str) -> Result<String, CannotInit> {
    write!(io::stderr(), "{question} [{usual}] ").map_err(CannotInit::Ask)?;
    let mut line = String::new();
    input.read_line(&mut line).map_err(CannotInit::Ask)?;
    Ok(line.trim().to_owned())
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        // As it was called: the program of one who has just built it is not in PATH.
        let program = env::args_os().next();
        let program = program.as_deref().unwrap_or(OsStr::new("chat-server"));
        let program = program.display();
        writeln!(
            f,
            "{file} is written. Next:\n  \
             {program} -c {file} check-config\n      shows every setting\n  \
             {program} -c {file}\n      starts the server; then: telnet localhost 4000, or \
             http://localhost:4004/client"
        )?;
        if self.reach == Reach::Everyone {
            let words =
                "Before others connect, read SECURITY.md: set up TLS, or a proxy that has it.";
            writeln!(f, "{words}")?;
        }
        Ok(())
    }
}

impl fmt::Display for CannotInit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CannotInit::Ask(error) => write!(f, "the questions cannot be asked: {error}"),
            CannotInit::Answer(answer) => {
                write!(f, "{answer:?} is none of the answers; nothing is written")
            }
            CannotInit::Write(file, error) => {
                write!(f, "{} cannot be created: {error}", file.display())
            }
        }
    }
}

impl std::error::Error for CannotInit {}
