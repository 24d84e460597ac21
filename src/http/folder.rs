//! Serves the files of a folder on disk, as they are now. Never serves anything outside of it, nor
//! a name that begins with a dot, nor a listing.
//!
//! Files are sent piece by piece, so that neither their size nor a slow client costs memory.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

use super::answer::Answer;
use super::head::Head;
use super::rejection::Rejection;

/// The file that answers for a path ending in a slash.
const INDEX: &str = "index.html";

/// A folder whose files are served.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
    place: Place,
}

/// Where the files of a folder are on the server.
#[derive(Clone, Debug)]
enum Place {
    /// From `/` on, except at paths that belong to the server, whatever is in the folder.
    Beside(fn(&str) -> bool),
    /// Below a path, where there is nothing else.
    Below(&'static Shelf),
}

/// A path of the server at which a folder is served.
#[derive(Debug)]
pub struct Shelf {
    /// The path, without a slash at its end.
    pub path: &'static str,
    /// The Content-Security-Policy of the files.
    pub policy: &'static str,
    /// The answer if the folder is not there or has no index.
    pub without: Rejection,
}

/// An open file, or a folder with an index.
enum Found {
    File(File, u64, String),
    /// A folder; the path needs a slash at its end.
    Folder(String),
}

impl Folder {
    /// The files below `root`, except at reserved paths.
    pub fn new(root: PathBuf, is_reserved: fn(&str) -> bool) -> Folder {
        Folder {
            root,
            place: Place::Beside(is_reserved),
        }
    }

    /// The files below `root`, at the path of a shelf.
    pub fn on(shelf: &'static Shelf, root: PathBuf) -> Folder {
        Folder {
            root,
            place: Place::Below(shelf),
        }
    }

    /// The answer to a request, if its path is one of the folder's.
    pub(super) fn answer(&self, head: &Head) -> Option<Result<Answer, Rejection>> {
        match self.place {
            Place::Beside(is_reserved) if is_reserved(&head.path) => None,
            Place::Beside(_) => self.file_at(&head.path, head),
            Place::Below(shelf) => {
                let path = head.path.strip_prefix(shelf.path)?;
                (path.is_empty() || path.starts_with('/')).then(|| self.shelved(shelf, path, head))
            }
        }
    }

    /// The answer to a request for a path below that of a shelf.
    fn shelved(&self, shelf: &Shelf, path: &str, head: &Head) -> Result<Answer, Rejection> {
        if self.find(INDEX).is_err() {
            return Err(shelf.without.clone());
        }
        if path.is_empty() {
            let last = shelf.path.rsplit('/').next().unwrap_or_default();
            return Ok(Answer::new(302).with("Location", format!("{last}/")));
        }
        let answer = self.file_at(path, head).ok_or(Rejection::NotFound)??;
        Ok(answer
            .with("Content-Security-Policy", shelf.policy)
            .with("Referrer-Policy", "no-referrer")
            .with("Cross-Origin-Opener-Policy", "same-origin"))
    }

    /// The answer to a request, if there is a file at a path below the folder.
    fn file_at(&self, path: &str, head: &Head) -> Option<Result<Answer, Rejection>> {
        let name = relative(path)?;
        let found = self.find(&name).ok()?;
        if !matches!(head.method.as_str(), "GET" | "HEAD") {
            return Some(Err(Rejection::ReadOnly));
        }
        Some(Ok(match found {
            Found::File(file, length, etag) => send(head, &name, file, length, &etag),
            // Relative: a proxy may have put the server below a path.
            Found::Folder(last) => Answer::new(302).with("Location", last),
        }))
    }

    fn find(&self, name: &str) -> io::Result<Found> {
        let root = openat(
            CWD,
            &self.root,
            reading() | OFlags::DIRECTORY,
            Mode::empty(),
        )?;
        let file = File::from(open_below(&root, Path::new(name))?);
        let about = file.metadata()?;
        if about.is_dir() {
            // Only if there is an index to show.
            let index = File::from(open_below(&root, &Path::new(name).join(INDEX))?);
            let last = name.rsplit('/').next().filter(|last| is_plain(last));
            return match last {
                Some(last) if index.metadata()?.is_file() => Ok(Found::Folder(format!("{last}/"))),
                _ => Err(io::ErrorKind::NotFound.into()),
            };
        }
        // Anything but a regular file may never end, or never begin.
        if !about.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let changed = about.modified()?.duration_since(UNIX_EPOCH);
        let changed = changed.map_or(0, |since| since.as_nanos());
        let etag = format!("\"{changed:x}-{:x}\"", about.len());
        Ok(Found::File(file, about.len(), etag))
    }
}

fn send(head: &Head, name: &str, file: File, length: u64, etag: &str) -> Answer {
    let is_known = head
        .field("if-none-match")
        .is_some_and(|list| super::file::matches(list, etag));
    let answer = Answer::new(if is_known { 304 } else { 200 })
        .with("ETag", etag.to_owned())
        // Cached, but revalidated each time: a new version shows at once.
        .with("Cache-Control", "no-cache");
    if is_known {
        return answer;
    }
    let answer = answer.with("Content-Type", content_type(name));
    match head.is_head() {
        true => answer.without_body(usize::try_from(length).unwrap_or(usize::MAX)),
        false => answer.with_file(file, length),
    }
}

fn reading() -> OFlags {
    // Opening a named pipe must not block.
    OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY
}

/// The kernel ensures that no link and no `..` leads outside.
fn open_below(root: &OwnedFd, name: &Path) -> io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    Ok(openat2(root, name, reading(), Mode::empty(), resolve)?)
}

/// The name below the folder that a path stands for; `None` if it stands for none.
fn relative(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    let mut rest = path.strip_prefix('/')?.split('/').peekable();
    while let Some(part) = rest.next() {
        let is_last = rest.peek().is_none();
        match decoded(part)? {
            part if part.is_empty() && is_last => parts.push(INDEX.to_owned()),
            part if part.is_empty() || part.starts_with('.') => return None,
            part if part.contains(['/', '\0']) => return None,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Decodes `%XX`.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// Whether a name can be put into a header unchanged.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
    !name.is_empty() && name.chars().all(plain)
}

/// By the extension; browsers rely on nothing else.
fn content_type(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" | "md" => "text/plain; charset=utf-8",
        "xml" => "text/xml; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "eot" => "application/vnd.ms-fontobject",
        "wasm" => "application/wasm",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_names_below_and_nothing_else() {
        for (path, expected) in [
            ("/", Some("index.html")),
            ("/a.js", Some("a.js")),
            ("/a/b.css", Some("a/b.css")),
            ("/a/", Some("a/index.html")),
            ("/a%20b%C3%A9.txt", Some("a b\u{e9}.txt")),
            ("/%61", Some("a")),
            ("a", None),
            ("//a", None),
            ("/a//b", None),
            ("/../a", None),
            ("/a/..", None),
            ("/%2e%2e/a", None),
            ("/a%2fb", None),
            ("/a%00", None),
            ("/.git/config", None),
            ("/a/.env", None),
            ("/%", None),
            ("/%4", None),
            ("/%zz", None),
            ("/%ff", None),
        ] {
            assert_eq!(relative(path).as_deref(), expected, "{path}");
        }
    }
}
