//! Reports at the start how much of the disk a server may come to use, before the disk is full.

use rustix::fs::statvfs;

use crate::config::{ChatLog, Config};

/// The free space, and the most that may be used of it.
pub(super) struct Disk {
    free: u64,
    /// `None` if the database is not on this disk.
    database: Option<Bound>,
    chat_log: Bound,
}

/// The most that something takes; `None` is no bound.
type Bound = Option<u64>;

impl Disk {
    /// The disk of the data folder; `None` if the system does not say.
    pub fn of(config: &Config) -> Option<Disk> {
        let space = statvfs(&config.data_dir).ok()?;
        let max_bytes = config.store.max_bytes;
        let database = config.postgres().is_none();
        Some(Disk {
            free: space.f_bavail.saturating_mul(space.f_frsize),
            database: database.then_some((max_bytes > 0).then_some(max_bytes)),
            chat_log: match config.chat_log.enabled {
                true => chat_log(&config.chat_log),
                false => Some(0),
            },
        })
    }

    /// One line, with the settings that change the limits.
    pub fn words(&self) -> String {
        let bound = |bound: Bound| bound.map_or_else(|| "all of it".to_owned(), shown);
        let database = self.database.map(|it| {
            let most = bound(it);
            format!("the database {most} (store.max_bytes), ")
        });
        let (free, log) = (shown(self.free), bound(self.chat_log));
        let database = database.unwrap_or_default();
        format!("disk: {free} free; {database}the chat log {log} (chat_log) at most")
    }

    /// Whether the bounded parts alone may fill the disk.
    pub fn is_too_small(&self) -> bool {
        let database = self.database.flatten().unwrap_or(0);
        database.saturating_add(self.chat_log.unwrap_or(0)) > self.free
    }
}

/// The most that all files of the chat log take.
fn chat_log(settings: &ChatLog) -> Bound {
    let journals = [
        (settings.rotate_bytes, settings.keep_files),
        (settings.audit_rotate_bytes, settings.audit_keep_files),
        (settings.error_rotate_bytes, settings.error_keep_files),
    ];
    let mut most: u64 = 0;
    for (bytes, files) in journals {
        if files == 0 {
            return None;
        }
        most = most.saturating_add(bytes.saturating_mul(files as u64 + 1));
    }
    Some(most)
}

/// `4.6 GB`.
fn shown(bytes: u64) -> String {
    match bytes {
        0..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_used_is_said_with_its_settings() {
        let mut disk = Disk {
            free: 38_200_000_000,
            database: Some(None),
            chat_log: chat_log(&ChatLog::default()),
        };
        assert_eq!(
            disk.words(),
            "disk: 38.2 GB free; the database all of it (store.max_bytes), \
             the chat log 4.9 GB (chat_log) at most"
        );
        assert!(!disk.is_too_small());
        disk.free = 900_000_000;
        disk.database = Some(Some(1 << 30));
        assert!(disk.is_too_small());
        assert!(
            disk.words()
                .starts_with("disk: 900 MB free; the database 1.1 GB")
        );
        disk.database = None;
        disk.chat_log = None;
        assert_eq!(
            disk.words(),
            "disk: 900 MB free; the chat log all of it (chat_log) at most"
        );
    }
}
