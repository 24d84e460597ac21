//! tiny_http and the workers behind it.
//!
//! One thread accepts and rebuilds tiny_http when needed: after an error of `accept` tiny_http
//! never accepts again, and it panics when it cannot get a thread or a descriptor. The workers are
//! not affected.

use std::fs;
use std::io;
use std::os::unix::net::UnixListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use tiny_http::{Request, Server};

use crate::fair::{Asker, FairChannel};
use crate::http::Relays;

use super::problem::Problem;
use super::reply::Reply;
use super::router::Lane;
use super::{RestContext, Socket, docs, router};

/// Requests waiting for a worker. Beyond it, the last one of the address with the most is told to
/// come back.
const QUEUE: usize = 1024;
/// Workers for calls that read messages, which may take the store a while. They are separate, so
/// that a flood of such calls delays nothing else.
const READING_WORKERS: usize = 2;
/// Such calls that may wait.
const READING_QUEUE: usize = 256;
/// Workers for calls that check a password. They are separate, so that a storm of logins delays
/// nothing else.
const SLOW_WORKERS: usize = 4;
/// Such calls that may wait; further ones are told to come back. Far fewer than the front lets in,
/// so that there is always room for others.
const SLOW_QUEUE: usize = 32;
/// Workers for messages that programs post, which wait until these are stored. They are separate,
/// so that a slow store delays nothing else.
const POSTING_WORKERS: usize = 4;
/// Such calls that may wait.
const POSTING_QUEUE: usize = 256;
/// Pause before rebuilding tiny_http, so that a lasting fault (such as too few descriptors) does
/// not occupy a core.
const REBUILD_PAUSE: Duration = Duration::from_millis(100);
/// How often to check whether requests still reach tiny_http.
const LOOK: Duration = Duration::from_millis(500);

/// The running REST server.
pub struct RestHandle {
    shared: Arc<Shared>,
    context: Arc<RestContext>,
    threads: Vec<JoinHandle<()>>,
}

/// State shared by the accepting thread and the handle.
struct Shared {
    socket: Socket,
    /// They notice when nothing listens on the socket any more.
    relays: Arc<Relays>,
    /// `None` while it is being rebuilt.
    server: Mutex<Option<Arc<Server>>>,
    stopping: AtomicBool,
}

/// Requests on their way to a group of workers, which take them in turn, address by address.
type Queue = Arc<FairChannel<Asker, Request>>;

/// Requests on their way. The workers end when it is dropped.
struct Queues {
    usual: Queue,
    slow: Queue,
    reading: Queue,
    posting: Queue,
}

impl Queues {
    fn new() -> Queues {
        let queue = |most| Arc::new(FairChannel::new(most));
        Queues {
            usual: queue(QUEUE),
            slow: queue(SLOW_QUEUE),
            reading: queue(READING_QUEUE),
            posting: queue(POSTING_QUEUE),
        }
    }

    /// Hands a request to its workers. If too many wait, one of them is refused at once.
    fn put(&self, request: Request, relays: &Relays) {
        let queue = match router::lane(&request) {
            Lane::Usual => &self.usual,
            Lane::Slow => &self.slow,
            Lane::Reading => &self.reading,
            Lane::Posting => &self.posting,
        };
        let asker = router::asker(&request, relays);
        if let Some(refused) = queue.push(asker, request) {
            let reply = router::too_busy(&refused);
            respond(refused, reply);
        }
    }
}

impl Drop for Queues {
    fn drop(&mut self) {
        for queue in [&self.usual, &self.slow, &self.reading, &self.posting] {
            queue.close();
        }
    }
}

/// Starts to answer on `socket`, to which the context's relays connect.
pub fn start(context: RestContext, socket: Socket) -> io::Result<RestHandle> {
    docs::take_routes(router::FAMILIES);
    let server = build(&socket)?;
    let shared = Arc::new(Shared {
        socket,
        relays: context.relays.clone(),
        server: Mutex::new(Some(server.clone())),
        stopping: AtomicBool::new(false),
    });
    let context = Arc::new(context);
    let queues = Queues::new();
    let mut handle = RestHandle {
        shared: shared.clone(),
        context: context.clone(),
        threads: Vec::new(),
    };
    for (name, workers, queue) in [
        ("rest", context.workers.max(1), &queues.usual),
        ("rest-slow", SLOW_WORKERS, &queues.slow),
        ("rest-read", READING_WORKERS, &queues.reading),
        ("rest-post", POSTING_WORKERS, &queues.posting),
    ] {
        for number in 0..workers {
            let (requests, context) = (queue.clone(), context.clone());
            let worker = thread::Builder::new().name(format!("{name}-{number}"));
            let worker = worker.spawn(move || work(&requests, &context))?;
            handle.threads.push(worker);
        }
    }
    let acceptor = thread::Builder::new().name("rest-accept".to_owned());
    let acceptor = acceptor.spawn(move || accept(server, &shared, &queues))?;
    handle.threads.push(acceptor);
    Ok(handle)
}

