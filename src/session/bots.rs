//! Bots: the users as which programs take part that call REST or post to hooks.
//!
//! A bot comes in when it is first needed and stays until the server stops, so that channels are
//! not told of its coming and going for every message. It joins the channels that it posts to and
//! reads, if it is let in, and the rules of channels hold for it as for every user.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::account::{Accounts, NoBot, credential};
use crate::fair::Asker;
use crate::hub::{Command, Refusal, WayIn};
use crate::model::subscriber::Subscriber;
use crate::model::{
    Account, AccountId, Body, Conversation, History, MessageId, Name, Once, ProgramToken, Window,
};
use crate::net::registry::Registry;
use crate::protocol::events::Begin;
use crate::store::StoreError;
use crate::turn::HubHandle;

use super::allowance::{Allowances, ENTRY_BYTES};
use super::streams::{NoPlace, StreamLimits, StreamPlace, Streams};
use super::voice::{NotHeard, Voice};

/// How often a part of a history is read before more has changed meanwhile than is remembered.
const READINGS: usize = 5;
/// Pages of changes after the last message of a channel that are looked at for the last change: of
/// further ones a new stream is told.
const MOST_PAGES: usize = 64;
/// How long to wait until the past of a channel is known, and how often to look.
const PAST_KNOWN: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(5);

/// The bots that are in the chat. There are at most as many as tokens and hooks.
pub struct Bots {
    hub: HubHandle,
    registry: Arc<Registry>,
    accounts: Arc<Accounts>,
    allowances: Arc<Allowances>,
    /// How many connections without a socket there are.
    count: Arc<AtomicUsize>,
    /// Locked only to look up or add one.
    voices: Mutex<HashMap<AccountId, Arc<Voice>>>,
    /// The event streams.
    streams: Arc<Streams>,
}

/// What an event stream is to follow.
pub struct Following {
    /// The program.
    pub program: Arc<ProgramToken>,
    /// The account of its bot.
    pub account: Account,
    /// The channels, and where the stream begins in each.
    pub channels: Vec<Place>,
    /// Its place among all streams.
    pub place: StreamPlace,
}

/// Where a stream begins in a channel.
#[derive(Clone, Debug)]
pub struct Place {
    /// The channel.
    pub channel: Name,
    /// The client has everything up to this id.
    pub after: MessageId,
    /// How it begins there.
    pub begin: Begin,
}

/// How a bot comes into a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It makes one that is not there, and a refusal says why the channel keeps it out.
    Makes,
    /// The channel must be there, or have been.
    Finds,
}

/// A message to be posted.
#[derive(Clone, Debug)]
pub struct Post {
    /// Where.
    pub channel: Name,
    /// What.
    pub body: Body,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// What the program's call is known by, if it is to publish it once.
    pub once: Option<Arc<Once>>,
}

/// A message that was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its id.
    pub id: MessageId,
    /// Whether an earlier call had published it.
    pub is_again: bool,
}

/// Why something was not done for a program; `Display` is for the program's owner.
#[derive(Clone, Debug, PartialEq)]
pub enum NotDone {
    /// The hub refuses it.
    Refused(Refusal),
    /// The bot cannot come in.
    NoBot(NoBot),
    /// The token is not one that a program speaks with.
    Silent,
    /// It is not known whether it was done.
    Unanswered,
    /// The hub does not answer, or too many calls wait.
    Busy,
    /// The store cannot say.
    Store,
    /// There is no place for another event stream.
    NoPlace(NoPlace),
}

impl Bots {
    /// No bots yet.
    pub fn new(
        hub: HubHandle,
        registry: Arc<Registry>,
        accounts: Arc<Accounts>,
        allowances: Arc<Allowances>,
        count: Arc<AtomicUsize>,
    ) -> Bots {
        Bots {
            hub,
            registry,
            accounts,
            allowances,
            count,
            voices: Mutex::default(),
            streams: Arc::default(),
        }
    }

    /// Puts new limits on event streams in force.
    pub fn limit_streams(&self, limits: StreamLimits) {
        self.streams.limit(limits);
    }

