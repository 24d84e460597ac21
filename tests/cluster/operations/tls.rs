//! Redis and PostgreSQL over TLS, with users and passwords: a server refuses
//! each wrong setting with an explanation.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{JsonClient, Postgres, Server, free_address, wait_until};

/// PostgreSQL's user when the tests run as root.
const NOBODY: u32 = 65534;

/// An authority and its certificate for `localhost`.
struct Authority {
    dir: TempDir,
}

impl Authority {
    fn new() -> Authority {
        let dir = tempfile::tempdir().unwrap();
        let readable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(dir.path(), readable).unwrap();
        let authority = Authority { dir };
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // A unique name: two authorities of the same name would be mistaken for
        // each other.
        let name = format!("authority in {}", authority.text(""));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        for (name, text) in [
            ("ca.pem", ca.pem()),
            ("certificate.pem", certificate.pem()),
            ("key.pem", key.serialize_pem()),
        ] {
            fs::write(authority.file(name), text).unwrap();
        }
        let own = fs::Permissions::from_mode(0o600);
        fs::set_permissions(authority.file("key.pem"), own).unwrap();
        authority
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.file(name).to_str().unwrap().to_owned()
    }
}

/// A Redis that only the user `chat` with the password `secret` may use, and
/// only over TLS.
struct SecureRedis {
    child: Child,
    port: u16,
    _dir: TempDir,
}

impl SecureRedis {
    fn start(authority: &Authority) -> SecureRedis {
        SecureRedis::start_with(authority, "no")
    }

