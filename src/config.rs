//! Every setting, typed, declared in one place.
//!
//! Names are the same in the file (`limits.line_bytes`), the environment
//! (`CHAT_SERVER_LIMITS_LINE_BYTES`) and, where there is one, the flag. Each
//! line below is the only declaration of its setting: reading, checking,
//! reloading and `docs/configuration.md` follow from it. Nothing here reads
//! the environment by itself: the caller passes [`Sources`].

mod address;
mod changes;
mod checks;
mod convert;
mod document;
mod endpoint;
mod file;
mod listeners;
mod loader;
mod names;
mod origin;
mod originals;
mod own_files;
mod passphrase;
mod problem;
mod redis;
#[cfg(feature = "cluster")]
mod redis_url;
mod rule;
mod secret;
mod service_link;
mod setting;
mod sound;
mod sources;
mod suggest;
mod value;
mod yaml;

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

use crate::model::governance::Flags;
use crate::store::DatabaseUrl;

pub use changes::Change;
pub use convert::{Converted, convert};
pub use endpoint::Endpoint;
pub use file::ConfigFile;
pub use listeners::{ListenerKind, Protocol};
pub use loader::Flag;
pub use originals::Note;
pub use passphrase::Passphrase;
pub use problem::{Origin, Problem, Problems};
pub use redis::RedisAddress;
#[cfg(feature = "cluster")]
pub use redis_url::{RedisUrl, RedisUrlError};
use rule::Rule;
pub use secret::{Secret, SecretError};
use setting::settings;
pub use setting::{Applies, ENVIRONMENT_PREFIX, Setting};
pub use sources::{Loaded, Sources};
pub use value::{
    Delivery, Durability, Governance, History, IrcGateway, IrcOperator, KeepEdits, LogFormat,
    Nicknames, Register, Registration, UserHeader,
};

settings! {
    /// All settings of one server.
    pub struct Config {
        settings {
            /// The data folder: chat log, admin token, bans, database.
            data_dir: PathBuf = PathBuf::from("data"), Rule::Any, Restart;
            /// `error`, `warn`, `info`, `debug`, `trace`, `off` or a filter
            /// such as `info,chat_server=debug`.
            log_level: String = "info".to_owned(), Rule::LogFilter, Now;
            /// The form of the program's own log: `text`, or `json` for one
            /// object a line with `time`, `level`, `target` and `message`.
            log_format: LogFormat = LogFormat::Text, Rule::Any, Now;
            /// The first line a client sees.
            greeting: String = "Welcome to the chat server.".to_owned(),
                Rule::Line { max_chars: 500 }, Now;
            /// `on`: a channel's messages are stored before they are delivered.
            /// `off`: they are delivered at once, and only direct messages are
            /// stored.
            history: History = History::On, Rule::Any, Restart;
            /// Seconds between the signal to stop and the shutdown itself.
            /// `/readyz` fails during them and everything else continues, so
            /// that balancers stop sending new clients.
            drain_seconds: u64 = 0, Rule::whole(0, 3600), Now;
            /// Connections a second that are asked to leave towards the end of
            /// `drain_seconds`, so that clients do not reach the other servers
            /// all at once; 0 asks all of them when that time is over.
            drain_rate: u64 = 1_000, Rule::whole(0, 100_000), Now;
            /// Seconds a shutdown may take before the process exits anyway.
            shutdown_seconds: u64 = 10, Rule::whole(1, 3600), Restart;
        }
        sections {
            /// Addresses of the listeners without TLS.
            listen: Listen;
            /// Addresses of the listeners with TLS.
            tls: TlsSettings;
            /// Admin REST.
            admin: Admin;
            /// The store.
            store: StoreSettings;
            /// The chat log.
            chat_log: ChatLog;
            /// Web origins, proxies and files.
            web: Web;
            /// Users whom a trusted proxy names.
            remote_user: RemoteUser;
            /// Membership of a cluster.
            cluster: ClusterSettings;
            /// The name server.
            name_server: NameServer;
            /// What channels may be.
            channels: Channels;
            /// Messages that were sent.
            messages: Messages;
            /// Outgoing hooks.
            hooks: HookSettings;
            /// IRC.
            irc: Irc;
            /// What accounts must be.
            accounts: AccountSettings;
            /// Limits.
            limits: Limits;
        }
    }
}

