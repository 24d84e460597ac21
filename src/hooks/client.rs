//! Posts to the URL of a hook, in bounded time and to an address that was checked.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use parking_lot::{Mutex, RwLock};
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::RootCerts;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::http_client::{self, Failure, Lookup};

use super::address::may_reach;

/// How long a call may take, with everything.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes of an answer that are read.
const MOST_ANSWER: u64 = 64 * 1024;
/// The most bytes of an answer's head.
const MOST_HEAD: usize = 16 * 1024;
/// How long a connection is kept for the next call.
const IDLE: Duration = Duration::from_secs(15);
/// The most connections that are kept.
const MOST_IDLE: usize = 16;

/// The networks that hooks may reach although they are not public; may change at any time.
pub type Allowed = Arc<RwLock<Vec<IpNet>>>;

/// Makes calls.
pub struct Client {
    allowed: Allowed,
    name: String,
    roots: RootCerts,
    /// The agent, and what was allowed when it was made: a connection that is kept must not outlast
    /// the permission for it. Locked to look.
    agent: Mutex<(Vec<IpNet>, Agent)>,
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body; `None` if it was too long, or did not come in time.
    pub body: Option<Vec<u8>>,
}

/// Why there is no answer; `Display` is for the hook's keepers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// The host has only addresses that hooks may not reach.
    NotPublic,
    /// The host has no address.
    NoHost,
    /// Nobody accepts connections there, or the connection broke.
    Unreachable,
    /// It took too long.
    TimedOut,
    /// TLS could not be agreed on.
    Tls,
    /// What came was no answer.
    Nonsense,
}

/// Refuses addresses that hooks may not reach, after the name is looked up: the connection is made
/// to the very addresses that were checked, whatever the name stands for a moment later.
struct Checked<R> {
    inner: R,
    allowed: Allowed,
}

impl Client {
    /// A client that reaches public addresses and those allowed, and calls itself `name`.
    pub fn new(allowed: Allowed, name: &str) -> Client {
        let (roots, errors) = http_client::system_roots();
        for error in errors {
            log::warn!("the certificates that hooks may trust cannot all be read: {error}");
        }
        let at_first = allowed.read().clone();
        let agent = Client::agent(&allowed, name, &roots);
        Client {
            allowed,
            name: name.to_owned(),
            roots,
            agent: Mutex::new((at_first, agent)),
        }
    }

    /// The agent for what is allowed now.
    fn current(&self) -> Agent {
        let allowed = self.allowed.read().clone();
        let mut agent = self.agent.lock();
        if agent.0 != allowed {
            *agent = (
                allowed,
                Client::agent(&self.allowed, &self.name, &self.roots),
            );
        }
        agent.1.clone()
    }

    fn agent(allowed: &Allowed, name: &str, roots: &RootCerts) -> Agent {
        Client::agent_with(Lookup::default(), allowed, name, roots)
    }

    fn agent_with(
        lookup: impl Resolver,
        allowed: &Allowed,
        name: &str,
        roots: &RootCerts,
    ) -> Agent {
        let config = Agent::config_builder()
            .tls_config(http_client::tls(roots.clone()))
            .user_agent(name)
            .accept("application/json")
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            // What another server says must not lead to an address that nobody has checked.
            .max_redirects(0)
            .max_redirects_will_error(false)
            // The environment is none of a hook's business.
            .proxy(None)
            .max_response_header_size(MOST_HEAD)
            .max_idle_age(IDLE)
            .max_idle_connections(MOST_IDLE)
            .max_idle_connections_per_host(1)
            .build();
        let checked = Checked {
            inner: lookup,
            allowed: allowed.clone(),
        };
        Agent::with_parts(config, DefaultConnector::default(), checked)
    }

