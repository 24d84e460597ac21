//! Starts what stores messages: a store of our own, or one shared by several servers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::account::SharedGuesses;
use crate::config::{self, Config, Secret};
use crate::data::DataDir;
use crate::hub::{Hub, MOST_PROGRAMS};
use crate::keeper::{Keeper, KeeperThreads, Kept};
use crate::model::{MAX_ROWS, Name};
use crate::rest::Readiness;
use crate::store::{
    Durability, OpenError, Retention, SqliteSettings, SqliteStore, Store, WriterSettings,
};
use crate::turn::{HubHandle, Input};

use super::StartError;
use super::shared::Others;

/// The parts that were started to store messages.
pub(super) struct Keeping {
    pub store: Arc<dyn Store>,
    pub keeper: Keeper,
    pub threads: KeepingThreads,
    /// The keys.
    pub keys: Keys,
    /// Counts guesses at passwords, if this is one of several servers.
    pub guesses: Option<Arc<dyn SharedGuesses>>,
    /// The other servers, if there are any.
    pub others: Option<Arc<dyn Others>>,
    #[cfg(feature = "cluster")]
    cluster: Option<crate::cluster::Cluster>,
}

/// Keys that stay the same from one start to the next, and on all servers of a cluster.
pub(super) struct Keys {
    /// Signs passes.
    pub passes: Secret,
    /// Makes what stands for the addresses of clients.
    pub cloaks: Secret,
}

/// Its threads.
pub(super) struct KeepingThreads {
    keeper: KeeperThreads,
    #[cfg(feature = "cluster")]
    cluster: Option<crate::cluster::ClusterThreads>,
}

impl Keeping {
    /// Opens the store, joins the other servers if there are any, and starts the threads that bring
    /// messages there. `failed` runs if a panic ends one of them.
    pub fn start(
        config: &Config,
        address: &str,
        data: &DataDir,
        hub: &HubHandle,
        readiness: &Readiness,
        failed: impl Fn() + Clone + Send + Sync + 'static,
    ) -> Result<Keeping, StartError> {
        let store = open_store(config, data)?;
        let keys = Keys {
            passes: data.signing_key()?,
            cloaks: data.cloak_key()?,
        };
        #[cfg(feature = "cluster")]
        if let Some(redis) = &config.cluster.redis {
            let at = (redis, address);
            let bans = data.bans().load(crate::model::time::unix_ms())?;
            let keeping = Keeping::share(config, at, (store, keys, bans), hub, readiness, failed)?;
            data.keep_cloak_key(&keeping.keys.cloaks)?;
            return Ok(keeping);
        }
        #[cfg(not(feature = "cluster"))]
        let _ = address;
        let (keeper, appender, threads) =
            Keeper::start(&store, to_hub(hub), WriterSettings::default(), failed)?;
        readiness.watch("store", move || {
            let words = "messages cannot be stored at present";
            (!appender.is_healthy()).then(|| words.to_owned())
        });
        Ok(Keeping {
            store,
            keeper,
            threads: KeepingThreads {
                keeper: threads,
                #[cfg(feature = "cluster")]
                cluster: None,
            },
            keys,
            guesses: None,
            others: None,
            #[cfg(feature = "cluster")]
            cluster: None,
        })
    }

    /// Stores messages together with other servers.
    #[cfg(feature = "cluster")]
    fn share(
        config: &Config,
        (redis, address): (&crate::config::RedisAddress, &str),
        (postgres, keys, bans): (Arc<dyn Store>, Keys, Vec<crate::hub::Ban>),
        hub: &HubHandle,
        readiness: &Readiness,
        failed: impl Fn() + Clone + Send + Sync + 'static,
    ) -> Result<Keeping, StartError> {
        use crate::cluster::{Cluster, ClusterSettings, RedisUrl};

        let url = RedisUrl::parse(redis.expose()).map_err(StartError::Redis)?;
        let url = match &config.cluster.redis_ca {
            Some(path) => url.trusting(path).map_err(StartError::Redis)?,
            None => url,
        };
        let url = match (&config.cluster.redis_cert, &config.cluster.redis_key) {
            (Some(certificate), Some(key)) => {
                let url = url.showing(certificate, key);
                url.map_err(StartError::Redis)?
            }
            _ => url,
        };
        let settings = ClusterSettings {
            shards: config.cluster.shards,
            delivery: config.cluster.delivery,
            address: address.to_owned(),
            version: crate::build_info::VERSION.to_owned(),
            clock_difference: Duration::from_secs(config.cluster.clock_seconds),
            bans,
            ..ClusterSettings::new(url)
        };
        let common =
            |name, ours| Cluster::common_secret(&settings, name, ours).map_err(StartError::Cluster);
        let keys = Keys {
            passes: common("signing-key", &keys.passes)?,
            cloaks: common("cloak-key", &keys.cloaks)?,
        };
        let told = hub.clone();
        let deliver = move |news| told.send(Input::News(news)).is_ok();
        let (cluster, threads) =
            Cluster::start(settings, postgres, deliver, failed).map_err(StartError::Cluster)?;
        let store = cluster.store();
        let (keeper, keeping) = Keeper::over(Box::new(cluster.clone()), &store, to_hub(hub))?;
        hub.share_names(Arc::new(cluster.clone()));
        let asked = cluster.clone();
        readiness.watch("cluster", move || asked.readiness());
        Ok(Keeping {
            store,
            keeper,
            threads: KeepingThreads {
                keeper: keeping,
                cluster: Some(threads),
            },
            keys,
            guesses: Some(cluster.guesses()),
            others: Some(Arc::new(cluster.clone())),
            cluster: Some(cluster),
        })
    }