    /// Starts it; `auth_clients` says whether it asks for client certificates.
    fn start_with(authority: &Authority, auth_clients: &str) -> SecureRedis {
        let dir = tempfile::tempdir().unwrap();
        let port = free_address().port();
        let config = format!(
            "bind 127.0.0.1\nport 0\ntls-port {port}\ntls-auth-clients {auth_clients}\n\
             tls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\nappendonly yes\nsave \"\"\n\
             dir {}\nuser default off\nuser chat on >secret ~chat:* +@all -@admin -@dangerous +info\n",
            authority.text("certificate.pem"),
            authority.text("key.pem"),
            authority.text("ca.pem"),
            dir.path().display()
        );
        let path = dir.path().join("redis.conf");
        fs::write(&path, config).unwrap();
        let child = Command::new("redis-server")
            .arg(&path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("Redis is there", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        SecureRedis {
            child,
            port,
            _dir: dir,
        }
    }
}

impl Drop for SecureRedis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same for PostgreSQL.
fn secure_postgres(authority: &Authority) -> (Postgres, u16, String) {
    let port = free_address().port();
    let hba = authority.file("hba.conf");
    fs::write(
        &hba,
        "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n",
    )
    .unwrap();
    let key = authority.file("postgres-key.pem");
    fs::copy(authority.file("key.pem"), &key).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(&key, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let options = [
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", authority.text("certificate.pem")),
        format!("ssl_key_file={}", key.display()),
        format!("hba_file={}", hba.display()),
    ];
    let options: Vec<&str> = options
        .iter()
        .flat_map(|option| ["-c", option.as_str()])
        .collect();
    let postgres = Postgres::start_at(port, &options);
    let database = postgres.create_database();
    let mut admin = crate::support::connect(&database);
    diesel::connection::SimpleConnection::batch_execute(
        &mut admin,
        "ALTER USER chat PASSWORD 'pg-secret'",
    )
    .unwrap();
    (postgres, port, "test0".to_owned())
}

#[test]
fn redis_and_postgresql_by_tls_and_what_is_refused() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let redis = SecureRedis::start(&authority);
    let (_postgres, pg_port, database) = secure_postgres(&authority);
    let (ca, other_ca) = (authority.text("ca.pem"), stranger.text("ca.pem"));
    let redis_url = |user: &str, host: &str| format!("rediss://{user}@{host}:{}", redis.port);
    let postgres_url = |password: &str, host: &str, ca: &str| {
        format!(
            "postgres://chat:{password}@{host}:{pg_port}/{database}\
             ?sslmode=verify-full&sslrootcert={ca}"
        )
    };
    let good_redis = redis_url("chat:secret", "localhost");
    let good_postgres = postgres_url("pg-secret", "localhost", &ca);
    let configure = |config: &mut Value, redis: &str, redis_ca: &str, postgres: &str| {
        config["cluster"] = json!({
            "redis": redis, "redis_ca": redis_ca, "postgres": postgres
        });
    };
    let server = Server::start(|config| configure(config, &good_redis, &ca, &good_postgres));
    let mut alice = JsonClient::enter(&server, "alice");
    alice.send("message", json!({ "body": "unheard", "tag": "1" }));
    alice.expect("stored");
    assert_eq!(server.get("/readyz").status, 200);
    assert!(!server.output().contains("secret"), "{}", server.output());
    // The same under the other scheme.
    let valkey = good_redis.replace("rediss://", "valkeys://");
    drop(Server::start(|config| {
        configure(config, &valkey, &ca, &good_postgres);
    }));

    let wrong = [
        (
            (good_redis.clone(), &other_ca, good_postgres.clone()),
            "UnknownIssuer",
        ),
        (
            (
                redis_url("chat:secret", "127.0.0.1"),
                &ca,
                good_postgres.clone(),
            ),
            "not valid for name",
        ),
        (
            (
                redis_url("chat:wrong", "localhost"),
                &ca,
                good_postgres.clone(),
            ),
            "Password authentication failed",
        ),
        (
            (
                redis_url("nobody:secret", "localhost"),
                &ca,
                good_postgres.clone(),
            ),
            "Password authentication failed",
        ),
        (
            (
                format!("{good_redis}/#insecure"),
                &ca,
                good_postgres.clone(),
            ),
            "cluster.redis_ca",
        ),
        (
            (
                good_redis.clone(),
                &ca,
                postgres_url("pg-secret", "localhost", &other_ca),
            ),
            "certificate verify failed",
        ),
        (
            (
                good_redis.clone(),
                &ca,
                postgres_url("pg-secret", "127.0.0.1", &ca),
            ),
            "does not match host name",
        ),
        (
            (
                good_redis.clone(),
                &ca,
                postgres_url("wrong", "localhost", &ca),
            ),
            "password authentication failed",
        ),
        (
            (
                good_redis.clone(),
                &ca,
                postgres_url("pg-secret", "localhost", "/nowhere.pem"),
            ),
            "/nowhere.pem",
        ),
        (
            (
                "redis-sentinel://localhost:26379/chat".to_owned(),
                &ca,
                good_postgres.clone(),
            ),
            "not of Sentinel or Cluster",
        ),
    ];
    for ((redis, redis_ca, postgres), words) in wrong {
        // On a slow machine Redis may answer too late, which is another refusal.
        let mut attempts = (0..5).map(|_| {
            let mut server = Server::spawn(|config| configure(config, &redis, redis_ca, &postgres));
            let status = server.wait_exit();
            assert!(!status.success(), "{words}");
            server.output()
        });
        let output = attempts.find(|output| !output.contains("no answer in time"));
        let output = output.expect("Redis answers in time");
        assert!(output.contains(words), "{words}\n{output}");
        assert!(
            !output.contains("secret") && !output.contains("wrong"),
            "{output}"
        );
    }
}

#[test]
fn a_redis_that_asks_for_a_certificate_is_shown_one() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let redis = SecureRedis::start_with(&authority, "yes");
    let database = Postgres::shared().create_database();
    let url = format!("rediss://chat:secret@localhost:{}", redis.port);
    let configure = |config: &mut Value, shown: Option<&Authority>| {
        config["cluster"] = json!({
            "redis": url, "redis_ca": authority.text("ca.pem"), "postgres": database
        });
        if let Some(shown) = shown {
            config["cluster"]["redis_cert"] = shown.text("certificate.pem").into();
            config["cluster"]["redis_key"] = shown.text("key.pem").into();
        }
    };
    let server = Server::start(|config| configure(config, Some(&authority)));
    let mut alice = JsonClient::enter(&server, "alice");
    alice.send("message", json!({ "body": "unheard", "tag": "1" }));
    alice.expect("stored");
    let refused = |change: &dyn Fn(&mut Value), words: &str| {
        let mut server = Server::spawn(change);
        let status = server.wait_exit();
        let output = server.output();
        assert!(
            !status.success() && output.contains(words),
            "{words}\n{output}"
        );
        assert!(!output.contains("secret@"), "{output}");
    };
    refused(
        &|config| configure(config, None),
        "cannot work with Redis at rediss://",
    );
    refused(
        &|config| configure(config, Some(&stranger)),
        "cannot work with Redis at rediss://",
    );
    let half = |config: &mut Value| {
        configure(config, Some(&authority));
        config["cluster"]["redis_key"] = Value::Null;
    };
    refused(&half, "is of no use without cluster.redis_key");
    let swapped = |config: &mut Value| {
        configure(config, Some(&authority));
        config["cluster"]["redis_key"] = authority.text("ca.pem").into();
    };
    refused(&swapped, "there is no private key in it");
}

/// A `redis-server` in a mode that is not one Redis for all servers.
struct OtherRedis {
    child: Child,
    port: u16,
    _dir: TempDir,
}

impl OtherRedis {
    fn start(config: &str, arguments: &[&str]) -> OtherRedis {
        let dir = tempfile::tempdir().unwrap();
        let port = free_address().port();
        let path = dir.path().join("redis.conf");
        let place = format!(
            "bind 127.0.0.1\nport {port}\ndir {}\n",
            dir.path().display()
        );
        fs::write(&path, place + config).unwrap();
        let child = Command::new("redis-server")
            .arg(&path)
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("Redis listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        OtherRedis {
            child,
            port,
            _dir: dir,
        }
    }
}

impl Drop for OtherRedis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_sentinel_and_a_node_of_redis_cluster_are_named_behind_a_plain_url() {
    let database = Postgres::shared().create_database();
    let cluster = "cluster-enabled yes\nsave \"\"\n";
    let sentinel = "sentinel monitor chat 127.0.0.1 6379 1\n";
    for (config, arguments, words) in [
        (cluster, &[][..], "it is a node of Redis Cluster"),
        (sentinel, &["--sentinel"][..], "it is a Sentinel"),
    ] {
        let redis = OtherRedis::start(config, arguments);
        let mut server = Server::spawn(|config| {
            let url = format!("redis://127.0.0.1:{}", redis.port);
            config["cluster"] = json!({ "redis": url, "postgres": database });
        });
        let status = server.wait_exit();
        let output = server.output();
        assert!(
            !status.success() && output.contains(words),
            "{words}\n{output}"
        );
    }
}
