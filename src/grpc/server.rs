//! One gRPC connection, served on its thread from its first byte to its end.
//!
//! Every limit of a connection is enforced here: on late requests, on clients that do not read, and
//! on idle connections.

use std::cell::Cell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use hyper::body::Incoming;
use hyper::http::{Request, Response};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use parking_lot::Mutex;
use tonic::Status;

use crate::config::Limits as Configured;
use crate::net::deadline::{ReadEnd, close_gently};
use crate::net::transport::Transport;

use super::calls::{Answer, Call, Calls};
use super::driver::{Alarm, Driver, Socket, Timers};
use super::routes::{Caller, Routes};

/// The first bytes of every HTTP/2 connection.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The answer to a client that speaks HTTP/1.
const OTHER_HTTP: &[u8] = b"HTTP/1.1 426 Upgrade Required\r\nContent-Type: text/plain\r\n\
    Content-Length: 24\r\nConnection: close\r\n\r\nThis port speaks gRPC.\r\n";
/// How long calls in progress may take to end once the connection is to be closed.
const GRACE: Duration = Duration::from_millis(300);
/// Unsent bytes of an answer at which it has to wait.
const SEND_BYTES: usize = 64 * 1024;

/// The limits of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest metadata of a call; longer ones are refused.
    pub head_bytes: usize,
    /// The longest message; a longer one ends its call.
    pub message_bytes: usize,
    /// Calls at once; the client is told to hold back others.
    pub streams: u32,
    /// Time for the connection to begin, and for the client to take part of what waits for it;
    /// otherwise it is closed.
    pub patience: Duration,
    /// Time until a call's answer begins; otherwise the call fails.
    pub answer: Duration,
    /// Silence before a ping; after the same time again without an answer the connection is closed.
    /// Zero: no pings.
    pub ping: Duration,
    /// Time without a call before the connection is closed; zero is no limit.
    pub idle: Duration,
}

impl Limits {
    /// The limits in the configuration.
    pub fn of(limits: &Configured) -> Limits {
        Limits {
            head_bytes: limits.http_head_bytes,
            message_bytes: limits.http_body_bytes,
            streams: limits.grpc_streams,
            patience: Duration::from_secs(limits.http_seconds),
            answer: Duration::from_secs(60),
            ping: Duration::from_secs(limits.ping_seconds),
            idle: Duration::from_secs(limits.grpc_idle_seconds),
        }
    }
}

/// Ends all connections of a server. Clones share the state.
#[derive(Clone, Default)]
pub struct Stop(Arc<Mutex<Stopping>>);

#[derive(Default)]
struct Stopping {
    is_asked: bool,
    last: u64,
    alarms: HashMap<u64, Arc<Alarm>>,
}

/// A connection that can be stopped, until this is dropped.
pub(super) struct Stoppable<'a> {
    stop: &'a Stop,
    id: u64,
}

impl Stop {
    /// Lets calls end that are nearly done, then ends every connection, including later ones. Does
    /// not wait.
    pub fn stop(&self) {
        let mut stopping = self.0.lock();
        stopping.is_asked = true;
        for alarm in stopping.alarms.values() {
            alarm.ring();
        }
    }

    /// Whether all connections are to end.
    pub(super) fn is_asked(&self) -> bool {
        self.0.lock().is_asked
    }

    pub(super) fn enter(&self, alarm: Arc<Alarm>) -> Stoppable<'_> {
        let mut stopping = self.0.lock();
        stopping.last += 1;
        let id = stopping.last;
        stopping.alarms.insert(id, alarm);
        Stoppable { stop: self, id }
    }
}

impl Drop for Stoppable<'_> {
    fn drop(&mut self) {
        self.stop.0.lock().alarms.remove(&self.id);
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections = self.0.lock().alarms.len();
        f.debug_struct("Stop")
            .field("connections", &connections)
            .finish_non_exhaustive()
    }
}

/// The protocol of a connection, as recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// HTTP/2.
    Grpc,
    /// Something else, perhaps an older HTTP.
    Other,
}

/// Reads until the protocol is clear. `None` if the client is gone, or was silent for too long.
pub(crate) fn recognise(
    transport: &mut Transport,
    read: &mut Vec<u8>,
    deadline: Instant,
) -> Option<Spoken> {
    loop {
        let common = read.iter().zip(PREFACE).take_while(|(a, b)| a == b).count();
        if common == PREFACE.len() {
            return Some(Spoken::Grpc);
        }
        if common < read.len() {
            return Some(Spoken::Other);
        }
        match transport.fill(read, deadline) {
            Ok(()) => {}
            Err(ReadEnd::Gone | ReadEnd::TimedOut) => return None,
        }
    }
}

