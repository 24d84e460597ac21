//! Checks across settings, each of which is valid by itself.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::net::tls::{Certificate, Which};

use super::listeners::{ListenerKind, Protocol};
use super::loader::Loader;
use super::{History, address, own_files};

impl Loader {
    /// Runs every check. Call it after the last source.
    pub fn check(&mut self) {
        self.check_listeners();
        self.check_tls();
        self.check_chat_log();
        self.check_backlog();
        self.check_folder("web.folder", self.config.web.folder.clone());
        self.check_folder("web.book", self.config.web.book.clone());
        self.check_features();
        self.check_metrics_token();
    }

    /// A folder to serve must exist, and hold nothing of the server's own.
    fn check_folder(&mut self, path: &str, folder: Option<PathBuf>) {
        let Some(folder) = folder else {
            return;
        };
        let what = match std::fs::metadata(&folder) {
            Ok(about) if about.is_dir() => {
                let own = own_files::served_with(&folder, &self.config, self.read.as_deref());
                let Some((what, own)) = own else {
                    return;
                };
                format!(
                    "the folder {} contains {what} ({}), which everyone could then read; name a \
                     folder of its own",
                    folder.display(),
                    own.display()
                )
            }
            Ok(_) => format!("{} is no folder; name one", folder.display()),
            Err(error) => format!(
                "the folder {} cannot be read: {error}; make it, or leave this out",
                folder.display()
            ),
        };
        self.problem(path, &self.origin_of(path), what);
    }

    /// A metrics token equal to the admin token would give Prometheus every right of
    /// an administrator.
    fn check_metrics_token(&mut self) {
        let path = "admin.metrics_token";
        let admin = &self.config.admin;
        if admin.metrics_token.is_some() && admin.metrics_token == admin.token {
            let what = "is the same as admin.token, so Prometheus could do everything an \
                        administrator can; give it a token of its own";
            self.problem(path, &self.origin_of(path), what.to_owned());
        }
    }

    /// The program must have been built with the features that the configuration uses.
    pub fn check_features(&mut self) {
        let config = &self.config;
        let listeners = ListenerKind::configured(config)
            .filter(|(kind, _)| kind.protocol == Protocol::Grpc)
            .map(|(kind, _)| kind.setting());
        let url = config
            .name_server
            .url
            .is_some()
            .then_some("name_server.url");
        let grpc: Vec<&'static str> = listeners.chain(url).collect();
        for path in grpc {
            if !cfg!(feature = "grpc") {
                let what = "this program was built without gRPC; \
                            build one with: cargo build --release --features grpc";
                self.problem(path, &self.origin_of(path), what.to_owned());
            }
        }
        let cluster = &self.config.cluster;
        let shared = [
            ("store.postgres", self.config.store.postgres.is_some()),
            ("cluster.postgres", cluster.postgres.is_some()),
            ("cluster.redis", cluster.redis.is_some()),
        ];
        for (path, wanted) in shared {
            if wanted && !cfg!(feature = "cluster") {
                let what = "this program was built without PostgreSQL and Redis; \
                            build one with: cargo build --release --features cluster";
                self.problem(path, &self.origin_of(path), what.to_owned());
            }
        }
        self.check_cluster();
    }

    /// Servers of a cluster share one database and store channel messages.
    fn check_cluster(&mut self) {
        let cluster = &self.config.cluster;
        if cluster.redis.is_none() {
            return;
        }
        let path = "cluster.redis";
        #[cfg(feature = "cluster")]
        if let Some(redis) = &cluster.redis
            && let Err(error) = super::RedisUrl::parse(redis.expose())
        {
            self.problem(path, &self.origin_of(path), error.to_string());
        }
        let cluster = &self.config.cluster;
        let is_tls = cluster.redis.as_ref().is_some_and(|redis| redis.is_tls());
        let files = [
            ("cluster.redis_ca", cluster.redis_ca.is_some()),
            ("cluster.redis_cert", cluster.redis_cert.is_some()),
            ("cluster.redis_key", cluster.redis_key.is_some()),
        ];
        for (path, is_given) in files {
            if is_given && !is_tls {
                let what =
                    "is of no use: cluster.redis begins with neither rediss:// nor valkeys://";
                self.problem(path, &self.origin_of(path), what.to_owned());
            }
        }
        let [_, (certificate, has_certificate), (key, has_key)] = files;
        if has_certificate != has_key {
            let (given, missing) = match has_key {
                true => (key, certificate),
                false => (certificate, key),
            };
            let what = format!("is of no use without {missing}");
            self.problem(given, &self.origin_of(given), what);
        }
        let cluster = &self.config.cluster;
        if cluster.postgres.is_none() && self.config.store.postgres.is_none() {
            let what = "several servers need cluster.postgres, too: the database they share";
            self.problem(path, &self.origin_of(path), what.to_owned());
        }
        if self.config.history != History::On {
            let what = "several servers need history \"on\"";
            self.problem("history", &self.origin_of("history"), what.to_owned());
        }
    }

