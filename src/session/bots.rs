//! Bots: the users as which programs take part that call REST or post to hooks.
//!
//! A bot comes in when it is first needed and stays until the server stops, so that channels are
//! not told of its coming and going for every message. It joins the channels that it posts to and
//! reads, if it is let in, and the rules of channels hold for it as for every user.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use parking_lot::Mutex;

use crate::account::{Accounts, NoBot, credential};
use crate::fair::Asker;
use crate::hub::{Command, Refusal, Tag};
use crate::model::{AccountId, Body, Conversation, History, MessageId, Name, ProgramToken, Window};
use crate::net::registry::Registry;
use crate::turn::HubHandle;

use super::allowance::Allowances;
use super::voice::{NotHeard, Voice};

/// Bytes that a chat log entry and a database row take besides the text.
const ENTRY_BYTES: usize = 256;

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
    /// The program's own name for it, under which it is published once.
    pub tag: Option<Tag>,
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
        }
    }

    /// Posts a message for a program at an address. Returns its id, once it is committed.
    pub fn post(
        &self,
        program: &ProgramToken,
        peer: IpAddr,
        post: Post,
    ) -> Result<MessageId, NotDone> {
        let bytes = post.body.bytes() + ENTRY_BYTES;
        let spent = self.allowances.of(peer).take(bytes);
        spent.map_err(|spent| NotDone::Refused(Refusal::AllowanceSpent(spent.bytes)))?;
        self.inside(program, peer, &post.channel, |voice| {
            let say = Command::Say {
                channel: Some(post.channel.clone()),
                body: post.body.clone(),
            };
            voice.say(say, post.tag.clone(), post.reply_to)
        })
    }

    /// Reads part of the past of a channel for a program, as much as its bot may read.
    pub fn read(
        &self,
        program: &ProgramToken,
        peer: IpAddr,
        channel: &Name,
        (window, limit): (Window, usize),
    ) -> Result<History, NotDone> {
        let readable = |voice: &Voice| {
            let channel = channel.clone();
            let answer = voice.ask(move |hub, id, now| {
                let part = hub.readable_part(id, Some(channel), now)?;
                match hub.keeps_history() {
                    true => Ok(part),
                    false => Err(Refusal::NoHistory),
                }
            })?;
            answer.map_err(NotHeard::Refused)
        };
        let (channel, after) = self.inside(program, peer, channel, readable)?;
        let window = match window {
            Window::After(id) => Window::After(id.max(after)),
            window => window,
        };
        let conversation = Conversation::Channel(channel.clone());
        let asker = Asker::at(peer);
        let history = self
            .accounts
            .question(&asker, |store| store.history(&conversation, window, limit));
        let mut history = history.map_err(|error| {
            error.log("a program could not read a history");
            NotDone::Store
        })?;
        // The bot may have been put out meanwhile.
        let (_, after) = self.inside(program, peer, &channel, readable)?;
        history.cut(after, window);
        Ok(history)
    }

    /// Does something as the bot, in a channel which it joins if need be.
    fn inside<T>(
        &self,
        program: &ProgramToken,
        peer: IpAddr,
        channel: &Name,
        act: impl Fn(&Voice) -> Result<T, NotHeard>,
    ) -> Result<T, NotDone> {
        let act = |voice: &Voice| match act(voice) {
            Err(NotHeard::Refused(Refusal::NotInChannel(_))) => {
                voice.join(channel.clone())?;
                act(voice)
            }
            done => done,
        };
        let voice = self.voice(program, peer)?;
        let done = match act(&voice) {
            // Its connection was ended, by an administrator for example: it may come again.
            Err(NotHeard::Gone) => {
                self.forget(program, &voice);
                act(&*self.voice(program, peer)?)
            }
            done => done,
        };
        done.map_err(NotDone::from)
    }

    /// The bot of a program, which comes in if it is not there.
    fn voice(&self, program: &ProgramToken, peer: IpAddr) -> Result<Arc<Voice>, NotDone> {
        let (account, _) = program.bot.as_ref().ok_or(NotDone::Silent)?;
        let known = self.voices.lock().get(account).cloned();
        if let Some(voice) = known {
            return Ok(voice);
        }
        let account = self.accounts.bot_again(Asker::at(peer), program);
        let account = account.map_err(NotDone::NoBot)?.ok_or(NotDone::Silent)?;
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
        }
    }
}

impl std::error::Error for NotDone {}
