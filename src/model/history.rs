//! What was said in a conversation.

use super::amendment::Amendment;
use super::id::MessageId;
use super::message::{Message, Window};
use super::reactions::Reactions;

/// Part of a conversation.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Ids strictly increase.
    pub messages: Vec<Message>,
    /// For [`Window::After`]: the last change of each message up to that id that was
    /// changed after it, in the order of the changes.
    pub amended: Vec<Amendment>,
    /// For [`Window::After`]: the messages up to that id that users reacted to after it, in the
    /// order of the last reactions.
    pub reacted: Vec<Message>,
    /// Whether the store has more messages on the side that was asked for: after
    /// these for [`Window::After`], otherwise before them.
    pub more: bool,
    /// Whether retention has removed some of that side.
    pub gap: bool,
    /// The highest id so far, if the log of several servers gives out the ids: a
    /// client that names a higher one has seen another history. `None` from a
    /// store whose only server gives out the ids itself.
    pub newest: Option<MessageId>,
}

impl History {
    /// Leaves out what a reader may not see: everything up to `after`. To that
    /// reader, the history begins there. Returns whether there was any.
    pub fn cut(&mut self, after: MessageId, window: Window) -> bool {
        let before = self.messages.len();
        self.messages.retain(|message| message.id > after);
        self.amended.retain(|amended| amended.message > after);
        self.reacted.retain(|message| message.id > after);
        let is_cut = self.messages.len() < before;
        if is_cut && !matches!(window, Window::After(_)) {
            self.more = false;
            self.gap = false;
        }
        is_cut
    }

    /// The id of the last thing in it: a message, or a change of an earlier one.
    pub fn last(&self) -> Option<MessageId> {
        let message = self.messages.last().map(|message| message.id);
        let amended = self.amended.last().map(|amended| amended.id);
        let reactions = self.reacted.last().and_then(|it| it.body.reactions());
        let reacted = reactions.and_then(Reactions::last);
        message.max(amended).max(reacted)
    }

    /// Whether this is everything there ever was on the side that was asked
    /// for.
    pub fn is_complete(&self) -> bool {
        !self.more && !self.gap
    }
}