    /// Posts a message for a program, unless this call has published it before. Turns at the store
    /// and bytes written are counted for `by`. Returns once the message is committed.
    pub fn post(
        &self,
        program: &ProgramToken,
        by: Subscriber,
        post: &Post,
    ) -> Result<Posted, NotDone> {
        if let Some(once) = &post.once
            && let Some(id) = self.published(by, once)?
        {
            return Ok(Posted { id, is_again: true });
        }
        let id = self.publish(program, by, post)?;
        Ok(Posted {
            id,
            is_again: false,
        })
    }

    /// The message that a call has published before.
    fn published(&self, by: Subscriber, once: &Arc<Once>) -> Result<Option<MessageId>, NotDone> {
        match self.accounts.call_seen(Asker::from(by), once.clone()) {
            Ok(Some(seen)) if !seen.is(once) => Err(NotDone::Refused(Refusal::TagUsed)),
            Ok(seen) => Ok(seen.map(|seen| seen.message)),
            // The hub and the log of several servers remember the latest calls, too.
            Err(StoreError::Away(_) | StoreError::Silent | StoreError::Slow) => Ok(None),
            Err(error) => {
                error.log("it could not be looked up what a program has posted");
                Err(NotDone::Store)
            }
        }
    }

    fn publish(
        &self,
        program: &ProgramToken,
        by: Subscriber,
        post: &Post,
    ) -> Result<MessageId, NotDone> {
        let bytes = post.body.bytes() + ENTRY_BYTES;
        let spent = self.allowances.of(by).take(bytes);
        spent.map_err(|spent| NotDone::Refused(Refusal::AllowanceSpent(spent.bytes)))?;
        self.inside(program, by, (&post.channel, Entry::Makes), |voice| {
            let say = Command::Say {
                channel: Some(post.channel.clone()),
                body: post.body.clone(),
            };
            let id = voice.say(say, post.once.clone(), post.reply_to)?;
            if let Some(once) = &post.once
                && self.keeps_history(voice) == Ok(false)
            {
                self.accounts.note_call(once, id);
            }
            Ok(id)
        })
    }

    /// Reads part of the past of a channel for a program, as much as its bot may read.
    pub fn read(
        &self,
        program: &ProgramToken,
        by: Subscriber,
        within: (&Name, Entry),
        (window, limit): (Window, usize),
    ) -> Result<(Name, History), NotDone> {
        let channel = within.0;
        for _ in 0..READINGS {
            let (channel, after, changes) = self.inside(program, by, within, |voice| {
                if !self.keeps_history(voice)? {
                    return Err(NotHeard::Refused(Refusal::NoHistory));
                }
                self.readable(voice, channel)
            })?;
            let window = match window {
                Window::After(id) => Window::After(id.max(after)),
                window => window,
            };
            let history = self.history(by, &channel, (window, limit))?;
            // The bot may have been put out meanwhile, and messages may have changed.
            let page = self.inside(program, by, within, |voice| {
                let (channel, history) = (channel.clone(), history.clone());
                let of = (window, changes);
                let page = voice
                    .ask(move |hub, id, now| hub.page_as_of_now(id, channel, of, history, now))?;
                page.map_err(NotHeard::Refused)
            })?;
            if let Some(page) = page {
                return Ok((channel, page));
            }
        }
        Err(NotDone::Store)
    }

    /// Prepares an event stream for a program: its bot comes into all the channels, and it is found
    /// out where the stream begins in those in which `after` names no place, or one that was never
    /// given out: with what is said from now on.
    pub fn follow(
        &self,
        program: &Arc<ProgramToken>,
        by: Subscriber,
        wanted: &[Name],
        after: impl Fn(&Name) -> Option<MessageId>,
    ) -> Result<Following, NotDone> {
        let place = self.streams.take(&program.id).map_err(NotDone::NoPlace)?;
        let account = self.account(program, by)?;
        let mut channels = Vec::with_capacity(wanted.len());
        for channel in wanted {
            let within = (channel, Entry::Finds);
            let (channel, keeps_history, last) = self.inside(program, by, within, |voice| {
                let (channel, ..) = self.readable(voice, channel)?;
                self.wait_for_past(voice, &channel)?;
                let last = voice.ask(|hub, _, _| hub.last_id())?;
                Ok((channel, self.keeps_history(voice)?, last))
            })?;
            let given = after(&channel);
            let known = match given {
                Some(place) if place > last && keeps_history => {
                    self.is_in_the_log(by, &channel, place)?.then_some(place)
                }
                given => given.filter(|place| *place <= last),
            };
            let after = match known {
                Some(after) => after,
                // What is not published yet must not count as known.
                None if keeps_history => self.end(by, &channel)?,
                None => last,
            };
            let begin = match keeps_history || given.is_some() {
                true => Begin::CatchingUp {
                    is_all: known == given,
                },
                false => Begin::Live,
            };
            channels.push(Place {
                channel,
                after,
                begin,
            });
        }
        Ok(Following {
            program: program.clone(),
            account,
            channels,
            place,
        })
    }

