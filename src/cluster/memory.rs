//! Tracks the memory of Redis, from what Redis reports. Deterministic: the reports are passed in.
//!
//! A full Redis accepts nothing until something is removed, and one that may evict can lose
//! messages that are not stored yet. Both are logged at once and for as long as they last; a value
//! close to a limit is not logged again and again.

/// Redis counts as full until at most this many percent are in use.
const ROOM_AGAIN: u64 = 95;

/// What is known of Redis's memory.
#[derive(Debug, Default)]
pub struct Memory {
    used: u64,
    /// `maxmemory`; 0 is none.
    most: u64,
    is_full: bool,
    /// The eviction policy, if it is not `noeviction`.
    evicts: Option<String>,
}

impl Memory {
    /// Reads what Redis reports about its memory.
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

    /// Redis has refused something for lack of memory.
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

    /// Whether Redis accepts nothing.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Bytes in use, and their limit; 0 is no limit.
    pub fn bytes(&self) -> (u64, u64) {
        (self.used, self.most)
    }

    /// What is wrong, if Redis is full.
    pub fn trouble(&self) -> Option<String> {
        self.is_full.then(|| self.fullness())
    }

    /// What is wrong, if Redis may evict data.
    pub fn eviction(&self) -> Option<String> {
        let policy = self.evicts.as_ref()?;
        Some(format!(
            "Redis may evict messages that are not stored yet: its maxmemory-policy is {policy}; \
             set it to noeviction"
        ))
    }

    fn fullness(&self) -> String {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let uses = match self.most {
            // Redis has refused something and has not reported its memory since.
            0 => String::new(),
            most => format!(", it uses {:.1} of {:.1} MiB", mib(self.used), mib(most)),
        };
        format!(
            "Redis is full (maxmemory){uses}: it takes in nothing until older messages are \
             stored and removed; give it more memory"
        )
    }
}

/// A field of Redis's INFO text.
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
        // A user that may not ask gets an empty report.
        memory.observe("");
        assert_eq!((memory.eviction(), memory.trouble()), (None, None));
    }
}