impl RestHandle {
    /// Answers the requests under way, then ends. Searches are cut short.
    pub fn shutdown(self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.context.relays.cancel_all();
        if let Some(server) = self.shared.server.lock().take() {
            server.unblock();
        }
        for thread in self.threads {
            // Workers survive panics; one that did not has already ended.
            let _ = thread.join();
        }
    }
}

fn build(socket: &Socket) -> io::Result<Arc<Server>> {
    let listener = UnixListener::bind(socket.path())?;
    // It panics when no thread can be started.
    let server = catch_unwind(|| Server::from_listener(listener, None));
    let server = server.map_err(|_| io::Error::other("it cannot start a thread"))?;
    Ok(Arc::new(server.map_err(io::Error::other)?))
}

fn accept(first: Arc<Server>, shared: &Shared, queues: &Queues) {
    let mut server = first;
    loop {
        match next_request(&server, shared) {
            Ok(Some(request)) => queues.put(request, &shared.relays),
            Ok(None) => {}
            Err(_) if shared.stopping.load(Ordering::SeqCst) => return,
            Err(error) => {
                log::error!("the REST server stopped accepting ({error}); restarting it");
                // The last owner removes the socket's file, which must happen before the new one is
                // created.
                *shared.server.lock() = None;
                drop(server);
                match rebuild(shared) {
                    Some(new) => server = new,
                    None => return,
                }
            }
        }
    }
}

/// The next request, if one comes soon; an error if no more will come.
fn next_request(server: &Server, shared: &Shared) -> io::Result<Option<Request>> {
    let request = server.recv_timeout(LOOK)?;
    if request.is_none() {
        if shared.stopping.load(Ordering::SeqCst) {
            return Err(io::Error::other("it is to end"));
        }
        if shared.relays.were_refused() {
            return Err(io::Error::other("its thread has ended"));
        }
    }
    Ok(request)
}

fn rebuild(shared: &Shared) -> Option<Arc<Server>> {
    while !shared.stopping.load(Ordering::SeqCst) {
        thread::sleep(REBUILD_PAUSE);
        // A failed attempt leaves the socket's file behind.
        let _ = fs::remove_file(shared.socket.path());
        match build(&shared.socket) {
            Ok(server) => {
                *shared.server.lock() = Some(server.clone());
                let stopped_meanwhile = shared.stopping.load(Ordering::SeqCst);
                return (!stopped_meanwhile).then_some(server);
            }
            Err(error) => log::error!("the REST server cannot start: {error}"),
        }
    }
    None
}

fn work(requests: &FairChannel<Asker, Request>, context: &RestContext) {
    while let Some(mut request) = requests.pop() {
        let answer = catch_unwind(AssertUnwindSafe(|| router::answer(&mut request, context)));
        let reply = answer.unwrap_or_else(|_| {
            // Without the query, which may hold a token.
            let path = router::path_of(&request);
            let shown = router::shown(path);
            log::error!("a handler panicked on {} {shown}", request.method());
            Problem::Internal.reply_at(path)
        });
        respond(request, reply);
    }
}

fn respond(request: Request, reply: Reply) {
    let respond = || request.respond(reply.into_response());
    if let Ok(Err(error)) = catch_unwind(AssertUnwindSafe(respond)) {
        log::debug!("an answer could not be sent: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    fn shared(dir: &std::path::Path) -> (Shared, UnixListener) {
        let socket = Socket::place(dir).unwrap();
        let listener = UnixListener::bind(socket.path()).unwrap();
        let breaker = listener.try_clone().unwrap();
        let server = Arc::new(Server::from_listener(listener, None).unwrap());
        let shared = Shared {
            relays: Arc::new(Relays::new(socket.path().to_owned(), LOOK)),
            socket,
            server: Mutex::new(Some(server)),
            stopping: AtomicBool::new(false),
        };
        (shared, breaker)
    }

    /// Whether a server answers on the socket.
    fn is_served(path: &std::path::Path) -> bool {
        let Ok(mut stream) = UnixStream::connect(path) else {
            return false;
        };
        let mut answer = Vec::new();
        let request = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
        stream.write_all(request).is_ok()
            && stream.read_to_end(&mut answer).is_ok()
            && answer.starts_with(b"HTTP/1.1 ")
    }

    #[test]
    fn a_broken_listener_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (shared, breaker) = shared(dir.path());
        let shared = Arc::new(shared);
        let first = shared.server.lock().clone().unwrap();
        let queues = Queues::new();
        let requests = queues.usual.clone();
        let acceptor = {
            let shared = shared.clone();
            thread::spawn(move || accept(first, &shared, &queues))
        };
        let worker = thread::spawn(move || {
            while let Some(request) = requests.pop() {
                let _ = request.respond(tiny_http::Response::empty(200));
            }
        });
        assert!(is_served(shared.socket.path()));
        // From now on accept() fails, as it does without free descriptors.
        rustix::net::shutdown(&breaker, rustix::net::Shutdown::Both).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !is_served(shared.socket.path()) {
            assert!(Instant::now() < deadline, "no server took over");
            thread::yield_now();
        }
        shared.stopping.store(true, Ordering::SeqCst);
        shared.server.lock().take().unwrap().unblock();
        acceptor.join().unwrap();
        worker.join().unwrap();
    }
}
