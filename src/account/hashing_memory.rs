//! The memory for hashing a password: a lot, for a short time, and returned to the system
//! afterwards.
//!
//! glibc maps blocks of this size directly and unmaps them when freed, but only until the first one
//! is freed: from then on it takes such sizes from each thread's arena, where they stay, 19 MiB for
//! every thread that ever hashed. Blocks above 32 MiB are always mapped, and pages that are never
//! touched cost nothing.

use argon2::Block;

/// More than glibc's `DEFAULT_MMAP_THRESHOLD_MAX`.
const LEAST_BYTES: usize = 33 * 1024 * 1024;

/// See the module's documentation.
#[derive(Default)]
pub(super) struct HashingMemory(Vec<Block>);

impl HashingMemory {
    /// That many blocks, with arbitrary content; `None` if there is no memory.
    pub(super) fn blocks(&mut self, count: usize) -> Option<&mut [Block]> {
        let HashingMemory(blocks) = self;
        if blocks.len() < count {
            let capacity = count.max(LEAST_BYTES / Block::SIZE);
            *blocks = Vec::new();
            blocks.try_reserve_exact(capacity).ok()?;
            blocks.resize(count, Block::new());
        }
        blocks.get_mut(..count)
    }
}