settings! {
    /// One address a listener; `None` is `"off"`.
    pub struct Listen in listen {
        /// Line protocol over TCP.
        telnet: Option<SocketAddr> = loopback(4000), Rule::Any, Restart;
        /// Admin REST, `/docs` and metrics.
        rest: Option<SocketAddr> = loopback(4001), Rule::Any, Restart;
        /// Page, WebSockets and REST on one origin.
        web: Option<SocketAddr> = loopback(4004), Rule::Any, Restart;
        /// Room lines over TCP.
        tcp: Option<SocketAddr> = loopback(8989), Rule::Any, Restart;
        /// Room lines over WebSocket.
        ws: Option<SocketAddr> = loopback(8099), Rule::Any, Restart;
        /// IRC.
        irc: Option<SocketAddr> = loopback(6667), Rule::Any, Restart;
        /// Administration over gRPC; needs a program built with the feature
        /// `grpc`.
        grpc: Option<SocketAddr> = None, Rule::Any, Restart;
        /// Balancers, by address or network, that begin every connection to
        /// `telnet`, `tcp` and `irc`, with or without TLS, with a PROXY header
        /// (version 1 or 2). Limits, bans and logs then use the client's
        /// address. A connection from them without the header is refused, and
        /// so is the header from any other address.
        proxy_protocol_from: Vec<IpNet> = Vec::new(), Rule::Any, Now;
    }
}

settings! {
    /// The same listeners over TLS, in addition to the plain ones or in their place.
    pub struct TlsSettings in tls {
        /// The PEM file with the certificate, followed by its intermediates.
        certificate: Option<PathBuf> = None, Rule::Any, Now;
        /// The PEM file with the certificate's private key.
        key: Option<PathBuf> = None, Rule::Any, Now;
        /// Line protocol over TLS.
        telnet: Option<SocketAddr> = None, Rule::Any, Restart;
        /// Admin REST, `/docs` and metrics over HTTPS.
        rest: Option<SocketAddr> = None, Rule::Any, Restart;
        /// Page, WebSockets and REST on one origin, over HTTPS.
        web: Option<SocketAddr> = None, Rule::Any, Restart;
        /// Room lines over TLS.
        tcp: Option<SocketAddr> = None, Rule::Any, Restart;
        /// Room lines over secure WebSocket.
        ws: Option<SocketAddr> = None, Rule::Any, Restart;
        /// IRC over TLS.
        irc: Option<SocketAddr> = None, Rule::Any, Restart;
        /// Administration over gRPC, with TLS.
        grpc: Option<SocketAddr> = None, Rule::Any, Restart;
    }
}

settings! {
    /// Admin REST settings.
    pub struct Admin in admin {
        /// The administrators' bearer token. Without it the server makes one at
        /// first start and keeps it in the data folder.
        token: Option<Secret> = None, Rule::Any, Now;
        /// A bearer token for Prometheus: it opens `GET /metrics` and nothing
        /// else.
        metrics_token: Option<Secret> = None, Rule::Any, Now;
        /// Worker threads behind the HTTP front.
        workers: usize = 4, Rule::whole(1, 256), Restart;
    }
}

settings! {
    /// Settings of the store of messages and accounts.
    pub struct StoreSettings in store {
        /// The PostgreSQL database to use instead of the SQLite file in the
        /// data folder. Needs a program built with the feature `cluster`.
        postgres: Option<DatabaseUrl> = None, Rule::Any, Restart;
        /// What a message stored in SQLite survives: with `power`, a loss of
        /// power; with `process`, only a crash of the server, which is faster
        /// on slow disks.
        durability: Durability = Durability::Power, Rule::Any, Restart;
        /// Size the SQLite database may grow to, in bytes.
        max_bytes: u64 = 0, Rule::whole(1 << 20, 1 << 46).or_zero("for as large as the disk"), Restart;
        /// Seconds a search for words, or an inbox, may take. A search that
        /// takes longer ends and says how far it has come; the client can
        /// continue from there.
        search_seconds: u64 = 2, Rule::whole(1, 60), Restart;
        /// Days for which channel messages are kept.
        channel_days: u64 = 0, Rule::whole(1, 36_500).or_zero("to keep them"), Restart;
        /// Messages kept of each channel.
        channel_messages: u64 = 0, Rule::whole(20, 1 << 40).or_zero("to keep all"), Restart;
        /// Days for which direct messages are kept.
        direct_days: u64 = 0, Rule::whole(1, 36_500).or_zero("to keep them"), Restart;
        /// What is kept of a channel message's former text when it is edited or
        /// deleted: `none`, or with `audit` an entry in `audit.log`.
        keep_edits: KeepEdits = KeepEdits::None, Rule::Any, Restart;
    }
}

