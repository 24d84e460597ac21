//! REST behind the HTTP listeners: its threads start with the first of them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use parking_lot::Mutex;

use crate::http::Relays;
use crate::rest::{self, Readiness, RestContext, RestHandle};

use super::shared::Shared;

/// How long a REST request may take inside.
const PATIENCE: Duration = Duration::from_secs(60);

/// REST, if there is an HTTP listener.
pub(super) struct Rest {
    started: jiff::Timestamp,
    readiness: Arc<Readiness>,
    /// Locked when a listener is attached, and at the end.
    running: Mutex<Option<(RestHandle, Arc<Relays>)>>,
}

impl Rest {
    /// REST of a chat that is starting.
    pub fn new(readiness: Readiness) -> Rest {
        Rest {
            started: jiff::Timestamp::now(),
            readiness: Arc::new(readiness),
            running: Mutex::new(None),
        }
    }

    /// The way to REST, for a listener.
    pub fn relays(&self, shared: &Arc<Shared>) -> io::Result<Arc<Relays>> {
        let mut running = self.running.lock();
        if let Some((_, relays)) = &*running {
            return Ok(relays.clone());
        }
        let socket = rest::Socket::place(shared.data.path())?;
        let relays = Arc::new(Relays::new(socket.path().to_owned(), PATIENCE));
        let handle = rest::start(self.context(shared, &relays), socket)?;
        *running = Some((handle, relays.clone()));
        Ok(relays)
    }

    /// Whether the server can do its work.
    pub fn readiness(&self) -> Arc<Readiness> {
        self.readiness.clone()
    }

    /// Answers the requests in progress, then ends.
    pub fn shut_down(&self) {
        if let Some((handle, _)) = self.running.lock().take() {
            handle.shutdown();
        }
    }

    fn context(&self, shared: &Arc<Shared>, relays: &Arc<Relays>) -> RestContext {
        let (all, sessions) = (shared.clone(), shared.clone());
        RestContext {
            hub: shared.hub.clone(),
            accounts: shared.accounts.clone(),
            gate: shared.gate.clone(),
            log: shared.chat_log.clone(),
            doors: shared.doors.clone(),
            bots: shared.bots.clone(),
            pace: shared.call_pace.clone(),
            hooks: Some(shared.hooks.clone()),
            sessions: Arc::new(move || sessions.session_context()),
            admin: shared.admin.clone(),
            version: crate::build_info::VERSION,
            started: self.started,
            nodes: Arc::new(move || all.nodes()),
            metrics: shared.metrics.clone(),
            readiness: self.readiness.clone(),
            origins: shared.origins.clone(),
            relays: relays.clone(),
            workers: shared.config().admin.workers,
            on_passwords: AtomicUsize::new(0),
        }
    }
}
