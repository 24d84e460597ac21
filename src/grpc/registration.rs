//! Registers a chat server with a name server: connects, beats, and reconnects after any failure.
//! Never holds up the chat.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::{self, Thread};
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{self, Stream};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::http::{Request, Response};
use hyper::rt::Executor;
use parking_lot::Mutex;
use tonic::body::Body;

use crate::config::{Endpoint, Secret};
use crate::net::link;
use crate::net::transport::Transport;
use crate::nodes::Node;

use super::driver::{Driver, Socket, Timers};
use super::proto::name::name_service_client::NameServiceClient;
use super::proto::name::{HeartBeat, MessageServerHeader};
use super::server::Stop;

/// Time limit for connecting.
const CONNECT: Duration = Duration::from_secs(5);
/// The wait after the first failure, and the longest wait.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Beats without an answer after which the connection is given up.
const UNANSWERED: u32 = 3;

/// A server's report about itself; the id in it is ignored.
pub type Describe = Arc<dyn Fn() -> Node + Send + Sync>;

/// A registration, until it is dropped.
pub struct Registration {
    stop: Stop,
    thread: Thread,
    id: OwnId,
}

/// The server's own id: made up first, then assigned by the name server.
pub type OwnId = Arc<Mutex<String>>;

/// The settings of a registration.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The address of the name server.
    pub at: Endpoint,
    /// The time between beats.
    pub beat: Duration,
    /// The secret shared with the name server, if there is one.
    pub secret: Option<Secret>,
}

struct Registering {
    terms: Terms,
    describe: Describe,
    id: OwnId,
    stop: Stop,
}

impl Registration {
    /// Registers what `describe` returns, under the id in `id`, which is replaced by the one that
    /// the name server assigns.
    pub fn start(terms: Terms, id: OwnId, describe: Describe) -> io::Result<Registration> {
        let stop = Stop::default();
        let registering = Registering {
            terms,
            describe,
            id: id.clone(),
            stop: stop.clone(),
        };
        let thread = thread::Builder::new().name("name-server".to_owned());
        let thread = thread.spawn(move || registering.run())?;
        Ok(Registration {
            stop,
            thread: thread.thread().clone(),
            id,
        })
    }

    /// The id that the name server has assigned; before that, the requested one.
    pub fn id(&self) -> String {
        self.id.lock().clone()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.stop.stop();
        self.thread.unpark();
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("id", &self.id())
            .finish()
    }
}

