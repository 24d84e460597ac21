//! What a message says, and how it is meant.

use std::sync::Arc;

use super::id::MessageId;
use super::name::Name;
use super::reactions::Reactions;
use super::styled::Styled;
use super::text::{Text, is_printable};

/// How a message is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// Its author says it.
    #[default]
    Say,
    /// Its author does it: `* ann waves`.
    Action,
    /// It is for people to read and for nothing to answer, as a program's report is.
    Notice,
    /// It says nothing any more: it was deleted.
    Deleted,
}

/// The number of [`MessageKind::Deleted`].
const DELETED: u8 = 3;

impl MessageKind {
    /// The number that stands for it in databases and between servers.
    pub fn number(self) -> u8 {
        match self {
            MessageKind::Say => 0,
            MessageKind::Action => 1,
            MessageKind::Notice => 2,
            MessageKind::Deleted => DELETED,
        }
    }

    /// The kind of a number. One that a later version has added is read as what
    /// everything is that has no kind.
    pub fn of_number(number: u8) -> MessageKind {
        match number {
            1 => MessageKind::Action,
            2 => MessageKind::Notice,
            DELETED => MessageKind::Deleted,
            _ => MessageKind::Say,
        }
    }
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// How it is meant.
    pub kind: MessageKind,
    /// The text, which is safe to show anywhere.
    pub text: Text,
    /// The text with its colours and styles, if it came with any: for IRC alone, since
    /// a terminal would obey them.
    pub styled: Option<Styled>,
    /// What the author's program has added for other programs, in the words of its own
    /// protocol. It is told, but never stored.
    pub extras: Option<Arc<str>>,
    /// What few messages have. Boxed, so that the others are not larger for it.
    pub more: Option<Box<More>>,
}

/// What few messages have besides their text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct More {
    /// The id of the last change, which is also its time.
    pub changed: Option<MessageId>,
    /// The message that this one answers.
    pub reply: Option<ReplyTo>,
    /// Where the author's program has broken a line that is one: bytes of the text with
    /// its styles, or of the text if it has none. Told with it, but never stored.
    pub joints: Arc<[usize]>,
    /// What users have reacted with.
    pub reactions: Option<Reactions>,
    /// Whether a program has said it. Never stored with the message: it follows from its author.
    pub by_bot: bool,
}

/// The message that another one answers: it is in the same conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    /// Its id.
    pub id: MessageId,
    /// Its author's nickname at the time.
    pub author: Name,
}

impl Body {
    /// A text of a kind.
    pub fn plain(kind: MessageKind, text: Text) -> Body {
        Body {
            kind,
            text,
            styled: None,
            extras: None,
            more: None,
        }
    }

    /// What is left of a deleted message.
    pub fn deleted() -> Body {
        Body::plain(MessageKind::Deleted, Text::clean(""))
    }

    /// The same, as the change with this id has made it.
    pub fn changed_by(mut self, id: MessageId) -> Body {
        self.more.get_or_insert_default().changed = Some(id);
        self
    }

    /// The id of the last change, if the message was ever changed.
    pub fn changed(&self) -> Option<MessageId> {
        self.more.as_ref()?.changed
    }

    /// The same, as the answer to a message, if it is one.
    pub fn replying_to(mut self, reply: Option<ReplyTo>) -> Body {
        if reply.is_some() {
            self.more.get_or_insert_default().reply = reply;
        }
        self
    }

    /// The message that this one answers, if it answers one.
    pub fn reply(&self) -> Option<&ReplyTo> {
        self.more.as_ref()?.reply.as_ref()
    }

    /// The same, with what users have reacted with.
    pub fn with_reactions(mut self, reactions: Option<Reactions>) -> Body {
        if reactions.is_some() || self.reactions().is_some() {
            self.more.get_or_insert_default().reactions = reactions;
        }
        self
    }

    /// What users have reacted with, if any ever has.
    pub fn reactions(&self) -> Option<&Reactions> {
        self.more.as_ref()?.reactions.as_ref()
    }

    /// Has the reactions name this user first.
    pub fn show_reader(&mut self, key: &Arc<str>) {
        let more = self.more.as_mut();
        if let Some(reactions) = more.and_then(|more| more.reactions.as_mut()) {
            *reactions = reactions.for_reader(key);
        }
    }

