//! Operators of IRC: a name, and the hash of a password.

use argon2::password_hash::phc::PasswordHash;
use serde_json::Value as Json;

use super::{Given, Rejected, Rule, Value};

/// The longest name, in bytes.
const MAX_NAME: usize = 32;

/// One operator.
#[derive(Clone, PartialEq, Eq)]
pub struct IrcOperator {
    /// The name.
    pub name: String,
    /// The hash of the password, as `chat-server hash-password` prints it.
    pub hash: String,
}

impl std::fmt::Debug for IrcOperator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:(hash)", self.name)
    }
}

fn operator(given: Given<'_>) -> Result<IrcOperator, Rejected> {
    let (name, hash) = given.text()?.split_once(':').ok_or(Rejected::Unexpected)?;
    let is_name = !name.is_empty()
        && name.len() <= MAX_NAME
        && name.bytes().all(|byte| byte.is_ascii_graphic());
    let is_hash = PasswordHash::new(hash).is_ok_and(|hash| hash.algorithm.as_str() == "argon2id");
    match is_name && is_hash {
        true => Ok(IrcOperator {
            name: name.to_owned(),
            hash: hash.to_owned(),
        }),
        false => Err(Rejected::Unexpected),
    }
}

impl Value for Vec<IrcOperator> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = match given {
            // A hash has commas.
            Given::Text(text) => {
                let words = text.split_ascii_whitespace();
                words.map(|word| operator(Given::Text(word))).collect()
            }
            list => list.list(operator),
        }?;
        Ok(())
    }

    fn to_json(&self) -> Json {
        let names = self.iter().map(|operator| operator.name.as_str());
        names.collect::<Vec<&str>>().into()
    }

    fn expected(&self, _: &Rule) -> String {
        "a list of \"name:hash\", with hashes that `chat-server hash-password` prints".to_owned()
    }

    fn is_secret(&self) -> bool {
        true
    }
}
