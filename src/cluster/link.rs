//! A connection to Redis that is opened when needed and dropped after any failure. Every wait has a
//! limit.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Connection, ErrorKind, Pipeline, Script, ServerErrorKind, Value};

use super::error::LinkError;
use crate::config::RedisUrl;

/// Time limit for connecting.
const CONNECT: Duration = Duration::from_secs(2);
/// Time limit for an answer.
pub const ANSWER: Duration = Duration::from_secs(2);
/// How much longer a server that starts waits for an answer: nobody is connected to it yet.
const MORE_AT_START: Duration = Duration::from_secs(8);
/// How often a command is sent again because a signal has interrupted the wait for its answer, which the
/// library reports as an error. A process that is stopped and continued gets such signals.
const INTERRUPTIONS: usize = 8;
/// First and longest pause before trying again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// One connection. Threads never share one, so no answer waits behind another thread's.
pub struct Link {
    url: RedisUrl,
    connection: Option<Connection>,
    /// Time limit for an answer.
    patience: Duration,
    /// Whether a command sent on a connection that turns out to be dead is sent again, on a new
    /// one.
    repeats: bool,
    /// Whether a signal has ended the last attempt.
    is_interrupted: bool,
    /// Whether the last attempt has come to the end of its time.
    is_late: bool,
    /// How much longer it waits in a second attempt.
    waits_on: Option<Duration>,
}

/// Pauses that grow from attempt to attempt.
#[derive(Default)]
pub struct Backoff(Option<Duration>);

impl Link {
    /// Opens nothing yet. A command may be executed twice: Redis may have been restarted since the
    /// connection was last used, which the caller need not know.
    pub fn new(url: &RedisUrl) -> Link {
        Link {
            url: url.clone(),
            connection: None,
            patience: ANSWER,
            repeats: true,
            is_interrupted: false,
            is_late: false,
            waits_on: None,
        }
    }

    /// For the commands of a server that starts: a Redis that is slow to answer is waited for. All
    /// of them may be executed twice.
    pub fn at_start(url: &RedisUrl) -> Link {
        Link {
            waits_on: Some(MORE_AT_START),
            ..Link::new(url)
        }
    }

    /// For commands that only the caller may repeat, because it must know that they were sent
    /// before.
    pub fn strict(url: &RedisUrl) -> Link {
        Link {
            repeats: false,
            ..Link::new(url)
        }
    }

    /// For commands that block on the server, for at most `block`.
    pub fn blocking(url: &RedisUrl, block: Duration) -> Link {
        Link {
            patience: block + ANSWER,
            ..Link::new(url)
        }
    }

    /// Drops the connection: the next command opens a new one.
    pub fn reset(&mut self) {
        self.connection = None;
    }

    /// Runs one command.
    pub fn call(&mut self, command: &Cmd) -> Result<Value, LinkError> {
        self.with(|connection| command.query(connection))
    }

    /// Runs several commands, with an answer each. If one is refused the call fails, but the others
    /// may have been executed.
    pub fn pipe(&mut self, commands: &Pipeline) -> Result<Vec<Value>, LinkError> {
        self.with(|connection| commands.query(connection))
    }

