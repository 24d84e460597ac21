//! The policy for clients that send too fast, the same for every protocol. A session
//! only puts it into words.

use crate::hub::{Farewell, Tag};

use super::attached::{Attached, Flow};
use super::pace::Verdict;

/// A line or frame from a client, as its pace is judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent<'a> {
    /// What it is, for the log.
    pub what: &'a str,
    /// The client's tag for it.
    pub tag: Option<&'a Tag>,
    /// Whether it waits for a moment if it comes too fast, instead of being
    /// refused. The thread stops reading, so the client's later lines wait in the
    /// socket.
    pub may_wait: bool,
}

/// A line, whatever it says.
pub const A_LINE: Sent<'static> = Sent {
    what: "a line",
    tag: None,
    may_wait: false,
};

/// What a client is told about its pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The client has slowed down; this many of its messages were dropped.
    Dropped(u32),
    /// This message is dropped, and so are the next ones until the client slows down.
    TooFast,
    /// Another message is dropped.
    StillTooFast,
}

/// A session whose client is paced, in the words of its protocol.
pub trait Paced {
    /// The connection.
    fn attached(&mut self) -> &mut Attached;

    /// Tells the client, if the protocol has words for it.
    fn say_pace(&self, notice: Notice, sent: &Sent<'_>) -> Flow;

    /// Judges what the client has sent: `None` if it is to be carried out, otherwise
    /// whether the connection's thread goes on.
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