settings! {
    /// Chat log settings.
    pub struct ChatLog in chat_log {
        /// Whether the chat log is written.
        enabled: bool = true, Rule::Any, Restart;
        /// The current file; rotated files are put beside it, with the time in
        /// their names. The default is `chatlog/chat.log` in the data folder,
        /// where `audit.log` and `error.log` always are.
        file: Option<PathBuf> = None, Rule::Any, Restart;
        /// Whether private messages are logged too.
        private_messages: bool = true, Rule::Any, Now;
        /// Size at which the current file is rotated, in bytes.
        rotate_bytes: u64 = 256 << 20, Rule::whole(64 << 10, 1 << 40), Now;
        /// How many rotated files are kept.
        keep_files: usize = 16, Rule::whole(1, 100_000).or_zero("to keep all"), Now;
        /// As `rotate_bytes`, for `audit.log`: administrators' actions.
        audit_rotate_bytes: u64 = 16 << 20, Rule::whole(64 << 10, 1 << 40), Now;
        /// As `keep_files`, for `audit.log`.
        audit_keep_files: usize = 16, Rule::whole(1, 100_000).or_zero("to keep all"), Now;
        /// As `rotate_bytes`, for `error.log`: errors and refusals.
        error_rotate_bytes: u64 = 16 << 20, Rule::whole(64 << 10, 1 << 40), Now;
        /// As `keep_files`, for `error.log`.
        error_keep_files: usize = 4, Rule::whole(1, 100_000).or_zero("to keep all"), Now;
        /// Days after which rotated files are removed.
        keep_days: u64 = 0, Rule::whole(1, 36_500).or_zero("to keep them"), Now;
    }
}

settings! {
    /// Web settings.
    pub struct Web in web {
        /// Origins other than the server's own that may call the API and open
        /// WebSockets; `*` allows any.
        allowed_origins: Vec<String> = Vec::new(), Rule::Any, Now;
        /// Reverse proxies, by address or network, whose `X-Forwarded-For` is
        /// believed. Limits, bans and logs then use the client's address.
        trusted_proxies: Vec<IpNet> = Vec::new(), Rule::Any, Now;
        /// A folder of files that the web listener serves from `/` on, in
        /// addition to its own paths.
        folder: Option<PathBuf> = None, Rule::Any, Now;
        /// The folder of the documentation as a book, which the web listener
        /// serves at `/docs/book`. The default is where the package installs it,
        /// and `make docs` builds it.
        book: Option<PathBuf> = None, Rule::Any, Now;
    }
}

settings! {
    /// Users whom a reverse proxy names, which has checked who they are.
    pub struct RemoteUser in remote_user {
        /// The header in which `web.trusted_proxies` name the user: `Remote-User`
        /// (with `Remote-Groups` and `Remote-Email`), `X-Forwarded-User` or
        /// `X-Auth-Request-User`, or `off`. From other addresses it is ignored.
        header: UserHeader = UserHeader::Off, Rule::Any, Now;
        /// Whether an account is made for a name that is seen for the first time.
        create: bool = true, Rule::Any, Now;
        /// The group that makes administrators of the server. If this or
        /// `moderators` is set, groups decide about the role at each sign-in.
        administrators: String = String::new(), Rule::Any, Now;
        /// The group that makes moderators of the server.
        moderators: String = String::new(), Rule::Any, Now;
        /// Where the page leads those who sign out: an address that begins with
        /// `https://`, `http://` or `/`.
        logout_url: String = String::new(), Rule::Any, Now;
    }
}

impl Config {
    /// The PostgreSQL database, if there is one.
    pub fn postgres(&self) -> Option<&DatabaseUrl> {
        let of_cluster = self.cluster.postgres.as_ref();
        of_cluster.or(self.store.postgres.as_ref())
    }
}

