//! Joins the live nodes, and checks first what has to be true of Redis.

use std::io;
use std::time::{Duration, Instant};

use redis::Value;

use crate::config::Secret;
use crate::hub::{Ban, MAX_BANS, NodeId};

use super::about;
use super::common::Start;
use super::error::{ClusterError, LinkError};
use super::keys::{EntryId, MAX_SHARDS, node_text};
use super::link::{Backoff, Link, answer};
use super::memory::field;
use super::notice;
use super::scripts::Scripts;
use super::settings::ClusterSettings;

/// How long a Redis that has just started may take to load its data.
const LOADING: Duration = Duration::from_secs(60);
/// The oldest version with every feature used here.
const OLDEST: (u32, u32) = (6, 2);

/// Checks what Redis is, and warns of settings that lose data.
pub fn check(settings: &ClusterSettings, link: &mut Link) -> Result<(), ClusterError> {
    if !(1..=MAX_SHARDS).contains(&settings.shards) {
        return Err(ClusterError::Shards(settings.shards));
    }
    let info = when_loaded(settings, link)?;
    let field = |name| field(&info, name);
    let version = field("redis_version").unwrap_or_default();
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    let number = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if number < OLDEST {
        let place = settings.redis.to_string();
        return Err(ClusterError::TooOld(place, version.to_owned()));
    }
    if let Some(why) = objection(&info) {
        return Err(ClusterError::Unsuitable(settings.redis.to_string(), why));
    }
    if field("aof_enabled") == Some("0") {
        log::warn!(
            "Redis at {} has appendonly off: messages that have been seen are lost \
             if it stops before they are in PostgreSQL",
            settings.redis
        );
    }
    if field("maxmemory_policy").is_some_and(|policy| policy != "noeviction") {
        log::warn!(
            "Redis at {} may evict keys: set maxmemory-policy noeviction, \
             or messages can be lost",
            settings.redis
        );
    }
    // Not every Redis user may ask this.
    let mut command = redis::cmd("CONFIG");
    command.arg("GET").arg("appendfsync");
    let sync = link.call(&command).map(answer::pairs).unwrap_or_default();
    if sync.first().is_some_and(|(_, sync)| sync == "no") {
        log::warn!(
            "Redis at {} has appendfsync no: what it has taken in lately is lost with its \
             machine; everysec or always is safer",
            settings.redis
        );
    }
    Ok(())
}

/// Why this Redis cannot be used by all servers.
fn objection(info: &str) -> Option<&'static str> {
    if field(info, "redis_mode") == Some("sentinel") {
        return Some(
            "it is a Sentinel, of which nothing is asked here: give an address at which the \
             writable Redis always answers",
        );
    }
    if field(info, "redis_mode") == Some("cluster") {
        return Some(
            "it is a node of Redis Cluster, which has no place for a chat whose keys belong \
             together: give one Redis, with a replica if you like",
        );
    }
    (field(info, "role") == Some("slave")).then_some(
        "it is a replica that cannot be written to: give an address at which the writable \
         Redis always answers",
    )
}

/// The INFO text of Redis, once it has loaded its data.
fn when_loaded(settings: &ClusterSettings, link: &mut Link) -> Result<String, ClusterError> {
    let mut backoff = Backoff::default();
    let deadline = Instant::now() + LOADING;
    loop {
        let info = link.call(&redis::cmd("INFO"));
        let text = info.map(|value| answer::text(value).unwrap_or_default());
        let error = match text {
            Ok(text) if text.contains("\nloading:1") => "it is still loading".to_owned(),
            Ok(text) => return Ok(text),
            Err(LinkError::Refused(why)) if why.to_lowercase().contains("loading") => why,
            Err(error) => return Err(unreachable(settings, &error)),
        };
        if Instant::now() > deadline {
            return Err(ClusterError::Unreachable(settings.redis.to_string(), error));
        }
        std::thread::sleep(backoff.next());
    }
}

/// The secret that all servers share: ours if this is the first server.
pub fn common_secret(
    settings: &ClusterSettings,
    name: &str,
    ours: &Secret,
    link: &mut Link,
) -> Result<Secret, ClusterError> {
    let info = when_loaded(settings, link)?;
    if let Some(why) = objection(&info) {
        return Err(ClusterError::Unsuitable(settings.redis.to_string(), why));
    }
    let key = format!("{}:{name}", settings.prefix);
    let set = redis::cmd("SET")
        .arg(&key)
        .arg(ours.expose())
        .arg("NX")
        .to_owned();
    let get = redis::cmd("GET").arg(&key).to_owned();
    let failed = |error| unreachable(settings, &error);
    let mut common = answer::text(link.call(&get).map_err(failed)?);
    if common.is_none() {
        link.call(&set).map_err(failed)?;
        common = answer::text(link.call(&get).map_err(failed)?);
    }
    let common = common.and_then(|text| Secret::parse(&text).ok());
    common.ok_or_else(|| {
        let what = format!("{key} is no secret");
        ClusterError::Unreachable(settings.redis.to_string(), what)
    })
}

