//! What administrators do to accounts, as far as it concerns the audit trail and the channels that
//! an account has registered. `account/administering.rs` does the rest.

use std::fmt;

use crate::model::{AccountId, Name, ServerRole};
use crate::turn::HubUnavailable;

use super::channels::ChannelFailed;
use super::{Actor, Administration};

/// Channels that are handed over before the hub is asked for more.
const PAGE: usize = 50;

/// What an administrator has done to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountDeed {
    /// Set another password.
    Password,
    /// Made a link with which its owner sets another password.
    Reset,
    /// Disabled it.
    Disable,
    /// Enabled it.
    Enable,
    /// Given it a role on the server, or taken the one it had.
    Role(Option<ServerRole>),
    /// The same, as the groups of its owner say.
    RoleByGroups(Option<ServerRole>),
    /// Linked it with the user of a reverse proxy, or ended that.
    Link(bool),
    /// Deleted it.
    Delete,
    /// Deleted it as its owner.
    DeleteOwn,
    /// Set another password as its owner.
    OwnPassword,
    /// Changed as its owner what is known of them.
    ChangeOwn,
    /// Ended as its owner all of its sign-ins.
    SignOut,
    /// Ordered that everything it has written be erased.
    Erase,
}

impl fmt::Display for AccountDeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AccountDeed::RoleByGroups(None) => "took, by the groups of its owner, the role of",
            AccountDeed::RoleByGroups(Some(ServerRole::Administrator)) => {
                "made, by the groups of its owner, administrator of the server"
            }
            AccountDeed::RoleByGroups(Some(ServerRole::Moderator)) => {
                "made, by the groups of its owner, moderator of the server"
            }
            AccountDeed::Link(true) => "linked with a sign-in by a proxy the account",
            AccountDeed::Link(false) => "unlinked from its sign-in by a proxy the account",
            AccountDeed::Role(None) => "took the role of",
            AccountDeed::Role(Some(ServerRole::Administrator)) => {
                "made administrator of the server"
            }
            AccountDeed::Role(Some(ServerRole::Moderator)) => "made moderator of the server",
            AccountDeed::Password => "changed the password of",
            AccountDeed::Reset => "made a link to reset the password of",
            AccountDeed::Disable => "disabled the account",
            AccountDeed::Enable => "enabled the account",
            AccountDeed::Delete => "deleted the account",
            AccountDeed::DeleteOwn => "deleted as its owner the account",
            AccountDeed::OwnPassword => "changed as its owner the password of",
            AccountDeed::ChangeOwn => "changed as its owner the details of",
            AccountDeed::SignOut => "ended as its owner all sign-ins of",
            AccountDeed::Erase => "ordered to erase everything written by",
        })
    }
}

impl Administration {
    /// Records something that was done to no user in particular.
    pub fn did(&self, actor: Actor, what: String) -> Result<(), HubUnavailable> {
        ::log::info!("{actor}: {what}");
        self.hub
            .ask(move |_, now, fx| fx.log(actor.did(now.unix_ms, None, what)))
    }

    /// Records what was done to an account.
    pub fn did_to_account(
        &self,
        actor: Actor,
        deed: AccountDeed,
        username: &Name,
    ) -> Result<(), HubUnavailable> {
        ::log::info!("{actor}: {deed} {username}");
        let whom = username.clone();
        self.hub.ask(move |_, now, fx| {
            let what = format!("{deed} {whom}");
            fx.log(actor.did(now.unix_ms, Some(&whom), what));
        })
    }

    /// Gives the channels that an account has registered to others: each to the account that has
    /// been an operator of it the longest, among those that `is_usable` accepts. One without such
    /// an account stays as it is, in the hands of the administrators.
    ///
    /// Stops at the first channel that cannot be changed at present; it may be called again.
    pub fn hand_over(
        &self,
        actor: Actor,
        from: (AccountId, &Name),
        is_usable: impl Fn(&Name) -> Result<bool, ChannelFailed>,
    ) -> Result<(), ChannelFailed> {
        let (account, username) = from;
        let mut after: Option<Name> = None;
        loop {
            let page = {
                let after = after.clone();
                self.hub
                    .ask(move |hub, _, _| hub.founded(account, after.as_ref(), PAGE))?
            };
            let is_last = page.len() < PAGE;
            for (channel, operators) in page {
                let mut heir = None;
                for operator in operators {
                    if is_usable(&operator.name)? {
                        heir = Some(operator.name);
                        break;
                    }
                }
                if let Some(heir) = heir {
                    self.register(actor.clone(), &channel, &heir)?;
                    // The former founder has become an operator.
                    self.set_role(actor.clone(), &channel, username, None, true)?;
                }
                after = Some(channel);
            }
            if is_last {
                return Ok(());
            }
        }
    }
}
