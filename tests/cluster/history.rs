//! A client that has seen a message finds it, wherever it is stored by then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chat_server::hub::MessageId;
use chat_server::model::Record;
use chat_server::model::governance::Rules;
use chat_server::store::{
    AccountId, Appended, Conversation, History, Matches, Store, StoreError, Window,
};

use crate::node::{Chat, Node, account, channel, direct, texts};
use crate::support::{Postgres, wait_until};

/// PostgreSQL that can be held up: it commits nothing meanwhile.
pub struct Slow {
    pub inner: Arc<dyn Store>,
    pub is_held: AtomicBool,
    /// Whether it was asked for something while it was held up.
    pub is_behind: AtomicBool,
}

impl Slow {
    pub fn new(inner: Arc<dyn Store>, is_held: bool) -> Slow {
        Slow {
            inner,
            is_held: AtomicBool::new(is_held),
            is_behind: AtomicBool::new(false),
        }
    }

    fn hold(&self, is_held: bool) {
        self.is_held.store(is_held, Ordering::SeqCst);
    }
}

/// Implements the store methods that tests need by passing them on.
macro_rules! pass_on {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> Result<$result, StoreError> {
            self.inner.$name($($argument),*)
        })*
    };
}

impl Store for Slow {
    fn merge(&self, records: &[Record]) -> Result<Vec<Appended>, StoreError> {
        match self.is_held.load(Ordering::SeqCst) {
            true => {
                self.is_behind.store(true, Ordering::SeqCst);
                Err(StoreError::Busy)
            }
            false => self.inner.merge(records),
        }
    }

    pass_on! {
        commit(records: &[Record]) -> Vec<Appended>;
        channels(after: Option<&str>, limit: usize) -> Vec<(chat_server::name::Name, Rules)>;
        last_message_id() -> MessageId;
        history(of: &Conversation, window: Window, limit: usize) -> History;
        find_message(id: MessageId) -> Option<chat_server::store::Located>;
        inbox(account: AccountId, page: u64, per_page: usize) -> Vec<chat_server::store::ThreadSummary>;
        mark_read(account: AccountId, peer: AccountId, up_to: MessageId) -> ();
        search(search: &chat_server::store::Search) -> Matches;
        create_account(account: &chat_server::store::NewAccount) -> chat_server::store::Account;
        account(who: &chat_server::store::Who) -> Option<chat_server::store::Account>;
        rehash_password(
            account: AccountId, from: &chat_server::store::Secret, to: &chat_server::store::Secret
        ) -> ();
        change_password(account: AccountId, hash: &chat_server::store::Secret, now_ms: u64) -> ();
        change_own_password(
            account: AccountId, changes: u64, hash: &chat_server::store::Secret, now_ms: u64
        ) -> bool;
        set_profile(account: AccountId, profile: &chat_server::store::Profile) -> ();
        accounts(
            prefix: &str, after: &str, limit: usize
        ) -> Vec<chat_server::store::ListedAccount>;
        note_seen(account: AccountId, at_ms: u64) -> ();
        disable_account(account: AccountId, now_ms: u64) -> ();
        enable_account(account: AccountId) -> ();
        set_role(account: AccountId, role: Option<chat_server::store::ServerRole>) -> ();
        has_administrator() -> bool;
        create_remote(
            account: &chat_server::store::NewAccount, user: &str
        ) -> chat_server::store::Account;
        link_remote(account: AccountId, user: Option<&str>) -> bool;
        delete_account(account: AccountId, now_ms: u64) -> ();
        offer_reset(account: AccountId, secret_hash: &str, expires_at: u64) -> ();
        reset_of(secret_hash: &str, now_ms: u64) -> Option<AccountId>;
        use_reset(
            secret_hash: &str, password_hash: &chat_server::store::Secret, now_ms: u64
        ) -> Option<AccountId>;
        end_pass(pass: &str, expires_at: u64) -> ();
        is_pass_ended(pass: &str) -> bool;
        set_ignored(account: AccountId, nickname: &chat_server::name::Name, ignored: bool) -> ();
        saved_channels(of: AccountId) -> Vec<chat_server::store::SavedChannel>;
        save_channel(
            of: AccountId, channel: &chat_server::name::Name, read_up_to: MessageId
        ) -> bool;
        forget_channel(of: AccountId, channel: &chat_server::name::Name) -> ();
        mark_channel_read(
            of: AccountId, channel: &chat_server::name::Name, up_to: MessageId
        ) -> bool;
        mute_channel(of: AccountId, channel: &chat_server::name::Name, muted: bool) -> bool;
        notify_of_channel(
            of: AccountId, channel: &chat_server::name::Name, notify: chat_server::model::Notify
        ) -> bool;
        unread(
            of: (AccountId, &chat_server::name::Name),
            channels: &[(chat_server::name::Name, MessageId)]
        ) -> Vec<chat_server::store::Unread>;
        channel_accounts(
            channel: &chat_server::name::Name,
            after: Option<&chat_server::name::Name>,
            limit: usize
        ) -> Vec<(AccountId, chat_server::name::Name)>;
        add_token(token: &chat_server::store::Token) -> ();
        token(id: &str) -> Option<chat_server::store::Token>;
        exchange_token(
            refresh: &chat_server::store::Secret, new: &chat_server::store::Token, now_ms: u64
        ) -> Option<chat_server::store::Token>;
        deactivate_token(id: &str, now_ms: u64) -> bool;
        check_writable() -> ();
        tend(now_ms: u64) -> bool;
        close() -> ();
    }
}

