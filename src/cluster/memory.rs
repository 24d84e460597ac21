//! How Redis is off for memory, as it says itself. Deterministic: what it says
//! is passed in.
//!
//! A Redis that is full takes in nothing until something is removed, and one
//! that may evict loses what nobody has stored. Either is told at once, and as
//! long as it lasts; who is near a limit is not told of it again and again.

/// Full is over when so many hundredths are in use, or fewer.
const ROOM_AGAIN: u64 = 95;

/// What is known of it.
#[derive(Debug, Default)]
pub struct Memory {
    used: u64,
    /// `maxmemory`; 0 is none.
    most: u64,
    is_full: bool,
    /// The policy, if it is not `noeviction`.
    evicts: Option<String>,
}

impl Memory {
    /// What Redis says of its memory has been read.
    pub fn observe(&mut self, info: &str) {
        let number = |name| field(info, name).and_then(|text| text.parse().ok());
        let used: u64 = number("used_memory").unwrap_or(0);
        self.used = used.saturating_sub(number("mem_not_counted_for_evict").unwrap_or(0));
        self.most = number("maxmemory").unwrap_or(0);
        let room = self.most / 100 * ROOM_AGAIN;
        let limit = if self.is_full { room } else { self.most };
        self.set_full(self.most > 0 && self.used >= limit);
        let policy = field(info, "maxmemory_policy");
        let evicts = policy.filter(|policy| *policy != "noeviction");
        if evicts != self.evicts.as_deref() {
            self.evicts = evicts.map(str::to_owned);
            match self.eviction() {
                Some(words) => log::error!("{words}"),
                None => log::info!("Redis no longer evicts anything"),
            }
        }
    }

    /// Redis has refused something for want of memory.
    pub fn refused(&mut self) {
        self.set_full(true);
    }

    fn set_full(&mut self, is_full: bool) {
        let was = std::mem::replace(&mut self.is_full, is_full);
        match is_full {
            true if !was => log::error!("{}", self.fullness()),
            false if was => log::info!("Redis has memory again"),
            _ => {}
        }
    }

    /// Whether nothing is taken in.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Bytes in use, and how many there may be; 0 is no limit.
    pub fn bytes(&self) -> (u64, u64) {
        (self.used, self.most)
    }

    /// What is wrong, if Redis is full.
    pub fn trouble(&self) -> Option<String> {
        self.is_full.then(|| self.fullness())
    }

    /// What is wrong, if Redis may remove what it has been given to keep.
    pub fn eviction(&self) -> Option<String> {
        let policy = self.evicts.as_ref()?;
        Some(format!(
            "Redis may evict what nobody has stored: its maxmemory-policy is {policy}; \
             set it to noeviction"
        ))
    }

    fn fullness(&self) -> String {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let uses = match self.most {
            // It has refused something and not been asked since.
            0 => String::new(),
            most => format!(", it uses {:.1} of {:.1} MiB", mib(self.used), mib(most)),
        };
        format!(
            "Redis is full (maxmemory){uses}: it takes in nothing until older messages are \
             stored and removed; give it more memory"
        )
    }
}

/// A field of what Redis says of itself.
pub fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = info.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(used: u64, most: u64, policy: &str) -> String {
        format!(
            "# Memory\r\nused_memory:{used}\r\nused_memory_human:1M\r\nmaxmemory:{most}\r\n\
             maxmemory_policy:{policy}\r\nmem_not_counted_for_evict:10\r\n"
        )
    }

    #[test]
    fn full_is_over_only_when_there_is_some_room() {
        let mut memory = Memory::default();
        let mut full = |used, most| {
            memory.observe(&info(used, most, "noeviction"));
            memory.trouble().is_some()
        };
        assert!(!full(1000, 0), "as large as the machine");
        assert!(!full(1009, 1000), "buffers do not count");
        assert!(full(1010, 1000));
        assert!(full(970, 1000), "it wavers");
        assert!(!full(959, 1000));
        assert!(!full(1000, 1000));
        memory.refused();
        assert!(memory.is_full());
        memory.observe(&info(1, 0, "noeviction"));
        assert!(!memory.is_full());
    }

    #[test]
    fn a_policy_that_evicts_is_named_as_long_as_it_is_set() {
        let mut memory = Memory::default();
        memory.observe(&info(0, 0, "allkeys-lru"));
        assert!(memory.eviction().unwrap().contains("allkeys-lru"));
        memory.observe(&info(0, 0, "noeviction"));
        assert_eq!(memory.eviction(), None);
        // Who may not ask knows nothing.
        memory.observe("");
        assert_eq!((memory.eviction(), memory.trouble()), (None, None));
    }
}
