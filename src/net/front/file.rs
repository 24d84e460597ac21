//! Files the front answers with itself.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::answer::Answer;
use super::head::Head;
use super::rejection::Rejection;

/// What a set of files has at a path.
#[derive(Clone, Copy)]
pub enum Found {
    /// A file.
    File(&'static File),
    /// Look at this path instead.
    Elsewhere(&'static str),
}

/// A set of files: what it has at a path, if anything.
pub type FileSet = fn(&str) -> Option<Found>;

/// One file, held in memory for as long as the process lives.
#[derive(Debug)]
pub struct File {
    content_type: Cow<'static, str>,
    /// The Content-Security-Policy it is served with.
    policy: &'static str,
    body: Cow<'static, [u8]>,
    etag: String,
}

impl File {
    /// A file with the policy that governs what it may load and run.
    pub fn new(
        content_type: impl Into<Cow<'static, str>>,
        policy: &'static str,
        body: impl Into<Cow<'static, [u8]>>,
    ) -> File {
        let body = body.into();
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        File {
            content_type: content_type.into(),
            policy,
            etag: format!("\"{:016x}\"", hasher.finish()),
            body,
        }
    }

    fn answer(&'static self, head: &Head) -> Answer {
        let known = head
            .field("if-none-match")
            .is_some_and(|list| matches(list, &self.etag));
        let answer = Answer::new(if known { 304 } else { 200 })
            .with("ETag", self.etag.as_str())
            // Kept, but asked about each time: a new version shows at once.
            .with("Cache-Control", "no-cache");
        if known {
            return answer;
        }
        let answer = answer
            .with("Content-Type", self.content_type.as_ref())
            .with("Content-Security-Policy", self.policy)
            .with("Referrer-Policy", "no-referrer")
            .with("Cross-Origin-Opener-Policy", "same-origin");
        if head.is_head() {
            return answer.without_body(self.body.len());
        }
        answer.with_body(self.body.as_ref())
    }
}

impl Found {
    /// The answer to a request for it.
    pub(super) fn answer(self, head: &Head) -> Result<Answer, Rejection> {
        if !matches!(head.method.as_str(), "GET" | "HEAD") {
            return Err(Rejection::ReadOnly);
        }
        Ok(match self {
            Found::File(file) => file.answer(head),
            Found::Elsewhere(path) => Answer::new(302).with("Location", path),
        })
    }
}

fn matches(list: &str, etag: &str) -> bool {
    list.split(',').map(str::trim).any(|entry| {
        // A proxy that compressed the file has made the tag a weak one.
        entry == "*" || entry.strip_prefix("W/").unwrap_or(entry) == etag
    })
}
