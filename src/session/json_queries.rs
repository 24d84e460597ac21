//! JSON clients' questions that the hub need not answer, but the store can. They are
//! answered on the connection's own thread.

use crate::account::Accounts;
use crate::fair::Asker;
use crate::hub::{Command, ConnectionId, MessageId, PAGE_ROWS, Refusal, Seen};
use crate::model::{Account, AccountId, Conversation, Name, Search, SearchScope, Window};
use crate::protocol::json::Query;
use crate::protocol::{json_frames, own_rooms};
use crate::store::{Store, StoreError, shorten_found};
use crate::turn::HubHandle;

use super::no_answer::NoAnswer;
use super::own_rooms::Rooms;

/// Threads on a page of the inbox, as in the REST API.
const THREADS_PER_PAGE: usize = 10;

/// The client that asks, and the parts that answer.
pub struct Inquirer<'a> {
    /// The connection.
    pub connection: ConnectionId,
    /// The asker that takes turns at the store.
    pub asker: Asker,
    /// The client's account; `None` for a guest.
    pub account: Option<&'a Account>,
    /// Accounts and the store.
    pub accounts: &'a Accounts,
    /// The hub.
    pub hub: &'a HubHandle,
}

impl Inquirer<'_> {
    /// The answer to a query; none if nothing needs to be said.
    pub fn answer(&self, query: Query) -> Result<Option<Command>, NoAnswer> {
        let mut frame = Vec::new();
        match query {
            Query::Search {
                room,
                words,
                before,
                limit,
            } => {
                let (room, after) = self.own_room(room)?;
                let limit = limit.min(PAGE_ROWS);
                let search = Search {
                    words,
                    scope: SearchScope::Within(Conversation::Channel(room.clone())),
                    before,
                    after,
                    limit,
                };
                let changes = self.hub.changes().map_err(NoAnswer::Busy)?;
                let found = self.question(|store| store.search(&search));
                let mut matches = found.map_err(NoAnswer::store)?;
                let is_cut = !shorten_found(&mut matches.found);
                let next = match is_cut {
                    true => matches.found.last().map(|message| message.id),
                    false => matches.next(limit),
                };
                let is_over = !is_cut && matches.found.len() < limit && next.is_some();
                let id = self.connection;
                let mended = self.hub.ask(move |hub, _, _| {
                    let seen = hub.mend_read(changes, &mut matches.found);
                    matches.found.retain(|it| !it.body.is_deleted());
                    hub.show_reader(id, &mut matches.found);
                    (matches.found, seen)
                });
                let (found, seen) = mended.map_err(NoAnswer::Busy)?;
                let answer = json_frames::Found {
                    room: &room,
                    query: &search.words,
                    messages: &found,
                    next,
                    is_over,
                };
                json_frames::write_found(&answer, &mut frame);
                let answer = Command::AnswerFromPast {
                    channel: room,
                    after,
                    bytes: frame,
                };
                return Ok(Some(as_seen(seen, answer)));
            }
            Query::Inbox { page } => {
                let account = self.account()?.id;
                let changes = self.hub.changes().map_err(NoAnswer::Busy)?;
                let threads = |store: &dyn Store| store.inbox(account, page, THREADS_PER_PAGE);
                let threads = self.question(threads);
                let mut threads = threads.map_err(NoAnswer::store)?;
                let id = self.connection;
                let asked = self.hub.ask(move |hub, _, _| {
                    let seen = hub.mend_read(changes, threads.iter_mut().map(|it| &mut it.latest));
                    let peers: Vec<Name> = threads.iter().map(|it| it.peer_name.clone()).collect();
                    (hub.ignored_among(id, &peers), threads, seen)
                });
                let (ignored, threads, seen) = asked.map_err(NoAnswer::Busy)?;
                json_frames::write_inbox(&threads, &ignored, page, &mut frame);
                return Ok(Some(as_seen(seen, Command::Answer(frame))));
            }
            Query::Thread {
                user,
                window,
                limit,
            } => {
                let seen = self.thread(&user, window, limit, &mut frame)?;
                return Ok(Some(as_seen(seen, Command::Answer(frame))));
            }
            Query::MyRooms => {
                let rooms = self.rooms().own(self.account_with_rooms()?)?;
                return Ok(Some(Command::AnswerOwnChannels(rooms)));
            }
            Query::ReadRoom { room, up_to } => {
                self.account_with_rooms()?;
                let id = self.connection;
                let read = self
                    .hub
                    .ask(move |hub, now, fx| hub.read_up_to(id, &room, up_to, now, fx));
                read.map_err(NoAnswer::Busy)?.map_err(NoAnswer::Refused)?;
                return Ok(None);
            }
            Query::MuteRoom { room, muted } => {
                let account = self.account_with_rooms()?;
                self.rooms().mute(account, room, muted)?;
                return Ok(None);
            }
            Query::NotifyOfRoom { room, notify } => {
                let account = self.account_with_rooms()?;
                self.rooms().notify(account, room, notify)?;
                return Ok(None);
            }
            Query::RoomMembers { room, after } => {
                let (room, rows, more) = self.rooms().accounts(room, after.as_ref())?;
                own_rooms::write_accounts(&room, after.as_ref(), (&rows, more), &mut frame);
            }
            Query::Read { user, up_to } => {
                let (own, peer) = (self.account()?, self.registered(&user)?);
                let marked = self.question(|store| store.mark_read(own.id, peer.id, up_to));
                marked.map_err(NoAnswer::store)?;
                return Ok(None);
            }
        }
        Ok(Some(Command::Answer(frame)))
    }

    fn question<T>(
        &self,
        question: impl FnOnce(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.accounts.question(&self.asker, question)
    }

    fn thread(
        &self,
        user: &Name,
        window: Window,
        limit: usize,
        frame: &mut Vec<u8>,
    ) -> Result<Seen, NoAnswer> {
        let (own, peer) = (self.account()?, self.registered(user)?);
        let conversation = Conversation::Thread(own.id, peer.id);
        let limit = limit.min(PAGE_ROWS);
        let changes = self.hub.changes().map_err(NoAnswer::Busy)?;
        let history = self.question(|store| store.history(&conversation, window, limit));
        let mut history = history.map_err(NoAnswer::store)?;
        history.shorten(window);
        let mended = self.hub.ask(move |hub, _, _| {
            let seen = hub.mend_history(changes, &mut history);
            (history, seen)
        });
        let (mut history, seen) = mended.map_err(NoAnswer::Busy)?;
        for message in history.messages.iter_mut().chain(&mut history.reacted) {
            message.body.show_reader(own.username.key());
        }
        json_frames::write_thread(&own.username, &peer.username, &history, frame);
        Ok(seen)
    }

    /// A room that the connection is in, the given one or the current one, and the
    /// message after which the connection may read it. The server must keep a history.
    fn own_room(&self, room: Option<Name>) -> Result<(Name, MessageId), NoAnswer> {
        let id = self.connection;
        let room = self.hub.ask(move |hub, now, _| {
            let room = hub.readable_part(id, room, now)?;
            match hub.keeps_history() {
                true => Ok(room),
                false => Err(Refusal::NoHistory),
            }
        });
        room.map_err(NoAnswer::Busy)?.map_err(NoAnswer::Refused)
    }

    fn rooms(&self) -> Rooms<'_> {
        Rooms {
            connection: self.connection,
            asker: self.asker,
            accounts: self.accounts,
            hub: self.hub,
        }
    }

    fn account(&self) -> Result<&Account, NoAnswer> {
        self.account.ok_or(NoAnswer::NoAccount("an inbox"))
    }

    fn account_with_rooms(&self) -> Result<AccountId, NoAnswer> {
        let account = self.account.map(|account| account.id);
        account.ok_or(NoAnswer::NoAccount("rooms that are kept"))
    }

    fn registered(&self, user: &Name) -> Result<Account, NoAnswer> {
        let account = self
            .accounts
            .find(self.asker, user)
            .map_err(NoAnswer::store)?;
        account.ok_or_else(|| NoAnswer::NobodyRegistered(user.clone()))
    }
}

/// An answer with messages that may change before it is given.
fn as_seen(seen: Seen, answer: Command) -> Command {
    Command::AsSeen {
        seen,
        answer: Box::new(answer),
    }
}
