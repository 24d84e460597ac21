//! Random numbers that depend on the seed alone.

/// SplitMix64: small, fast, and the same on every machine.
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which must not be 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A number from `first` to `last`, both included.
    pub fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last - first + 1)
    }

    /// True with this probability, in thousandths.
    pub fn chance(&mut self, per_mille: usize) -> bool {
        self.below(1000) < per_mille
    }

    /// One element of a slice that is not empty.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Values to draw from, each with a weight.
pub struct Weighted<T> {
    total: usize,
    ends: Vec<(usize, T)>,
}

impl<T: Copy> Weighted<T> {
    pub fn new(weights: impl IntoIterator<Item = (T, usize)>) -> Weighted<T> {
        let mut total = 0;
        let mut ends = Vec::new();
        for (thing, weight) in weights.into_iter().filter(|&(_, weight)| weight > 0) {
            total += weight;
            ends.push((total, thing));
        }
        Weighted { total, ends }
    }

    pub fn draw(&self, random: &mut Random) -> T {
        let drawn = random.below(self.total);
        let found = self.ends.iter().find(|&&(end, _)| drawn < end);
        found.expect("the last end is the total").1
    }
}
