//! MARKREAD: how far the user has read in a channel or a direct conversation. The marks
//! of channels are those that all clients of an account share.

use crate::model::time::from_rfc3339;
use crate::model::{Account, MessageId, Name};
use crate::protocol::irc::Cap;
use crate::protocol::irc::message::Message;
use crate::protocol::irc::read_mark;

use super::IrcSession;
use crate::session::attached::Flow;

/// The most direct conversations of which a connection remembers how far it has read.
const MAX_THREADS: usize = 200;

impl IrcSession {
    pub(super) fn markread(&mut self, message: &Message<'_>) -> Flow {
        let (target, written) = (message.param(0), message.param(1));
        if target.is_empty() {
            return self.fail("MARKREAD", "NEED_MORE_PARAMS", &[], "Missing parameters");
        }
        let until = match written {
            "" => None,
            written => match until(written) {
                Some(until) => Some(until),
                None => {
                    let words = "Give the time as timestamp=YYYY-MM-DDThh:mm:ss.sssZ";
                    return self.fail("MARKREAD", "INVALID_PARAMS", &[target], words);
                }
            },
        };
        let mark = match target.strip_prefix('#').map(Name::parse) {
            Some(Ok(channel)) => self.mark_channel(channel, until),
            Some(Err(_)) => Ok(MessageId::default()),
            None => Ok(self.mark_thread(target, until)),
        };
        match mark {
            Ok(mark) => self.write(|_, lines| read_mark(target, mark, lines)),
            Err(flow) => flow,
        }
    }

    /// Notes how far the user has read in a channel, and says how far that is.
    fn mark_channel(&mut self, channel: Name, until: Option<MessageId>) -> Result<MessageId, Flow> {
        self.learn_mark(&channel);
        let id = self.attached.id;
        let mark = self
            .attached
            .context
            .hub
            .ask(move |hub, now, fx| match until {
                Some(until) => hub.read_until(id, &channel, until, now, fx),
                None => Ok(hub.known_mark(id, &channel)),
            });
        let mark = mark.map_err(|_| Flow::Stop)?;
        Ok(mark.unwrap_or_default())
    }

    /// Tells the hub how far the account has read in a channel, which only the store
    /// knows if that was before the account came online.
    pub(super) fn learn_mark(&self, channel: &Name) {
        let Some(account) = self.account.as_ref().map(|account| account.id) else {
            return;
        };
        if !self.reader.has(Cap::ReadMarker) {
            return;
        }
        // Without it, the client is told of no mark.
        let saved = self.attached.saved_rooms(account);
        let Some(saved) = saved.into_iter().find(|saved| saved.channel == *channel) else {
            return;
        };
        let id = self.attached.id;
        let hub = &self.attached.context.hub;
        let _ = hub.ask(move |hub, _, _| hub.learn_mark(id, &saved.channel, saved.read_up_to));
    }

    /// Notes how far the user has read in a direct conversation. The store counts what is
    /// unread; until when it was read, only this connection knows.
    fn mark_thread(&mut self, target: &str, until: Option<MessageId>) -> MessageId {
        let Ok(peer) = Name::parse(target) else {
            return MessageId::default();
        };
        let peer = self.terms().nicknames.meant(peer);
        let known = self.read_threads.get(&peer).copied().unwrap_or_default();
        let Some(until) = until.filter(|until| *until > known) else {
            return known;
        };
        if known == MessageId::default() && self.read_threads.len() >= MAX_THREADS {
            return known;
        }
        if let Some(own) = &self.account {
            self.store_mark(own, &peer, until);
        }
        self.read_threads.insert(peer, until);
        until
    }

    fn store_mark(&self, own: &Account, peer: &Name, until: MessageId) {
        let accounts = &self.attached.context.accounts;
        let asker = self.attached.asker();
        let Ok(Some(peer)) = accounts.find(asker, peer) else {
            return;
        };
        let marked = accounts.question(&asker, |store| store.mark_read(own.id, peer.id, until));
        if let Err(error) = marked {
            error.log("how far a thread was read could not be stored");
        }
    }
}

/// The last id of a time.
fn until(written: &str) -> Option<MessageId> {
    let ms = from_rfc3339(written.strip_prefix("timestamp=")?)?;
    let ms = ms.min(MessageId::LAST.ms - 1);
    let after = MessageId {
        ms: ms + 1,
        sequence: 0,
    };
    Some(after.previous())
}
