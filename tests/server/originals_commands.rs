//! The commands in the older servers' read-me files: what `make` runs for each,
//! and that the program accepts the arguments.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// All command lines that `make` would run.
fn dry_run(arguments: &[&str]) -> String {
    let mut make = Command::new("make");
    make.arg("--dry-run").args(arguments).current_dir(ROOT);
    // The test may itself run under make.
    for name in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
        make.env_remove(name);
    }
    let output = make.output().unwrap();
    assert!(output.status.success(), "{arguments:?}\n{}", text(&output));
    text(&output)
}

fn text(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    format!("{out}{}", String::from_utf8_lossy(&output.stderr))
}

#[test]
fn make_knows_what_people_used_to_type() {
    for (target, does) in [
        ("build", "cargo build --release --bin chat-server"),
        (
            "serve",
            "cargo run --release --bin chat-server -- -c \"config.json\" serve",
        ),
        ("run", "cargo run --release --bin chat-server"),
        ("local", "serve CONFIG=\"config.json\""),
        ("test", ".ci/test --features full,grpc-generate"),
        ("format", "cargo fmt"),
        ("beautify", "cargo fmt"),
        ("optimize_imports", "cargo fmt"),
        ("lint", "cargo clippy --all-targets"),
        ("vet", "cargo clippy --all-targets"),
        ("audit", "cargo clippy --all-targets"),
        ("race", ".ci/tsan"),
        ("bench", "cargo bench"),
        ("certs", "-- make-cert"),
        ("doc", "cargo doc"),
        (
            "install",
            "cargo install --locked --path . --bin chat-server",
        ),
        ("clean", "cargo clean"),
        ("all", ".ci/test --features full"),
    ] {
        let lines = dry_run(&[target]);
        assert!(lines.contains(does), "make {target}: {lines}");
    }
    let lines = dry_run(&["checkin"]);
    let place = |what: &str| {
        lines
            .find(what)
            .unwrap_or_else(|| panic!("{what} in {lines}"))
    };
    let order = [
        "cargo fmt\n",
        "cargo fmt --check",
        "cargo clippy",
        ".ci/test --features full",
    ]
    .map(place);
    assert!(order.is_sorted(), "{lines}");
}

/// A cargo that builds nothing: it passes what follows `--` to the program,
/// with `check-config` instead of serving.
fn cargo_without_building(folder: &Path) -> String {
    let path = folder.join("cargo");
    let script = format!(
        "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift\n\
         while [ $# -gt 0 ] && [ \"$1\" != serve ]; do set -- \"$@\" \"$1\"; shift; done\n\
         shift\nexec {} \"$@\" check-config\n",
        env!("CARGO_BIN_EXE_chat-server")
    );
    fs::write(&path, script).unwrap();
    // Run through sh: executed directly, the file might be busy, because a
    // process that another test starts may have inherited the open file.
    format!("sh {}", path.display())
}

#[test]
fn serve_and_local_take_a_file_of_an_older_server() {
    let folder = tempfile::tempdir().unwrap();
    let cargo = cargo_without_building(folder.path());
    fs::write(
        folder.path().join("development.json"),
        r#"{"host": "127.0.0.1:8080"}"#,
    )
    .unwrap();
    // A file named on the command line has precedence; its name may contain
    // spaces.
    fs::write(
        folder.path().join("my own.json"),
        r#"{"host": "127.0.0.1:8081"}"#,
    )
    .unwrap();
    let (found, named) = (
        "listen.web = \"127.0.0.1:8080\"  (host in development.json)",
        "listen.web = \"127.0.0.1:8081\"  (host in my own.json)",
    );
    for (target, line) in [
        (&["local"][..], found),
        (&["serve", "CONFIG=development.json"], found),
        (&["serve", "CONFIG=my own.json"], named),
        (&["local", "CONFIG=my own.json"], named),
    ] {
        let mut make = Command::new("make");
        for name in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
            make.env_remove(name);
        }
        let makefile = Path::new(ROOT).join("Makefile");
        let make = make.arg("-f").arg(&makefile).args(target);
        let make = make.arg(format!("CARGO={cargo}"));
        // `local` calls make again, which must find the same file.
        let make = make.arg(format!("MAKE=make -f {}", makefile.display()));
        let output = make.current_dir(folder.path()).output().unwrap();
        let out = text(&output);
        assert!(output.status.success(), "{out}");
        assert!(out.contains(line), "{out}");
    }
}

#[test]
fn the_flags_of_the_older_servers_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
    write("config.json", r#"{"ip": "127.0.0.1", "telnet_port": 4000}"#);
    write("development.json", r#"{"host": ":8080"}"#);
    write("config.yaml", "addr: \":7000\"");
    for (line, shows) in [
        (
            "-c config.json",
            r#"listen.telnet = "127.0.0.1:4000"  (telnet_port"#,
        ),
        (
            "-config config.json",
            r#"listen.telnet = "127.0.0.1:4000"  (telnet_port"#,
        ),
        (
            "-config=config.json",
            r#"listen.telnet = "127.0.0.1:4000"  (telnet_port"#,
        ),
        (
            "--config config.json",
            r#"listen.telnet = "127.0.0.1:4000"  (telnet_port"#,
        ),
        (
            "-c=development.json",
            r#"listen.web = "0.0.0.0:8080"  (host"#,
        ),
        ("-c config.yaml", r#"listen.web = "0.0.0.0:7000"  (addr"#),
        (
            "-tcp localhost:8990 -ws localhost:8091",
            r#"listen.tcp = "127.0.0.1:8990"  (--tcp)"#,
        ),
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_chat-server"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CHAT_SERVER_") {
                program.env_remove(name);
            }
        }
        let program = program.args(line.split(' ')).arg("check-config");
        let output = program.current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{line}: {}", text(&output));
        assert!(text(&output).contains(shows), "{line}: {}", text(&output));
    }
}
