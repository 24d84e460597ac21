//! Gateways: programs that connect their clients, and say from which address each comes.

use std::net::IpAddr;
use std::time::Instant;

use aws_lc_rs::hmac;
use ipnet::IpNet;
use parking_lot::Mutex;

use crate::model::Secret;

use super::password::PasswordWorkers;
use super::{Attempts, NotChecked};

/// Passwords that may wait to be checked.
const WAITING: usize = 64;

/// A gateway, as the configuration names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Where it connects from.
    pub network: IpNet,
    /// The hash of its password, as a PHC string.
    pub hash: Secret,
}

/// Checks the passwords of gateways. A check blocks as long as one of an account, but only once
/// for each gateway: it gives the same password for every client.
pub struct Gateways {
    list: Vec<Known>,
    passwords: PasswordWorkers,
    /// Wrong ones, by address; locked only to count.
    wrong: Mutex<Attempts>,
    started: Instant,
    /// Forgotten with the process.
    key: Option<hmac::Key>,
}

struct Known {
    gateway: Gateway,
    /// What stands for the password, once it was right.
    proved: Mutex<Option<hmac::Tag>>,
}

impl Gateways {
    /// These gateways, and how many wrong passwords an address may give in a minute; 0 is no
    /// limit.
    pub fn new(list: Vec<Gateway>, per_minute: u32) -> Gateways {
        let mut secret = [0; 32];
        let has_secret = getrandom::fill(&mut secret).is_ok();
        let known = |gateway| Known {
            gateway,
            proved: Mutex::default(),
        };
        Gateways {
            list: list.into_iter().map(known).collect(),
            passwords: PasswordWorkers::with(1, WAITING),
            wrong: Mutex::new(Attempts::new(per_minute)),
            started: Instant::now(),
            key: has_secret.then(|| hmac::Key::new(hmac::HMAC_SHA256, &secret)),
        }
    }

    /// Whether a gateway connects from this address.
    pub fn includes(&self, peer: IpAddr) -> bool {
        self.at(peer).next().is_some()
    }

    /// Whether this is the password of a gateway that connects from this address.
    pub fn check(&self, password: &Secret, peer: IpAddr) -> Result<bool, NotChecked> {
        let now_ms = self.started.elapsed().as_millis() as u64;
        if self.at(peer).any(|known| self.has_proved(known, password)) {
            return Ok(true);
        }
        let allowed = self.wrong.lock().allow(peer, now_ms);
        allowed.map_err(NotChecked::TooMany)?;
        for known in self.at(peer) {
            let is_right = self.passwords.verify(password, Some(&known.gateway.hash));
            if is_right.map_err(NotChecked::Failed)? {
                *known.proved.lock() = self.tag(password);
                self.wrong.lock().forgive(peer, now_ms);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn at(&self, peer: IpAddr) -> impl Iterator<Item = &Known> {
        let peer = peer.to_canonical();
        let known = self.list.iter();
        known.filter(move |known| known.gateway.network.contains(&peer))
    }

    fn tag(&self, password: &Secret) -> Option<hmac::Tag> {
        let key = self.key.as_ref()?;
        Some(hmac::sign(key, password.expose().as_bytes()))
    }

    fn has_proved(&self, known: &Known, password: &Secret) -> bool {
        let proved = known.proved.lock();
        let (Some(key), Some(tag)) = (&self.key, proved.as_ref()) else {
            return false;
        };
        // Compares in constant time.
        hmac::verify(key, password.expose().as_bytes(), tag.as_ref()).is_ok()
    }
}

impl Default for Gateways {
    fn default() -> Gateways {
        Gateways::new(Vec::new(), 0)
    }
}

impl std::fmt::Debug for Gateways {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let networks = self.list.iter().map(|known| known.gateway.network);
        f.debug_list().entries(networks).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_has_an_address_and_a_password() {
        let password = Secret::new("sesame");
        let hash = PasswordWorkers::new(1).hash(&password).unwrap();
        let network = "192.0.2.0/24".parse().unwrap();
        let gateways = Gateways::new(vec![Gateway { network, hash }], 2);
        let at = |address: &str| address.parse::<IpAddr>().unwrap();
        assert!(gateways.includes(at("::ffff:192.0.2.9")));
        assert!(!gateways.includes(at("198.51.100.1")));
        assert_eq!(gateways.check(&password, at("198.51.100.1")), Ok(false));
        for _ in 0..5 {
            // Right ones are no guesses.
            assert_eq!(gateways.check(&password, at("192.0.2.9")), Ok(true));
        }
        let wrong = Secret::new("sesam");
        assert_eq!(gateways.check(&wrong, at("192.0.2.9")), Ok(false));
        assert_eq!(gateways.check(&wrong, at("192.0.2.9")), Ok(false));
        let refused = gateways.check(&wrong, at("192.0.2.9"));
        assert!(matches!(refused, Err(NotChecked::TooMany(_))));
        assert_eq!(gateways.check(&password, at("192.0.2.9")), Ok(true));
    }
}
