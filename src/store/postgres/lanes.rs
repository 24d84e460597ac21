//! The threads that ask the database, each on a connection of its own.
//!
//! The client library waits for an answer for as long as the connection lives, and a connection to
//! a hung database lives on. So callers never wait in the library: a lane does, and the caller
//! waits for the lane for a limited time. While the database answers no lane at all, further
//! callers fail at once, except for one now and then that tries again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;

use super::health::Health;
use super::{PostgresSettings, away, connect, cut_off, is_dead, translate};
use crate::store::StoreError;

/// A login that fails only after this long was not refused: it got no answer.
const LONG_TO_CONNECT: Duration = Duration::from_secs(2);

type Job = Box<dyn FnOnce(&mut Lane) + Send>;

/// The way to the lanes. Their threads end when the last clone is dropped; one that is waiting for
/// the database ends when the answer comes.
#[derive(Clone)]
pub struct Lanes {
    jobs: Sender<Job>,
    health: Arc<Health>,
    /// How long to wait for a lane to become free.
    wait: Duration,
}

/// The state of one thread.
pub struct Lane {
    settings: PostgresSettings,
    health: Arc<Health>,
    /// `None` until the first question, and after a failure.
    connection: Option<PgConnection>,
}

impl Lanes {
    /// Starts the threads. Each connects at its first question.
    pub fn open(settings: &PostgresSettings) -> std::io::Result<Lanes> {
        // Nothing queues: a caller that finds no lane free fails.
        let (jobs, waiting) = bounded::<Job>(0);
        let health = Arc::new(Health::default());
        for number in 0..settings.connections.max(1) {
            let lane = Lane {
                settings: settings.clone(),
                health: health.clone(),
                connection: None,
            };
            let waiting = waiting.clone();
            std::thread::Builder::new()
                .name(format!("postgres-{number}"))
                .spawn(move || lane.work(&waiting))?;
        }
        Ok(Lanes {
            jobs,
            health,
            wait: settings.wait,
        })
    }

    /// Has a lane do a job and waits for the result, for a limited time. Without a result the job
    /// may still be done later.
    pub fn ask<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce(&mut Lane) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let answer = self.put(patience, work);
        answer.inspect_err(|error| self.health.failed(error))
    }

    fn put<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce(&mut Lane) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if !self.health.may_try() {
            return Err(StoreError::Silent);
        }
        let asked = Instant::now();
        let (reply, answer) = bounded(1);
        let job: Job = Box::new(move |lane| {
            let result = work(lane);
            if result.is_ok() {
                lane.health.succeeded();
            }
            // The caller may have given up.
            let _ = reply.send(result);
        });
        match self.jobs.send_timeout(job, self.wait) {
            Ok(()) => {}
            Err(SendTimeoutError::Timeout(_)) => return Err(self.health.why_all_wait()),
            Err(SendTimeoutError::Disconnected(_)) => return Err(super::closed()),
        }
        match answer.recv_timeout(patience) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(self.health.gave_up(asked)),
            Err(RecvTimeoutError::Disconnected) => Err(StoreError::Database(
                "asking it failed because of a bug in this server".to_owned(),
            )),
        }
    }
}

impl Lane {
    fn work(mut self, waiting: &Receiver<Job>) {
        for job in waiting {
            // A panic in one job must not cost the others the lane.
            let done = catch_unwind(AssertUnwindSafe(|| job(&mut self)));
            if done.is_err() {
                log::error!("asking the database failed because of a bug in this server");
                self.connection = None;
            }
        }
    }

    /// Runs a job in one transaction.
    pub fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        // The database may have been restarted since the last question.
        let alive = self.connection.take().and_then(|mut connection| {
            let dead = is_dead(&mut connection);
            (!dead).then_some(connection)
        });
        let mut connection = match alive {
            Some(connection) => connection,
            None => self.connect()?,
        };
        self.health.heard();
        let result = connection.transaction(work);
        if let Err(error) = &result
            && is_dead(&mut connection)
        {
            return Err(cut_off(error));
        }
        self.health.heard();
        self.connection = Some(connection);
        result.map_err(|error| translate(&error))
    }

    fn connect(&self) -> Result<PgConnection, StoreError> {
        let begun = Instant::now();
        let mut connection = connect::connect(&self.settings).map_err(|error| {
            // The library has waited for as long as it was allowed to.
            if begun.elapsed() >= LONG_TO_CONNECT {
                let _ = self.health.gave_up(begun);
            }
            away(&error)
        })?;
        // The database gives up before the caller does.
        let quick = self.settings.answer_timeout * 3 / 4;
        let limit = self.settings.statement_timeout.min(quick).as_millis();
        connection
            .batch_execute(&format!("SET statement_timeout = {limit}"))
            .map_err(|error| cut_off(&error))?;
        Ok(connection)
    }
}