    /// The last message of a channel that is stored, or the last change of a message if that came
    /// later.
    fn end(&self, by: Subscriber, channel: &Name) -> Result<MessageId, NotDone> {
        let newest = self.history(by, channel, (Window::Latest, 1))?;
        let mut end = newest.last().unwrap_or_default();
        for _ in 0..MOST_PAGES {
            let since = self.history(by, channel, (Window::After(end), 1))?;
            match since.last() {
                Some(last) if last > end => end = last,
                _ => break,
            }
        }
        Ok(end)
    }

    /// Whether the log of several servers, which may be ahead of this one, has given out a place.
    /// One of another server, or of a database that was put back, may be ahead of all that will be
    /// said for years.
    fn is_in_the_log(
        &self,
        by: Subscriber,
        channel: &Name,
        place: MessageId,
    ) -> Result<bool, NotDone> {
        let history = self.history(by, channel, (Window::After(place), 1))?;
        Ok(history.newest.is_some_and(|newest| place <= newest))
    }

    /// Brings the bot of a program into a channel that is there, or was, if it is let in.
    pub fn be_in(
        &self,
        program: &ProgramToken,
        by: Subscriber,
        channel: &Name,
    ) -> Result<(), NotDone> {
        self.inside(program, by, (channel, Entry::Finds), |voice| {
            self.readable(voice, channel).map(|_| ())
        })
    }

    /// A channel in its own spelling, the message after which a bot may read it, and how many
    /// changes of messages were told by then.
    fn readable(&self, voice: &Voice, channel: &Name) -> Result<(Name, MessageId, u64), NotHeard> {
        let channel = channel.clone();
        let answer = voice.ask(move |hub, id, now| {
            let (channel, after) = hub.readable_part(id, Some(channel), now)?;
            Ok((channel, after, hub.changes_told()))
        })?;
        answer.map_err(NotHeard::Refused)
    }

    fn keeps_history(&self, voice: &Voice) -> Result<bool, NotHeard> {
        voice.ask(|hub, _, _| hub.keeps_history())
    }

    fn history(
        &self,
        by: Subscriber,
        channel: &Name,
        (window, limit): (Window, usize),
    ) -> Result<History, NotDone> {
        let conversation = Conversation::Channel(channel.clone());
        let asker = Asker::from(by);
        let history = self
            .accounts
            .question(&asker, |store| store.history(&conversation, window, limit));
        history.map_err(|error| {
            error.log("a program could not read a history");
            NotDone::Store
        })
    }

    /// Waits until the last messages of a channel are known, which the hub asks the store for when
    /// its first member comes.
    fn wait_for_past(&self, voice: &Voice, channel: &Name) -> Result<(), NotHeard> {
        let deadline = Instant::now() + PAST_KNOWN;
        loop {
            let channel = channel.clone();
            if voice.ask(move |hub, _, _| hub.is_past_known(&channel))? {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(NotHeard::Refused(Refusal::HistoryUnavailable));
            }
            thread::sleep(LOOK);
        }
    }

