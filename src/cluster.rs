//! Several servers as one chat: a common log in Redis, PostgreSQL as the
//! store of all.
//!
//! Every message goes into a stream of Redis and is told from there, so all
//! servers tell the same ones in the same order. Streams carry, too, what
//! servers tell each other about who is where. There is no consensus here and
//! no queue of our own: what has to happen at one moment is a script in Redis.
//! A [`Cluster`] knows the hub only by what they say to each other
//! ([`Shared`], [`News`]), it never decides what members may do, and it
//! does not exist on a server that stands alone.
//!
//! What holds:
//! - A message is told only after Redis has taken it in, by all servers in the
//!   same order within its channel or thread, and by none twice, whatever
//!   breaks on the way. What Redis has synced to disk is never lost.
//! - Whoever has seen a message finds it in the [store](Cluster::store).
//! - PostgreSQL away: the chat goes on; history reaches back as far as the log.
//! - Redis away: nobody can speak. Nobody is given up for it either: time
//!   counts by beats, and those stand still, too.
//! - A server that is silent is given up; its nicknames are free, and nothing
//!   it still has to say is taken from it. When it finds out it is
//!   [cut off](News::CutOff), and comes back as another node.
//! - A Redis that turns out to have lost something it had taken in is not
//!   trusted with the rest: who finds out is cut off, too, and begins anew.
//!
//! Threads: the *appender* carries everything from the hub to Redis, the
//! *reader* brings everything from there, the *storer* fills PostgreSQL, the
//! *beat* keeps the server among the living.

mod appender;
mod batch;
mod beat;
mod clock;
mod common;
mod entry;
mod error;
mod guesses;
mod join;
mod keys;
mod link;
mod lone;
mod memory;
mod merge;
mod notice;
mod people;
mod queue;
mod reader;
mod reread;
mod scripts;
mod settings;
mod store;
mod storer;
mod stream;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::Builder;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

pub use crate::config::{RedisUrl, RedisUrlError};
pub use error::{ClusterError, ClusterUnavailable};
pub use keys::MAX_SHARDS;
pub use settings::{ClusterSettings, NodeInfo};

use crate::account::SharedGuesses;
use crate::account::unix_ms;
use crate::config::Secret;
use crate::hub::{Ban, Draft, News, NodeId, Refusal, Shared};
use crate::keeper::Log;
use crate::metrics::ClusterHealth;
use crate::model::{AccountId, MessageId, Name};
use crate::store::Store;
use crate::turn::{Claimant, Claimed, Names};
use appender::Appender;
use beat::Beat;
use common::{Common, Life};
use guesses::CommonGuesses;
use link::Link;
use lone::Lone;
use queue::{Op, Queue, Room};
use reader::Reader;
use store::ClusterStore;
use storer::Storer;

/// How long somebody who comes waits for their nickname.
const CLAIM: Duration = Duration::from_secs(5);
/// How often to look whether everything is settled at the end.
const SETTLING: Duration = Duration::from_millis(2);

/// This server as one of several; clones are the same one.
#[derive(Clone)]
pub struct Cluster {
    common: Arc<Common>,
    queue: Arc<Queue>,
    store: Arc<ClusterStore>,
    bans: Arc<Vec<Ban>>,
}

/// The threads behind a [`Cluster`]. Dropping them ends them without waiting,
/// and leaves it to the others to find out.
pub struct ClusterThreads {
    common: Arc<Common>,
    queue: Arc<Queue>,
    appender: Thread,
    others: Vec<Thread>,
}

/// A thread, by what it lets go of at its end.
struct Thread(Receiver<()>);

impl Cluster {
    /// Becomes one of the live servers.
    ///
    /// `deliver` is called from several threads with what the hub has to be
    /// told, and may block; false means that there is no hub any more. Who is
    /// on the other servers comes first, as [`News::Roster`]. `failed` runs if
    /// a fault of ours ends a thread.
    pub fn start(
        settings: ClusterSettings,
        postgres: Arc<dyn Store>,
        deliver: impl Fn(Vec<News>) -> bool + Send + Sync + 'static,
        failed: impl Fn() + Send + Sync + 'static,
    ) -> Result<(Cluster, ClusterThreads), ClusterError> {
        let mut link = Link::new(&settings.redis);
        join::check(&settings, &mut link)?;
        let bans = join::first_bans(&settings, &settings.bans, &mut link)?;
        let queue = Arc::new(Queue::new(Room {
            draft_bytes: settings.queue_bytes,
            shares: settings.queue_shares,
        }));
        let life = Life {
            number: 0,
            node: NodeId(0),
            is_over: true,
            start: Arc::default(),
        };
        let common = Arc::new(Common::new(settings, life, deliver, unix_ms()));
        let (node, start) = join::join(&common.settings, &common.about(), &mut link)?;
        common.begin(node, start);
        let store = Arc::new(ClusterStore::new(common.clone(), postgres.clone()));
        let threads = start_threads(&common, &queue, postgres, Arc::new(failed));
        let threads = threads.map_err(|error| {
            common.stop();
            ClusterError::System(error)
        })?;
        let cluster = Cluster {
            common,
            queue,
            store,
            bans: Arc::new(bans),
        };
        Ok((cluster, threads))
    }

