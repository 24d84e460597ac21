//! Roles of accounts on the whole server, beside the administrators' token.

use std::fmt;

use super::name::Name;
use super::scope::Power;

/// What an account may do on the server beyond what everyone may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerRole {
    /// Kicks, bans and mutes, and reads the chat log and the messages of channels.
    Moderator,
    /// Everything that the administrators' token allows.
    Administrator,
}

/// The text is no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoServerRole;

impl ServerRole {
    /// The word for an account without a role.
    pub const NONE: &str = "none";

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            ServerRole::Moderator => "moderator",
            ServerRole::Administrator => "administrator",
        }
    }

    /// Reads a role, or the word for none.
    pub fn parse(raw: &str) -> Result<Option<ServerRole>, NoServerRole> {
        let roles = [ServerRole::Moderator, ServerRole::Administrator];
        match roles.into_iter().find(|role| role.word() == raw) {
            None if raw != ServerRole::NONE => Err(NoServerRole),
            role => Ok(role),
        }
    }

    /// The number that stands for it in databases.
    pub fn number(self) -> i16 {
        match self {
            ServerRole::Moderator => 1,
            ServerRole::Administrator => 2,
        }
    }

    /// What a number stands for. One of a later version is no role here.
    pub fn of_number(number: i16) -> Option<ServerRole> {
        match number {
            1 => Some(ServerRole::Moderator),
            2 => Some(ServerRole::Administrator),
            _ => None,
        }
    }

    /// The least role that allows this.
    pub fn needed_for(power: Power) -> ServerRole {
        match power {
            Power::Log | Power::Users | Power::Moderate | Power::Bans | Power::Metrics => {
                ServerRole::Moderator
            }
            Power::Post
            | Power::Read
            | Power::Announce
            | Power::Private
            | Power::Tokens
            | Power::All => ServerRole::Administrator,
        }
    }

    /// Whether it allows this, in every channel.
    pub fn allows(self, power: Power) -> bool {
        self == ServerRole::Administrator || ServerRole::needed_for(power) == self
    }

    /// The token, as the hub knows it, with which end whatever an account was let in to by its
    /// role: it is revoked when the account gets another role.
    pub fn token_of(username: &Name) -> String {
        format!("role:{}", username.key())
    }
}

impl fmt::Display for NoServerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be administrator, moderator or none")
    }
}

impl std::error::Error for NoServerRole {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_as_it_is_written_and_stored() {
        for role in [ServerRole::Moderator, ServerRole::Administrator] {
            assert_eq!(ServerRole::parse(role.word()), Ok(Some(role)));
            assert_eq!(ServerRole::of_number(role.number()), Some(role));
        }
        assert_eq!(ServerRole::parse("none"), Ok(None));
        for wrong in ["", "None", "admin", "operator"] {
            assert_eq!(ServerRole::parse(wrong), Err(NoServerRole), "{wrong}");
        }
        assert_eq!(ServerRole::of_number(0), None);
    }

    #[test]
    fn moderators_touch_neither_accounts_nor_tokens_nor_private_messages() {
        let moderator = ServerRole::Moderator;
        for power in Power::EVERY {
            assert!(ServerRole::Administrator.allows(power));
        }
        for power in [Power::All, Power::Tokens, Power::Private, Power::Announce] {
            assert!(!moderator.allows(power), "{power:?}");
        }
        for power in [Power::Users, Power::Bans, Power::Moderate, Power::Log] {
            assert!(moderator.allows(power), "{power:?}");
        }
    }
}