impl Registering {
    fn run(&self) {
        let mut wait = FIRST_WAIT;
        let mut failing = false;
        while !self.stop.is_asked() {
            let (was_heard, why) = self.attempt();
            if self.stop.is_asked() {
                return;
            }
            if was_heard {
                (wait, failing) = (FIRST_WAIT, false);
            }
            // Logged once per outage.
            if !std::mem::replace(&mut failing, true) {
                log::warn!("not registered with {}: {why}; trying again", self.terms.at);
            }
            thread::park_timeout(wait + jitter(wait));
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Registers and beats until that fails. Returns whether it was registered in the meantime, and
    /// the reason of the failure.
    fn attempt(&self) -> (bool, String) {
        let mut was_heard = false;
        let why = match self.connect() {
            Ok((driver, socket)) => self.converse(&driver, socket, &mut was_heard),
            Err(error) => error.to_string(),
        };
        (was_heard, why)
    }

    fn connect(&self) -> io::Result<(Driver, Socket)> {
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
        for address in (self.terms.at.host(), self.terms.at.port()).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT) {
                Ok(stream) => {
                    link::prepare(&stream)?;
                    let socket = Socket::new(Transport::from(stream), Vec::new())?;
                    return Ok((Driver::new()?, socket));
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn converse(&self, driver: &Driver, socket: Socket, was_heard: &mut bool) -> String {
        let _stoppable = self.stop.enter(driver.alarm());
        let interest = socket.interest();
        let main = self.register(driver, socket, was_heard);
        let supervise = |_| match self.stop.is_asked() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(None),
        };
        match driver.run(&interest, main, supervise) {
            Ok(why) => why,
            Err(super::driver::GivenUp) => "stopped".to_owned(),
        }
    }

    /// Beats until something fails; returns the reason.
    async fn register(&self, driver: &Driver, socket: Socket, was_heard: &mut bool) -> String {
        let timers = driver.timers();
        let limit = self.terms.beat * UNANSWERED;
        let channel = match within(&timers, limit, self.shake_hands(driver, socket)).await {
            Some(Ok(channel)) => channel,
            Some(Err(error)) => return error.to_string(),
            None => return "it does not answer".to_owned(),
        };
        let origin = format!("http://{}", self.terms.at.authority());
        let Ok(origin) = origin.parse() else {
            return "its address is no origin".to_owned();
        };
        let mut client = NameServiceClient::with_origin(channel, origin);
        let beats = self.beats(timers.clone());
        let mut request = tonic::Request::new(beats);
        if let Some(secret) = &self.terms.secret {
            let Ok(value) = format!("Bearer {}", secret.expose()).parse() else {
                return "the secret is fit for no header".to_owned();
            };
            request.metadata_mut().insert("authorization", value);
        }
        let called = within(&timers, limit, client.connect_message_server(request)).await;
        let mut answers = match called {
            Some(Ok(answers)) => answers.into_inner(),
            Some(Err(status)) => return status.message().to_owned(),
            None => return "it does not answer".to_owned(),
        };
        loop {
            match within(&timers, limit, answers.message()).await {
                Some(Ok(Some(info))) => {
                    let header = info.header.unwrap_or_default();
                    if !std::mem::replace(was_heard, true) {
                        let id = &header.message_server_id;
                        log::info!("registered with {} as {}", self.terms.at, id.escape_debug());
                    }
                    *self.id.lock() = header.message_server_id;
                }
                Some(Ok(None)) => return "it has ended the connection".to_owned(),
                Some(Err(status)) => return status.message().to_owned(),
                None => return "it does not answer any more".to_owned(),
            }
        }
    }

    async fn shake_hands(&self, driver: &Driver, socket: Socket) -> hyper::Result<Channel> {
        let mut builder = http2::Builder::new(driver.tasks());
        builder.timer(driver.timers());
        let (sender, connection) = builder.handshake(socket).await?;
        driver.tasks().execute(async move {
            if let Err(error) = connection.await {
                log::debug!("the connection to the name server has ended: {error}");
            }
        });
        Ok(Channel(sender))
    }

    /// A beat now, and one after each interval.
    fn beats(&self, timers: Timers) -> impl Stream<Item = HeartBeat> + Send + 'static {
        let (describe, id, beat) = (self.describe.clone(), self.id.clone(), self.terms.beat);
        stream::unfold(true, move |is_first| {
            let pause = match is_first {
                true => Duration::ZERO,
                false => beat,
            };
            let pause = timers.after(pause);
            let (describe, id) = (describe.clone(), id.clone());
            async move {
                pause.await;
                let node = describe();
                let beat = HeartBeat {
                    header: Some(MessageServerHeader {
                        message_server_id: id.lock().clone(),
                    }),
                    address: Some(node.address).filter(|address| !address.is_empty()),
                    connections: Some(node.connections),
                    capacity: Some(node.capacity),
                };
                Some((beat, false))
            }
        })
    }
}

/// The result, if it comes within `limit`.
async fn within<F: Future>(timers: &Timers, limit: Duration, future: F) -> Option<F::Output> {
    match select(std::pin::pin!(future), timers.after(limit)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// Adds up to half of the wait, so that many servers do not come back at once.
fn jitter(wait: Duration) -> Duration {
    let mut random = [0];
    // If it fails, nothing is added.
    let _ = getrandom::fill(&mut random);
    wait / 2 * u32::from(random[0]) / 256
}

/// An HTTP/2 connection, with the interface that tonic's clients expect.
struct Channel(SendRequest<Body>);

impl tower_service::Service<Request<Body>> for Channel {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
