//! A connection on which Redis publishes to this server. It is dropped after any failure, and when
//! nothing has come for too long: whatever was not heard is then read.

use std::time::Duration;

use redis::{Cmd, Connection, Value};

use super::error::LinkError;
use super::link::{answer, failure, is_interruption, open};
use crate::config::RedisUrl;

/// See the module's documentation.
pub struct Ears {
    connection: Connection,
    /// Whether a signal has ended the last wait, which is no fault of Redis.
    pub is_interrupted: bool,
}

/// What has come.
#[derive(Debug)]
pub enum Heard {
    /// From now on what is published under this name comes.
    Follows(String),
    /// This was published, under this name.
    Publication(String, Vec<u8>),
    /// Something of no interest.
    Nothing,
}

impl Ears {
    /// Connects; `patience` is how long nothing may come.
    pub fn open(url: &RedisUrl, patience: Duration) -> Result<Ears, LinkError> {
        Ok(Ears {
            connection: open(url, patience)?,
            is_interrupted: false,
        })
    }

    /// Asks for what is published under these names. Each is [`Heard::Follows`] once.
    pub fn follow(&mut self, names: &[String]) -> Result<(), LinkError> {
        self.send(redis::cmd("SUBSCRIBE").arg(names))
    }

    /// Wants no more of what is published under these names.
    pub fn leave(&mut self, names: &[String]) -> Result<(), LinkError> {
        self.send(redis::cmd("UNSUBSCRIBE").arg(names))
    }

    fn send(&mut self, command: &Cmd) -> Result<(), LinkError> {
        let sent = (self.connection).send_packed_command(&command.get_packed_command());
        sent.map_err(|error| failure(&error))
    }

    /// Waits for the next.
    pub fn next(&mut self) -> Result<Heard, LinkError> {
        let came = self.connection.recv_response().map_err(|error| {
            self.is_interrupted = is_interruption(&error);
            failure(&error)
        })?;
        if let Value::ServerError(error) = came {
            return Err(LinkError::Refused(error.to_string()));
        }
        let mut parts = answer::array(came).into_iter();
        let kind = parts.next().and_then(answer::text).unwrap_or_default();
        let name = parts.next().and_then(answer::text);
        Ok(match (kind.as_str(), name, parts.next()) {
            ("subscribe", Some(name), _) => Heard::Follows(name),
            ("message", Some(name), Some(Value::BulkString(bytes))) => {
                Heard::Publication(name, bytes)
            }
            _ => Heard::Nothing,
        })
    }
}