    /// Whether a program has said it.
    pub fn is_by_bot(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.by_bot)
    }

    /// Whether the message was deleted.
    pub fn is_deleted(&self) -> bool {
        self.kind == MessageKind::Deleted
    }

    /// A text of a kind as IRC clients write it, perhaps with colours and styles.
    pub fn styled(kind: MessageKind, raw: &str) -> Body {
        if is_printable(raw) {
            return Body::plain(kind, Text::clean(raw));
        }
        let styled = Styled::clean(raw);
        let text = styled.strip();
        let has_styles = styled.as_str() != text.as_str();
        Body {
            kind,
            text,
            styled: has_styles.then_some(styled),
            extras: None,
            more: None,
        }
    }

    /// As [`Body::styled`], with the places in `raw` where the author's program has broken
    /// lines that are one.
    pub fn in_pieces(kind: MessageKind, raw: &str, joints: &[usize]) -> Body {
        let whole = Body::styled(kind, raw);
        let shown = |body: &Body| match &body.styled {
            Some(styled) => styled.as_str().len(),
            None => body.text.as_str().len(),
        };
        let moved = joints.iter().filter_map(|&joint| {
            // Cleaning leaves characters out: as many as it does before the joint.
            let before = Body::styled(kind, &format!("{}.", raw.get(..joint)?));
            let is_alike = before.styled.is_some() == whole.styled.is_some();
            is_alike.then(|| shown(&before).saturating_sub(1))
        });
        let joints: Vec<usize> = moved.collect();
        let more = More {
            joints: joints.into(),
            ..More::default()
        };
        Body {
            more: (!more.joints.is_empty()).then(|| Box::new(more)),
            ..whole
        }
    }

    /// The same from its parts, as they were stored.
    pub fn restored(kind: u8, text: &str, styled: Option<&str>) -> Body {
        Body {
            kind: MessageKind::of_number(kind),
            text: Text::as_sent(text),
            styled: styled.map(Styled::clean),
            extras: None,
            more: None,
        }
    }

    /// Where the author's program has broken lines that are one.
    pub fn joints(&self) -> &[usize] {
        self.more.as_ref().map_or(&[], |more| &more.joints)
    }

    /// Whether nothing is left to show.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        let styled = self.styled.as_ref().map_or("", Styled::as_str);
        let extras = self.extras.as_deref().unwrap_or_default();
        let reactions = self.reactions().map_or(0, Reactions::bytes);
        self.text.as_str().len() + styled.len() + extras.len() + reactions
    }

    /// The text as the chat log has it: the log's entries have no kinds.
    pub fn logged(&self, author: &Name) -> Arc<str> {
        let text = &self.text;
        match self.kind {
            MessageKind::Say => text.clone().into(),
            MessageKind::Action => format!("* {author} {text}").into(),
            MessageKind::Notice => format!("-{author}- {text}").into(),
            MessageKind::Deleted => "".into(),
        }
    }
}

impl From<Text> for Body {
    fn from(text: Text) -> Body {
        Body::plain(MessageKind::Say, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_styles_is_kept_with_them() {
        let plain = Body::styled(MessageKind::Action, "waves ");
        assert_eq!(
            plain,
            Body::plain(MessageKind::Action, Text::clean("waves"))
        );
        let styled = Body::styled(MessageKind::Say, "\x02bold\x02 \x0304red");
        assert_eq!(styled.text.as_str(), "bold red");
        assert_eq!(styled.styled.unwrap().as_str(), "\x02bold\x02 \x0304red");
    }

    #[test]
    fn joints_stay_where_the_words_are() {
        let body = Body::in_pieces(MessageKind::Say, "a\u{7}b cd", &[3, 5, 99]);
        assert_eq!(body.text.as_str(), "ab cd");
        assert_eq!(body.joints(), [2, 4]);
        let plain = Body::in_pieces(MessageKind::Say, "ab", &[]);
        assert_eq!(plain.more, None);
    }

    #[test]
    fn kinds_come_back_from_their_numbers() {
        for kind in [
            MessageKind::Say,
            MessageKind::Action,
            MessageKind::Notice,
            MessageKind::Deleted,
        ] {
            assert_eq!(MessageKind::of_number(kind.number()), kind);
        }
        assert_eq!(MessageKind::of_number(9), MessageKind::Say);
    }
}
