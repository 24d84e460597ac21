//! Logging in to another account: the connection is one of another user from then on.

use crate::model::{Name, Text};

use super::{ConnectionId, Credential, Effects, Event, Hub, Now, Refusal};

/// What those are told who see the user in a channel.
const REASON: &str = "Logged in to another account";

impl Hub {
    /// Makes a connection of one account a connection of another one, to which it has logged in.
    /// It leaves its channels: what it may see and do there is the other account's. They stay
    /// those of the account that it had. Returns them, in the order in which it had joined them.
    /// The account is called as it chooses to be, or by its name.
    pub fn switch_account(
        &mut self,
        id: ConnectionId,
        name: Name,
        credential: Credential,
        now: Now,
        fx: &mut Effects,
    ) -> Result<Vec<Name>, Refusal> {
        if self.has_no_say(id, now, fx) {
            return Err(Refusal::NoChannel);
        }
        self.check_becoming(id, &name, credential.account, now)?;
        let (before, _) = self.user_of(id)?;
        if before == name {
            return Ok(Vec::new());
        }
        let face = self.face_of(&before);
        let channels = self.channels_of(id);
        while let Some(channel) = self.current_channel(id) {
            self.part(id, channel, Some(Text::clean(REASON)), now, fx);
        }
        if let Some(connection) = self.connection_mut(id) {
            connection.nickname = None;
            connection.wished = None;
        }
        self.release_nickname(&before, id, now, fx);
        self.look_again(&before);
        self.come_online(id, &name, (Some(credential), None), now, fx);
        self.look_again(&name);
        fx.shown_as(face, |fx| fx.tell(id, Event::Renamed { to: name }));
        Ok(channels)
    }
}
