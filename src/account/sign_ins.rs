//! Where an account is signed in: the list, and ending what is on it.
//!
//! Whether a pass or a token is valid is decided without the list, so that it costs nothing where
//! it matters.

use std::sync::Arc;

use crate::fair::Asker;
use crate::hub::SignedOut;
use crate::model::sign_in::client_name;
use crate::model::time::unix_ms;
use crate::model::{Account, AccountId, SignIn, Token};
use crate::store::StoreError;

use super::Visitor;
use super::service::Accounts;

/// How exactly it is known when a sign-in was last used.
pub(super) const USED_MS: u64 = 60 * 60 * 1000;

/// A pass, as it is noted.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotedPass<'a> {
    pub token: &'a str,
    pub account: AccountId,
    pub expires_at_ms: u64,
}

impl Accounts {
    /// Where an account is signed in, the last used first. Only a bounded number is listed.
    pub fn sign_ins(&self, asker: Asker, account: AccountId) -> Result<Vec<SignIn>, StoreError> {
        self.look_up(asker, move |store| store.sign_ins(account, unix_ms()))
    }

    /// Ends one sign-in of an account, on all servers, with the connections opened with it.
    /// `longest` is the latest end that a pass can have. Returns whether there was one.
    pub fn end_sign_in(
        &self,
        asker: Asker,
        account: AccountId,
        (id, longest): (&str, u64),
    ) -> Result<bool, StoreError> {
        let listed = self.sign_ins(asker, account)?;
        let Some(found) = listed.into_iter().find(|listed| listed.id == id) else {
            return Ok(false);
        };
        if found.is_token {
            self.give_up(&found.id)?;
            return Ok(true);
        }
        let longest = longest.max(found.expires_at);
        self.store().end_pass(&found.id, longest)?;
        let token: Arc<str> = found.id.into();
        // A hub that does not answer is shutting down, and its connections with it.
        let _ = self
            .hub()
            .ask(move |hub, now, fx| hub.revoke(&token, now, fx));
        Ok(true)
    }

    /// Ends all sign-ins of an account, on all servers, with its connections. Returns the account
    /// as it is now.
    pub fn end_sign_ins(&self, account: Account) -> Result<Account, StoreError> {
        self.store().end_sign_ins(account.id, unix_ms())?;
        self.sign_out(&account.username, SignedOut::Everywhere);
        let password_changes = account.password_changes + 1;
        Ok(Account {
            password_changes,
            ..account
        })
    }

    /// Notes that a pass was given to the owner of an account.
    pub(super) fn note_pass(&self, pass: NotedPass<'_>, visitor: Visitor<'_>) {
        self.note(&SignIn {
            address: visitor.address.to_canonical().to_string(),
            client: client_name(visitor.name),
            ..noted(pass)
        });
    }

    /// Notes that a pass is used or renewed.
    pub(super) fn note_pass_used(&self, pass: NotedPass<'_>) {
        self.note(&noted(pass));
    }

    /// Notes that a token was made for the owner of an account.
    pub(super) fn note_token(&self, token: &Token, visitor: Visitor<'_>) {
        self.note(&SignIn {
            id: token.access_key_id.clone(),
            account: token.account,
            is_token: true,
            created_at: token.created_at,
            used_at: token.created_at,
            expires_at: token.expires_at,
            address: visitor.address.to_canonical().to_string(),
            client: client_name(visitor.name),
        });
    }

    /// A failure is logged only: the client is signed in all the same.
    fn note(&self, sign_in: &SignIn) {
        if let Err(error) = self.store().note_sign_in(sign_in) {
            error.log("it could not be noted where an account is signed in");
        }
    }
}

/// A pass that is used now. If it is not on the list, it was given out by an older server, or has
/// fallen from it.
fn noted(pass: NotedPass<'_>) -> SignIn {
    let now = unix_ms();
    SignIn {
        id: pass.token.to_owned(),
        account: pass.account,
        is_token: false,
        created_at: now,
        used_at: now,
        expires_at: pass.expires_at_ms,
        address: String::new(),
        client: String::new(),
    }
}