    /// Prepares a hub that has no clients yet.
    pub fn prepare(&self, hub: &mut Hub) -> Result<(), StartError> {
        hub.continue_after(self.store.last_message_id().map_err(StartError::Store)?);
        hub.know_programs(self.store.bots(MOST_PROGRAMS).map_err(StartError::Store)?);
        #[cfg(feature = "cluster")]
        if let Some(cluster) = &self.cluster {
            hub.join_others();
            hub.restore_bans(cluster.bans());
            hub.take_rules(cluster.rules().map_err(StartError::Store)?);
            return Ok(());
        }
        let mut last: Option<Name> = None;
        loop {
            let after = last.as_ref().map(|name| &**name.key());
            let page = self
                .store
                .channels(after, MAX_ROWS)
                .map_err(StartError::Store)?;
            let Some((name, _)) = page.last() else {
                break;
            };
            last = Some(name.clone());
            hub.restore_channels(page);
        }
        Ok(())
    }
}

/// Reports to the hub the outcome of storing; returns whether the hub is there.
fn to_hub(hub: &HubHandle) -> impl Fn(Kept) -> bool + Clone + Send + 'static {
    let hub = hub.clone();
    move |kept| hub.send(Input::Kept(kept)).is_ok()
}

impl KeepingThreads {
    /// Stores what is waiting, and ends; call it when the hub thread has ended.
    pub fn shut_down(self, allowed: Duration) {
        let deadline = Instant::now() + allowed;
        self.keeper.shut_down(allowed);
        #[cfg(feature = "cluster")]
        if let Some(cluster) = self.cluster {
            let left = deadline.saturating_duration_since(Instant::now());
            if !cluster.shut_down(left) {
                log::warn!("the other servers have to finish what this one could not");
            }
        }
        #[cfg(not(feature = "cluster"))]
        let _ = deadline;
    }
}

#[cfg(feature = "cluster")]
impl Others for crate::cluster::Cluster {
    fn nodes(&self) -> Vec<crate::nodes::Node> {
        use crate::model::time::unix_ms_of;
        use crate::nodes::Node;
        let now = std::time::SystemTime::now();
        let nodes = crate::cluster::Cluster::nodes(self).into_iter();
        let nodes = nodes.filter(|node| !node.is_draining).map(|node| {
            let beat = now.checked_sub(node.beat_age).unwrap_or(now);
            Node {
                id: format!("{:016x}", node.id.0),
                address: node.address,
                connections: node.connections,
                capacity: 0,
                last_heartbeat_ms: unix_ms_of(beat),
                is_hindered: !node.is_ready,
                version: node.version.unwrap_or_default(),
            }
        });
        nodes.collect()
    }

    fn addresses(&self) -> std::collections::HashMap<crate::hub::NodeId, String> {
        let nodes = crate::cluster::Cluster::nodes(self).into_iter();
        nodes.map(|node| (node.id, node.address)).collect()
    }

    fn ban_number(&self, above: u64) -> Option<u64> {
        crate::cluster::Cluster::ban_number(self, above).ok()
    }

    fn drain(&self) {
        crate::cluster::Cluster::drain(self);
    }

    fn health(&self) -> crate::metrics::ClusterHealth {
        crate::cluster::Cluster::health(self)
    }
}

/// Opens the configured database.
fn open_store(config: &Config, data: &DataDir) -> Result<Arc<dyn Store>, OpenError> {
    let retention = Retention {
        channel_days: config.store.channel_days,
        channel_messages: config.store.channel_messages,
        direct_days: config.store.direct_days,
    };
    let search_time = Duration::from_secs(config.store.search_seconds);
    #[cfg(feature = "cluster")]
    if let Some(url) = config.postgres().cloned() {
        use crate::store::{PostgresSettings, PostgresStore};
        return Ok(Arc::new(PostgresStore::open(PostgresSettings {
            search_time,
            retention,
            ..PostgresSettings::new(url)
        })?));
    }
    Ok(Arc::new(SqliteStore::open(SqliteSettings {
        durability: match config.store.durability {
            config::Durability::Process => Durability::Process,
            config::Durability::Power => Durability::Power,
        },
        max_bytes: config.store.max_bytes,
        search_time,
        retention,
        ..SqliteSettings::new(data.path().join("chat.db"))
    })?))
}
