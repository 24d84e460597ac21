//! The accounts as which programs take part. Others are shown of each message, and of each user,
//! whether it is a program's.

use std::collections::HashSet;

use crate::model::{AccountId, Message};

use super::{Effects, Hub, Order};

/// The most accounts of programs that are known. What others have said is shown like that of users.
pub const MOST_PROGRAMS: usize = 65_536;

/// The accounts of programs.
#[derive(Default)]
pub(super) struct Programs(HashSet<AccountId>);

impl Programs {
    /// Whether a program takes part as this account.
    pub fn has(&self, account: AccountId) -> bool {
        self.0.contains(&account)
    }

    /// Marks messages that programs have said.
    pub fn mark(&self, message: &mut Message) {
        let account = message.place.account();
        if account.is_some_and(|account| self.has(account)) {
            message.body.more.get_or_insert_default().by_bot = true;
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Hub {
    /// Notes that programs take part as these accounts.
    pub fn know_programs(&mut self, accounts: impl IntoIterator<Item = AccountId>) {
        let programs = &mut self.mended.programs.0;
        let room = MOST_PROGRAMS.saturating_sub(programs.len());
        programs.extend(accounts.into_iter().take(room));
    }

    /// The same of one that comes in, on all servers.
    pub(super) fn program_comes_in(&mut self, account: AccountId, fx: &mut Effects) {
        self.know_programs([account]);
        self.share_order(|| Order::Program { account }, fx);
    }

    pub(super) fn is_program(&self, account: Option<AccountId>) -> bool {
        account.is_some_and(|account| self.mended.programs.has(account))
    }
}
