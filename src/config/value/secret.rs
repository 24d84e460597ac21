//! Values that must never be shown, or that contain a password.

use serde_json::Value as Json;

use super::super::passphrase::Passphrase;
use super::super::redis::RedisAddress;
use super::super::secret::Secret;
use super::{Given, Node, Rejected, Rule, Value, text_or};
use crate::store::{DatabaseUrl, UrlError};

impl Value for Option<Secret> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = match given {
            Given::Json(Node::Null) => None,
            other => Some(Secret::parse(other.text()?).map_err(|_| Rejected::Unexpected)?),
        };
        Ok(())
    }

    fn to_json(&self) -> Json {
        match self {
            Some(_) => Json::from("(set)"),
            None => Json::Null,
        }
    }

    fn expected(&self, _: &Rule) -> String {
        format!(
            "at least {} letters, digits or punctuation, or null",
            Secret::MIN_CHARS
        )
    }

    fn is_secret(&self) -> bool {
        true
    }
}

impl Value for Option<Passphrase> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = match given {
            Given::Json(Node::Null) => None,
            // The environment has no other way to unset a value.
            other if other.text() == Ok("") => None,
            other => Some(Passphrase::parse(other.text()?).ok_or(Rejected::Unexpected)?),
        };
        Ok(())
    }

    fn to_json(&self) -> Json {
        match self {
            Some(_) => Json::from("(set)"),
            None => Json::Null,
        }
    }

    fn expected(&self, _: &Rule) -> String {
        "1 to 128 bytes of text, or null".to_owned()
    }

    fn is_secret(&self) -> bool {
        true
    }
}

impl Value for Option<RedisAddress> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = match given {
            Given::Json(Node::Null) => None,
            other => match other.text()? {
                "" => None,
                text => Some(RedisAddress::parse(text).ok_or(Rejected::Unexpected)?),
            },
        };
        Ok(())
    }

    /// Without the password.
    fn to_json(&self) -> Json {
        text_or(self, Json::Null)
    }

    fn expected(&self, _: &Rule) -> String {
        "a URL such as \"redis://:password@host:6379\", or \"rediss://…\" for TLS, of one Redis or \
         Valkey (not of Sentinel or Cluster), or null"
            .to_owned()
    }

    fn is_secret(&self) -> bool {
        true
    }
}

impl Value for Option<DatabaseUrl> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = match given {
            Given::Json(Node::Null) => None,
            // The environment has no other way to unset a value.
            other if other.text() == Ok("") => None,
            other => match DatabaseUrl::parse(other.text()?) {
                Ok(url) => Some(url),
                Err(UrlError::Scheme) => return Err(Rejected::Unexpected),
                Err(error) => return Err(Rejected::Because(error.to_string())),
            },
        };
        Ok(())
    }

    /// Without the password.
    fn to_json(&self) -> Json {
        text_or(self, Json::Null)
    }

    fn expected(&self, _: &Rule) -> String {
        "a URL such as \"postgres://user:password@host/database\", or null".to_owned()
    }

    fn is_secret(&self) -> bool {
        true
    }
}
