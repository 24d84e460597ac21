//! What becomes of what a client sends too fast: the policy, the same for every
//! protocol. A session only puts it into words.

use crate::hub::{Farewell, Tag};

use super::attached::{Attached, Flow};
use super::pace::Verdict;

/// What a client has sent, as far as its pace is concerned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent<'a> {
    /// What it is, for the log.
    pub what: &'a str,
    /// What the client calls it.
    pub tag: Option<&'a Tag>,
    /// Whether it waits for a moment if it comes too fast, and what is sent
    /// behind it with it. The client is read later, so its own socket holds
    /// what it sends meanwhile.
    pub may_wait: bool,
}

/// A line, whatever it says.
pub const A_LINE: Sent<'static> = Sent {
    what: "a line",
    tag: None,
    may_wait: false,
};

/// What a client is to be told about its pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It has calmed down; so many of its messages were dropped.
    Dropped(u32),
    /// This one is dropped, and so are those to come until it slows down.
    TooFast,
    /// One more is dropped.
    StillTooFast,
}

/// A session whose client is paced. The policy is here and the same for all; a
/// session puts it into the words of its protocol.
pub trait Paced {
    /// The connection.
    fn attached(&mut self) -> &mut Attached;

    /// Tells the client, if the protocol has words for it.
    fn say_pace(&self, notice: Notice, sent: &Sent<'_>) -> Flow;

    /// Judges what the client has sent. Nothing if it is to be carried out;
    /// else what becomes of the connection's thread.
    fn held_back(&mut self, sent: Sent<'_>) -> Option<Flow> {
        let notice = match self.attached().pace.judge(sent.may_wait) {
            Verdict::Pass => return None,
            Verdict::PassAfter { refused } => {
                let flow = self.say_pace(Notice::Dropped(refused), &sent);
                return (flow == Flow::Stop).then_some(flow);
            }
            Verdict::Warn => Notice::TooFast,
            Verdict::Refuse => Notice::StillTooFast,
            Verdict::Close => return Some(self.attached().close(Farewell::Flooding)),
        };
        Some(self.say_pace(notice, &sent))
    }
}
