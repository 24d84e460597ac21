//! The threads that ask the database, each on a connection of its own.
//!
//! The client library waits for an answer for as long as the connection
//! lives, and one to a database that hangs lives on. Therefore nobody who
//! asks waits in the library: a lane does, and who asked waits for the lane,
//! for a limited time. While the database says nothing, whoever else comes is
//! told so at once, but for one now and then who tries it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use parking_lot::Mutex;

use super::{PostgresSettings, connect, is_dead, translate};
use crate::store::StoreError;

/// How often a database that said nothing is tried again.
const TRY_EVERY: Duration = Duration::from_secs(3);
/// Who has not been let in for so long was not refused, but got no answer.
const LONG_TO_CONNECT: Duration = Duration::from_secs(2);

type Job = Box<dyn FnOnce(&mut Lane) + Send>;

/// Where questions are put. The threads end with it, those that wait for the
/// database when it answers.
#[derive(Clone)]
pub struct Lanes {
    jobs: Sender<Job>,
    silence: Arc<Silence>,
    /// How long to wait for a lane to become free.
    wait: Duration,
}

/// What one thread has.
pub struct Lane {
    settings: PostgresSettings,
    silence: Arc<Silence>,
    /// `None` until somebody needs it, and after it failed.
    connection: Option<PgConnection>,
}

/// Whether the database has left somebody waiting, and answered nobody since.
#[derive(Default)]
struct Silence {
    /// When it was tried last, if it is silent.
    tried: Mutex<Option<Instant>>,
}

impl Lanes {
    /// Starts the threads, which connect when somebody needs them to.
    pub fn open(settings: &PostgresSettings) -> std::io::Result<Lanes> {
        // Nothing queues: who finds no lane free hears of it.
        let (jobs, waiting) = bounded::<Job>(0);
        let silence = Arc::new(Silence::default());
        for number in 0..settings.connections.max(1) {
            let lane = Lane {
                settings: settings.clone(),
                silence: silence.clone(),
                connection: None,
            };
            let waiting = waiting.clone();
            std::thread::Builder::new()
                .name(format!("postgres-{number}"))
                .spawn(move || lane.work(&waiting))?;
        }
        Ok(Lanes {
            jobs,
            silence,
            wait: settings.wait,
        })
    }

    /// Has something done by a lane, and waits so long for what comes of it.
    /// If nothing comes, it may yet be done.
    pub fn ask<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce(&mut Lane) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if !self.silence.may_try() {
            return Err(StoreError::Silent);
        }
        let (reply, answer) = bounded(1);
        let job: Job = Box::new(move |lane| {
            let result = work(lane);
            if result.is_ok() {
                lane.silence.ends();
            }
            // Nobody may be waiting any more.
            let _ = reply.send(result);
        });
        match self.jobs.send_timeout(job, self.wait) {
            Ok(()) => {}
            Err(SendTimeoutError::Timeout(_)) => return Err(self.silence.or_busy()),
            Err(SendTimeoutError::Disconnected(_)) => return Err(super::closed()),
        }
        match answer.recv_timeout(patience) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => {
                self.silence.begins();
                Err(StoreError::Silent)
            }
            Err(RecvTimeoutError::Disconnected) => Err(StoreError::Database(
                "asking it ended by a fault of ours".to_owned(),
            )),
        }
    }
}

impl Lane {
    fn work(mut self, waiting: &Receiver<Job>) {
        for job in waiting {
            // One question must not take the lane from all others.
            let done = catch_unwind(AssertUnwindSafe(|| job(&mut self)));
            if done.is_err() {
                log::error!("asking the database ended by a fault of ours");
                self.connection = None;
            }
        }
    }

    /// Does something in one transaction.
    pub fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        // The database may have been restarted meanwhile.
        let alive = self.connection.take().and_then(|mut connection| {
            let dead = is_dead(&mut connection);
            (!dead).then_some(connection)
        });
        let mut connection = match alive {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let result = connection.transaction(work);
        if result.is_ok() || !is_dead(&mut connection) {
            self.connection = Some(connection);
        }
        result.map_err(|error| translate(&error))
    }

    fn connect(&self) -> Result<PgConnection, StoreError> {
        let begun = Instant::now();
        connect::connect(&self.settings).map_err(|error| {
            // The library has waited for as long as it was told to.
            if begun.elapsed() >= LONG_TO_CONNECT {
                self.silence.begins();
            }
            StoreError::Database(connect::words(&error.to_string()))
        })
    }
}

impl Silence {
    fn begins(&self) {
        let mut tried = self.tried.lock();
        if tried.is_none() {
            log::error!("the database does not answer; until it does, hardly anybody waits for it");
        }
        *tried = Some(Instant::now());
    }

    fn ends(&self) {
        if self.tried.lock().take().is_some() {
            log::info!("the database answers again");
        }
    }

    /// Why all lanes are taken.
    fn or_busy(&self) -> StoreError {
        match *self.tried.lock() {
            Some(_) => StoreError::Silent,
            None => StoreError::Busy,
        }
    }

    fn may_try(&self) -> bool {
        let mut tried = self.tried.lock();
        match *tried {
            Some(last) if last.elapsed() < TRY_EVERY => false,
            Some(_) => {
                *tried = Some(Instant::now());
                true
            }
            None => true,
        }
    }
}
