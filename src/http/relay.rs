//! Passes requests on to the REST server's private socket.
//!
//! That server has no time-outs and trusts what it reads, so it receives only requests written
//! here: complete, small, one per connection, and with nothing of the client's head but the fields
//! in [`PASSED_ON`].

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::cancel::Cancel;

use super::answer::Answer;
use super::handed_over::Then;
use super::head::{Head, content_length};
use super::named_user::Named;
use super::rejection::Rejection;
use super::wire::wait_upstream;

/// The header that tells the REST server which relayed request this is.
pub const RELAY_HEADER: &str = "X-Chat-Relay";

/// The fields of the client's head that the REST server receives.
const PASSED_ON: &[&str] = &[
    "accept",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-none-match",
    "last-event-id",
    "origin",
    "user-agent",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
    "x-gitea-delivery",
    "x-gitea-event",
    "x-gitea-signature",
    "x-github-delivery",
    "x-github-event",
    "x-hub-signature-256",
];
/// The most requests processed at once.
const MAX_RELAYS: usize = 128;
/// A longer answer cannot be from our own server.
const MAX_ANSWER: usize = 32 * 1024 * 1024;
const MAX_ANSWER_FIELDS: usize = 32;

/// The requests in progress, and the way to the REST server.
#[derive(Debug)]
pub struct Relays {
    socket: PathBuf,
    patience: Duration,
    last: AtomicU64,
    refused: AtomicBool,
    under_way: Mutex<HashMap<u64, Relayed>>,
}

/// The front's knowledge of a request that it passed on.
#[derive(Clone, Debug)]
pub struct Relayed {
    /// The client's address.
    pub peer: SocketAddr,
    /// The user, as a trusted proxy says.
    pub named: Named,
    /// The host that the request was sent to, as the client wrote it.
    pub host: String,
    /// Cancelled when the answer is no longer awaited.
    pub cancel: Cancel,
    /// What becomes of the connection after the answer, if it is not for further requests.
    pub then: Then,
}

impl Relays {
    /// Passes requests on to `socket`, and waits for each answer for at most `patience`.
    pub fn new(socket: PathBuf, patience: Duration) -> Relays {
        Relays {
            socket,
            patience,
            last: AtomicU64::new(0),
            refused: AtomicBool::new(false),
            under_way: Mutex::new(HashMap::new()),
        }
    }

    /// The socket on which the REST server listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether a connection to the REST server was refused since the last call.
    pub fn were_refused(&self) -> bool {
        self.refused.swap(false, Ordering::Relaxed)
    }

    /// The request in progress that [`RELAY_HEADER`] names.
    pub fn find(&self, id: u64) -> Option<Relayed> {
        self.under_way.lock().get(&id).cloned()
    }

    /// Cancels all requests, for shutting down.
    pub fn cancel_all(&self) {
        for relayed in self.under_way.lock().values() {
            relayed.cancel.cancel();
        }
    }

    fn begin(&self, (peer, named): (SocketAddr, Named), host: &str) -> Option<Ticket<'_>> {
        let mut under_way = self.under_way.lock();
        if under_way.len() >= MAX_RELAYS {
            return None;
        }
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (cancel, then) = (Cancel::new(), Then::default());
        let relayed = Relayed {
            peer,
            named,
            host: host.to_owned(),
            cancel: cancel.clone(),
            then: then.clone(),
        };
        under_way.insert(id, relayed);
        Some(Ticket {
            relays: self,
            id,
            cancel,
            then,
        })
    }

    fn connect(&self) -> Result<UnixStream, Rejection> {
        UnixStream::connect(&self.socket).map_err(|error| {
            if error.kind() == ErrorKind::ConnectionRefused {
                self.refused.store(true, Ordering::Relaxed);
            }
            Rejection::Unavailable
        })
    }

    /// Has a request processed. The answer is read completely before the client gets any of it, so
    /// that a slow client holds up no other.
    pub(super) fn relay(
        &self,
        head: &Head,
        body: &[u8],
        client: &TcpStream,
        from: (SocketAddr, Named),
    ) -> Result<Answer, Rejection> {
        let host = head.field("host").unwrap_or_default();
        let ticket = self.begin(from, host).ok_or(Rejection::Busy)?;
        let upstream = self.connect()?;
        let deadline = Instant::now() + self.patience;
        let request = [request_head(head, body.len(), ticket.id).as_slice(), body].concat();
        send(&upstream, &request, self.patience)?;
        let answer = receive(upstream, client, &ticket, head.is_head(), deadline)?;
        Ok(match ticket.then.take() {
            Some(serve) => answer.then(serve),
            None => answer,
        })
    }
}

