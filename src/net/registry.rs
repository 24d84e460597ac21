//! The registry of connections: limits altogether and per address, and ids.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::hub::ConnectionId;

use crate::model::subscriber::subscriber;

/// Counts connections and hands out ids. Used when connections come and go,
/// never per message.
#[derive(Debug, Default)]
pub struct Registry {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connections: usize,
    /// By [`subscriber`].
    per_address: HashMap<IpAddr, usize>,
    generations: Vec<u32>,
    free: Vec<u32>,
}

/// Why a connection may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// As many connections as the server takes.
    Full,
    /// As many connections as one address may have.
    AddressFull,
    /// The connections of the address have used up their allowance of written bytes
    /// for this minute.
    AllowanceSpent,
}

impl Refused {
    /// A stable word for programs.
    pub fn code(self) -> &'static str {
        match self {
            Refused::Full => "server_full",
            Refused::AddressFull => "address_full",
            Refused::AllowanceSpent => "allowance_spent",
        }
    }

    /// For the log and the peer.
    pub fn words(self) -> &'static str {
        match self {
            Refused::Full => "The server is full. Try again later.",
            Refused::AddressFull => "Too many connections from your address.",
            Refused::AllowanceSpent => {
                "Your address has sent as much as it may in a minute. Try again in a moment."
            }
        }
    }
}

/// The right to be connected; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    registry: Arc<Registry>,
    subscriber: IpAddr,
}

/// A place among the connections of an address; given back when dropped.
#[derive(Debug)]
pub struct AddressPermit {
    registry: Arc<Registry>,
    subscriber: IpAddr,
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        self.registry.state.lock().leave(self.subscriber);
    }
}

impl Registry {
    /// Admits a connection unless that exceeds a limit; 0 is no limit, and loopback
    /// addresses have no limit of their own. An IPv6 /64 network counts as one
    /// address.
    pub fn admit(
        self: &Arc<Registry>,
        address: IpAddr,
        in_all: usize,
        per_address: usize,
    ) -> Result<Permit, Refused> {
        let mut state = self.state.lock();
        if in_all > 0 && state.connections >= in_all {
            return Err(Refused::Full);
        }
        let subscriber = subscriber(address);
        let of_address = state.per_address.entry(subscriber).or_insert(0);
        let limited = per_address > 0 && !address.to_canonical().is_loopback();
        if limited && *of_address >= per_address {
            return Err(Refused::AddressFull);
        }
        *of_address += 1;
        state.connections += 1;
        Ok(Permit {
            registry: self.clone(),
            subscriber,
        })
    }

    /// Admits the client of a gateway, whose connection is counted already, among those of the
    /// client's own address; 0 is no limit.
    pub fn admit_behind(
        self: &Arc<Registry>,
        address: IpAddr,
        per_address: usize,
    ) -> Result<AddressPermit, Refused> {
        let mut state = self.state.lock();
        let subscriber = subscriber(address);
        let of_address = state.per_address.entry(subscriber).or_insert(0);
        if per_address > 0 && *of_address >= per_address {
            return Err(Refused::AddressFull);
        }
        *of_address += 1;
        Ok(AddressPermit {
            registry: self.clone(),
            subscriber,
        })
    }

    /// Connections now.
    pub fn connections(&self) -> usize {
        self.state.lock().connections
    }

    /// Connections the hub knows: those that chat.
    pub fn ids(&self) -> usize {
        let state = self.state.lock();
        state.generations.len() - state.free.len()
    }

    /// A new id, unlike any other in use.
    pub fn take_id(&self) -> ConnectionId {
        let mut state = self.state.lock();
        let index = match state.free.pop() {
            Some(index) => index,
            None => {
                state.generations.push(0);
                // Far fewer connections than u32 fit into memory.
                (state.generations.len() - 1) as u32
            }
        };
        let generation = state.generations.get(index as usize).copied();
        ConnectionId {
            index,
            generation: generation.unwrap_or(0),
        }
    }

    /// Gives back an id. Its index will be reused.
    pub fn release_id(&self, id: ConnectionId) {
        let mut state = self.state.lock();
        if let Some(generation) = state.generations.get_mut(id.index as usize)
            && *generation == id.generation
        {
            *generation = generation.wrapping_add(1);
            state.free.push(id.index);
        }
    }
}

