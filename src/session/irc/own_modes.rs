//! MODE for the client's own user.

use crate::model::Name;
use crate::protocol::irc::message::Message;
use crate::protocol::irc::numerics::*;
use crate::protocol::irc::user_modes;

use super::IrcSession;
use crate::session::attached::Flow;

impl IrcSession {
    pub(super) fn user_mode(&mut self, message: &Message<'_>) -> Flow {
        let written = message.param(0);
        if !self.is_own_nick(written) {
            let words = "Can't change mode for other users";
            return self.numeric(ERR_USERSDONTMATCH, &[words]);
        }
        match message.param(1) {
            "" => self.numeric(RPL_UMODEIS, &[&user_modes::shown(self.traits)]),
            change => self.change_modes(change),
        }
    }

    fn is_own_nick(&mut self, written: &str) -> bool {
        self.refresh_nick();
        Name::parse(written).is_ok_and(|name| self.reader.nick == Some(name))
    }

    /// Changes the modes of the client's user, and tells the client what has changed.
    pub(super) fn change_modes(&mut self, change: &str) -> Flow {
        let before = self.traits;
        let (mut traits, all_known) = user_modes::after(before, change);
        // Nobody becomes an operator without the password.
        traits.is_operator &= self.operator.is_some();
        if !traits.is_operator {
            self.operator = None;
        }
        self.traits = traits;
        let id = self.attached.id;
        let hub = &self.attached.context.hub;
        let Ok(face) = hub.ask(move |hub, _, _| hub.set_traits(id, traits)) else {
            return Flow::Stop;
        };
        let told = user_modes::changed(before, traits);
        self.write(|reader, lines| {
            if !all_known {
                lines.numeric(reader, ERR_UMODEUNKNOWNFLAG, &["Unknown MODE flag"]);
            }
            if let Some(nick) = reader.nick.clone().filter(|_| !told.is_empty()) {
                lines.by(&nick, face.as_deref(), "MODE", &[nick.as_str(), &told]);
            }
        })
    }
}
