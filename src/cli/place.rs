//! Where a task does its work: in a server that runs, or in the database of one that does not.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use clap::Args;

use crate::config::Config;
use crate::data::{DataDir, DataError};
use crate::model::Secret;
use crate::store::{SqliteSettings, SqliteStore};

use super::output;
use super::remote::{Client, Failed, Remote, ServerUrl};

/// What the help of each such task says of the choice.
pub(super) const WHERE: &str = "\
Without --server this is about the chat in the data folder (-c, --data-dir): a
server that runs there is asked, with the token in its file admin-token;
otherwise the database is changed. With --server, the token is that of
--token-file, CHAT_TOKEN_FILE or CHAT_TOKEN.";

/// Where the work is done.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Use the database itself, and fail if a server uses it
    #[arg(long, conflicts_with = "server")]
    offline: bool,
    #[command(flatten)]
    remote: Remote,
}

/// A place that was found.
pub(super) enum Found {
    /// A server that runs.
    Server(Client),
    /// The database of one that does not.
    Stopped(Box<Stopped>),
}

/// The database of a server that does not run, and that none can use meanwhile.
pub(super) struct Stopped {
    pub store: SqliteStore,
    /// Dropped last.
    _data: DataDir,
}

impl Stopped {
    fn open(data: DataDir) -> Result<Stopped, Failed> {
        let settings = SqliteSettings::new(data.path().join("chat.db"));
        let store = SqliteStore::open(settings).map_err(Failed::here)?;
        Ok(Stopped { store, _data: data })
    }
}

impl Place {
    /// The server that the command line names, if it names one: the settings here mean nothing then.
    pub fn named(&self) -> Option<&ServerUrl> {
        self.remote.named()
    }

    /// Does a task's work there, and prints what it returns. Returns the program's exit code.
    pub fn work(
        &self,
        config: Option<&Config>,
        environment: &[(OsString, OsString)],
        work: impl FnOnce(&Found) -> Result<String, Failed>,
    ) -> ExitCode {
        match self.find(config, environment).and_then(|it| work(&it)) {
            Ok(words) => output::show(&words),
            Err(error) => error.complain(),
        }
    }

    /// Finds it. There is a configuration unless the command line names a server.
    fn find(
        &self,
        config: Option<&Config>,
        environment: &[(OsString, OsString)],
    ) -> Result<Found, Failed> {
        match config {
            Some(config) => self.of(config),
            None => self.remote.client(environment).map(Found::Server),
        }
    }

    /// The place of the chat with this configuration.
    fn of(&self, config: &Config) -> Result<Found, Failed> {
        if config.postgres().is_some() {
            return match self.offline {
                true => Err(Failed::Here(
                    "the configuration keeps the chat in PostgreSQL: start the server, and leave \
                     --offline out"
                        .into(),
                )),
                false => self.running(config),
            };
        }
        // What is relative in a configuration is so to the current folder, wherever its file is.
        let folder = std::path::absolute(&config.data_dir);
        let folder = folder.as_ref().unwrap_or(&config.data_dir).display();
        if !config.data_dir.join("chat.db").exists() {
            let why = format!(
                "there is no chat in {folder}: start the server once, name another folder with \
                 --data-dir or -c, or a server with --server"
            );
            return Err(Failed::Here(why));
        }
        match DataDir::open(&config.data_dir) {
            Ok(data) => Ok(Found::Stopped(Box::new(Stopped::open(data)?))),
            Err(DataError::InUse { .. }) if !self.offline => self.running(config),
            Err(error) => Err(Failed::Here(error.to_string())),
        }
    }

    /// The server that runs with this configuration on this machine.
    fn running(&self, config: &Config) -> Result<Found, Failed> {
        let address = config.listen.rest.or(config.listen.web);
        let address = address.filter(|address| address.port() != 0);
        let address = address.ok_or_else(|| {
            let why = "the server that runs has no REST or web listener without TLS at a port \
                       that the configuration says: name its address with --server, and the \
                       file admin-token with --token-file";
            Failed::Here(why.into())
        })?;
        let url = format!("http://{}", reachable(address));
        let server = ServerUrl::parse(&url).map_err(|why| Failed::Here(format!("{url}: {why}")))?;
        let client = match &config.admin.token {
            Some(token) => (self.remote).client_with(server, Secret::new(token.expose()))?,
            None => {
                let file = config.data_dir.join("admin-token");
                self.remote.client_of(server, &file)?
            }
        };
        Ok(Found::Server(client))
    }
}

/// An address at which a listener is reached from this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