/// Becomes a live node, under a new id.
pub fn join(
    settings: &ClusterSettings,
    about: &str,
    link: &mut Link,
) -> Result<(NodeId, Start), ClusterError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| ClusterError::System(io::Error::other(error)))?;
    let node = NodeId(u64::from_le_bytes(random));
    let (name, shards) = (node_text(node), settings.shards.to_string());
    let delivery = settings.delivery.word();
    let silent = settings.beat.saturating_mul(settings.patience);
    let silent = silent.as_millis().to_string();
    let arguments: [&[u8]; 6] = [
        settings.prefix.as_bytes(),
        name.as_bytes(),
        about.as_bytes(),
        shards.as_bytes(),
        delivery.as_bytes(),
        silent.as_bytes(),
    ];
    let reply = link
        .script(&Scripts::new().join, &arguments)
        .map_err(|error| unreachable(settings, &error))?;
    let words: Vec<String> = answer::array(reply)
        .into_iter()
        .filter_map(answer::text)
        .collect();
    match words.split_first() {
        Some((word, [theirs])) if word == "shards" => Err(ClusterError::OtherShards {
            ours: settings.shards,
            theirs: theirs.clone(),
        }),
        Some((word, [theirs])) if word == "delivery" => Err(ClusterError::OtherDelivery {
            ours: delivery,
            theirs: theirs.clone(),
        }),
        Some((_, cursors)) => {
            let mut cursors = cursors.iter().map(|id| id.parse().unwrap_or_default());
            let news: EntryId = cursors.next().unwrap_or_default();
            let logs = cursors.collect();
            Ok((node, Start { news, logs }))
        }
        None => Err(ClusterError::Unreachable(
            settings.redis.to_string(),
            "it answers questions that were not asked".to_owned(),
        )),
    }
}

/// Whether all live nodes carry out changes of channels.
pub fn all_can_govern(settings: &ClusterSettings, link: &mut Link) -> Result<bool, ClusterError> {
    let mut command = redis::cmd("HVALS");
    command.arg(format!("{}:nodes", settings.prefix));
    let reports = link.call(&command);
    let reports = reports.map_err(|error| unreachable(settings, &error))?;
    let reports: Vec<String> = answer::array(reports)
        .into_iter()
        .filter_map(answer::text)
        .collect();
    Ok(about::all_can_govern(reports.iter().map(String::as_str)))
}

/// Removes a node from the live ones.
pub fn leave(
    settings: &ClusterSettings,
    node: NodeId,
    link: &mut Link,
) -> Result<(), ClusterError> {
    let node = node_text(node);
    let arguments = [settings.prefix.as_bytes(), node.as_bytes()];
    link.script(&Scripts::new().leave, &arguments)
        .map(|_| ())
        .map_err(|error| unreachable(settings, &error))
}

/// The bans in force on all servers: `own` if there have never been any.
pub fn first_bans(
    settings: &ClusterSettings,
    own: &[Ban],
    link: &mut Link,
) -> Result<Vec<Ban>, ClusterError> {
    let scripts = Scripts::new();
    let bans = match bans(settings, &scripts, link) {
        // There may be many bans of our own: they are sent only if needed.
        Ok(None) => begin_bans(settings, &scripts, own, link),
        Ok(Some(known)) => Ok(known),
        Err(error) => Err(error),
    };
    bans.map_err(|error| unreachable(settings, &error))
}

/// The bans in force on all servers; `None` if there have never been any.
pub fn bans(
    settings: &ClusterSettings,
    scripts: &Scripts,
    link: &mut Link,
) -> Result<Option<Vec<Ban>>, LinkError> {
    let arguments = [settings.prefix.as_bytes(), b"0"];
    Ok(read_bans(link.script(&scripts.bans, &arguments)?))
}

/// Stores our bans, unless another server was faster.
fn begin_bans(
    settings: &ClusterSettings,
    scripts: &Scripts,
    own: &[Ban],
    link: &mut Link,
) -> Result<Vec<Ban>, LinkError> {
    let own = own.iter().take(MAX_BANS);
    let own: Vec<_> = own
        .map(|ban| (notice::target_key(&ban.target), notice::ban(ban)))
        .collect();
    let mut arguments: Vec<&[u8]> = vec![settings.prefix.as_bytes(), b"1"];
    for (target, ban) in &own {
        arguments.extend([target.as_bytes(), ban.as_slice()]);
    }
    let known = read_bans(link.script(&scripts.bans, &arguments)?);
    Ok(known.unwrap_or_default())
}

fn read_bans(answer: Value) -> Option<Vec<Ban>> {
    let mut texts = answer::array(answer).into_iter().filter_map(answer::text);
    let is_known = texts.next().as_deref() == Some("known");
    let bans = texts.filter_map(|text| notice::read_ban(text.as_bytes()).ok());
    is_known.then(|| bans.collect())
}

fn unreachable(settings: &ClusterSettings, error: &LinkError) -> ClusterError {
    ClusterError::Unreachable(settings.redis.to_string(), error.to_string())
}
