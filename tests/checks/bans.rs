//! The file of bans: what is accepted is saved and reads back as the same.

use std::collections::HashSet;
use std::fs;

use chat_server::data::DataDir;
use chat_server::hub::{BanTarget, MAX_BANS};
use tempfile::TempDir;

use super::assert_shown_safely;

/// Between the earliest and the latest time.
const NOW_MS: u64 = 1_000_000;

struct Place {
    data: DataDir,
    folder: TempDir,
}

thread_local! {
    static PLACE: Place = {
        let folder = tempfile::tempdir().unwrap();
        Place { data: DataDir::open(folder.path()).unwrap(), folder }
    };
}

pub fn check(data: &[u8]) {
    PLACE.with(|place| {
        fs::write(place.folder.path().join("bans.json"), data).unwrap();
        let file = place.data.bans();
        let bans = match file.load(NOW_MS) {
            Ok(bans) => bans,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        };
        assert!(bans.len() <= MAX_BANS);
        let ids: HashSet<u64> = bans.iter().map(|ban| ban.id).collect();
        assert_eq!(ids.len(), bans.len());
        for ban in &bans {
            assert!(ban.expires_ms.is_none_or(|end| end > NOW_MS));
            if let Some(reason) = &ban.reason {
                assert_shown_safely(reason.as_str());
            }
            if let BanTarget::Address(net) = ban.target {
                assert_eq!(net.to_string().parse(), Ok(net));
            }
        }
        file.save(&bans).unwrap();
        assert_eq!(file.load(NOW_MS).unwrap(), bans);
    });
}
