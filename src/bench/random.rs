//! Randomness for what others must not share or guess.

use super::error::BenchError;

/// Fills `bytes` with it.
pub(super) fn fill(bytes: &mut [u8]) -> Result<(), BenchError> {
    getrandom::fill(bytes)
        .map_err(|error| BenchError::Io("no randomness", std::io::Error::other(error)))
}
