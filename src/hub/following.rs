//! Event streams, which follow channels for a program. The program's bot is in the channels with a
//! connection of its own, too.

use crate::model::{MessageId, Name};

use super::{Command, ConnectionId, Effects, Event, Hub, Now, Refusal, WayIn};

impl Hub {
    /// Has the connection of an event stream resume a channel, in which its user is with another
    /// connection: it makes none. What has let the user in lets the stream in, too.
    pub fn catch_up(
        &mut self,
        id: ConnectionId,
        channel: Name,
        after: MessageId,
        now: Now,
        fx: &mut Effects,
    ) {
        let index = self.channels.find(&channel);
        let pass = index.and_then(|index| self.pass_of_user(id, index, now));
        let before = self.set_pass(id, pass);
        match self.way_in(id, &channel, now) {
            Ok(WayIn::Missing) => fx.tell(id, Event::Refused(Refusal::NoSuchChannel(channel))),
            Ok(WayIn::Inside | WayIn::Open) => {
                self.apply(id, Command::Resume { channel, after }, now, fx);
            }
            Err(refusal) => fx.tell(id, Event::Refused(refusal)),
        }
        self.set_pass(id, before);
    }
}
