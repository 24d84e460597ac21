//! Settings that are one of a few words.

use serde_json::Value as Json;

use super::{Given, Rejected, Rule, Value};

/// Declares an enum and the word for each value.
macro_rules! choices {
    (
        $(#[$meta:meta])*
        pub enum $type:ident {
            $($(#[$doc:meta])+ $choice:ident = $word:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type {
            $($(#[$doc])+ $choice,)+
        }

        impl $type {
            const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word for it.
            pub(crate) fn word(self) -> &'static str {
                match self {
                    $($type::$choice => $word,)+
                }
            }
        }

        impl Value for $type {
            fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
                *self = match given.text()? {
                    $($word => $type::$choice,)+
                    _ => return Err(Rejected::Unexpected),
                };
                Ok(())
            }

            fn to_json(&self) -> Json {
                Json::from(self.word())
            }

            fn expected(&self, _: &Rule) -> String {
                format!("one of {}", $type::WORDS.join(", "))
            }
        }
    };
}

choices! {
    /// Whether the messages of channels are kept.
    pub enum History {
        /// They are stored before they are delivered.
        On = "on",
        /// They are delivered at once, and not stored.
        Off = "off",
    }
}

choices! {
    /// What a stored message survives.
    pub enum Durability {
        /// A loss of power, too.
        Power = "power",
        /// Only a crash of the server.
        Process = "process",
    }
}

choices! {
    /// What is kept of the former text of a message that was edited or deleted.
    pub enum KeepEdits {
        /// Nothing.
        None = "none",
        /// An entry in the audit trail, for messages of channels.
        Audit = "audit",
    }
}

choices! {
    /// Who registers channels.
    pub enum Register {
        /// The accounts that operate them, and administrators.
        Accounts = "accounts",
        /// Administrators alone.
        Admins = "admins",
        /// Nobody.
        Off = "off",
    }
}

choices! {
    /// Who registers accounts.
    pub enum Registration {
        /// Everyone.
        Open = "open",
        /// Those who have an administrator's invitation.
        Invitation = "invitation",
        /// Nobody.
        Closed = "closed",
    }
}

choices! {
    /// The header in which trusted proxies name the user.
    pub enum UserHeader {
        /// None.
        Off = "off",
        /// As Authelia sends it.
        RemoteUser = "Remote-User",
        /// As oauth2-proxy sends it when it is the proxy.
        XForwardedUser = "X-Forwarded-User",
        /// As oauth2-proxy answers it to another proxy.
        XAuthRequestUser = "X-Auth-Request-User",
    }
}

choices! {
    /// Whether the channels of a cluster can be changed through this server.
    pub enum Governance {
        /// As soon as all servers know rules of channels.
        Auto = "auto",
        /// Yes.
        On = "on",
        /// No.
        Off = "off",
    }
}

choices! {
    /// What a server of a cluster hears of.
    pub enum Delivery {
        /// All that is said anywhere.
        All = "all",
        /// What its own people need.
        Interest = "interest",
    }
}

choices! {
    /// What an account is called on IRC.
    pub enum Nicknames {
        /// By its name.
        Account = "account",
        /// By any nickname that is free.
        Free = "free",
    }
}

choices! {
    /// The form of the server's own log.
    pub enum LogFormat {
        /// Text for people.
        Text = "text",
        /// A JSON object a line.
        Json = "json",
    }
}
