//! Where an HTTP listener serves room lines, and the sizes of its socket buffers.

use std::io;

use crate::http;

/// The path unless another is set.
const PATH: &str = "/mychat";
/// The other path on that listener.
const BESIDE: &str = "/healthz";
/// The longest path.
const MOST_PATH_BYTES: usize = 200;

/// Room lines over WebSocket at a path of your choice, for
/// [`Chat::listen_room_lines`](super::Chat::listen_room_lines).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomLinesAt {
    path: String,
    read_buffer: Option<usize>,
    write_buffer: Option<usize>,
    secure: bool,
}

impl RoomLinesAt {
    /// Serves them at this path, which begins with a slash.
    pub fn path(path: impl Into<String>) -> RoomLinesAt {
        RoomLinesAt {
            path: path.into(),
            read_buffer: None,
            write_buffer: None,
            secure: false,
        }
    }

    /// Bytes that each connection reads at once, 256 to 1,048,576; each connection keeps a buffer
    /// of that size. The default is 1,024.
    pub fn read_buffer(mut self, bytes: usize) -> RoomLinesAt {
        self.read_buffer = Some(bytes);
        self
    }

    /// Bytes that the system keeps for each connection that are sent and not yet received, 4,096 to
    /// 16,777,216; what does not fit counts towards `limits.backlog_bytes`. The default is the
    /// system's.
    pub fn write_buffer(mut self, bytes: usize) -> RoomLinesAt {
        self.write_buffer = Some(bytes);
        self
    }

    /// Uses TLS; the chat needs a certificate.
    pub fn tls(mut self) -> RoomLinesAt {
        self.secure = true;
        self
    }

    /// Checks the path and the sizes.
    pub(super) fn check(&self) -> io::Result<()> {
        let wrong = |what: String| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        let path = &self.path;
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#%\\".contains(&byte);
        if !path.starts_with('/') || path.len() > MOST_PATH_BYTES || !path.bytes().all(is_plain) {
            return wrong(format!(
                "the path {path:?} is none: it begins with a slash and has at most \
                 {MOST_PATH_BYTES} letters, digits and punctuation but ? # % \\"
            ));
        }
        if http::one_slash_less(path) == BESIDE {
            return wrong(format!(
                "{BESIDE} is taken: it says that the server is alive"
            ));
        }
        let sizes = [
            ("read", self.read_buffer, 256..=1 << 20),
            ("write", self.write_buffer, 4096..=1 << 24),
        ];
        for (name, size, range) in sizes {
            if let Some(size) = size.filter(|size| !range.contains(size)) {
                return wrong(format!(
                    "a {name} buffer of {size} bytes: from {} to {} will do",
                    range.start(),
                    range.end()
                ));
            }
        }
        Ok(())
    }

    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }

    pub(super) fn is_at(&self, path: &str) -> bool {
        self.path == path || http::one_slash_less(&self.path) == path
    }

    pub(super) fn sizes(&self) -> (Option<usize>, Option<usize>) {
        (self.read_buffer, self.write_buffer)
    }
}

impl Default for RoomLinesAt {
    fn default() -> RoomLinesAt {
        RoomLinesAt::path(PATH)
    }
}
