//! The rooms of an account with what is unread in them: the store knows both, and the hub
//! which of it the account may see at present.

use crate::account::Accounts;
use crate::fair::Asker;
use crate::hub::{ConnectionId, OwnChannel, Refusal};
use crate::model::{AccountId, MAX_SAVED, Name, Notify, SavedChannel};
use crate::protocol::own_rooms::Belonging;
use crate::store::{Store, StoreError};
use crate::turn::HubHandle;

use super::no_answer::NoAnswer;

/// Rooms that the hub looks at in one go: for each it may have to look through a list of
/// bans.
const AT_ONCE: usize = 20;
/// Accounts on a page of those to which a room belongs.
const PAGE: usize = 100;

/// A connection that asks about rooms, and the parts that answer.
pub struct Rooms<'a> {
    /// The connection.
    pub connection: ConnectionId,
    /// The asker that takes turns at the store.
    pub asker: Asker,
    /// Accounts and the store.
    pub accounts: &'a Accounts,
    /// The hub.
    pub hub: &'a HubHandle,
}

impl Rooms<'_> {
    /// The rooms of the connection's account.
    pub fn own(&self, account: AccountId) -> Result<Vec<OwnChannel>, NoAnswer> {
        let saved = saved(self.hub, self.accounts, &self.asker, account)?;
        let id = self.connection;
        let name = self.hub.ask(move |hub, _, _| hub.nickname_of(id));
        let Some(name) = name.map_err(NoAnswer::Busy)? else {
            return Ok(Vec::new());
        };
        let mut channels: Vec<OwnChannel> = Vec::with_capacity(saved.len());
        for some in saved.chunks(AT_ONCE) {
            let some = some.to_vec();
            let seen = self
                .hub
                .ask(move |hub, now, fx| hub.own_channels(id, some, now, fx));
            channels.extend(seen.map_err(NoAnswer::Busy)?);
        }
        let asked: Vec<_> = channels.iter().filter_map(unread_after).collect();
        let counted = self.question(|store| store.unread((account, &name), &asked))?;
        let readable = channels.iter_mut().filter(|it| it.readable_after.is_some());
        for (channel, unread) in readable.zip(counted) {
            channel.unread = unread;
        }
        Ok(channels)
    }

    /// Notes that the account has muted one of its rooms, or no longer does.
    pub fn mute(&self, account: AccountId, room: Name, muted: bool) -> Result<(), NoAnswer> {
        let set = |store: &dyn Store| store.mute_channel(account, &room, muted);
        self.set(&room, set)?;
        let id = self.connection;
        let told = self
            .hub
            .ask(move |hub, _, fx| hub.muted(id, &room, muted, fx));
        told.map_err(NoAnswer::Busy)
    }

    /// Notes what the account wants to be notified of in one of its rooms.
    pub fn notify(&self, account: AccountId, room: Name, notify: Notify) -> Result<(), NoAnswer> {
        let set = |store: &dyn Store| store.notify_of_channel(account, &room, notify);
        self.set(&room, set)?;
        let id = self.connection;
        let told = self
            .hub
            .ask(move |hub, _, fx| hub.notifies(id, &room, notify, fx));
        told.map_err(NoAnswer::Busy)
    }

    /// Stores something about one of the account's rooms; `set` says whether it is one.
    fn set(
        &self,
        room: &Name,
        set: impl Fn(&dyn Store) -> Result<bool, StoreError>,
    ) -> Result<(), NoAnswer> {
        // The account may have joined or left it, or been removed from it, a moment ago.
        let set = || {
            self.hub.wait_stored().map_err(NoAnswer::Busy)?;
            self.question(&set)
        };
        if set()? {
            return Ok(());
        }
        // Another connection of the account may have left a room that this one is in.
        let (id, asked) = (self.connection, room.clone());
        let kept = self
            .hub
            .ask(move |hub, _, fx| hub.keep_own_channel(id, asked, fx));
        kept.map_err(NoAnswer::Busy)?.map_err(NoAnswer::Refused)?;
        match set()? {
            true => Ok(()),
            false => Err(NoAnswer::Refused(Refusal::TooManyChannels(MAX_SAVED))),
        }
    }

    /// A page of the accounts to which a room belongs that the connection is in, and
    /// whether there are more.
    pub fn accounts(
        &self,
        room: Option<Name>,
        after: Option<&Name>,
    ) -> Result<(Name, Vec<Belonging>, bool), NoAnswer> {
        let id = self.connection;
        let room = self
            .hub
            .ask(move |hub, now, fx| hub.channel_of_accounts(id, room, now, fx));
        let room = room.map_err(NoAnswer::Busy)?.map_err(NoAnswer::Refused)?;
        let page = self.question(|store| store.channel_accounts(&room, after, PAGE + 1))?;
        let more = page.len() > PAGE;
        let names: Vec<Name> = page.into_iter().take(PAGE).map(|(_, name)| name).collect();
        let rows = self.hub.ask(move |hub, _, _| {
            let names = names.into_iter();
            names.map(|name| hub.presence(name)).collect()
        });
        Ok((room, rows.map_err(NoAnswer::Busy)?, more))
    }

    fn question<T>(
        &self,
        question: impl FnOnce(&dyn Store) -> Result<T, crate::store::StoreError>,
    ) -> Result<T, NoAnswer> {
        let answer = self.accounts.question(&self.asker, question);
        answer.map_err(NoAnswer::store)
    }
}

/// The rooms of an account as they are stored, with all that was done before.
pub fn saved(
    hub: &HubHandle,
    accounts: &Accounts,
    asker: &Asker,
    account: AccountId,
) -> Result<Vec<SavedChannel>, NoAnswer> {
    hub.wait_stored().map_err(NoAnswer::Busy)?;
    let saved = accounts.question(asker, |store| store.saved_channels(account));
    saved.map_err(NoAnswer::store)
}

/// From where on messages of a room are unread that the account may read.
fn unread_after(channel: &OwnChannel) -> Option<(Name, crate::model::MessageId)> {
    let after = channel.readable_after?.max(channel.saved.read_up_to);
    Some((channel.saved.channel.clone(), after))
}
