//! Several servers as one chat: a common log in Redis, PostgreSQL as the
//! store of all.
//!
//! Every message is appended to a Redis stream and delivered from there, so all servers deliver the
//! same messages in the same order. Streams also carry what servers tell each other about who is
//! online where. There is no consensus protocol and no queue of our own: what has to happen
//! atomically is a script in Redis. A [`Cluster`] knows the hub only by the messages between them
//! ([`Shared`], [`News`]), it never decides what members may do, and a server that stands alone has
//! none.
//!
//! Guarantees:
//! - A message is delivered only after Redis has accepted it, by all servers in the same order
//!   within its channel or thread, and by none twice, whatever fails on the way. What Redis has
//!   synced to disk is never lost.
//! - A client that has seen a message finds it in the [store](Cluster::store).
//! - PostgreSQL away: the chat goes on; history reaches back as far as the log.
//! - Redis away: no client can send. No server is given up for it either: time counts by beats, and
//!   those stop too.
//! - A server that is silent is given up: its nicknames are freed, and nothing it still sends is
//!   accepted. When it finds out, it is [cut off](News::CutOff) and comes back as another node.
//! - A Redis that has lost something it had accepted is not trusted with the rest: the server that
//!   finds out is cut off, too, and begins anew.
//!
//! Threads: the *appender* carries everything from the hub to Redis, the *reader* everything from
//! Redis to the hub, the *storer* copies the log to PostgreSQL, the *beat* reports that the server
//! is alive.

mod about;
mod appender;
mod batch;
mod beat;
mod clock;
mod common;
mod ears;
mod entry;
mod error;
mod guesses;
mod hearing;
mod interest;
mod join;
mod keys;
mod link;
mod listener;
mod lone;
mod memory;
mod merge;
mod notice;
mod people;
mod queue;
mod reader;
mod reread;
mod rules;
mod scripts;
mod settings;
mod store;
mod storer;
mod stream;
mod topic;
mod unstored;

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
pub use settings::{ClusterSettings, Delivery, NodeInfo};

use crate::account::SharedGuesses;
use crate::config::Secret;
use crate::hub::{Ban, Draft, News, NodeId, Refusal, Shared};
use crate::keeper::{Attendant, Log};
use crate::metrics::ClusterHealth;
use crate::model::governance::Rules;
use crate::model::time::unix_ms;
use crate::model::{AccountId, MessageId, Name};
use crate::store::{Store, StoreError};
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
use topic::Topic;

/// How long a client waits for the claim of its nickname.
const CLAIM: Duration = Duration::from_secs(5);
/// How long to wait until a channel is followed whose past is to be read.
const ATTEND: Duration = Duration::from_secs(2);
/// How often to check, during shutdown, whether everything is settled.
const SETTLING: Duration = Duration::from_millis(2);

/// This server as one of several; clones are the same one.
#[derive(Clone)]
pub struct Cluster {
    common: Arc<Common>,
    queue: Arc<Queue>,
    store: Arc<ClusterStore>,
    bans: Arc<Vec<Ban>>,
}

/// The threads behind a [`Cluster`]. Dropping them ends them without waiting; the other servers
/// notice by the missing beats.
pub struct ClusterThreads {
    common: Arc<Common>,
    queue: Arc<Queue>,
    appender: Thread,
    others: Vec<Thread>,
}

/// A thread; its channel closes when it ends.
struct Thread(Receiver<()>);

