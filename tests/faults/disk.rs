//! Disks that are full and folders that are not writable.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use crate::bystander::Bystanders;
use crate::process::{Level, is_root};
use crate::support::{LineClient, Server, SmallDisk, not_tested, wait_until};

#[test]
fn a_full_disk_is_said_by_readiness_for_store_and_log_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path().join("disk"), 8) else {
        return not_tested("a small disk can only be mounted by root");
    };
    let data = disk.path().join("data");
    let server = Server::start(|config| config["data_dir"] = json!(data));
    let level = Level::of(&server);
    let bystanders = Bystanders::start(&server);
    let filler = disk.path().join("filler");
    let mut file = File::create(&filler).unwrap();
    let mut visitors = 0;
    wait_until("store and chat log have noticed", || {
        while file.write_all(&[0; 512]).is_ok() {}
        // An event to log; the previous visitor may not have left yet.
        visitors += 1;
        drop(LineClient::enter(&server, &format!("visitor{visitors}")));
        let ready = server.get("/readyz");
        let reasons = &ready.json()["reasons"];
        let noticed = reasons["store"].is_string() && reasons["chat_log"].is_string();
        assert_eq!(ready.status == 200, reasons.as_object().unwrap().is_empty());
        noticed && bystanders.were_refused()
    });
    drop(file);
    fs::remove_file(&filler).unwrap();
    wait_until("the server is ready again", || {
        server.get("/readyz").status == 200
    });
    let figures = bystanders.finish("a full disk");
    // Entries that waited for the disk are in the log as well.
    server.log("nick=tim&kind=message&limit=1000", figures.by_tim.min(1000));
    level.wait_back(&server);
}

#[test]
fn a_read_only_folder_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path().join("disk"), 8) else {
        return not_tested("a read-only disk can only be mounted by root");
    };
    let data = disk.path().join("data");
    let mut server = Server::start(|config| config["data_dir"] = json!(data));
    server.kill();
    if !disk.make_read_only() {
        return not_tested("the disk cannot be made read-only here");
    }
    let words = refused(Server::spawn(|config| config["data_dir"] = json!(data)));
    assert!(words.contains("Read-only file system"), "{words}");
    let elsewhere = disk.path().join("elsewhere");
    refused(Server::spawn(|config| {
        config["data_dir"] = json!(elsewhere)
    }));
}

#[test]
fn somebody_elses_folder_is_refused_with_what_to_do() {
    if !is_root() {
        return not_tested("only root can become another user");
    }
    let prefix = ["setpriv", "--reuid=61801", "--clear-groups"];
    let words = refused(Server::spawn_by(&prefix, &[], |config| {
        let data = Path::new(config["data_dir"].as_str().unwrap());
        fs::create_dir(data).unwrap();
        let open = Permissions::from_mode(0o755);
        fs::set_permissions(data.parent().unwrap(), open.clone()).unwrap();
        fs::set_permissions(data, open).unwrap();
    }));
    assert!(words.contains("Permission denied"), "{words}");
}

/// The last output of a server that must not start.
fn refused(mut server: Server) -> String {
    assert!(!server.gets_ready(), "it started\n{}", server.output());
    assert_eq!(server.wait_exit().code(), Some(1));
    let words = server.output();
    assert!(words.contains("--data-dir or data_dir"), "{words}");
    words
}
