//! Connections open and end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use chat_server::hub::{ConnectionId, Farewell, Profile};

use super::super::bug::Bug;
use super::super::client::Client;
use super::super::invariant::{Check, Invariant, ensure};
use super::super::model::{Conn, Slot};
use super::super::names::ROOMS;
use super::World;

/// The first port: an address tells which connection it is.
pub const FIRST_PORT: u16 = 1000;
/// Most channels remembered in which clients left off.
const LEFT_OFF: usize = 8;
/// Number of client addresses.
pub const ADDRESSES: usize = 6;

impl World {
    pub(super) fn open(&mut self) -> Check<bool> {
        let opened = self.open_slot()?;
        Ok(opened.is_some())
    }

    /// Opens a connection, if there is room for one. The hub may refuse it.
    pub(super) fn open_slot(&mut self) -> Check<Option<Slot>> {
        let free = self.model.slots.iter().position(Option::is_none);
        let slot = match free {
            Some(slot) => slot,
            None if self.model.slots.len() < self.plan.slots => {
                self.model.slots.push(None);
                self.model.slots.len() - 1
            }
            None => return Ok(None),
        };
        if self.generations.len() <= slot {
            self.generations.resize(slot + 1, 0);
            self.clients.resize_with(slot + 1, Client::default);
        }
        let id = ConnectionId {
            index: slot as u32,
            generation: self.generations[slot],
        };
        let host = self.random.below(ADDRESSES);
        let profile = Profile {
            protocol: ["telnet", "json"][slot % 2],
            address: SocketAddr::new(address(host), FIRST_PORT + slot as u16),
            cloak: None,
            one_channel: self.random.chance(self.plan.one_channel),
            shows_past: true,
            ends_with_channel: false,
            keeps_rosters: false,
        };
        self.trace.act(5, format_args!("{id:?} opens: {profile:?}"));
        let deadline = (self.plan.login_ms > 0).then(|| self.now.ticks_ms + self.plan.login_ms);
        self.clients[slot] = Client::default();
        self.model.slots[slot] = Some(Conn::new(id, profile.clone(), deadline));
        self.model.call.opened = Some(slot);
        let banned = self.model.bans_address(profile.address, self.now);
        self.call(|hub, now, fx| hub.open(id, profile, now, fx))?;
        let alive = self.model.alive(slot).is_some();
        ensure(alive != banned, Invariant::BansHold, || {
            format!("{id:?} is admitted: {alive}; its address is banned: {banned}")
        })?;
        Ok(Some(slot))
    }

    /// A client disconnects.
    pub(super) fn hang_up(&mut self) -> Check<bool> {
        let Some(slot) = self.some_alive() else {
            return Ok(false);
        };
        self.drop_out(slot)?;
        Ok(true)
    }

    /// The network fails: nearly every client disconnects.
    pub(super) fn outage(&mut self) -> Check<bool> {
        let all: Vec<Slot> = self.model.all_alive().map(|(slot, _)| slot).collect();
        for &slot in &all {
            if self.random.chance(950) {
                self.drop_out(slot)?;
            }
        }
        Ok(!all.is_empty())
    }

    pub(super) fn drop_out(&mut self, slot: Slot) -> Check {
        let id = self.id(slot);
        self.trace.act(11, format_args!("{id:?} hangs up"));
        self.clients[slot].lose(self.random.below(4));
        self.close(slot, Farewell::PeerLeft)?;
        self.free(slot);
        Ok(())
    }

    /// The thread of a connection that the hub has ended finishes.
    pub(super) fn done(&mut self) -> Check<bool> {
        let ended = |conn: &Option<Conn>| conn.as_ref().is_some_and(|conn| !conn.alive);
        let Some(slot) = self.model.slots.iter().position(ended) else {
            return Ok(false);
        };
        let id = self.id(slot);
        self.trace.act(12, format_args!("{id:?} is done"));
        self.call(|hub, now, fx| hub.close(id, Farewell::PeerLeft, now, fx))?;
        self.free(slot);
        Ok(true)
    }

    /// Notes where this client left off, for a later client to resume.
    pub(super) fn leave_off(&mut self, slot: Slot) {
        for room in 0..ROOMS {
            if let Some(last) = self.clients[slot].has_all(room) {
                if self.left_off.len() == LEFT_OFF {
                    self.left_off.remove(0);
                }
                self.left_off.push((room, last));
            }
        }
    }

    fn free(&mut self, slot: Slot) {
        self.leave_off(slot);
        self.model.slots[slot] = None;
        self.generations[slot] += 1;
    }

    pub(super) fn close_slow_reader(&mut self, slot: Slot) -> Check {
        if self.model.alive(slot).is_none() {
            return Ok(());
        }
        let id = self.id(slot);
        self.trace.act(13, format_args!("{id:?} reads too slowly"));
        self.close(slot, Farewell::SlowReader)
    }

    pub(super) fn close(&mut self, slot: Slot, farewell: Farewell) -> Check {
        let id = self.id(slot);
        if !self.saboteur.is(Bug::ForgetsToClose) {
            self.call(|hub, now, fx| hub.close(id, farewell, now, fx))?;
        }
        self.all_ended(&[slot])
    }

    pub(super) fn all_ended(&self, slots: &[Slot]) -> Check {
        let left = slots.iter().find(|&&slot| self.model.alive(slot).is_some());
        ensure(left.is_none(), Invariant::EndedMeansEnded, || {
            format!("{left:?} should have been ended")
        })
    }

    /// The id of a connection that exists.
    pub(super) fn id(&self, slot: Slot) -> ConnectionId {
        ConnectionId {
            index: slot as u32,
            generation: self.generations[slot],
        }
    }

    /// Gives a connection's token an expiry.
    pub(super) fn expire(&mut self) -> Check<bool> {
        let Some(slot) = self.some_alive() else {
            return Ok(false);
        };
        let id = self.id(slot);
        let lasts_ms = *self.random.pick(&[0, 300, 20_000]);
        self.trace
            .act(28, format_args!("{id:?} has a token for {lasts_ms} ms"));
        let expiry = self.now.ticks_ms + lasts_ms;
        if let Some(conn) = self.model.alive_mut(slot) {
            conn.expiry = Some(expiry);
        }
        if !self.saboteur.is(Bug::ForgetsExpiry) {
            self.call(|hub, now, _| hub.expire(id, now.unix_ms + lasts_ms, now))?;
        }
        Ok(true)
    }

    /// The network delivers some packets to a client.
    pub(super) fn receive(&mut self) -> Check<bool> {
        if self.clients.is_empty() {
            return Ok(false);
        }
        let slot = self.random.below(self.clients.len());
        let most = self.random.between(1, 40);
        let received = self.clients[slot].receive(most, self.plan.history, &self.store)?;
        self.trace.did(14, received, "a client receives");
        Ok(received)
    }
}

/// Client hosts; two of them are the same host in two notations.
pub fn address(host: usize) -> IpAddr {
    let v4 = |last| Ipv4Addr::new(192, 0, 2, last);
    match host {
        0 => IpAddr::V6(v4(1).to_ipv6_mapped()),
        1..5 => IpAddr::V4(v4(host as u8)),
        _ => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    }
}