impl Permit {
    /// Counts the connection for another address, because a proxy has only now told
    /// the client's. If that exceeds the limit it stays with the old address; 0
    /// is no limit.
    pub fn move_to(&mut self, address: IpAddr, per_address: usize) -> Result<(), Refused> {
        let mut state = self.registry.state.lock();
        let limited = per_address > 0 && !address.to_canonical().is_loopback();
        let subscriber = subscriber(address);
        let there = state.per_address.get(&subscriber).copied().unwrap_or(0);
        if limited && there >= per_address {
            return Err(Refused::AddressFull);
        }
        state.leave(self.subscriber);
        *state.per_address.entry(subscriber).or_insert(0) += 1;
        self.subscriber = subscriber;
        Ok(())
    }
}

impl State {
    fn leave(&mut self, subscriber: IpAddr) {
        if let Some(count) = self.per_address.get_mut(&subscriber) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&subscriber);
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.registry.state.lock();
        state.connections -= 1;
        state.leave(self.subscriber);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_at_their_edge_and_places_come_back() {
        let registry = Arc::new(Registry::default());
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let two: IpAddr = "192.0.2.2".parse().unwrap();
        let first = registry.admit(one, 3, 2).unwrap();
        let _second = registry.admit(one, 3, 2).unwrap();
        assert_eq!(registry.admit(one, 3, 2).unwrap_err(), Refused::AddressFull);
        let _third = registry.admit(two, 3, 2).unwrap();
        assert_eq!(registry.admit(two, 3, 2).unwrap_err(), Refused::Full);
        drop(first);
        assert!(registry.admit(one, 3, 2).is_ok());
    }

    #[test]
    fn who_comes_through_a_proxy_counts_for_themselves() {
        let registry = Arc::new(Registry::default());
        let [proxy, client]: [IpAddr; 2] = ["10.0.0.1", "192.0.2.1"].map(|a| a.parse().unwrap());
        let enter = || registry.admit(proxy, 9, 0).unwrap();
        let mut permits = [enter(), enter(), enter()];
        assert_eq!(permits[0].move_to(client, 2), Ok(()));
        assert_eq!(permits[1].move_to(client, 2), Ok(()));
        assert_eq!(permits[2].move_to(client, 2), Err(Refused::AddressFull));
        assert_eq!(registry.connections(), 3);
        drop(permits);
        assert!(registry.state.lock().per_address.is_empty());
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let registry = Arc::new(Registry::default());
        let admit = |address: &str| registry.admit(address.parse().unwrap(), 0, 2);
        let first = admit("2001:db8::1").unwrap();
        let _second = admit("2001:db8::ffff:ffff:ffff:ffff").unwrap();
        assert_eq!(admit("2001:db8::2").unwrap_err(), Refused::AddressFull);
        let _beside = admit("2001:db8:0:1::1").unwrap();
        drop(first);
        let _third = admit("2001:db8::2").unwrap();
        // However an IPv4 address is written, it is that one and no network.
        let _four = admit("192.0.2.1").unwrap();
        let _four_again = admit("::ffff:192.0.2.1").unwrap();
        assert_eq!(admit("192.0.2.1").unwrap_err(), Refused::AddressFull);
        assert!(admit("::ffff:192.0.2.2").is_ok());
    }

    #[test]
    fn loopback_is_limited_only_in_all() {
        let registry = Arc::new(Registry::default());
        let home: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
        let _permits: Vec<Permit> = (0..5)
            .map(|_| registry.admit(home, 5, 1).unwrap())
            .collect();
        assert_eq!(registry.admit(home, 5, 1).unwrap_err(), Refused::Full);
    }

    #[test]
    fn a_reused_index_is_another_id() {
        let registry = Registry::default();
        let first = registry.take_id();
        registry.release_id(first);
        registry.release_id(first);
        let second = registry.take_id();
        assert_eq!(first.index, second.index);
        assert_ne!(first, second);
        assert_ne!(registry.take_id().index, second.index);
    }
}
