//! Starts the parts of a chat, in order.

use std::sync::Arc;

use parking_lot::Mutex;
use tempfile::TempDir;

use crate::account::{Accounts, Gate, Passes};
use crate::chatlog::{ChatLog, ChatLogOptions};
use crate::config::Config;
use crate::data::DataDir;
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::model::governance::CloakKey;
use crate::model::time::unix_ms;
use crate::net::flusher::Flusher;
use crate::net::registry::Registry;
use crate::net::tls::{Certificate, Tls, Writers};
use crate::outbox::Outbox;
use crate::protocol::Encoder;
use crate::rest::Readiness;
use crate::turn::{HubHandle, Parts, Turn};

use super::StartError;
use super::ending::Ending;
use super::keeping::Keeping;
use super::rest::Rest;
use super::settings::{
    guess_limits, irc_terms, pass_lives, password_lengths, registrations, remote_rules, settings,
};
use super::shared::{Handles, Shared};

/// The parts that run once everything has been started.
pub(super) struct Started {
    pub shared: Arc<Shared>,
    pub rest: Arc<Rest>,
    pub ending: Ending,
}

/// Starts a chat without listeners. `failed` runs if its hub or its store's writer fails.
pub(super) fn start(
    config: Config,
    address: String,
    temporary: Option<TempDir>,
    certificate: Option<Certificate>,
    failed: Box<dyn FnOnce() + Send>,
) -> Result<Started, StartError> {
    let data = Arc::new(DataDir::open(&config.data_dir)?);
    let admin_token = data.admin_token(config.admin.token.as_ref())?;
    let registry = Arc::new(Registry::default());
    let metrics = Metrics::new();
    let settings = settings(&config);
    let folder = data.path().join("chatlog");
    let chat_log = ChatLog::open(ChatLogOptions::new(folder, config.chat_log.clone()))?;
    let (hub, inputs) = HubHandle::new();
    let flusher = Flusher::start()?;
    let tls = match certificate {
        Some(certificate) => {
            let writers = Writers::start(flusher.watcher())?;
            let tls = Tls::new(certificate, writers).map_err(StartError::Tls)?;
            Some(Arc::new(tls))
        }
        None => None,
    };
    let irc = Arc::new(irc_terms(&config));
    let outbox = Outbox::new(
        Encoder::new(settings.greeting.clone()).with_irc(irc.terms.clone()),
        settings.backlog_bytes,
        flusher,
        registry.clone(),
    );
    let failed = once(failed);
    let readiness = Readiness::default();
    let keeping = Keeping::start(&config, &address, &data, &hub, &readiness, failed.clone())?;
    let mut state = Hub::new(settings.limits);
    state.restore_bans(data.bans().load(unix_ms())?);
    keeping.prepare(&mut state)?;
    let log = chat_log.clone();
    readiness.watch("chat_log", move || {
        let words = "the chat log cannot be written at present";
        log.is_failing().then(|| words.to_owned())
    });
    let turn = Turn::new(Parts {
        hub: state,
        outbox,
        inputs,
        chat_log: Some(chat_log.clone()),
        keeper: Some(keeping.keeper),
        metrics: metrics.clone(),
        ping_seconds: settings.ping_seconds,
    });
    let accounts = Accounts::new(
        keeping.store,
        hub.clone(),
        guess_limits(&config),
        keeping.guesses,
    )?;
    let accounts = Arc::new(
        accounts
            .with_lengths(password_lengths(&config))
            .keeping_keys(config.accounts.scram),
    );
    accounts.set_registrations(registrations(&config));
    accounts.set_remote_rules(remote_rules(&config));
    accounts.start_eraser()?;
    let passes = Passes::new(&keeping.keys.passes);
    let cloaks = CloakKey::new(keeping.keys.cloaks.expose().as_bytes());
    passes.set_lives(pass_lives(&config));
    let gate = Gate::new(passes, accounts.clone(), hub.clone());
    // Last, because it does not end by itself if another part fails to start.
    let hub_thread = turn.start(failed)?;
    let others = keeping.others;
    if let Some(others) = others.clone() {
        metrics.watch_cluster(move || others.health());
    }
    let handles = Handles {
        registry,
        hub,
        accounts,
        gate: Arc::new(gate),
        cloaks: Arc::new(cloaks),
        irc,
        chat_log,
        data,
        metrics,
        tls,
        others,
    };
    let shared = Shared::new(config, address, admin_token, handles)?;
    Ok(Started {
        shared: Arc::new(shared),
        rest: Arc::new(Rest::new(readiness)),
        ending: Ending::new(hub_thread, keeping.threads, temporary),
    })
}

/// Runs only for the first failure.
fn once(failed: Box<dyn FnOnce() + Send>) -> impl Fn() + Clone + Send + 'static {
    let failed = Arc::new(Mutex::new(Some(failed)));
    move || {
        let first = failed.lock().take();
        if let Some(failed) = first {
            failed();
        }
    }
}