impl Cluster {
    /// Becomes one of the live servers.
    ///
    /// Several threads call `deliver` with news for the hub; it may block, and false means that the
    /// hub is gone. Who is online on the other servers comes first, as [`News::Roster`]. `failed`
    /// runs if a panic ends a thread.
    pub fn start(
        settings: ClusterSettings,
        postgres: Arc<dyn Store>,
        deliver: impl Fn(Vec<News>) -> bool + Send + Sync + 'static,
        failed: impl Fn() + Send + Sync + 'static,
    ) -> Result<(Cluster, ClusterThreads), ClusterError> {
        let mut link = Link::at_start(&settings.redis);
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
        // Clients that come at once may create channels.
        let can_govern = join::all_can_govern(&common.settings, &mut link)?;
        if can_govern {
            common.all_can_govern();
        }
        let store = Arc::new(ClusterStore::new(common.clone(), postgres.clone()));
        let threads = start_threads(&common, &queue, &store, postgres, Arc::new(failed));
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

    /// The secret that all servers share: that of the first server. It is kept in Redis, which only
    /// the servers can reach.
    pub fn common_secret(
        settings: &ClusterSettings,
        name: &str,
        ours: &Secret,
    ) -> Result<Secret, ClusterError> {
        let mut link = Link::at_start(&settings.redis);
        join::common_secret(settings, name, ours, &mut link)
    }

    /// The id of this server in its present life.
    pub fn node(&self) -> NodeId {
        self.common.life().node
    }

    /// Hands messages over to be committed; never waits. A returned id is refused and gets no news;
    /// every other one is [settled] once, unless [`News::CutOff`] comes first, after which nothing
    /// older is settled.
    ///
    /// [settled]: News::Settled
    pub fn append(&self, drafts: Vec<Draft>) -> Vec<MessageId> {
        let refuses =
            self.common.life().is_over || self.common.is_away(self.common.settings.refuse_after);
        match refuses {
            true => drafts.iter().map(|draft| draft.record.id()).collect(),
            false => self.queue.drafts(drafts),
        }
    }

    /// Tells the other servers, after everything appended and shared before; never waits. If there
    /// is no room, this server is [cut off], because what the others know of it would be wrong.
    ///
    /// [cut off]: News::CutOff
    pub fn share(&self, shared: Vec<Shared>) {
        let pushed = self.queue.push(shared.into_iter().map(Op::Share));
        if pushed.is_err() && !self.common.is_stopping() {
            // Read only now: a life that begins meanwhile clears the queue itself.
            let life = self.common.life();
            let why = "too much waits to be told to them";
            self.common.cut_off(life.number, why);
        }
    }

    /// Whether a client that connects to this server may have a nickname; waits for the answer. The
    /// nickname is held for a short time, until the hub reports the member online. Two guests on
    /// this same server are for the hub to tell apart.
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

    /// As [`Cluster::claim_name`], for any claimant and with the outcome: `None` if another member
    /// has the nickname. A guest that shows the same token again gets the nickname at once,
    /// whichever server has it, and keeps its new one.
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
        let deadline = Instant::now() + most;
        let claimed = answered.recv_timeout(most);
        let claimed = claimed.map_err(|_| ClusterUnavailable)?;
        if claimed.is_some()
            && let Some(account) = who.account()
        {
            // From the moment they are here, what is sent to them has to come here.
            let most = deadline.saturating_duration_since(Instant::now());
            if !self.attend(&Topic::Person(account), most) {
                return Err(ClusterUnavailable);
            }
        }
        Ok(claimed)
    }

    /// Waits until this server hears of what is said in a channel, for its first person there:
    /// whatever was said before is then in the store. Returns whether it does.
    pub fn attend_channel(&self, channel: &Name) -> bool {
        self.attend(&Topic::channel(channel), ATTEND)
    }

    fn attend(&self, topic: &Topic, most: Duration) -> bool {
        let Some(interest) = &self.common.interest else {
            return true;
        };
        let life = self.common.life();
        let wake = || {
            let woken = self.store.with(|link| self.common.wake(life.node, link));
            if let Err(error) = woken {
                log::debug!("Redis cannot be asked for a channel: {error}");
            }
        };
        !life.is_over && interest.attend(topic, most, wake)
    }

    /// Begins the next life, as another node, after [`News::CutOff`]. Call it when the hub has
    /// forgotten everything of the last life and has shared all it had to: none of that is sent.
    /// The hub is told again who is online on the other servers.
    pub fn rejoin(&self) {
        if self.common.life().is_over {
            self.queue.rejoin();
        }
    }

