//! What a run leaves behind: the file with the figures, and no server.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{command, complaint, unlimited};
use crate::support::{free_address, wait_until};

#[test]
fn a_file_that_cannot_be_written_is_noticed_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere/figures.json");
    // Without the error the run would take longer than any test may.
    let output = command("pairs --seconds 600 --json").arg(&nowhere).output();
    let said = complaint(output.unwrap());
    assert!(
        said.contains("nowhere/figures.json cannot be written"),
        "{said}"
    );
}

#[test]
fn figures_that_reach_nobody_are_no_success() {
    for arguments in ["--json -", ""] {
        let output = command(&format!("send-loop --members 2 --seconds 1 {arguments}"))
            .stdout(
                std::fs::File::options()
                    .write(true)
                    .open("/dev/full")
                    .unwrap(),
            )
            .output()
            .unwrap();
        let said = complaint(output);
        assert!(said.contains("standard output cannot be written"), "{said}");
    }
}

#[test]
fn what_somebody_else_has_put_into_the_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("figures.json");
    let server = unlimited();
    server.signal(Signal::STOP);
    let bench = command(&format!("--address {} pairs --json", server.telnet()))
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("the file is there", || file.exists());
    std::fs::write(&file, "of another run").unwrap();
    kill_process(Pid::from_child(&bench), Signal::TERM).unwrap();
    let output = bench.wait_with_output().unwrap();
    server.signal(Signal::CONT);
    assert!(!output.status.success());
    assert_eq!(std::fs::read_to_string(file).unwrap(), "of another run");
}

#[test]
fn a_run_that_fails_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["old.json", "new.json"].map(|name| folder.path().join(name));
    std::fs::write(&old, "earlier figures").unwrap();
    for file in [&old, &new] {
        let there = format!("--address {} pairs --json", free_address());
        complaint(command(&there).arg(file).output().unwrap());
    }
    assert_eq!(std::fs::read_to_string(old).unwrap(), "earlier figures");
    assert!(!new.exists());
}

#[test]
fn an_interrupt_leaves_nothing_behind() {
    for signal in [Signal::INT, Signal::HUP] {
        interrupted_by(signal);
    }
}

#[test]
fn its_server_does_not_outlive_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bench, server) = long_run(folder.path());
    bench.kill().unwrap();
    bench.wait().unwrap();
    wait_until("its server is gone", || {
        let status = std::fs::read_to_string(format!("{server}/status"));
        // An orphan may stay a zombie, as no process reads its exit code.
        status.is_err() || status.is_ok_and(|status| status.contains("State:\tZ"))
    });
}

/// Starts a long run with its files in this folder; returns it and its server's
/// entry in /proc.
fn long_run(folder: &Path) -> (Child, String) {
    let bench = command("room --members 4 --seconds 600");
    // Under nohup and in a script's background jobs some signals are ignored,
    // and child processes inherit that.
    let bench = Command::new("env")
        .arg("--default-signal=HUP,INT")
        .arg(bench.get_program())
        .args(bench.get_args())
        .stdin(Stdio::null())
        .env("TMPDIR", folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its server is up as soon as it has a database.
    wait_until("its server is up", || {
        let mut entries = std::fs::read_dir(folder).unwrap().flatten();
        entries.any(|entry| entry.path().join("data/chat.db").exists())
    });
    let server = children(bench.id());
    assert_eq!(server.len(), 1, "{server:?}");
    (bench, format!("/proc/{}", server[0]))
}

fn interrupted_by(signal: Signal) {
    let folder = tempfile::tempdir().unwrap();
    let (mut bench, server) = long_run(folder.path());
    kill_process(Pid::from_child(&bench), signal).unwrap();
    let status = bench.wait().unwrap();
    let mut said = String::new();
    bench
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("interrupted"), "{said}");
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "its folder is gone");
    assert!(!Path::new(&server).exists());
}

/// The child processes of a process.
fn children(pid: u32) -> Vec<String> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap();
    children.split_whitespace().map(str::to_owned).collect()
}