settings! {
    /// Membership of a cluster: several servers that are one chat. Needs a
    /// program built with the feature `cluster`.
    pub struct ClusterSettings in cluster {
        /// The Redis that all servers share; without it the server runs alone.
        redis: Option<RedisAddress> = None, Rule::Any, Restart;
        /// The PEM file with the certificate authorities for a Redis reached by
        /// TLS, if the system does not trust them already.
        redis_ca: Option<PathBuf> = None, Rule::Any, Restart;
        /// The PEM file with the server's own certificate, for a Redis reached by
        /// TLS that asks for one.
        redis_cert: Option<PathBuf> = None, Rule::Any, Restart;
        /// The PEM file with that certificate's private key.
        redis_key: Option<PathBuf> = None, Rule::Any, Restart;
        /// The PostgreSQL database that all servers share; the default is
        /// `store.postgres`.
        postgres: Option<DatabaseUrl> = None, Rule::Any, Restart;
        /// Redis streams over which messages are spread; the same on all
        /// servers, and never changed later.
        shards: u32 = 16, Rule::whole(1, 64), Restart;
        /// What a server gets from Redis: `all` that is said in the chat, or what
        /// is of `interest` to its own people; the same on all servers.
        delivery: Delivery = Delivery::All, Rule::Any, Restart;
        /// The address that other servers and clients get for this server; if
        /// empty, the web listener's.
        advertise: String = String::new(), Rule::Any, Restart;
        /// Seconds by which this server's clock may differ from Redis's before
        /// `/readyz` fails.
        clock_seconds: u64 = 30, Rule::whole(1, 86_400).or_zero(NO_LIMIT), Restart;
        /// Whether people may change channels (roles, topics, rules, lists,
        /// registration) through this server. Servers of older versions do not
        /// enforce such changes. `auto`: as soon as every server of the cluster
        /// knows them, and from then on; `on`: always; `off`: never.
        governance: Governance = Governance::Auto, Rule::Any, Now;
    }
}

settings! {
    /// What channels may be.
    pub struct Channels in channels {
        /// The rules that are on in a new channel.
        default_rules: Flags = Flags::default(), Rule::Any, Now;
        /// Who registers channels: `accounts`, those that operate them, and
        /// administrators; `admins`, administrators alone; `off`, no one.
        register: Register = Register::Accounts, Rule::Any, Now;
        /// Registered channels of an account. Administrators may give it more.
        per_account: usize = 10, Rule::whole(1, 100_000).or_zero(NO_LIMIT), Now;
        /// Days without a visit of its founder or an operator after which a
        /// channel is not registered any more.
        expire_days: u64 = 0, Rule::whole(1, 36_500).or_zero("for never"), Now;
    }
}

settings! {
    /// Messages that were sent.
    pub struct Messages in messages {
        /// Seconds within which the author of a message may edit it.
        edit_seconds: u64 = 86_400, Rule::whole(1, 1 << 32).or_zero("for no limit"), Now;
    }
}

settings! {
    /// Outgoing hooks.
    pub struct HookSettings in hooks {
        /// Addresses or networks that outgoing hooks may reach although they are
        /// not public, such as receivers on this machine. Whoever operates a
        /// registered channel can make hooks.
        allow: Vec<IpNet> = Vec::new(), Rule::Any, Now;
        /// Seconds for which a delivery is tried before it has failed for good.
        retry_seconds: u64 = 86_400, Rule::whole(1, 30 * 86_400), Now;
    }
}

settings! {
    /// IRC.
    pub struct Irc in irc {
        /// The server's name, as clients are told it: mostly its host name.
        name: String = "irc.localhost".to_owned(), Rule::Word { max_chars: 63 }, Restart;
        /// The network's name.
        network: String = "chat".to_owned(), Rule::Word { max_chars: 30 }, Restart;
        /// The message of the day; lines are separated by line feeds.
        motd: String = String::new(), Rule::Any, Restart;
        /// The password that clients must give with `PASS`; without it everyone
        /// may connect.
        password: Option<Passphrase> = None, Rule::Any, Restart;
        /// Those who may use `OPER`, with hashes that `chat-server hash-password`
        /// prints. In the environment they are separated by spaces.
        operators: Vec<IrcOperator> = Vec::new(), Rule::Any, Restart;
        /// Whether `OPER` is for plain connections from other machines, too.
        allow_plain_oper: bool = false, Rule::Any, Restart;
        /// Gateways that say where their clients come from (`WEBIRC`), each as
        /// address or network and the hash of its password, which `chat-server
        /// hash-password` prints. In the environment they are separated by spaces.
        webirc: Vec<IrcGateway> = Vec::new(), Rule::Any, Restart;
        /// Whether an account that has logged in on IRC is called by its name there
        /// (`account`), or by any nickname that is free (`free`). Other protocols show
        /// its name.
        nicknames: Nicknames = Nicknames::Account, Rule::Any, Restart;
        /// Whether a client that has logged in is in the channels of its account
        /// at once; in `global` it is only if it has joined it.
        rejoin: bool = true, Rule::Any, Restart;
        /// Messages shown to clients that join a channel, if they understand
        /// `server-time` and cannot ask for them (`CHATHISTORY`).
        replay_lines: usize = 20, Rule::whole(0, 20), Restart;
        /// Seconds for which clients come by TLS only, at the port of `tls.irc`, once
        /// they have been told so (`sts`). The certificate must be one that they trust.
        sts_seconds: u64 = 0, Rule::whole(0, 31_536_000), Restart;
    }
}