    /// Posts JSON.
    pub fn post(
        &self,
        url: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, NoAnswer> {
        let agent = self.current();
        let mut request = agent.post(url);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.header("Content-Type", "application/json");
        let mut answer = request.send(body).map_err(|error| NoAnswer::of(&error))?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(MOST_ANSWER);
        Ok(Answer {
            status,
            body: body.read_to_vec().ok(),
        })
    }
}

impl<R: Resolver> Resolver for Checked<R> {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let allowed = self.allowed.read();
        let mut checked = self.empty();
        for address in found.iter() {
            if may_reach(address.ip(), &allowed) {
                checked.push(*address);
            }
        }
        match checked.is_empty() {
            true => Err(io::Error::from(io::ErrorKind::PermissionDenied).into()),
            false => Ok(checked),
        }
    }
}

impl<R> fmt::Debug for Checked<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checked")
    }
}

impl NoAnswer {
    fn of(error: &ureq::Error) -> NoAnswer {
        match error {
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                NoAnswer::NotPublic
            }
            other => match Failure::of(other) {
                Failure::NoHost => NoAnswer::NoHost,
                Failure::NoConnection(_) | Failure::Broken(_) => NoAnswer::Unreachable,
                Failure::ConnectTimedOut | Failure::TimedOut => NoAnswer::TimedOut,
                Failure::Tls(_) => NoAnswer::Tls,
                Failure::Nonsense => NoAnswer::Nonsense,
            },
        }
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoAnswer::NotPublic => {
                "the address is not public; administrators allow networks with hooks.allow"
            }
            NoAnswer::NoHost => "the host has no address",
            NoAnswer::Unreachable => "no connection, or it broke",
            NoAnswer::TimedOut => "no answer in 10 seconds",
            NoAnswer::Tls => "TLS failed: its certificate may not be trusted here",
            NoAnswer::Nonsense => "the answer is not HTTP",
        })
    }
}

impl std::error::Error for NoAnswer {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A name that stands for other addresses each time that it is looked up.
    #[derive(Debug)]
    struct Changing {
        addresses: Vec<Vec<SocketAddr>>,
        looked_up: Arc<AtomicUsize>,
    }

    impl Resolver for Changing {
        fn resolve(
            &self,
            _: &Uri,
            _: &Config,
            _: NextTimeout,
        ) -> Result<ResolvedSocketAddrs, ureq::Error> {
            let number = self.looked_up.fetch_add(1, Ordering::SeqCst);
            let mut found = self.empty();
            for address in &self.addresses[number] {
                found.push(*address);
            }
            Ok(found)
        }
    }

    /// Answers and closes every connection; counts them.
    fn receiver(address: &str) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
                let _ = stream.write_all(answer);
            }
        });
        (address, count)
    }

    #[test]
    fn a_name_that_changes_leads_to_no_address_that_was_not_checked() {
        let (outside, welcome) = receiver("127.0.0.2:0");
        let (inside, intruders) = receiver("127.0.0.1:0");
        let looked_up = Arc::new(AtomicUsize::new(0));
        let changing = Changing {
            addresses: vec![
                vec![outside],
                vec![inside],
                vec![inside, outside],
                vec![inside],
            ],
            looked_up: looked_up.clone(),
        };
        let allowed = Arc::new(RwLock::new(vec!["127.0.0.2/32".parse().unwrap()]));
        let roots = RootCerts::new_with_certs(&[]);
        let agent = Client::agent_with(changing, &allowed, "test", &roots);
        let call = || {
            let answer = agent
                .post("http://receiver.example/")
                .send(b"{}".as_slice());
            answer
                .map(|it| it.status().as_u16())
                .map_err(|error| NoAnswer::of(&error))
        };
        assert_eq!(call(), Ok(204));
        assert_eq!(call(), Err(NoAnswer::NotPublic));
        // Of several addresses, those that may be reached are tried.
        assert_eq!(call(), Ok(204));
        assert_eq!(call(), Err(NoAnswer::NotPublic));
        assert_eq!(looked_up.load(Ordering::SeqCst), 4, "once a call");
        assert_eq!(welcome.load(Ordering::SeqCst), 2);
        assert_eq!(intruders.load(Ordering::SeqCst), 0);
    }
}