/// One request in progress, until it is dropped.
struct Ticket<'a> {
    relays: &'a Relays,
    id: u64,
    cancel: Cancel,
    then: Then,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        // The worker that is processing it can stop.
        self.cancel.cancel();
        self.relays.under_way.lock().remove(&self.id);
    }
}

fn request_head(head: &Head, body_length: usize, id: u64) -> Vec<u8> {
    let query = head.query.as_deref().map(|query| format!("?{query}"));
    let mut request = format!(
        "{} {}{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {body_length}\r\n{RELAY_HEADER}: {id}\r\n",
        head.method,
        head.path,
        query.unwrap_or_default(),
    );
    for name in PASSED_ON {
        if let Some(value) = head.field(name) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    request.push_str("\r\n");
    request.into_bytes()
}

fn send(mut upstream: &UnixStream, request: &[u8], patience: Duration) -> Result<(), Rejection> {
    let _ = upstream.set_write_timeout(Some(patience));
    upstream
        .write_all(request)
        .map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Rejection::NoAnswer,
            _ => Rejection::Unavailable,
        })
}

fn receive(
    mut upstream: UnixStream,
    client: &TcpStream,
    ticket: &Ticket<'_>,
    is_head: bool,
    deadline: Instant,
) -> Result<Answer, Rejection> {
    let mut bytes = Vec::new();
    let mut head: Option<AnswerHead> = None;
    let mut watch_client = true;
    // It should not block after the wait below; if it does, not for long.
    let _ = upstream.set_read_timeout(Some(ticket.relays.patience));
    let mut client_left = || ticket.cancel.cancel();
    loop {
        if head.is_none() {
            head = AnswerHead::parse(&bytes, is_head)?;
        }
        if let Some(known) = head.take_if(|head| bytes.len() >= head.length + head.body) {
            let body = bytes.split_off(known.length);
            return Ok(known.answer(body, is_head));
        }
        if !wait_upstream(
            &upstream,
            client,
            &mut client_left,
            &mut watch_client,
            deadline,
        ) {
            return Err(Rejection::NoAnswer);
        }
        let mut chunk = [0; 16 * 1024];
        match upstream.read(&mut chunk) {
            Ok(0) => return Err(Rejection::BadAnswer),
            Ok(length) => bytes.extend_from_slice(chunk.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(Rejection::BadAnswer),
        }
    }
}

/// The head of an answer of the REST server.
struct AnswerHead {
    status: u16,
    fields: Vec<(String, String)>,
    /// Bytes of the head itself.
    length: usize,
    /// Bytes of the body read together with the head.
    body: usize,
    /// Bytes of the body according to the head.
    announced: usize,
}

impl AnswerHead {
    fn parse(bytes: &[u8], is_head: bool) -> Result<Option<AnswerHead>, Rejection> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_ANSWER_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let length = match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if bytes.len() < MAX_ANSWER => return Ok(None),
            _ => return Err(Rejection::BadAnswer),
        };
        let status = response.code.unwrap_or_default();
        let mut announced = None;
        let mut kept = Vec::new();
        for field in response.headers.iter() {
            let name = field.name.to_ascii_lowercase();
            let value = String::from_utf8_lossy(field.value).into_owned();
            match name.as_str() {
                "content-length" => announced = content_length(&value),
                // Our server always knows the length; another answer is not from it.
                "transfer-encoding" => return Err(Rejection::BadAnswer),
                // The front sets these itself.
                "connection" | "date" | "server" => {}
                _ => kept.push((field.name.to_owned(), value)),
            }
        }
        let bodiless = is_head || matches!(status, 204 | 304);
        let announced = match announced {
            Some(length) if length <= MAX_ANSWER => length,
            None if bodiless => 0,
            _ => return Err(Rejection::BadAnswer),
        };
        Ok(Some(AnswerHead {
            status,
            fields: kept,
            length,
            body: if bodiless { 0 } else { announced },
            announced,
        }))
    }

    fn answer(self, mut body: Vec<u8>, is_head: bool) -> Answer {
        body.truncate(self.body);
        let mut answer = Answer::new(self.status);
        for (name, value) in self.fields {
            answer = answer.with(name, value);
        }
        match is_head {
            true => answer.without_body(self.announced),
            false => answer.with_body(body),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn nobody_behind_the_socket_is_noticed_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let relays = Relays::new(path.clone(), Duration::from_secs(1));
        let listener = UnixListener::bind(&path).unwrap();
        assert!(relays.connect().is_ok());
        assert!(!relays.were_refused());
        // After a panic of its thread the file remains, but nothing listens.
        drop(listener);
        assert!(relays.connect().is_err());
        assert!(relays.were_refused());
        assert!(!relays.were_refused());
    }
}
