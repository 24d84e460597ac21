//! The three parts of the log, each with files and limits of its own: what
//! everybody says and does cannot push out what administrators did, nor can
//! what clients are refused.

use crate::config;
use crate::model::{Entry, Kind};

/// One part of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Journal {
    /// What people say and do.
    Chat,
    /// What administrators did.
    Audit,
    /// What went wrong and what was refused.
    Errors,
}

/// What the files of a journal may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Size at which the current one is rotated; 0 is never.
    pub rotate_bytes: u64,
    /// How many rotated ones are kept; 0 is all.
    pub keep_files: usize,
    /// For how many days; 0 is for ever.
    pub keep_days: u64,
}

impl Journal {
    pub const ALL: [Journal; 3] = [Journal::Chat, Journal::Audit, Journal::Errors];

    /// Where an entry belongs.
    pub fn of(entry: &Entry) -> Journal {
        match entry.kind {
            // Anybody can fail to be an administrator.
            Kind::Admin if entry.is_refusal => Journal::Errors,
            Kind::Admin => Journal::Audit,
            Kind::Error => Journal::Errors,
            _ => Journal::Chat,
        }
    }

    /// Whether entries of this kind may be in it; earlier versions had only
    /// one journal, in which there may be any.
    pub fn may_hold(self, kind: Option<Kind>) -> bool {
        match (kind, self) {
            (None, _) => true,
            (Some(Kind::Admin), journal) => journal != Journal::Chat,
            (Some(Kind::Error), journal) => journal == Journal::Errors,
            (Some(_), journal) => journal == Journal::Chat,
        }
    }

    /// What its files are called.
    pub fn stem(self) -> &'static str {
        match self {
            Journal::Chat => "chat",
            Journal::Audit => "audit",
            Journal::Errors => "error",
        }
    }

    /// What the settings allow it.
    pub fn bounds(self, settings: &config::ChatLog) -> Bounds {
        let (rotate_bytes, keep_files) = match self {
            Journal::Chat => (settings.rotate_bytes, settings.keep_files),
            Journal::Audit => (settings.audit_rotate_bytes, settings.audit_keep_files),
            Journal::Errors => (settings.error_rotate_bytes, settings.error_keep_files),
        };
        Bounds {
            rotate_bytes,
            keep_files,
            keep_days: settings.keep_days,
        }
    }
}
