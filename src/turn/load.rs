//! How much the hub has to do.

/// Inputs a millisecond at which load is high.
const HIGH: u64 = 8;

/// Inputs of this millisecond and of the one before.
#[derive(Debug, Default)]
pub(super) struct Load {
    tick_ms: u64,
    now: u64,
    before: u64,
}

impl Load {
    /// Counts the inputs of a turn that began then.
    pub fn add(&mut self, tick_ms: u64, inputs: u64) {
        if tick_ms != self.tick_ms {
            let is_next = tick_ms == self.tick_ms + 1;
            self.before = if is_next { self.now } else { 0 };
            (self.tick_ms, self.now) = (tick_ms, 0);
        }
        self.now += inputs;
    }

    /// Whether load is high.
    pub fn is_high(&self) -> bool {
        self.now.max(self.before) >= HIGH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_high_until_a_millisecond_without_inputs() {
        let mut load = Load::default();
        load.add(5, HIGH - 1);
        assert!(!load.is_high());
        load.add(5, 1);
        assert!(load.is_high());
        load.add(6, 1);
        assert!(load.is_high(), "a moment ago it was");
        load.add(7, 1);
        assert!(!load.is_high());
        load.add(7, HIGH);
        load.add(9, 0);
        assert!(!load.is_high());
    }
}
