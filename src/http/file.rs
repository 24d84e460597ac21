//! Files that the front serves itself.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::answer::Answer;
use super::head::Head;
use super::rejection::Rejection;

/// The entry of a set of files at a path.
#[derive(Clone)]
pub enum Found {
    /// A file.
    File(&'static File),
    /// A file at a path at which there is never another one.
    Lasting(&'static File),
    /// A redirect, relative to the requested path as a browser resolves it.
    Elsewhere(&'static str),
    /// A redirect, in the same way, to a place with a secret in it.
    InSecret(String),
}

/// A set of files: returns its entry at a path, if there is one.
pub type FileSet = fn(&str) -> Option<Found>;

/// One file, held in memory for as long as the process lives.
#[derive(Debug)]
pub struct File {
    content_type: Cow<'static, str>,
    /// The Content-Security-Policy it is served with.
    policy: &'static str,
    body: Cow<'static, [u8]>,
    /// The compressed content, if it is smaller.
    gzip: Option<Vec<u8>>,
    etag: String,
    gzip_etag: String,
    /// Another field of its answer.
    field: Option<(&'static str, &'static str)>,
}

/// Cached, but revalidated each time: a new version shows at once.
const REVALIDATED: &str = "no-cache";
/// Not asked for again.
const FOREVER: &str = "public, max-age=31536000, immutable";

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
            gzip_etag: format!("\"{:016x}-gzip\"", hasher.finish()),
            body,
            gzip: None,
            field: None,
        }
    }

    /// Adds a field to its answer.
    pub fn with(mut self, name: &'static str, value: &'static str) -> File {
        self.field = Some((name, value));
        self
    }

    /// Adds the compressed content, for clients that accept it.
    pub fn compressed(mut self) -> File {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail.
        let gzip = encoder
            .write_all(&self.body)
            .and_then(|()| encoder.finish());
        self.gzip = gzip.ok().filter(|gzip| gzip.len() < self.body.len());
        self
    }

    /// Scripts and styles are under the policy of the page that loads them: it need not come with each.
    fn is_part_of_a_page(&self) -> bool {
        ["text/javascript", "text/css"]
            .iter()
            .any(|kind| self.content_type.starts_with(kind))
    }

    fn answer(&'static self, head: &Head, is_lasting: bool) -> Answer {
        let gzip = self.gzip.as_deref().filter(|_| accepts_gzip(head));
        // Different bytes need a different tag.
        let etag = match gzip {
            Some(_) => &self.gzip_etag,
            None => &self.etag,
        };
        let known = head
            .field("if-none-match")
            .is_some_and(|list| matches(list, etag));
        let answer = Answer::new(if known { 304 } else { 200 })
            .with("ETag", etag.as_str())
            .with(
                "Cache-Control",
                if is_lasting { FOREVER } else { REVALIDATED },
            );
        let answer = match self.gzip {
            Some(_) => answer.with("Vary", "Accept-Encoding"),
            None => answer,
        };
        if known {
            return answer;
        }
        let answer = answer.with("Content-Type", self.content_type.as_ref());
        let answer = if is_lasting && self.is_part_of_a_page() {
            answer
        } else {
            answer
                .with("Content-Security-Policy", self.policy)
                .with("Referrer-Policy", "no-referrer")
                .with("Cross-Origin-Opener-Policy", "same-origin")
        };
        let answer = match self.field {
            Some((name, value)) => answer.with(name, value),
            None => answer,
        };
        let (answer, body) = match gzip {
            Some(gzip) => (answer.with("Content-Encoding", "gzip"), gzip),
            None => (answer, self.body.as_ref()),
        };
        if head.is_head() {
            return answer.without_body(body.len());
        }
        answer.with_body(body)
    }
}

impl Found {
    /// The answer to a request for this file.
    pub(super) fn answer(self, head: &Head) -> Result<Answer, Rejection> {
        if !matches!(head.method.as_str(), "GET" | "HEAD") {
            return Err(Rejection::ReadOnly);
        }
        Ok(match self {
            Found::File(file) => file.answer(head, false),
            Found::Lasting(file) => file.answer(head, true),
            Found::Elsewhere(path) => Answer::new(302).with("Location", path),
            Found::InSecret(path) => Answer::new(302)
                .with("Location", path)
                .with("Referrer-Policy", "no-referrer")
                .with("Cache-Control", "no-store"),
        })
    }
}

fn accepts_gzip(head: &Head) -> bool {
    head.field("accept-encoding").is_some_and(|list| {
        list.split(',').any(|coding| {
            let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
            name.trim().eq_ignore_ascii_case("gzip") && !is_zero(quality)
        })
    })
}

/// Whether a quality says "not this one".
fn is_zero(quality: &str) -> bool {
    let value = quality.trim().strip_prefix("q=");
    value.is_some_and(|value| value.trim_matches(['0', '.']).is_empty())
}

/// Whether a list of tags contains this one.
pub(super) fn matches(list: &str, etag: &str) -> bool {
    list.split(',').map(str::trim).any(|entry| {
        // A proxy that compressed the file has made its tag a weak one.
        entry == "*" || entry.strip_prefix("W/").unwrap_or(entry) == etag
    })
}