    /// A secret that all servers have in common: that of the one that came
    /// first. It is kept in Redis, which only they can reach.
    pub fn common_secret(
        settings: &ClusterSettings,
        name: &str,
        ours: &Secret,
    ) -> Result<Secret, ClusterError> {
        let mut link = Link::new(&settings.redis);
        join::common_secret(settings, name, ours, &mut link)
    }

    /// The name of this server in its present life.
    pub fn node(&self) -> NodeId {
        self.common.life().node
    }

    /// Has messages committed; never waits. What comes back is refused, and
    /// there will be no word of it; every other one is [settled] once, unless
    /// [`News::CutOff`] comes first: nothing older is settled after that.
    ///
    /// [settled]: News::Settled
    pub fn append(&self, drafts: Vec<Draft>) -> Vec<MessageId> {
        let refuses =
            self.common.life().is_over || self.common.is_away(self.common.settings.refuse_after);
        match refuses {
            true => drafts.iter().map(|draft| draft.message.id).collect(),
            false => self.queue.drafts(drafts),
        }
    }

    /// Tells the others, after what was appended and shared before; never
    /// waits. If there is no room for it this server is [cut off], because what
    /// the others know of it would be wrong.
    ///
    /// [cut off]: News::CutOff
    pub fn share(&self, shared: Vec<Shared>) {
        let pushed = self.queue.push(shared.into_iter().map(Op::Share));
        if pushed.is_err() && !self.common.is_stopping() {
            // Looked up only now: a life that begins meanwhile looks itself.
            let life = self.common.life();
            let why = "too much waits to be told to them";
            self.common.cut_off(life.number, why);
        }
    }

    /// Whether somebody who comes to this server may have a nickname; waits
    /// for the answer. It is held for them until the hub tells that they are
    /// online, but not for long. Two guests who come to this same server are
    /// the hub's business.
    pub fn claim_name(
        &self,
        name: &Name,
        account: Option<AccountId>,
        most: Duration,
    ) -> Result<bool, ClusterUnavailable> {
        let who = account.map_or(Claimant::Guest, Claimant::Account);
        let claimed = self.claim_for(name, &who, most)?;
        Ok(claimed.is_some())
    }

    /// The same for anybody, and what came of it: `None` if somebody else has
    /// it. A guest who shows the same token again gets the nickname at once,
    /// from whichever server has it, and keeps a new one.
    pub fn claim_for(
        &self,
        name: &Name,
        who: &Claimant,
        most: Duration,
    ) -> Result<Option<Claimed>, ClusterUnavailable> {
        if self.common.life().is_over {
            return Err(ClusterUnavailable);
        }
        let (answer, answered) = bounded(1);
        let claim = Op::Claim {
            name: name.clone(),
            who: who.clone(),
            answer,
        };
        self.queue.push([claim]).map_err(|_| ClusterUnavailable)?;
        answered.recv_timeout(most).map_err(|_| ClusterUnavailable)
    }

    /// Begins the next life after [`News::CutOff`], as another node. To be
    /// called when the hub has forgotten everything of the one before, and all
    /// it had to share of that has been shared: nothing of that is told. The
    /// hub hears again who is on the other servers.
    pub fn rejoin(&self) {
        if self.common.life().is_over {
            self.queue.rejoin();
        }
    }

    /// The store of all servers, with what is still on its way to it.
    pub fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// Counts guesses at passwords for all servers.
    pub fn guesses(&self) -> Arc<dyn SharedGuesses> {
        Arc::new(CommonGuesses::new(self.common.clone()))
    }

    /// What is wrong, if anything is.
    pub fn readiness(&self) -> Option<String> {
        self.common.trouble()
    }

    /// The time by Redis's clock, as far as it is known.
    pub fn unix_ms(&self) -> u64 {
        self.common.unix_ms()
    }

    /// How it gets on with Redis and PostgreSQL.
    pub fn health(&self) -> ClusterHealth {
        self.common.health()
    }

    /// The live servers, as of the last beat.
    pub fn nodes(&self) -> Vec<NodeInfo> {
        self.common.nodes()
    }

    /// How many connections this server has.
    pub fn set_load(&self, connections: u64) {
        self.common
            .connections
            .store(connections, Ordering::Relaxed);
    }

    /// A number for a ban that no other has, on no server; above `above`.
    pub fn ban_number(&self, above: u64) -> Result<u64, ClusterUnavailable> {
        let above = above.to_string();
        let arguments = [self.common.settings.prefix.as_bytes(), above.as_bytes()];
        let mut link = self.common.link();
        let number = link.script(&self.common.scripts.ban_number, &arguments);
        let number = number.ok().and_then(link::answer::text);
        number
            .and_then(|number| number.parse().ok())
            .ok_or(ClusterUnavailable)
    }

