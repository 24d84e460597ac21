//! WEBIRC: a gateway says from which address its client comes, before anything else.
//! <https://ircv3.net/specs/extensions/webirc>

use std::net::{IpAddr, SocketAddr};

use crate::model::Entry;
use crate::net::registry::AddressPermit;
use crate::protocol::irc::message::Message;
use crate::protocol::irc::numerics::*;

use super::{IrcSession, secret};
use crate::hub::Farewell;
use crate::session::attached::Flow;

/// What a gateway has said of its client.
pub(super) struct Via {
    /// Whether nobody else reads what client and gateway send to each other.
    pub is_secure: bool,
    /// The client's place among those of its address.
    _permit: AddressPermit,
}

impl IrcSession {
    pub(super) fn webirc(&mut self, message: &Message<'_>) -> Flow {
        let Some(registering) = &self.registering else {
            return self.already_registered();
        };
        if !registering.is_at_first_line() || self.via.is_some() {
            return self.no_gateway("WEBIRC must be the first line");
        }
        let gateway = self.attached.peer;
        let gateways = &self.attached.context.irc.gateways;
        match gateways.check(&secret(message.param(0)), gateway.ip()) {
            Ok(true) => {}
            Ok(false) => {
                let entry = Entry {
                    address: Some(gateway),
                    is_refusal: true,
                    ..Entry::admin(0, "WEBIRC: no gateway, or a wrong password".to_owned())
                };
                let hub = &self.attached.context.hub;
                // If the hub has gone, the connection ends with the next line.
                let _ = hub.ask(move |_, now, fx| {
                    fx.log(Entry {
                        at_ms: now.unix_ms,
                        ..entry
                    });
                });
                return self.no_gateway("No gateway has this address and password");
            }
            Err(_) => return self.no_gateway("The password cannot be checked at present"),
        }
        let Ok(client) = message.param(3).parse::<IpAddr>() else {
            return self.no_gateway("The client's address is none");
        };
        let options = message.param(4).split(' ');
        let is_secure = options.into_iter().any(|option| option == "secure");
        let context = &self.attached.context;
        let permit = context
            .registry
            .admit_behind(client, context.limits.connections_per_address);
        let permit = match permit {
            Ok(permit) => permit,
            Err(refused) => return self.no_gateway(refused.words()),
        };
        let client = SocketAddr::new(client, 0);
        if let Err(refused) = self.attached.comes_from(client) {
            return self.no_gateway(refused.words());
        }
        self.via = Some(Box::new(Via {
            is_secure,
            _permit: permit,
        }));
        Flow::Continue
    }

    fn no_gateway(&mut self, words: &str) -> Flow {
        match self.numeric(ERR_PASSWDMISMATCH, &[words]) {
            Flow::Continue => self.ends(Farewell::Quit),
            Flow::Stop => Flow::Stop,
        }
    }
}
