//! Connections that a gateway has made for its clients: it says where each comes from.

use std::net::SocketAddr;

use crate::model::governance::Cloak;
use crate::model::{Entry, Kind};

use super::{ConnectionId, Effects, Farewell, Hub, Now};

impl Hub {
    /// Takes note of the address from which the client of a connection really comes. If that
    /// is banned, the connection is closed.
    pub fn comes_from(
        &mut self,
        id: ConnectionId,
        address: SocketAddr,
        cloak: Cloak,
        now: Now,
        fx: &mut Effects,
    ) {
        if self.has_no_say(id, now, fx) {
            return;
        }
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        let before = std::mem::replace(&mut connection.profile.address, address);
        connection.profile.cloak = Some(cloak);
        let protocol = connection.profile.protocol;
        self.by_address.remove(&(before.ip().to_canonical(), id));
        self.by_address.insert((address.ip().to_canonical(), id));
        fx.log(Entry {
            address: Some(address),
            protocol: Some(protocol),
            text: Some(format!("through the gateway {before}").into()),
            ..Entry::new(now.unix_ms, Kind::Open)
        });
        let ban = self.bans.address(address.ip(), now.unix_ms);
        if let Some(farewell) = ban.map(|ban| Farewell::Banned(ban.reason.clone())) {
            self.close(id, farewell, now, fx);
        }
    }
}