settings! {
    /// What accounts must be.
    pub struct AccountSettings in accounts {
        /// Who registers accounts: `open`, everyone; `invitation`, those with a
        /// link that an administrator has made; `closed`, nobody.
        registration: Registration = Registration::Open, Rule::Any, Now;
        /// Bytes of UTF-8 that a new password has at least.
        min_password_bytes: usize = 8, Rule::whole(1, 64), Restart;
        /// Bytes of UTF-8 that a new password has at most.
        max_password_bytes: usize = 1024, Rule::whole(64, 1024), Restart;
        /// Whether IRC clients can register an account before they have their
        /// nickname.
        register_before_connect: bool = false, Rule::Any, Restart;
        /// Whether IRC clients must give an e-mail address to register an
        /// account. It is not verified.
        email_required: bool = false, Rule::Any, Restart;
        /// Whether IRC clients can prove a password without sending it
        /// (SCRAM-SHA-256), once it was set or used while this is on. What is
        /// kept for that is easier to guess passwords from than their hashes are,
        /// if the database is stolen.
        scram: bool = false, Rule::Any, Restart;
    }
}

settings! {
    /// The name server: running one, and being listed by one. Both need a
    /// program built with the feature `grpc`.
    pub struct NameServer in name_server {
        /// Where `chat-server name-server` listens, for gRPC and HTTP alike.
        listen: Option<SocketAddr> = loopback(7001), Rule::Any, Restart;
        /// Seconds without a heartbeat after which the name server drops a
        /// server from its list.
        silence_seconds: u64 = 15, Rule::whole(1, 3600), Restart;
        /// The name server with which this chat server registers.
        url: Option<Endpoint> = None, Rule::Any, Restart;
        /// The address that the name server gives clients for this server; if
        /// empty, the web listener's.
        advertise: String = String::new(), Rule::Any, Restart;
        /// Seconds between heartbeats.
        beat_seconds: u64 = 5, Rule::whole(1, 3600), Restart;
        /// The secret that chat servers and their name server share. Without it
        /// no server can take the place of one that is listed.
        secret: Option<Secret> = None, Rule::Any, Restart;
    }
}