    /// Runs a script with its arguments.
    pub fn script(&mut self, script: &Script, arguments: &[&[u8]]) -> Result<Value, LinkError> {
        let mut command = redis::cmd("EVALSHA");
        command.arg(script.get_hash()).arg(0);
        for argument in arguments {
            command.arg(*argument);
        }
        self.with(|connection| match command.query(connection) {
            // Nothing was done. Redis forgets scripts when it restarts.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                script.load(connection)?;
                command.query(connection)
            }
            result => result,
        })
    }

    fn with<T>(
        &mut self,
        mut work: impl FnMut(&mut Connection) -> redis::RedisResult<T>,
    ) -> Result<T, LinkError> {
        let mut result = self.attempt(&mut work);
        if self.repeats && matches!(result, Err(LinkError::Broken(_))) {
            result = self.attempt(&mut work);
        }
        for _ in 0..INTERRUPTIONS {
            if !(self.repeats && self.is_interrupted && result.is_err()) {
                break;
            }
            result = self.attempt(&mut work);
        }
        if self.is_late
            && let Some(more) = self.waits_on
        {
            let short = self.patience;
            log::warn!(
                "Redis has not answered for {} seconds; waiting for up to {} more",
                short.as_secs(),
                more.as_secs()
            );
            self.patience = more;
            result = self.attempt(&mut work);
            self.patience = short;
        }
        result
    }

    fn attempt<T>(
        &mut self,
        work: &mut impl FnMut(&mut Connection) -> redis::RedisResult<T>,
    ) -> Result<T, LinkError> {
        self.is_interrupted = false;
        self.is_late = false;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().map_err(|error| {
                self.is_interrupted = is_interruption(&error);
                self.is_late = error.is_timeout();
                LinkError::Unreachable(words(&error))
            })?,
        };
        // An error may leave half an answer behind: only a good answer leaves a connection that can
        // be used again.
        match work(&mut connection) {
            Ok(value) => {
                self.connection = Some(connection);
                Ok(value)
            }
            Err(error) => {
                self.is_interrupted = is_interruption(&error);
                self.is_late = error.is_timeout();
                Err(failure(&error))
            }
        }
    }

    fn connect(&self) -> redis::RedisResult<Connection> {
        let limit = match self.waits_on {
            Some(_) => self.patience,
            None => CONNECT,
        };
        connect(&self.url, limit, self.patience)
    }
}

/// A connection on which nothing may come for as long as `patience`.
pub fn open(url: &RedisUrl, patience: Duration) -> Result<Connection, LinkError> {
    let opened = connect(url, CONNECT, patience);
    opened.map_err(|error| LinkError::Unreachable(words(&error)))
}

fn connect(url: &RedisUrl, limit: Duration, patience: Duration) -> redis::RedisResult<Connection> {
    let client = url.client()?;
    let connection = client.get_connection_with_timeout(limit)?;
    connection.set_read_timeout(Some(patience))?;
    connection.set_write_timeout(Some(ANSWER))?;
    Ok(connection)
}

/// What an error means for what was asked.
pub fn failure(error: &redis::RedisError) -> LinkError {
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => LinkError::Refused(words(error)),
        _ if error.is_timeout() => LinkError::Silent(words(error)),
        _ => LinkError::Broken(words(error)),
    }
}

/// Whether a signal has ended a wait.
pub fn is_interruption(error: &redis::RedisError) -> bool {
    // The library shares its causes.
    let shared = error
        .source()
        .and_then(|it| it.downcast_ref::<Arc<dyn Error + Send + Sync>>());
    let cause = shared.and_then(|it| it.downcast_ref::<io::Error>());
    cause.is_some_and(|it| it.kind() == io::ErrorKind::Interrupted)
}

/// The library's error text, on one line.
fn words(error: &redis::RedisError) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let words = error.to_string();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.contains("UnknownIssuer") {
        true => format!("{words}: name those that vouch for it in cluster.redis_ca"),
        false => words,
    }
}

impl Backoff {
    /// How long to wait before the next attempt.
    pub fn next(&mut self) -> Duration {
        let (first, longest) = PAUSES;
        let pause = self.0.map_or(first, |last| (last * 2).min(longest));
        self.0 = Some(pause);
        pause
    }

    /// It worked: the next pause is short again.
    pub fn reset(&mut self) {
        self.0 = None;
    }
}

/// Takes answers apart for callers that know what to expect; anything else becomes empty.
pub mod answer {
    use redis::Value;

    /// The elements of an array.
    pub fn array(value: Value) -> Vec<Value> {
        match value {
            Value::Array(values) => values,
            _ => Vec::new(),
        }
    }

    /// A string.
    pub fn text(value: Value) -> Option<String> {
        match value {
            Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
            Value::SimpleString(text) => Some(text),
            Value::Int(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// Keys and values, from an array of both in turn.
    pub fn pairs(value: Value) -> Vec<(String, String)> {
        let mut values = array(value).into_iter();
        let mut pairs = Vec::new();
        while let (Some(key), Some(value)) = (values.next(), values.next()) {
            pairs.extend(text(key).zip(text(value)));
        }
        pairs
    }
}
