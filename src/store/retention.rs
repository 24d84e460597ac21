//! How long messages are kept.

/// How long messages are kept; 0 is for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Days messages of channels are kept.
    pub channel_days: u64,
    /// Messages kept of each channel.
    pub channel_messages: u64,
    /// Days direct messages are kept.
    pub direct_days: u64,
}
