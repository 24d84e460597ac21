//! From a request's path to the service that answers it.

use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::pin::Pin;

use hyper::http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower_service::Service;

use super::driver::Timers;

/// Who calls, and what the connection's thread has for handlers; among the
/// extensions of each request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// From where.
    pub address: SocketAddr,
    /// The connection's clock.
    pub(super) timers: Timers,
}

impl Caller {
    /// Who has made this call.
    pub(super) fn of<T>(request: &tonic::Request<T>) -> Result<&Caller, Status> {
        let caller = request.extensions().get::<Caller>();
        caller.ok_or_else(|| Status::internal("nobody has made this call"))
    }
}

/// What becomes of a call.
pub(super) type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
/// Says no to a call before its message is read.
pub type Guard = Box<dyn Fn(&Request<Body>) -> Result<(), Status> + Send + Sync>;

/// The services of a server, by name.
#[derive(Default)]
pub struct Routes(Vec<Route>);

struct Route {
    name: &'static str,
    guard: Option<Guard>,
    call: Box<dyn Fn(Request<Body>) -> Answering + Send + Sync>,
}

impl Routes {
    /// Adds a service.
    pub fn with<S>(self, service: S) -> Routes
    where
        S: NamedService + Serves,
        S::Future: Send,
    {
        self.add(S::NAME, None, service)
    }

    /// Adds a service whose every call is looked at first.
    pub fn with_guarded<S>(self, guard: Guard, service: S) -> Routes
    where
        S: NamedService + Serves,
        S::Future: Send,
    {
        self.add(S::NAME, Some(guard), service)
    }

    /// Adds a service under another name as well.
    pub fn with_alias<S>(self, name: &'static str, service: S) -> Routes
    where
        S: NamedService + Serves,
        S::Future: Send,
    {
        let call = move |mut request: Request<Body>| {
            let method = split(request.uri().path()).map_or("", |(_, method)| method);
            let path = format!("/{}/{method}", S::NAME);
            if let Ok(uri) = path.parse() {
                *request.uri_mut() = uri;
            }
            answering(service.clone(), request)
        };
        let call = Box::new(call);
        self.push(name, None, call)
    }

    fn add<S>(self, name: &'static str, guard: Option<Guard>, service: S) -> Routes
    where
        S: Serves,
        S::Future: Send,
    {
        let call = Box::new(move |request| answering(service.clone(), request));
        self.push(name, guard, call)
    }

    fn push(
        mut self,
        name: &'static str,
        guard: Option<Guard>,
        call: Box<dyn Fn(Request<Body>) -> Answering + Send + Sync>,
    ) -> Routes {
        self.0.push(Route { name, guard, call });
        self
    }

    /// Answers a call, or says why not.
    pub(super) fn call(&self, request: Request<Body>) -> Answering {
        let name = split(request.uri().path()).map(|(name, _)| name);
        let route = self.0.iter().find(|route| Some(route.name) == name);
        let Some(route) = route else {
            return refuse(&Status::unimplemented("there is no such service here"));
        };
        if let Some(guard) = &route.guard
            && let Err(status) = guard(&request)
        {
            return refuse(&status);
        }
        (route.call)(request)
    }
}

/// A service as tonic generates them.
pub trait Serves:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Serves for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static
{
}

fn answering<S>(mut service: S, request: Request<Body>) -> Answering
where
    S: Serves,
    S::Future: Send,
{
    // Generated services are always ready.
    let answer = service.call(request);
    Box::pin(async move {
        match answer.await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    })
}

fn refuse(status: &Status) -> Answering {
    Box::pin(ready(status.clone().into_http()))
}

/// Service and method.
fn split(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix('/')?.split_once('/')
}