    /// The rules of every channel that is not simply open, with the changes that are only in the
    /// log yet. Later ones come as [`News::Changed`], some of them perhaps a second time.
    pub fn rules(&self) -> Result<Vec<(Name, Rules)>, StoreError> {
        self.store.rules()
    }

    /// The store of all servers, including messages still on their way to it.
    pub fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// Counts guesses at passwords for all servers together.
    pub fn guesses(&self) -> Arc<dyn SharedGuesses> {
        Arc::new(CommonGuesses::new(self.common.clone()))
    }

    /// What is wrong, if anything.
    pub fn readiness(&self) -> Option<String> {
        self.common.trouble()
    }

    /// The time by Redis's clock, as far as it is known.
    pub fn unix_ms(&self) -> u64 {
        self.common.unix_ms()
    }

    /// How well this server reaches Redis and PostgreSQL.
    pub fn health(&self) -> ClusterHealth {
        self.common.health()
    }

    /// The live servers, as of the last beat.
    pub fn nodes(&self) -> Vec<NodeInfo> {
        self.common.nodes()
    }

    /// Sets the number of connections that this server reports.
    pub fn set_load(&self, connections: u64) {
        self.common
            .connections
            .store(connections, Ordering::Relaxed);
    }

    /// A number for a ban, unique on all servers and above `above`.
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

    /// Tells the others, with the next beat, to send no more clients here.
    pub fn drain(&self) {
        self.common.is_draining.store(true, Ordering::Relaxed);
    }

    /// The bans that were in force on all servers when this one started.
    pub fn bans(&self) -> Vec<Ban> {
        self.bans.as_ref().clone()
    }

    /// Entries of the log that could not be read and were skipped.
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
            // What came before belongs to the life that is over, what comes after to the next one.
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

    fn attendant(&self) -> Attendant {
        let cluster = self.clone();
        Box::new(move |channel| cluster.attend_channel(channel))
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
    /// Sends what is waiting and sees it settled, leaves the live servers, and stores the entries
    /// handed to it. What takes longer than `allowed` is left to the other servers. Returns whether
    /// everything was done.
    pub fn shut_down(self, allowed: Duration) -> bool {
        let deadline = Instant::now() + allowed;
        self.common.set_deadline(deadline);
        self.queue.close();
        // The other threads are still needed for this.
        let mut done = self.appender.ends_by(deadline);
        while self.common.unheard() > 0 && !self.common.is_overdue() {
            if self.common.pause(SETTLING) {
                break;
            }
        }
        self.common.leave();
        if !self.common.is_overdue() {
            let node = self.common.life().node;
            if let Err(error) = join::leave(&self.common.settings, node, &mut self.common.link()) {
                log::warn!("the other servers could not be told that this one has ended: {error}");
                done = false;
            }
        }
        self.common.stop();
        if self.common.interest.is_some() && !self.common.is_overdue() {
            // The reader waits for what is published. If this fails, it ends by itself later.
            let node = self.common.life().node;
            let _ = self.common.wake(node, &mut self.common.link());
        }
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
    /// Whether the thread ends by then.
    fn ends_by(&self, deadline: Instant) -> bool {
        // Nothing is ever sent: anything but a time-out means the end.
        self.0.recv_deadline(deadline) != Err(RecvTimeoutError::Timeout)
    }
}

fn start_threads(
    common: &Arc<Common>,
    queue: &Arc<Queue>,
    store: &Arc<ClusterStore>,
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
    let mut appender = Appender::new(common.clone(), queue.clone(), store.clone());
    let mut reader = Reader::new(common.clone(), store.clone());
    let mut beat = Beat::new(common.clone());
    let mut lone = Lone::new(common.clone(), postgres.clone());
    let mut storer = Storer::new(common.clone(), postgres);
    // Shutdown does not wait for this thread, which may hang in a database call.
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