    /// Tells the others, with the next beat, that nobody is to be sent here.
    pub fn drain(&self) {
        self.common.is_draining.store(true, Ordering::Relaxed);
    }

    /// The bans that were in force on all servers when this one started.
    pub fn bans(&self) -> Vec<Ban> {
        self.bans.as_ref().clone()
    }

    /// Entries of the log that could not be read and were passed over.
    pub fn skipped(&self) -> u64 {
        self.common.skipped_count()
    }
}

impl Log for Cluster {
    fn append(&self, drafts: Vec<Draft>) -> Vec<MessageId> {
        Cluster::append(self, drafts)
    }

    fn share(&self, mut shared: Vec<Shared>) {
        let mut all = shared.iter();
        if let Some(at) = all.rposition(|shared| matches!(shared, Shared::Rejoin(_))) {
            // What came before belongs to the life that is over, what comes
            // after to the next one.
            let next = shared.split_off(at + 1);
            if let Some(Shared::Rejoin(bans)) = shared.pop() {
                self.common.set_own_bans(bans);
            }
            self.rejoin();
            shared = next;
        }
        Cluster::share(self, shared);
    }

    fn set_load(&self, connections: u64) {
        Cluster::set_load(self, connections);
    }
}

impl Names for Cluster {
    fn claim(&self, name: &Name, who: &Claimant) -> Result<Claimed, Refusal> {
        match self.claim_for(name, who, CLAIM) {
            Ok(Some(claimed)) => Ok(claimed),
            Ok(None) => Err(Refusal::NicknameInUse(name.clone())),
            Err(ClusterUnavailable) => Err(Refusal::CannotAgree),
        }
    }
}

impl ClusterThreads {
    /// Sends what waits to be sent and sees it settled, takes this server out of
    /// the live ones, and stores what it was handed. Whatever takes longer than
    /// `allowed` is left to the others; whether everything was done.
    pub fn shut_down(self, allowed: Duration) -> bool {
        let deadline = Instant::now() + allowed;
        self.common.set_deadline(deadline);
        self.queue.close();
        // The others go on meanwhile: they are needed for it.
        let mut done = self.appender.ends_by(deadline);
        while self.common.unread.load(Ordering::Acquire) > 0 && !self.common.is_overdue() {
            if self.common.pause(SETTLING) {
                break;
            }
        }
        self.common.leave();
        if !self.common.is_overdue() {
            let node = self.common.life().node;
            if let Err(error) = join::leave(&self.common.settings, node, &mut self.common.link()) {
                log::warn!("the other servers have to find out that this one has ended: {error}");
                done = false;
            }
        }
        self.common.stop();
        for thread in &self.others {
            done &= thread.ends_by(deadline);
        }
        done
    }
}

impl Drop for ClusterThreads {
    fn drop(&mut self) {
        self.queue.close();
        self.common.stop();
    }
}

impl Thread {
    /// Whether the thread has come to its end by then.
    fn ends_by(&self, deadline: Instant) -> bool {
        // Nothing is ever sent: whatever is not a time-out is the end.
        self.0.recv_deadline(deadline) != Err(RecvTimeoutError::Timeout)
    }
}

fn start_threads(
    common: &Arc<Common>,
    queue: &Arc<Queue>,
    postgres: Arc<dyn Store>,
    failed: Arc<dyn Fn() + Send + Sync>,
) -> io::Result<ClusterThreads> {
    let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
        let (end, done) = bounded::<()>(0);
        let (common, failed) = (common.clone(), failed.clone());
        Builder::new().name(name.to_owned()).spawn(move || {
            let ran = catch_unwind(AssertUnwindSafe(work));
            if ran.is_err() {
                log::error!("what connects this server with the others has failed");
                common.stop();
                failed();
            }
            drop(end);
        })?;
        Ok::<Thread, io::Error>(Thread(done))
    };
    let mut appender = Appender::new(common.clone(), queue.clone());
    let mut reader = Reader::new(common.clone());
    let mut beat = Beat::new(common.clone());
    let mut lone = Lone::new(common.clone(), postgres.clone());
    let mut storer = Storer::new(common.clone(), postgres);
    // Nobody waits for this one: it may be waiting for a database that hangs.
    drop(spawn("lone", Box::new(move || lone.run()))?);
    Ok(ClusterThreads {
        common: common.clone(),
        queue: queue.clone(),
        appender: spawn("appender", Box::new(move || appender.run()))?,
        others: vec![
            spawn("reader", Box::new(move || reader.run()))?,
            spawn("beat", Box::new(move || beat.run()))?,
            spawn("storer", Box::new(move || storer.run()))?,
        ],
    })
}
