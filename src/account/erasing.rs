//! Erases everything that an account has written, and takes back what it has reacted with, on a
//! thread of its own: a few messages at a time, each changed by the hub as if the account did it. The order is in the store, so it is carried out
//! to the end whatever server ends meanwhile.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::hub::MOST_ERASED;
use crate::model::time::unix_ms;
use crate::model::{
    Account, AccountId, Entry, Erased, Erasing, Located, MessageId, Name, Who, Written,
};
use crate::store::StoreError;

use super::administering::{AccountFailed, failed};
use super::service::Accounts;

/// How often to look for orders that another server has not finished.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// An order of which nothing was noted for so long is free to be taken over.
const STALE_MS: u64 = 15_000;
/// How often it is noted that an order is being carried out.
const NOTE_EVERY: Duration = Duration::from_secs(2);
/// Messages looked through at once.
const ROWS: usize = 2_000;
/// The pause after each few messages, so that the clients that are told can keep up.
const BETWEEN: Duration = Duration::from_millis(50);
/// How long after they were deleted messages must be gone; those that are not are deleted again.
const GONE_WITHIN: Duration = Duration::from_secs(5);

impl Accounts {
    /// Orders that everything an account has written be erased. It is done in the background.
    pub fn erase(&self, account: &Account) -> Result<(), AccountFailed> {
        let store = self.store();
        let ordered = store
            .last_message_id()
            .and_then(|since| store.order_erasing(account.id, since, unix_ms()));
        ordered.map_err(|error| failed(account, error))?;
        self.wake_eraser();
        Ok(())
    }

    /// What has become of the last such order, if there was one.
    pub fn erasing(&self, account: &Account) -> Result<Option<Erasing>, AccountFailed> {
        let erasing = self.store().erasing(account.id);
        erasing.map_err(|error| failed(account, error))
    }

    /// Starts the thread. It ends when these accounts are dropped.
    pub fn start_eraser(self: &Arc<Accounts>) -> io::Result<()> {
        let (accounts, orders) = (Arc::downgrade(self), self.orders().clone());
        let run = move || carry_out(&accounts, &orders);
        let thread = std::thread::Builder::new().name("eraser".to_owned());
        thread.spawn(run).map(|_| ())
    }
}

fn carry_out(accounts: &Weak<Accounts>, orders: &Receiver<()>) {
    loop {
        if let Err(RecvTimeoutError::Disconnected) = orders.recv_timeout(LOOK_EVERY) {
            return;
        }
        loop {
            let Some(accounts) = accounts.upgrade() else {
                return;
            };
            match Eraser::claim(&accounts) {
                Ok(Some(eraser)) => {
                    if eraser.erase_all().is_none() {
                        // The store or the hub does not answer: tried again later.
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    error.log("it cannot be looked up whose messages are to be erased");
                    break;
                }
            }
        }
    }
}

/// Carries out one order.
struct Eraser<'a> {
    accounts: &'a Accounts,
    order: Erasing,
    noted: Instant,
}

/// What was erased, found by looking at all of it.
#[derive(Default)]
struct Tally {
    erased: Erased,
    channels: HashSet<i64>,
}