/// Serves a connection until it ends.
pub fn serve(
    mut transport: Transport,
    peer: SocketAddr,
    routes: &Arc<Routes>,
    limits: Limits,
    stop: &Stop,
) {
    let mut read = Vec::new();
    match recognise(&mut transport, &mut read, Instant::now() + limits.patience) {
        None => transport.finish(),
        Some(Spoken::Grpc) => serve_read(transport, read, peer, routes, limits, stop),
        Some(Spoken::Other) => turn_away(transport, limits.patience),
    }
}

/// As [`serve`], after the first bytes were read.
pub(crate) fn serve_read(
    transport: Transport,
    read: Vec<u8>,
    peer: SocketAddr,
    routes: &Arc<Routes>,
    limits: Limits,
    stop: &Stop,
) {
    let ready = Driver::new().and_then(|driver| Ok((driver, Socket::new(transport, read)?)));
    match ready {
        Ok((driver, socket)) => run(&driver, socket, peer, routes, limits, stop),
        Err(error) => log::error!("grpc: cannot serve {peer}: {error}"),
    }
}

fn turn_away(mut transport: Transport, patience: Duration) {
    // It fits into the buffer of any socket.
    let _ = transport.stream().set_write_timeout(Some(patience));
    let _ = transport.write(OTHER_HTTP);
    transport.finish();
    close_gently(transport.stream());
}

fn run(
    driver: &Driver,
    socket: Socket,
    peer: SocketAddr,
    routes: &Arc<Routes>,
    limits: Limits,
    stop: &Stop,
) {
    let alarm = driver.alarm();
    let _stoppable = stop.enter(alarm.clone());
    let interest = socket.interest();
    let calls = Calls::new();
    let service = {
        let (calls, routes, timers) = (calls.clone(), routes.clone(), driver.timers());
        service_fn(move |request| {
            let caller = Caller {
                address: peer,
                timers: timers.clone(),
            };
            answer(
                request,
                calls.begin(),
                caller,
                routes.clone(),
                limits.answer,
            )
        })
    };
    let connection = settings(driver, limits).serve_connection(socket, service);
    let mut connection = pin!(connection);
    let ending = Cell::new(None);
    let main = poll_fn(|context| {
        if ending.get().is_some() {
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(context)
    });
    let supervise = |now: Instant| {
        let blocked = [interest.blocked_since(), calls.stalled_since()];
        let slow = blocked.into_iter().flatten().min();
        let slow = slow.map(|since| since + limits.patience);
        if slow.is_some_and(|deadline| deadline <= now) {
            log::warn!("grpc: {peer} does not read what it asked for, and is disconnected");
            return ControlFlow::Break(());
        }
        let idle = calls.idle_since().filter(|_| !limits.idle.is_zero());
        let idle = idle.map(|since| since + limits.idle);
        let is_over = stop.is_asked() || idle.is_some_and(|deadline| deadline <= now);
        if is_over && ending.get().is_none() {
            ending.set(Some(now + GRACE));
            // Takes another turn, to say so.
            alarm.ring();
        }
        match ending.get() {
            Some(deadline) if deadline <= now => ControlFlow::Break(()),
            Some(deadline) => ControlFlow::Continue(Some(deadline)),
            None => ControlFlow::Continue([slow, idle].into_iter().flatten().min()),
        }
    };
    if let Ok(Err(error)) = driver.run(&interest, main, supervise) {
        log::debug!("grpc: the connection of {peer} has ended: {error}");
    }
}

fn settings(driver: &Driver, limits: Limits) -> http2::Builder<super::driver::Tasks> {
    let mut builder = http2::Builder::new(driver.tasks());
    builder
        .timer(driver.timers())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_send_buf_size(SEND_BYTES);
    if !limits.ping.is_zero() {
        builder
            .keep_alive_interval(limits.ping)
            .keep_alive_timeout(limits.ping);
    }
    builder
}

/// Answers one call, within the time limit.
async fn answer(
    request: Request<Incoming>,
    call: Call,
    caller: Caller,
    routes: Arc<Routes>,
    limit: Duration,
) -> Result<Response<Answer>, Infallible> {
    let timers: Timers = caller.timers.clone();
    let mut request = request.map(tonic::body::Body::new);
    request.extensions_mut().insert(caller);
    let response = match select(routes.call(request), timers.after(limit)).await {
        Either::Left((response, _)) => response,
        Either::Right(_) => Status::deadline_exceeded("the call took too long").into_http(),
    };
    Ok(response.map(|body| call.answer(body)))
}
