//! The three parts of the log, each with files and limits of its own, so that neither members'
//! messages nor refusals can push out the record of administrators' actions.

use crate::config;
use crate::model::{Entry, Kind};

/// One part of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Journal {
    /// Messages and actions of members.
    Chat,
    /// Actions of administrators.
    Audit,
    /// Errors and refusals.
    Errors,
}

/// The limits on the files of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Size at which the current file is rotated; 0 is never.
    pub rotate_bytes: u64,
    /// Number of rotated files kept; 0 is all.
    pub keep_files: usize,
    /// Days for which files are kept; 0 is for ever.
    pub keep_days: u64,
}

impl Journal {
    pub const ALL: [Journal; 3] = [Journal::Chat, Journal::Audit, Journal::Errors];

    /// The journal for an entry.
    pub fn of(entry: &Entry) -> Journal {
        match entry.kind {
            // Any client can try a wrong token.
            Kind::Admin if entry.is_refusal => Journal::Errors,
            Kind::Admin => Journal::Audit,
            Kind::Error => Journal::Errors,
            _ => Journal::Chat,
        }
    }

    /// Whether entries of this kind may be in it; earlier versions had a single journal with
    /// entries of all kinds.
    pub fn may_hold(self, kind: Option<Kind>) -> bool {
        match (kind, self) {
            (None, _) => true,
            (Some(Kind::Admin), journal) => journal != Journal::Chat,
            (Some(Kind::Error), journal) => journal == Journal::Errors,
            (Some(_), journal) => journal == Journal::Chat,
        }
    }

    /// The stem of its files' names.
    pub fn stem(self) -> &'static str {
        match self {
            Journal::Chat => "chat",
            Journal::Audit => "audit",
            Journal::Errors => "error",
        }
    }

    /// Its limits in the settings.
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
