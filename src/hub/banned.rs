//! The list of bans, indexed by what they keep out: making, lifting and looking
//! up a ban costs about the same, however many there are.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::Arc;

use ipnet::IpNet;

use crate::model::Name;

use super::unconfirmed::Unconfirmed;
use super::{Ban, BanTarget, Now, PAGE_ROWS};

/// The most expired bans that are removed whenever a ban is made.
const FORGOTTEN_AT_ONCE: usize = 64;

/// The place of a ban in the list: its number, and a serial number in case two
/// bans have the same number.
type Place = (u64, u64);
/// The end of a ban, and its place. If any of several bans on the same target is
/// in force, the greatest is.
type Ending = (u64, Place);

/// All bans.
#[derive(Default)]
pub(super) struct Bans {
    list: BTreeMap<Place, Ban>,
    last_place: u64,
    by_network: HashMap<IpNet, BTreeSet<Ending>>,
    /// The number of banned networks of each size.
    sizes: BTreeMap<NetworkSize, usize>,
    /// By all keys that the banned nicknames claim.
    by_claim: HashMap<Arc<str>, BTreeSet<Ending>>,
    /// The bans that expire.
    ends: BTreeSet<Ending>,
    /// The highest number that a ban has had.
    pub last_id: u64,
    /// Orders to the other servers, if the hub is one of several.
    pub unconfirmed: Unconfirmed,
}

/// The size of a network: the kind of address, and the length of its prefix.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct NetworkSize {
    is_ipv6: bool,
    bits: u8,
}

impl NetworkSize {
    fn of(net: IpNet) -> NetworkSize {
        NetworkSize {
            is_ipv6: net.addr().is_ipv6(),
            bits: net.prefix_len(),
        }
    }
}

impl Bans {
    /// The ban in force on an address; if there are several, the one on the
    /// smallest network.
    pub fn address(&self, address: IpAddr, now_ms: u64) -> Option<&Ban> {
        // A dual-stack listener shows an IPv4 client as IPv4-mapped IPv6.
        let address = address.to_canonical();
        let size = |bits| NetworkSize {
            is_ipv6: address.is_ipv6(),
            bits,
        };
        let sizes = self.sizes.range(size(0)..=size(u8::MAX)).rev();
        let mut networks = sizes.filter_map(|(size, _)| IpNet::new(address, size.bits).ok());
        networks.find_map(|net| self.in_force_of(self.by_network.get(&net.trunc()), now_ms))
    }

    /// A ban in force on a nickname.
    pub fn nickname(&self, name: &Name, now_ms: u64) -> Option<&Ban> {
        let claims = name.claims();
        let mut bans = claims.iter().map(|key| self.by_claim.get(key));
        bans.find_map(|bans| self.in_force_of(bans, now_ms))
    }

    /// A ban in force on exactly this target.
    pub fn of_target(&self, target: &BanTarget, now_ms: u64) -> Option<&Ban> {
        let bans = self.filed(target).into_iter().flatten().rev();
        let mut bans = bans.filter_map(|(_, place)| self.list.get(place));
        bans.find(|ban| ban.target == *target && !ban.is_over_at(now_ms))
    }

    fn in_force_of(&self, bans: Option<&BTreeSet<Ending>>, now_ms: u64) -> Option<&Ban> {
        let (ends, place) = bans?.last()?;
        (*ends > now_ms).then(|| self.list.get(place)).flatten()
    }

    /// The bans indexed under the key of a target: those on the target itself,
    /// and perhaps on names that look like it.
    fn filed(&self, target: &BanTarget) -> Option<&BTreeSet<Ending>> {
        match target {
            BanTarget::Address(net) => self.by_network.get(&net.trunc()),
            BanTarget::Nickname(name) => self.by_claim.get(name.key()),
        }
    }

    pub fn add(&mut self, ban: Ban) {
        self.last_place += 1;
        self.last_id = self.last_id.max(ban.id);
        let place = (ban.id, self.last_place);
        let ending = (ban.ends_ms(), place);
        match &ban.target {
            BanTarget::Address(net) => {
                let bans = self.by_network.entry(net.trunc()).or_default();
                if bans.is_empty() {
                    *self.sizes.entry(NetworkSize::of(*net)).or_default() += 1;
                }
                bans.insert(ending);
            }
            BanTarget::Nickname(name) => {
                for key in name.claims() {
                    self.by_claim.entry(key).or_default().insert(ending);
                }
            }
        }
        if ban.expires_ms.is_some() {
            self.ends.insert(ending);
        }
        self.list.insert(place, ban);
    }

