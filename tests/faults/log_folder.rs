//! A chat log whose folder disappears, cannot be written, or is damaged.

use std::fs::{self, OpenOptions};
use std::io::Write;

use crate::bystander::Bystanders;
use crate::process::Level;
use crate::support::{LineClient, Server, User, wait_until};

#[test]
fn a_log_folder_that_disappears_is_made_again_and_one_in_the_way_is_reported() {
    let server = Server::start(|_| {});
    let level = Level::of(&server);
    let bystanders = Bystanders::start(&server);
    let folder = server.dir().join("data/chatlog");
    for _ in 0..5 {
        // The server may create the folder again while it is being removed.
        wait_until("there is a log, and then no more", || {
            folder.join("chat.log").exists() && fs::remove_dir_all(&folder).is_ok()
        });
    }
    wait_until("there is a log again", || folder.join("chat.log").exists());

    // A file takes the folder's place: not even root can write there.
    wait_until("a file takes the folder's place", || {
        let _ = fs::remove_dir_all(&folder);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&folder)
            .is_ok()
    });
    wait_until("/readyz reports the chat log", || {
        let ready = server.get("/readyz");
        let said = ready.json()["reasons"]["chat_log"].is_string();
        assert_eq!(ready.status, if said { 503 } else { 200 });
        said
    });
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("said while there was no log");
    alice.expect_message("alice", "said while there was no log");
    fs::remove_file(&folder).unwrap();
    wait_until("the server is ready again", || {
        server.get("/readyz").status == 200
    });
    server.log("pattern=said%20while&kind=message", 1);
    drop(alice);
    bystanders.finish("a log folder that disappears");
    level.wait_back(&server);
}

#[test]
fn a_damaged_log_is_left_as_it_is_written_on_and_searched() {
    let mut server = Server::start(|_| {});
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("long ago");
    alice.expect_message("alice", "long ago");
    server.log("pattern=long%20ago&kind=message", 1);
    server.kill();
    let path = server.dir().join("data/chatlog/chat.log");
    let whole = fs::read(&path).unwrap();
    let damages: [&[u8]; 6] = [
        b"{\"at\":\"2026-11-21T12:00:00.000Z\",\"kind\":\"mess",
        b"\xff\xfe\0\0\x1b[2Jnot a line of ours\n\n\n",
        b"{\"at\":\"9999-99-99T99:99:99.999Z\",\"kind\":\"message\"}\n",
        b"{\"at\":1,\"kind\":[],\"text\":{}}\n[]\nnull\n{}\n\"\n",
        &[b'x'; 300_000],
        &[0; 4096],
    ];
    for damage in damages {
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(damage).unwrap();
        let before = fs::read(&path).unwrap();
        server.start_again();
        let text = format!("after {} bytes", damage.len());
        let mut alice = LineClient::enter_channel(&server, "alice", "dev");
        alice.send(&text);
        alice.expect_message("alice", &text);
        let pattern = text.replace(' ', "%20");
        server.log(&format!("pattern={pattern}&kind=message"), 1);
        server.log("pattern=long%20ago&kind=message", 1);
        server.kill();
        assert!(fs::read(&path).unwrap().starts_with(&before));
    }
    // Cut off in the middle of a line.
    fs::write(&path, &whole[..whole.len() - 10]).unwrap();
    server.start_again();
    let mut alice = LineClient::enter_channel(&server, "alice", "dev");
    alice.send("after the cut");
    alice.expect_message("alice", "after the cut");
    server.log("pattern=after%20the%20cut&kind=message", 1);
    assert!(
        fs::read(&path)
            .unwrap()
            .starts_with(&whole[..whole.len() - 10])
    );
}
