//! What a client's lines depend on.

use crate::hub::Event;
use crate::model::Name;

use crate::protocol::{WireFormat, websocket};

use super::labels::Answers;
use super::{Cap, Caps};

/// What a client's capabilities change in the bytes of what everyone is told: clients of
/// one shape get the same bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape(u8);

impl Shape {
    const TIME: u8 = 1;
    const ACCOUNT: u8 = 2;
    const TAGS: u8 = 4;
    const JOIN: u8 = 8;
    const TEXT_FRAMES: u8 = 16;
    const BINARY_FRAMES: u8 = 32;
    const MULTILINE: u8 = 64;

    /// The shape that a set of capabilities makes.
    pub fn of(caps: Caps) -> Shape {
        let bits = [
            (Cap::ServerTime, Shape::TIME),
            (Cap::AccountTag, Shape::ACCOUNT),
            (Cap::MessageTags, Shape::TAGS),
            (Cap::ExtendedJoin, Shape::JOIN),
            (Cap::Multiline, Shape::MULTILINE),
        ];
        let bits = bits.into_iter().filter(|(cap, _)| caps.has(*cap));
        Shape(bits.fold(0, |all, (_, bit)| all | bit))
    }

    /// Whether lines are frames of a WebSocket.
    pub fn is_framed(self) -> bool {
        self.has(Shape::TEXT_FRAMES) || self.has(Shape::BINARY_FRAMES)
    }

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    /// The shape with a line in each frame, for the WebSockets of a format.
    fn in_frames_of(self, format: WireFormat) -> Shape {
        match format {
            WireFormat::IrcText => Shape(self.0 | Shape::TEXT_FRAMES),
            WireFormat::IrcBinary => Shape(self.0 | Shape::BINARY_FRAMES),
            _ => self,
        }
    }

    /// Appends the lines that `write` appends, for WebSockets each in a frame of its own.
    pub fn framed(self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let is_text = self.has(Shape::TEXT_FRAMES);
        if !is_text && !self.has(Shape::BINARY_FRAMES) {
            return write(out);
        }
        let mut lines = Vec::new();
        write(&mut lines);
        let lines = lines.split(|&byte| byte == b'\n');
        for line in lines.filter(|line| !line.is_empty()) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            match is_text {
                true => websocket::text_frame(line, out),
                false => websocket::binary_frame(line, out),
            }
        }
    }

    /// Whether lines say when they were said.
    pub fn has_time(self) -> bool {
        self.has(Shape::TIME)
    }

    /// Whether lines say the account of their author.
    pub fn has_account(self) -> bool {
        self.has(Shape::ACCOUNT)
    }

    /// Whether lines have every tag.
    pub fn has_tags(self) -> bool {
        self.has(Shape::TAGS)
    }

    /// Whether a message of several lines is a batch.
    pub fn has_multiline(self) -> bool {
        self.has(Shape::MULTILINE)
    }

    /// Whether JOIN says account and real name.
    pub fn has_extended_join(self) -> bool {
        self.has(Shape::JOIN)
    }
}

/// What the lines of one client depend on.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    /// Its nickname, once it has one.
    pub nick: Option<Name>,
    /// What it has asked for.
    caps: Caps,
    shape: Shape,
    format: Option<WireFormat>,
    /// The answers to a request with a label.
    pub answers: Answers,
}

impl Reader {
    /// A client of one of the formats of IRC.
    pub fn of(format: WireFormat) -> Reader {
        Reader {
            shape: Shape::default().in_frames_of(format),
            format: Some(format),
            ..Reader::default()
        }
    }

    /// Its capabilities.
    pub fn caps(&self) -> Caps {
        self.caps
    }

    /// Gives it other capabilities.
    pub fn set_caps(&mut self, caps: Caps) {
        self.caps = caps;
        let shape = Shape::of(caps);
        self.shape = self
            .format
            .map_or(shape, |format| shape.in_frames_of(format));
    }

    /// Its shape.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Whether it has a capability.
    pub fn has(&self, cap: Cap) -> bool {
        self.caps.has(cap)
    }

    /// The nickname in a numeric.
    pub fn shown(&self) -> &str {
        self.nick.as_ref().map_or("*", Name::as_str)
    }

    /// Takes note of what the client is about to be told.
    pub fn note(&mut self, event: &Event) {
        if let Event::Welcome { nickname } = event {
            self.nick = Some(nickname.clone());
        }
    }

    /// Takes note of what the client has been told.
    pub fn renamed(&mut self, to: &Name) {
        self.nick = Some(to.clone());
    }
}
