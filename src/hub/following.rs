//! Event streams, which follow channels for a program. The program's bot is in the channels with a
//! connection of its own, too.

use crate::model::{MessageId, Name};

use super::{Command, ConnectionId, Effects, Event, Hub, Now, Refusal, WayIn};

impl Hub {
    /// Has the connection of an event stream resume a channel, in which its user is with another
    /// connection: it makes none.
    pub fn catch_up(
        &mut self,
        id: ConnectionId,
        channel: Name,
        after: MessageId,
        now: Now,
        fx: &mut Effects,
    ) {
        match self.way_in(id, &channel, now) {
            Ok(WayIn::Missing) => fx.tell(id, Event::Refused(Refusal::NoSuchChannel(channel))),
            Ok(WayIn::Inside | WayIn::Open) => {
                self.apply(id, Command::Resume { channel, after }, now, fx);
            }
            Err(refusal) => fx.tell(id, Event::Refused(refusal)),
        }
    }
}
