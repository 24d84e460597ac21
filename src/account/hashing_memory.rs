//! The memory in which a password is hashed: a lot, for a short time, and then
//! the system's again.
//!
//! glibc takes what is as large as this from the system and gives it back, but
//! only until it has seen one be freed: from then on such sizes come from each
//! thread's arena and stay there, 19 MiB for every thread that ever hashed.
//! What is above 32 MiB always comes from the system, and what of it is never
//! touched costs nothing.

use argon2::Block;

/// glibc's `DEFAULT_MMAP_THRESHOLD_MAX`, exceeded.
const LEAST_BYTES: usize = 33 * 1024 * 1024;

/// See the module's documentation.
#[derive(Default)]
pub(super) struct HashingMemory(Vec<Block>);

impl HashingMemory {
    /// So many blocks, with anything in them; `None` if there is no memory.
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