impl<'a> Eraser<'a> {
    fn claim(accounts: &'a Accounts) -> Result<Option<Eraser<'a>>, StoreError> {
        let order = accounts.store().claim_erasing(unix_ms(), STALE_MS)?;
        Ok(order.map(|order| Eraser {
            accounts,
            order,
            noted: Instant::now(),
        }))
    }

    /// `None` if it could not be finished.
    fn erase_all(mut self) -> Option<()> {
        // The second time it is counted, and what was being said during the first is erased, too.
        self.go_through()?;
        let tally = self.go_through()?;
        self.order.erased = tally.erased;
        self.order.done_ms = Some(unix_ms());
        self.note()?;
        self.report()
    }

    /// Erases everything that there is, and counts what is erased.
    fn go_through(&mut self) -> Option<Tally> {
        let mut tally = Tally::default();
        let mut after = MessageId::default();
        loop {
            let written = self.erase_part(after)?;
            tally.erased.held += written.held;
            tally.erased.reactions += written.taken_back;
            for (conversation, is_channel) in written.erased {
                if is_channel {
                    tally.erased.messages += 1;
                    tally.channels.insert(conversation);
                } else {
                    tally.erased.direct_messages += 1;
                }
            }
            tally.erased.channels = tally.channels.len() as u64;
            self.order.erased = tally.erased;
            match written.next {
                Some(next) => after = next,
                None => return Some(tally),
            }
        }
    }

    /// Erases what there is in one part. Returns the part when nothing of it is left.
    fn erase_part(&mut self, after: MessageId) -> Option<Written> {
        let mut written = self.read(after)?;
        while is_left(&written) {
            let mut rest = std::mem::take(&mut written.messages);
            while !rest.is_empty() {
                let few = rest.split_off(rest.len().saturating_sub(MOST_ERASED));
                self.hand_over(few)?;
            }
            while !written.reacted.is_empty() {
                let few = few_of(&mut written.reacted, self.order.account);
                self.take_back(few)?;
            }
            let handed_over = Instant::now();
            written = self.read(after)?;
            while is_left(&written) && handed_over.elapsed() < GONE_WITHIN {
                std::thread::sleep(BETWEEN);
                self.note_now_and_then()?;
                written = self.read(after)?;
            }
        }
        self.note_now_and_then()?;
        Some(written)
    }

    fn hand_over(&mut self, messages: Vec<Located>) -> Option<()> {
        let hub = self.accounts.hub();
        let told = hub.ask(move |hub, now, fx| hub.erase(messages, now, fx));
        told.ok()?;
        std::thread::sleep(BETWEEN);
        self.note_now_and_then()
    }

    fn take_back(&mut self, messages: Vec<Located>) -> Option<()> {
        let (hub, account) = (self.accounts.hub(), self.order.account);
        let told = hub.ask(move |hub, now, fx| hub.take_back(messages, account, now, fx));
        told.ok()?;
        std::thread::sleep(BETWEEN);
        self.note_now_and_then()
    }

    fn read(&self, after: MessageId) -> Option<Written> {
        let Erasing { account, since, .. } = self.order;
        let store = self.accounts.store();
        let written = store.written_by(account, (after, since), ROWS);
        let failed = |error: &StoreError| error.log("what is to be erased cannot be read");
        written.inspect_err(failed).ok()
    }

    fn note_now_and_then(&mut self) -> Option<()> {
        match self.noted.elapsed() < NOTE_EVERY {
            true => Some(()),
            false => self.note(),
        }
    }

    fn note(&mut self) -> Option<()> {
        self.noted = Instant::now();
        let noted = self.accounts.store().note_erasing(&self.order, unix_ms());
        let failed = |error: &StoreError| error.log("it cannot be noted what was erased");
        noted.inspect_err(failed).ok()
    }

    /// Puts what was erased into the audit trail.
    fn report(&self) -> Option<()> {
        let account = self.accounts.store().account(&Who::Id(self.order.account));
        let username: Option<Name> = account.ok()?.map(|account| account.username);
        let words = format!(
            "erased what {} has written: {}",
            username.as_ref().map_or("an account", |it| it.as_str()),
            self.order.erased
        );
        log::info!("{words}");
        let hub = self.accounts.hub();
        let entered = hub.ask(move |_, now, fx| {
            fx.log(Entry {
                to: username.as_ref().map(Name::shown),
                ..Entry::admin(now.unix_ms, words)
            });
        });
        entered.ok()
    }
}

/// Whether anything is left to be erased of a part.
fn is_left(written: &Written) -> bool {
    !written.messages.is_empty() || !written.reacted.is_empty()
}

/// Takes off so many messages that together they have about [`MOST_ERASED`] reactions of an account.
fn few_of(messages: &mut Vec<Located>, of: AccountId) -> Vec<Located> {
    let (mut few, mut reactions) = (Vec::new(), 0);
    while reactions < MOST_ERASED
        && few.len() < MOST_ERASED
        && let Some(located) = messages.pop()
    {
        let given = located.message.body.reactions().into_iter();
        let own = given.flat_map(|it| it.given());
        reactions += own.filter(|it| it.on && it.account == Some(of)).count();
        few.push(located);
    }
    few
}
