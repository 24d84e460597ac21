//! The rules of all channels, as a server needs them when a life begins: what PostgreSQL has, and
//! the changes that only the log has yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::governance::{ChannelChange, Rules};
use crate::model::{MAX_ROWS, Name};
use crate::store::StoreError;

use super::error::LinkError;
use super::keys::EntryId;
use super::link::Link;
use super::store::{ATTEMPTS, ClusterStore};
use super::unstored::changes_between;

/// The rules of channels, by the key of the name.
type ByKey = BTreeMap<Arc<str>, (Name, Rules)>;

impl ClusterStore {
    /// The rules of every channel that is not simply open. A change that was in the log when this
    /// was called is in them.
    pub fn rules(&self) -> Result<Vec<(Name, Rules)>, StoreError> {
        for _ in 0..ATTEMPTS {
            // Asked for first: whatever is older is in the rows that are read next.
            let from = self.with(|link| self.unstored_of_all(link))?;
            let mut rules = self.rows_of_rules()?;
            let changes = self.with(|link| self.changes_from(link, &from))?;
            // Entries that were stored after the rows were read, and removed before they were read.
            let Some(changes) = changes else { continue };
            for change in changes {
                let key = change.channel.key().clone();
                let (_, rules) = rules
                    .entry(key)
                    .or_insert_with(|| (change.channel.clone(), Rules::default()));
                rules.fold(&change);
            }
            let rules = rules.into_values().filter(|(_, rules)| rules.is_kept());
            return Ok(rules.collect());
        }
        Err(StoreError::Busy)
    }

    fn rows_of_rules(&self) -> Result<ByKey, StoreError> {
        let mut rules = ByKey::new();
        loop {
            let after = rules.last_key_value().map(|(key, _)| key.clone());
            let page = self.postgres().channels(after.as_deref(), MAX_ROWS)?;
            if page.is_empty() {
                return Ok(rules);
            }
            let before = rules.len();
            rules.extend(page.into_iter().map(|row| (row.0.key().clone(), row)));
            if rules.len() == before {
                return Ok(rules);
            }
        }
    }

    fn unstored_of_all(&self, link: &mut Link) -> Result<Vec<EntryId>, LinkError> {
        let shards = self.all_shards();
        let from = shards.map(|shard| Ok(self.unstored(link, shard)?.from));
        from.collect()
    }

    /// The changes in each shard from an entry on, in the order of the log. `None` if some were
    /// removed meanwhile.
    fn changes_from(
        &self,
        link: &mut Link,
        from: &[EntryId],
    ) -> Result<Option<Vec<ChannelChange>>, LinkError> {
        let mut changes = Vec::new();
        for (shard, &from) in self.all_shards().zip(from) {
            let log = self.log_key(shard);
            changes.extend(changes_between(link, &log, shard, from, None)?);
            if self.removed(link, shard)?.is_some_and(|last| last >= from) {
                return Ok(None);
            }
        }
        Ok(Some(changes))
    }
}