settings! {
    /// Limits; 0 means no limit where that makes sense.
    pub struct Limits in limits {
        /// Connections in all; further ones are refused.
        connections: usize = 20_000, Rule::whole(1, 10_000_000).or_zero(NO_LIMIT), Now;
        /// Connections of one address, or IPv6 network of 64 bits; loopback is exempt.
        connections_per_address: usize = 1_000,
            Rule::whole(1, 10_000_000).or_zero(NO_LIMIT), Now;
        /// Bytes a minute that the connections of one address, or IPv6 network of
        /// 64 bits, may together cause to be written to chat log and database;
        /// loopback is not exempt.
        bytes_per_address: u64 = 16 << 20, Rule::whole(64 << 10, 1 << 40).or_zero(NO_LIMIT), Now;
        /// Seconds to log in before the connection is closed.
        login_seconds: u64 = 60, Rule::whole(1, 86_400).or_zero(NO_LIMIT), Now;
        /// Longest line or frame, in bytes.
        line_bytes: usize = 4096, Rule::whole(64, 1 << 20), Now;
        /// Sustained messages per second and connection; a command that costs
        /// more than a message counts as several, see below.
        message_rate: f64 = 20.0, Rule::number(0.1, 1e6).or_zero(NO_LIMIT), Now;
        /// Messages a connection may send at once.
        message_burst: u32 = 40, Rule::whole(1, 1_000_000), Now;
        /// Login and register attempts per minute and address, and wrong admin tokens.
        auth_attempts: u32 = 10, Rule::whole(1, 1_000_000).or_zero(NO_LIMIT), Now;
        /// Login attempts per minute for one account: from all addresses together that
        /// have not logged in to it lately, and from each address that has.
        account_attempts: u32 = 100, Rule::whole(1, 1_000_000).or_zero(NO_LIMIT), Now;
        /// Hours for which a token of `POST /auth` is valid.
        pass_hours: u64 = 24, Rule::whole(1, 8760), Now;
        /// Days for which a token that keeps its owner signed in is valid; the page renews it in
        /// time.
        kept_pass_days: u64 = 30, Rule::whole(1, 3650), Now;
        /// Unsent bytes at which a connection counts as a slow reader and is closed.
        backlog_bytes: usize = 1 << 20, Rule::whole(4096, 1 << 30), Now;
        /// Seconds of silence before a WebSocket is pinged; after twice that time
        /// without an answer it is closed.
        ping_seconds: u64 = 30, Rule::whole(1, 86_400).or_zero("for no pings"), Now;
        /// Longest HTTP request head, in bytes.
        http_head_bytes: usize = 16 << 10, Rule::whole(1024, 1 << 20), Now;
        /// Longest HTTP request body, in bytes.
        http_body_bytes: usize = 64 << 10, Rule::whole(1024, 16 << 20), Now;
        /// Seconds for a whole HTTP request to arrive, and for a TLS handshake.
        http_seconds: u64 = 10, Rule::whole(1, 3600), Now;
        /// Event streams (`/api/events`) in all.
        streams: usize = 5_000, Rule::whole(1, 10_000_000).or_zero(NO_LIMIT), Now;
        /// Event streams of one token.
        streams_per_token: usize = 100, Rule::whole(1, 10_000_000).or_zero(NO_LIMIT), Now;
        /// Concurrent gRPC calls of one connection.
        grpc_streams: u32 = 100, Rule::whole(1, 10_000), Now;
        /// Seconds without a call before a gRPC connection is closed.
        grpc_idle_seconds: u64 = 300, Rule::whole(1, 86_400).or_zero(NO_LIMIT), Now;
        /// Channels a connection may be in.
        channels_per_connection: usize = 100, Rule::whole(1, 100_000).or_zero(NO_LIMIT), Now;
        /// Channels in all; in a cluster, on all servers together.
        channels: usize = 100_000, Rule::whole(1, 10_000_000).or_zero(NO_LIMIT), Now;
        /// Existing channels that were made from one address, or IPv6 network of
        /// 64 bits.
        channels_per_address: usize = 1_000, Rule::whole(1, 10_000_000).or_zero(NO_LIMIT), Now;
        /// New channels a minute from one address, or IPv6 network of 64 bits.
        new_channels_per_minute: usize = 1_200, Rule::whole(1, 10_000_000).or_zero(NO_LIMIT), Now;
        /// Message tags remembered for ten minutes, in all. Beyond it the oldest
        /// tags of the clients with the most are forgotten.
        tags: usize = 262_144, Rule::whole(1024, 100_000_000), Now;
        /// The same for one client (an account, or a guest's token). Beyond it
        /// that client's oldest tags are forgotten. In a cluster, Redis keeps as
        /// many for each client.
        tags_per_client: usize = 1024, Rule::whole(16, 1_000_000), Now;
        /// Users whose departure time is remembered, for `/seen`. Beyond it the
        /// earliest departure is forgotten.
        departures: usize = 10_000, Rule::whole(1, 10_000_000), Now;
    }
}

/// What 0 means for most limits.
const NO_LIMIT: &str = "for no limit";

fn loopback(port: u16) -> Option<SocketAddr> {
    Some(SocketAddr::from(([127, 0, 0, 1], port)))
}

impl Config {
    /// Reads and checks the configuration; every mistake is found at once.
    pub fn load(sources: &Sources) -> Result<Config, Problems> {
        sources.load().map(|loaded| loaded.config)
    }

    /// The same for a reload. Never blocks: the file must be a regular one.
    pub fn load_again(sources: &Sources) -> Result<Config, Problems> {
        sources.load_again().map(|loaded| loaded.config)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_variable_means_one_setting() {
        let names: HashSet<String> = Config::settings().map(Setting::environment).collect();
        assert_eq!(names.len(), Config::settings().count());
        let name = Setting::find("limits.line_bytes").unwrap().environment();
        assert_eq!(name, "CHAT_SERVER_LIMITS_LINE_BYTES");
    }
}
