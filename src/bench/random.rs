//! Random values that must be unique or hard to guess.

use super::error::BenchError;

/// Fills `bytes` with random values.
pub(super) fn fill(bytes: &mut [u8]) -> Result<(), BenchError> {
    getrandom::fill(bytes)
        .map_err(|error| BenchError::Io("no randomness", std::io::Error::other(error)))
}
