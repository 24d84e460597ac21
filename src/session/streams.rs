//! How many event streams there are: of each token, and in all.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// The most event streams; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamLimits {
    /// In all.
    pub in_all: usize,
    /// Of one token.
    pub per_token: usize,
}

/// Why there is no place for another stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlace {
    /// The token has so many already.
    OfToken(usize),
    /// There are as many as there may be.
    InAll,
}

/// The event streams of this server.
#[derive(Debug, Default)]
pub struct Streams(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    limits: StreamLimits,
    in_all: usize,
    per_token: HashMap<String, usize>,
}

/// A place among the event streams; given back when dropped.
#[derive(Debug)]
pub struct StreamPlace {
    streams: Arc<Streams>,
    token: String,
}

impl Streams {
    /// Puts new limits in force. Streams that exceed them stay.
    pub fn limit(&self, limits: StreamLimits) {
        self.0.lock().limits = limits;
    }

    /// A place for another stream of a token.
    pub fn take(self: &Arc<Streams>, token: &str) -> Result<StreamPlace, NoPlace> {
        let mut counts = self.0.lock();
        let StreamLimits { in_all, per_token } = counts.limits;
        let own = counts.per_token.get(token).copied().unwrap_or_default();
        if per_token > 0 && own >= per_token {
            return Err(NoPlace::OfToken(own));
        }
        if in_all > 0 && counts.in_all >= in_all {
            return Err(NoPlace::InAll);
        }
        counts.in_all += 1;
        counts.per_token.insert(token.to_owned(), own + 1);
        Ok(StreamPlace {
            streams: self.clone(),
            token: token.to_owned(),
        })
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut counts = self.streams.0.lock();
        counts.in_all -= 1;
        if let Some(own) = counts.per_token.get_mut(&self.token) {
            *own -= 1;
            if *own == 0 {
                counts.per_token.remove(&self.token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_at_their_edge_and_places_come_back() {
        let streams = Arc::new(Streams::default());
        let limits = StreamLimits {
            in_all: 3,
            per_token: 2,
        };
        streams.limit(limits);
        let first = streams.take("a").unwrap();
        let _second = streams.take("a").unwrap();
        assert_eq!(streams.take("a").err(), Some(NoPlace::OfToken(2)));
        let _third = streams.take("b").unwrap();
        assert_eq!(streams.take("b").err(), Some(NoPlace::InAll));
        drop(first);
        drop(streams.take("a").unwrap());
        drop(streams.take("b").unwrap());
        streams.limit(StreamLimits::default());
        let _many: Vec<_> = (0..9).map(|_| streams.take("a").unwrap()).collect();
    }
}