    /// Brings a bot into a channel that is there, or was.
    fn come_in(&self, voice: &Voice, by: Subscriber, channel: &Name) -> Result<(), NotHeard> {
        let name = channel.clone();
        let way = voice.ask(move |hub, id, now| hub.way_in(id, &name, now))?;
        let has_past = match way.map_err(NotHeard::Refused)? {
            WayIn::Inside | WayIn::Open => false,
            WayIn::Missing if !self.keeps_history(voice)? => false,
            WayIn::Missing => {
                let past = self.history(by, channel, (Window::Latest, 1));
                let past = past.map_err(|_| NotHeard::Refused(Refusal::CannotLookUp))?;
                !past.messages.is_empty()
            }
        };
        let came_in = voice.come_in(channel.clone(), has_past);
        came_in.map_err(|not| match not {
            // The rules have changed in this moment.
            NotHeard::Refused(Refusal::ChannelNameTaken(name)) => {
                NotHeard::Refused(Refusal::NoSuchChannel(name))
            }
            not => not,
        })
    }

    /// Does something as the bot, in a channel which it joins if need be.
    fn inside<T>(
        &self,
        program: &ProgramToken,
        by: Subscriber,
        (channel, entry): (&Name, Entry),
        act: impl Fn(&Voice) -> Result<T, NotHeard>,
    ) -> Result<T, NotDone> {
        let act = |voice: &Voice| match act(voice) {
            Err(NotHeard::Refused(Refusal::NotInChannel(_))) => {
                match entry {
                    Entry::Makes => voice.join(channel.clone())?,
                    Entry::Finds => self.come_in(voice, by, channel)?,
                }
                act(voice)
            }
            done => done,
        };
        let voice = self.voice(program, by)?;
        let done = match act(&voice) {
            // Its connection was ended, by an administrator for example: it may come again.
            Err(NotHeard::Gone) => {
                self.forget(program, &voice);
                act(&*self.voice(program, by)?)
            }
            done => done,
        };
        done.map_err(NotDone::from)
    }

    /// The bot of a program, which comes in if it is not there.
    fn voice(&self, program: &ProgramToken, by: Subscriber) -> Result<Arc<Voice>, NotDone> {
        let (account, _) = program.bot.as_ref().ok_or(NotDone::Silent)?;
        let known = self.voices.lock().get(account).cloned();
        if let Some(voice) = known {
            return Ok(voice);
        }
        let account = self.account(program, by)?;
        let bound = Some(credential(&account, None));
        let voice = Voice::enter(
            &self.hub,
            &self.registry,
            &self.count,
            account.username.clone(),
            bound,
        )?;
        // Another call may have been faster; this voice leaves then.
        let mut voices = self.voices.lock();
        Ok(voices.entry(account.id).or_insert(Arc::new(voice)).clone())
    }

    /// The account of the bot of a program.
    fn account(&self, program: &ProgramToken, by: Subscriber) -> Result<Account, NotDone> {
        let account = self.accounts.bot_again(Asker::from(by), program);
        account.map_err(NotDone::NoBot)?.ok_or(NotDone::Silent)
    }

    fn forget(&self, program: &ProgramToken, gone: &Arc<Voice>) {
        let Some((account, _)) = &program.bot else {
            return;
        };
        let mut voices = self.voices.lock();
        if voices.get(account).is_some_and(|it| Arc::ptr_eq(it, gone)) {
            voices.remove(account);
        }
    }
}

impl From<NotHeard> for NotDone {
    fn from(not: NotHeard) -> NotDone {
        match not {
            NotHeard::Refused(refusal) => NotDone::Refused(refusal),
            NotHeard::Unanswered => NotDone::Unanswered,
            NotHeard::Gone | NotHeard::Busy => NotDone::Busy,
        }
    }
}

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotDone::Refused(refusal) => refusal.fmt(f),
            NotDone::NoBot(error) => error.fmt(f),
            NotDone::Silent => write!(
                f,
                "this needs the token of a program that has a nickname, made with POST \
                 /admin/tokens"
            ),
            NotDone::Unanswered => write!(
                f,
                "it is not known yet whether the message is stored; send it again with the same \
                 Idempotency-Key"
            ),
            NotDone::Busy => write!(f, "the server is too busy or stopping; try again"),
            NotDone::Store => write!(f, "the messages cannot be read now; try again"),
            NotDone::NoPlace(NoPlace::OfToken(most)) => write!(
                f,
                "this token has {most} event streams already; end one, or follow several channels \
                 with one"
            ),
            NotDone::NoPlace(NoPlace::InAll) => {
                write!(f, "the server has as many event streams as it may have")
            }
        }
    }
}

impl std::error::Error for NotDone {}