    fn remove(&mut self, place: Place) -> Option<Ban> {
        let ban = self.list.remove(&place)?;
        let ending = (ban.ends_ms(), place);
        self.ends.remove(&ending);
        match &ban.target {
            BanTarget::Address(net) => {
                if unfile(&mut self.by_network, &net.trunc(), &ending) {
                    let size = NetworkSize::of(*net);
                    if let Some(count) = self.sizes.get_mut(&size) {
                        *count -= 1;
                        if *count == 0 {
                            self.sizes.remove(&size);
                        }
                    }
                }
            }
            BanTarget::Nickname(name) => {
                for key in name.claims() {
                    unfile(&mut self.by_claim, &key, &ending);
                }
            }
        }
        Some(ban)
    }

    /// Removes the ban with this number.
    pub fn remove_id(&mut self, id: u64) -> Option<Ban> {
        let (&place, _) = self.list.range((id, 0)..=(id, u64::MAX)).next()?;
        self.remove(place)
    }

    /// Removes all bans on exactly this target.
    pub fn remove_target(&mut self, target: &BanTarget) {
        let bans = self.filed(target).into_iter().flatten();
        let places = bans.map(|&(_, place)| place);
        let places = places.filter(|place| {
            let ban = self.list.get(place);
            ban.is_some_and(|ban| ban.target == *target)
        });
        for place in places.collect::<Vec<Place>>() {
            self.remove(place);
        }
    }

    /// Removes a bounded number of expired bans, the oldest first.
    pub fn forget_over(&mut self, now: Now) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            match self.ends.first() {
                Some(&(ends, place)) if ends <= now.unix_ms => self.remove(place),
                _ => return,
            };
        }
    }

    /// Replaces the list. Returns the targets that were not banned before.
    pub fn replace(&mut self, bans: Vec<Ban>, now: Now) -> Vec<BanTarget> {
        let mut listed: HashMap<u64, Place> = HashMap::new();
        listed.extend(self.list.keys().map(|&place| (place.0, place)));
        let mut gone: BTreeSet<Place> = self.list.keys().copied().collect();
        let mut new = Vec::new();
        for ban in bans {
            let same = listed.get(&ban.id);
            let same = same.filter(|place| self.list.get(place) == Some(&ban));
            match same {
                Some(place) => {
                    gone.remove(place);
                }
                None => new.push(ban),
            }
        }
        let targets = new.iter().filter(|ban| {
            let is_known = self.of_target(&ban.target, now.unix_ms).is_some();
            !ban.is_over(now) && !is_known
        });
        let targets = targets.map(|ban| ban.target.clone()).collect();
        for place in gone {
            self.remove(place);
        }
        for ban in new {
            self.add(ban);
        }
        targets
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The bans in force, by number.
    pub fn in_force(&self, now_ms: u64) -> impl Iterator<Item = &Ban> {
        let bans = self.list.values();
        bans.filter(move |ban| !ban.is_over_at(now_ms))
    }

    /// A page of the bans in force, by number, from the one after `after` on.
    /// Returns also the number to go on after, if there are more.
    pub fn page(&self, after: Option<u64>, now_ms: u64) -> (Vec<Ban>, Option<u64>) {
        let start = match after {
            Some(after) => Bound::Excluded((after, u64::MAX)),
            None => Bound::Unbounded,
        };
        let mut page: Vec<Ban> = Vec::new();
        let mut last = None;
        let bans = self.list.range((start, Bound::Unbounded));
        for (looked_at, ((id, _), ban)) in bans.enumerate() {
            // Bans with the same number must not be split between pages.
            if looked_at >= PAGE_ROWS && last != Some(*id) {
                return (page, last);
            }
            last = Some(*id);
            page.extend((!ban.is_over_at(now_ms)).then(|| ban.clone()));
        }
        (page, None)
    }
}

/// Takes a ban out of the index under a key. Returns whether it was the last
/// one there.
fn unfile<K: std::hash::Hash + Eq>(
    filed: &mut HashMap<K, BTreeSet<Ending>>,
    key: &K,
    ending: &Ending,
) -> bool {
    let Some(bans) = filed.get_mut(key) else {
        return false;
    };
    let was_there = bans.remove(ending);
    let is_last = bans.is_empty();
    if is_last {
        filed.remove(key);
    }
    was_there && is_last
}