/// A node with a store that can be held up.
fn slow_node(chat: &Chat) -> (Node, Arc<Slow>) {
    let slow = Arc::new(Slow::new(chat.postgres(), false));
    (Node::start(chat.settings(), slow.clone()), slow)
}

fn numbers(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

/// All of a conversation, page by page, forwards and backwards.
fn paged(store: &dyn Store, of: &Conversation, limit: usize) -> [Vec<String>; 2] {
    let text = |history: &History| -> Vec<String> {
        let texts = history
            .messages
            .iter()
            .map(|m| m.body.text.as_str().to_owned());
        texts.collect()
    };
    let mut forwards = Vec::new();
    let mut after = MessageId::default();
    loop {
        let page = store.history(of, Window::After(after), limit).unwrap();
        assert!(page.messages.len() <= limit);
        forwards.extend(text(&page));
        match page.messages.last() {
            Some(last) if page.more => after = last.id,
            _ => break,
        }
    }
    let mut backwards: Vec<Vec<String>> = Vec::new();
    let mut window = Window::Latest;
    loop {
        let page = store.history(of, window, limit).unwrap();
        assert!(page.messages.len() <= limit);
        backwards.push(text(&page));
        match page.messages.first() {
            Some(first) if page.more => window = Window::Before(first.id),
            _ => break,
        }
    }
    backwards.reverse();
    [forwards, backwards.concat()]
}

/// All of a conversation, counted page by page from the end.
fn counted(store: &dyn Store, of: &Conversation, limit: usize) -> Vec<String> {
    let mut pages: Vec<Vec<String>> = Vec::new();
    for number in 1.. {
        let page = store.history(of, Window::Page(number), limit).unwrap();
        let texts = page
            .messages
            .iter()
            .map(|m| m.body.text.as_str().to_owned());
        pages.push(texts.collect());
        if !page.more {
            break;
        }
    }
    pages.reverse();
    pages.concat()
}

#[test]
fn what_is_not_stored_yet_is_found_between_what_is() {
    let chat = Chat::new();
    // Two servers share the work; one of them is held up with its part.
    let (one, slow) = slow_node(&chat);
    let two = chat.node_with(|settings| settings.claim_after = Duration::from_secs(600));
    slow.hold(true);
    let mut count = 0;
    while count < 100 || !slow.is_behind.load(Ordering::SeqCst) {
        // One at a time, so that both get some.
        one.say(count, "dev", &count.to_string());
        count += 1;
        one.wait_told(count as usize);
    }
    two.wait_told(count as usize);
    let dev = channel("dev");
    for node in [&one, &two] {
        let store = node.cluster.store();
        assert_eq!(texts(&*store, &dev), numbers(0..count));
        for limit in [1, 7, 50, 100, 101] {
            let [forwards, backwards] = paged(&*store, &dev, limit);
            assert_eq!(forwards, numbers(0..count), "{limit}");
            // Each of these waits for the store in vain.
            if limit >= 50 {
                assert_eq!(counted(&*store, &dev, limit), numbers(0..count), "{limit}");
            }
            assert_eq!(backwards, numbers(0..count), "{limit}");
        }
        assert_eq!(texts(&*store, &channel("ops")), [""; 0]);
    }
    assert!(
        (texts(&*two.postgres, &dev).len() as u64) < count,
        "the store was not behind at all"
    );
    slow.hold(false);
    wait_until("everything is stored", || {
        texts(&*two.postgres, &dev).len() as u64 == count
    });
    assert_eq!(texts(&*two.cluster.store(), &dev), numbers(0..count));
}

#[test]
fn what_was_seen_is_found_at_once() {
    let chat = Chat::new();
    let [one, two] = [chat.node(), chat.node()];
    let dev = channel("dev");
    for number in 0..100 {
        one.say(number, "dev", &number.to_string());
        let seen = *two.wait_told(number as usize + 1).last().unwrap();
        let store = two.cluster.store();
        let history = store.history(&dev, Window::Latest, 1).unwrap();
        assert_eq!(history.messages[0].id, seen);
        let history = store.history(&dev, Window::Before(seen), 500).unwrap();
        assert_eq!(history.messages.len() as u64, number);
    }
}

#[test]
fn a_thread_is_in_the_inbox_and_can_be_marked_as_read_at_once() {
    let chat = Chat::new();
    let [one, two] = [chat.node(), chat.node()];
    let (amy, bob) = (
        account(&*one.postgres, "amy"),
        account(&*one.postgres, "bob"),
    );
    for number in 0..20 {
        let refused = one
            .cluster
            .append(vec![direct(number, amy, bob, &number.to_string())]);
        assert!(refused.is_empty());
        let told = |news: &chat_server::hub::News| match news {
            chat_server::hub::News::Private { message, .. } => Some(message.id),
            _ => None,
        };
        let id = two.heard.wait("it is told", || {
            let all = two.heard.all(told);
            (all.len() as u64 == number + 1).then(|| all[number as usize])
        });
        let store = two.cluster.store();
        // A question waits for the database, but on a busy machine not for long enough.
        wait_until("it is in the inbox", || {
            let inbox = store.inbox(AccountId(bob), 1, 10).unwrap();
            inbox
                .first()
                .is_some_and(|thread| (thread.latest.id, thread.unread) == (id, 1))
        });
        store.mark_read(AccountId(bob), AccountId(amy), id).unwrap();
        let inbox = store.inbox(AccountId(bob), 1, 10).unwrap();
        assert_eq!(inbox[0].unread, 0);
    }
    let thread = Conversation::Thread(AccountId(bob), AccountId(amy));
    assert_eq!(texts(&*two.cluster.store(), &thread), numbers(0..20));
}

#[test]
fn while_postgresql_is_away_what_was_seen_lately_is_found() {
    let postgres = Postgres::start();
    let mut chat = Chat::new();
    chat.postgres_url = postgres.create_database();
    let [one, two] = [chat.node(), chat.node()];
    let dev = channel("dev");
    for number in 0..50 {
        one.say(number, "dev", &number.to_string());
    }
    let told = two.wait_told(50);
    wait_until("it is stored", || texts(&*one.postgres, &dev).len() == 50);
    postgres.kill();
    for number in 50..100 {
        one.say(number, "dev", &number.to_string());
    }
    two.wait_told(100);
    let store = two.cluster.store();
    assert_eq!(texts(&*store, &dev), numbers(0..100));
    let latest = store.history(&dev, Window::Latest, 1000).unwrap();
    assert!(latest.more, "no server can say that this is all");
    let missed = store.history(&dev, Window::After(told[40]), 1000).unwrap();
    assert_eq!((missed.messages.len(), missed.more), (59, false));
    assert!(store.history(&channel("ops"), Window::Latest, 10).is_err());
    wait_until("a server reports PostgreSQL", || {
        let words = two.cluster.readiness().or(one.cluster.readiness());
        words.is_some_and(|words| words.contains("PostgreSQL"))
    });
    postgres.start_again();
    wait_until("it is all stored", || {
        let history = one.postgres.history(&dev, Window::Latest, 1000);
        history.is_ok_and(|history| history.messages.len() == 100)
    });
    for node in [&one, &two] {
        wait_until("the server is ready", || node.cluster.readiness().is_none());
    }
    assert_eq!(texts(&*two.cluster.store(), &dev), numbers(0..100));
}