    /// At least one listener must be open, and no two may have the same address.
    fn check_listeners(&mut self) {
        let of = |kind: ListenerKind| (kind.setting(), kind.address(&self.config));
        let all: Vec<(&'static str, Option<SocketAddr>)> = ListenerKind::all().map(of).collect();
        let sound: Vec<(&'static str, Option<SocketAddr>)> = all
            .iter()
            .copied()
            .filter(|(path, _)| !self.rejected.contains(path))
            .collect();
        let open: Vec<(&'static str, SocketAddr)> = sound
            .iter()
            .filter_map(|&(path, address)| Some((path, address?)))
            .collect();
        if open.is_empty() && sound.len() == all.len() {
            let what = "every listener is off; at least one is needed".to_owned();
            self.problem("listen", &self.origin_of("listen.telnet"), what);
        }
        for (index, &(path, address)) in open.iter().enumerate() {
            let earlier = open.iter().take(index);
            let Some((taken_by, _)) = earlier
                .copied()
                .find(|&(_, other)| address::collide(address, other))
            else {
                continue;
            };
            let what = format!(
                "{address} is taken by {taken_by} ({}); give each its own address or switch one off",
                self.origin_of(taken_by)
            );
            self.problem(path, &self.origin_of(path), what);
        }
    }

    /// TLS listeners need a usable certificate, and a certificate needs a TLS listener.
    fn check_tls(&mut self) {
        let (certificate, key) = ("tls.certificate", "tls.key");
        if self.rejected.contains(certificate) || self.rejected.contains(key) {
            return;
        }
        let tls = self.config.tls.clone();
        let configured = ListenerKind::configured(&self.config);
        let user = configured.map(|(kind, _)| kind).find(|kind| kind.secure);
        let undecided =
            ListenerKind::all().any(|kind| kind.secure && self.rejected.contains(kind.setting()));
        match (&tls.certificate, &tls.key) {
            (None, None) => {
                if let Some(user) = user.map(ListenerKind::setting) {
                    let what = format!(
                        "needed for {user} ({}); `chat-server make-cert` makes one to try it with",
                        self.origin_of(user)
                    );
                    self.problem(certificate, &self.origin_of(certificate), what);
                }
            }
            (Some(_), None) => self.needed_with(key, certificate),
            (None, Some(_)) => self.needed_with(certificate, key),
            (Some(_), Some(_)) if user.is_none() && !undecided => {
                let what = "no listener uses it; give one an address, such as tls.web";
                self.problem(certificate, &self.origin_of(certificate), what.to_owned());
            }
            (Some(chain), Some(private)) => {
                if let Err(error) = Certificate::load(chain, private) {
                    let path = match error.which() {
                        Which::Certificate => certificate,
                        Which::Key => key,
                    };
                    self.problem(path, &self.origin_of(path), error.to_string());
                }
            }
        }
    }

    /// The chat log must be a regular file, and not one that the server uses for
    /// something else.
    fn check_chat_log(&mut self) {
        let path = "chat_log.file";
        let Some(file) = &self.config.chat_log.file else {
            return;
        };
        let what = if file.is_dir() {
            format!("{} is a folder; name a file in it", file.display())
        } else if file.file_name().and_then(OsStr::to_str).is_none() || ends_in_slash(file) {
            "expected the path of a file".to_owned()
        } else if file.metadata().is_ok_and(|about| !about.is_file()) {
            let file = file.display();
            format!("{file} cannot be written: it is not a regular file; name one")
        } else if let Some(what) = own_files::what_it_is(file, &self.config, self.read.as_deref()) {
            let file = file.display();
            format!("{file} is {what}, which the chat log would spoil; name another file")
        } else {
            return;
        };
        self.problem(path, &self.origin_of(path), what);
    }

    fn needed_with(&mut self, missing: &'static str, given: &'static str) {
        let what = format!("needed with {given} ({})", self.origin_of(given));
        self.problem(missing, &self.origin_of(missing), what);
    }

    /// If one line could fill the backlog, every client would count as a slow reader.
    pub fn check_backlog(&mut self) {
        let (backlog, line) = ("limits.backlog_bytes", "limits.line_bytes");
        if self.rejected.contains(backlog) || self.rejected.contains(line) {
            return;
        }
        let least = self.config.limits.line_bytes.saturating_mul(2);
        if self.config.limits.backlog_bytes < least {
            let what = format!(
                "expected at least {least}, twice {line} ({}), found {}",
                self.origin_of(line),
                self.config.limits.backlog_bytes
            );
            self.problem(backlog, &self.origin_of(backlog), what);
        }
    }
}

fn ends_in_slash(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

#[cfg(test)]
mod tests {
    use super::super::loader::problems_of;

    #[test]
    fn listeners_need_an_address_each_and_there_must_be_one() {
        assert_eq!(
            problems_of(r#"{"listen":{"ws":"localhost:4001"}}"#),
            [
                "listen.ws (f): 127.0.0.1:4001 is taken by listen.rest (default); \
              give each its own address or switch one off"
            ]
        );
        assert_eq!(
            problems_of(
                r#"{"listen":{"telnet":"off","rest":"off","web":"off","tcp":"off","ws":"off","irc":"off"}}"#
            ),
            ["listen (f): every listener is off; at least one is needed"]
        );
        // A setting with a mistake of its own is left out of the other checks.
        let text = r#"{"listen":{"telnet":"nowhere","rest":"off","web":"off","tcp":"off","ws":"off","irc":"off"}}"#;
        assert_eq!(problems_of(text).len(), 1);
    }

    #[test]
    fn certificate_key_and_listeners_need_each_other() {
        assert_eq!(
            problems_of(r#"{"tls":{"web":":4443"}}"#),
            [
                "tls.certificate (default): needed for tls.web (f); `chat-server make-cert` \
                 makes one to try it with"
            ]
        );
        assert_eq!(
            problems_of(r#"{"tls":{"certificate":"c.pem"}}"#),
            ["tls.key (default): needed with tls.certificate (f)"]
        );
        assert_eq!(
            problems_of(r#"{"tls":{"certificate":"c.pem","key":"k.pem"}}"#),
            ["tls.certificate (f): no listener uses it; give one an address, such as tls.web"]
        );
        assert_eq!(
            problems_of(r#"{"tls":{"certificate":null,"key":null,"web":"off"}}"#),
            [""; 0]
        );
    }

    #[cfg(not(feature = "grpc"))]
    #[test]
    fn what_was_not_built_in_cannot_be_switched_on() {
        let problems = problems_of(
            r#"{"listen":{"grpc":":7002"},"name_server":{"url":"http://127.0.0.1:7001"}}"#,
        );
        let paths: Vec<&str> = problems
            .iter()
            .filter(|problem| problem.contains("built without gRPC"))
            .filter_map(|problem| problem.split(' ').next())
            .collect();
        assert_eq!(paths, ["listen.grpc", "name_server.url"], "{problems:?}");
    }

    #[test]
    fn a_backlog_holds_two_lines() {
        let text = |bytes| format!(r#"{{"limits":{{"line_bytes":8192,"backlog_bytes":{bytes}}}}}"#);
        assert_eq!(problems_of(&text(16384)), [""; 0]);
        assert_eq!(
            problems_of(&text(16383)),
            [
                "limits.backlog_bytes (f): expected at least 16384, twice limits.line_bytes (f), \
              found 16383"
            ]
        );
    }
}
