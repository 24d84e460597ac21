//! A token for monitoring alone, and what the metrics say of the program
//! itself.

use std::process::Command;

use crate::support::Server;
use serde_json::json;

const TOKEN: &str = "a-token-for-metrics";

#[test]
fn the_token_for_metrics_opens_them_and_nothing_else() {
    let server = Server::start(|config| {
        config["admin"]["metrics_token"] = TOKEN.into();
        config["limits"]["auth_attempts"] = 0.into();
    });
    let metrics = server.get_as(TOKEN, "/metrics");
    assert_eq!(metrics.status, 200, "{}", metrics.body);
    assert!(metrics.body.contains("chat_users "), "{}", metrics.body);
    // The administrator's token still opens them.
    assert_eq!(server.get("/metrics").status, 200);
    for path in [
        "/admin/users",
        "/admin/log",
        "/admin/bans",
        "/admin/nothing",
        "/metrics/x/y",
    ] {
        let status = server.get_as(TOKEN, path).status;
        assert!(matches!(status, 401 | 404), "{path}: {status}");
    }
    assert_eq!(server.get_as(TOKEN, "/admin/users").status, 401);
    for wrong in [
        "",
        "a-token-for-metric",
        "a-token-for-metrics-",
        "A-TOKEN-FOR-METRICS",
    ] {
        assert_eq!(server.get_as(wrong, "/metrics").status, 401, "{wrong}");
    }
    // A reload sets and removes it.
    server.reload(|config| config["admin"]["metrics_token"] = "another-one-for-them".into());
    assert_eq!(server.get_as(TOKEN, "/metrics").status, 401);
    assert_eq!(
        server.get_as("another-one-for-them", "/metrics").status,
        200
    );
    server.reload(|config| config["admin"]["metrics_token"] = json!(null));
    assert_eq!(
        server.get_as("another-one-for-them", "/metrics").status,
        401
    );
    assert_eq!(server.get("/metrics").status, 200);
    let output = server.output();
    assert!(
        !output.contains(TOKEN) && !output.contains("another-one"),
        "{output}"
    );
}

#[test]
fn wrong_tokens_for_metrics_are_counted_with_all_others() {
    let server = Server::start(|config| {
        config["admin"]["metrics_token"] = TOKEN.into();
        config["limits"]["auth_attempts"] = 3.into();
    });
    for _ in 0..3 {
        assert_eq!(server.get_as("not-the-right-one", "/metrics").status, 401);
    }
    assert_eq!(server.get_as("not-the-right-one", "/metrics").status, 429);
    assert_eq!(
        server.get_as("not-the-right-one", "/admin/users").status,
        429
    );
}

#[test]
fn it_is_not_the_administrators() {
    let mut server = Server::spawn(|config| {
        config["admin"] = json!({"token": TOKEN, "metrics_token": TOKEN});
    });
    assert_eq!(server.wait_exit().code(), Some(2));
    let output = server.output();
    assert!(output.contains("admin.metrics_token"), "{output}");
    assert!(output.contains("is the same as admin.token"), "{output}");
    assert!(!output.contains(TOKEN), "{output}");
}

#[test]
fn version_and_commit_are_the_same_everywhere() {
    let server = Server::start(|_| {});
    let status = server.get("/api/status").json();
    let version = status["version"].as_str().unwrap();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    let commit = status["commit"].as_str().unwrap();
    // The commit of this build.
    assert_eq!(commit, option_env!("CHAT_COMMIT").unwrap_or("unknown"));
    let metrics = server.get("/metrics").body;
    let features: Vec<&str> = [
        ("cluster", cfg!(feature = "cluster")),
        ("cluster-tls", cfg!(feature = "cluster-tls")),
        ("grpc", cfg!(feature = "grpc")),
    ]
    .into_iter()
    .filter_map(|(name, is_built_in)| is_built_in.then_some(name))
    .collect();
    assert_eq!(status["features"], json!(features));
    let label = features.join(",");
    let line = format!(
        "chat_build_info{{version=\"{version}\",commit=\"{commit}\",features=\"{label}\"}} 1\n"
    );
    assert!(metrics.contains(&line), "{metrics}");
    let says = |flag: &str| {
        let program = Command::new(env!("CARGO_BIN_EXE_chat-server"))
            .arg(flag)
            .output();
        String::from_utf8(program.unwrap().stdout).unwrap()
    };
    let expected = match commit {
        "unknown" => format!("chat-server {version}\n"),
        commit => format!("chat-server {version} (commit {commit})\n"),
    };
    assert_eq!(says("-V"), expected);
    let listed = match features.as_slice() {
        [] => "none".to_owned(),
        some => some.join(", "),
    };
    assert_eq!(says("--version"), format!("{expected}features: {listed}\n"));
}

#[test]
fn a_slash_at_the_end_of_a_path_is_one_too_many_on_every_listener() {
    let server = Server::start(|config| {
        config["listen"]["ws"] = "127.0.0.1:0".into();
    });
    for listener in ["web", "rest", "ws"] {
        let url = format!("http://{}", server.address(listener));
        for path in ["/healthz", "/healthz/", "/healthz/?x=1"] {
            let answer = ureq::get(format!("{url}{path}")).call().unwrap();
            assert_eq!(answer.status(), 200, "{listener}{path}");
        }
        let twice = ureq::get(format!("{url}/healthz//")).call();
        assert!(
            matches!(twice, Err(ureq::Error::StatusCode(404))),
            "{listener}"
        );
    }
    let token = format!("Bearer {}", server.admin_token());
    for (accept, kind) in [
        ("text/plain", "text/plain"),
        (
            "application/openmetrics-text",
            "application/openmetrics-text",
        ),
    ] {
        let url = format!("http://{}/metrics/", server.address("rest"));
        let request = ureq::get(url).header("Accept", accept);
        let answer = request.header("Authorization", &token).call().unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap();
        assert!(header("Content-Type").starts_with(kind));
        assert_eq!(header("Vary"), "Accept, Origin, Authorization");
    }
}
