//! Other programs that people have, as they come from Debian: WeeChat, ii, and the bouncer ZNC.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::{IrcClient, LineClient, User, free_address, missing, wait_until};
use crate::{register, start};

/// The user and group `nobody` of Debian.
const NOBODY: u32 = 65534;

/// A program that writes what it sees into files. Dropping it ends it.
struct Program {
    child: Child,
    folder: TempDir,
    pipes: HashMap<PathBuf, File>,
}

impl Program {
    /// Starts it; its arguments may need the path of its folder.
    fn start(name: &str, arguments: impl FnOnce(&str) -> Vec<String>) -> Program {
        let folder = tempfile::tempdir().unwrap();
        let arguments = arguments(&folder.path().display().to_string());
        let mut command = Command::new(name);
        // Some of them do not like root.
        if rustix::process::geteuid().is_root() {
            hand_over(folder.path());
            command.uid(NOBODY).gid(NOBODY);
        }
        let child = command
            .args(arguments)
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| missing(name, &error));
        Program {
            child,
            folder,
            pipes: HashMap::new(),
        }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Waits until a file contains `needle`.
    fn expect(&self, file: &str, needle: &str) {
        let path = self.path(file);
        wait_until(&format!("{file} contains {needle:?}"), || {
            std::fs::read_to_string(&path).is_ok_and(|text| text.contains(needle))
        });
    }

    /// Writes a line into one of its pipes, once that is there.
    fn write(&mut self, pipe: &str, line: &str) {
        let path = self.path(pipe);
        let pipe = self.pipes.entry(path).or_insert_with_key(|path| {
            wait_until("the pipe is there", || path.exists());
            OpenOptions::new().write(true).open(path).unwrap()
        });
        // At once: ii takes a pause for the end.
        pipe.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn hand_over(folder: &Path) {
    chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => hand_over(&path),
            false => chown(path, Some(NOBODY), Some(NOBODY)).unwrap(),
        }
    }
}

/// WeeChat without a screen: commands come by a pipe, and each buffer is a file.
struct WeeChat(Program);

impl WeeChat {
    fn start(address: SocketAddr, options: &str) -> WeeChat {
        let commands = format!(
            "/set logger.file.flush_delay 0;/set irc.look.smart_filter off;\
             /server add local {}/{} -notls -nicks=wee {options};/connect local",
            address.ip(),
            address.port(),
        );
        WeeChat(Program::start("weechat-headless", |folder| {
            let arguments = ["-d", folder, "-r", &commands];
            arguments.map(str::to_owned).into()
        }))
    }

    fn types(&mut self, buffer: &str, line: &str) {
        let pipe = format!("weechat_fifo_{}", self.0.pid());
        let line = format!("irc.{buffer} *{line}");
        self.0.write(&pipe, &line);
    }

    fn sees(&self, buffer: &str, needle: &str) {
        let file = format!("logs/irc.{buffer}.weechatlog");
        self.0.expect(&file, needle);
    }
}

#[test]
fn weechat_logs_in_joins_talks_and_is_kicked() {
    let server = start();
    register(&server, "wee", "correcthorse");
    let mut ann = IrcClient::enter_channel(&server, "ann", "c");
    ann.ask("TOPIC #c :about cats");
    let mut telnet = LineClient::enter_channel(&server, "telnet", "c");
    let options = "-autojoin=#c -sasl_mechanism=plain -sasl_username=wee \
                   -sasl_password=correcthorse";
    let mut weechat = WeeChat::start(server.address("irc"), options);
    weechat.sees("server.local", "You are now logged in as wee");
    weechat.sees("local.#c", "about cats");
    telnet.expect("@wee joined");
    weechat.types("local.#c", "hello from WeeChat");
    telnet.expect_message("wee", "hello from WeeChat");
    weechat.types("local.#c", "/me waves");
    telnet.expect("* @wee waves");
    telnet.send("hello from telnet");
    weechat.sees("local.#c", "telnet\thello from telnet");
    telnet.send("/msg @wee psst");
    weechat.sees("local.telnet", "telnet\tpsst");
    weechat.types("local.telnet", "yes?");
    telnet.expect_private("wee", "yes?");
    weechat.types("local.#c", "/away at lunch");
    weechat.sees("server.local", "You have been marked as being away");
    weechat.types("local.#c", "/topic about dogs");
    weechat.sees("local.#c", "operator");
    ann.send("KICK #c wee :bye");
    weechat.sees("local.#c", "ann has kicked wee (bye)");
    telnet.expect("@wee");
    weechat.types("server.local", "/quit");
}

#[test]
fn ii_joins_and_talks() {
    let server = start();
    let mut telnet = LineClient::enter_channel(&server, "telnet", "c");
    let address = server.address("irc");
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut ii = Program::start("ii", |folder| {
        let arguments = ["-s", &host, "-p", &port, "-n", "ii", "-i", folder];
        arguments.map(str::to_owned).into()
    });
    ii.write(&format!("{host}/in"), "/j #c");
    telnet.expect("@ii joined");
    telnet.send("hello from telnet");
    ii.expect(&format!("{host}/#c/out"), "<telnet> hello from telnet");
    ii.write(&format!("{host}/#c/in"), "hello from ii");
    telnet.expect_message("ii", "hello from ii");
    telnet.send("/msg @ii psst");
    ii.expect(&format!("{host}/telnet/out"), "<telnet> psst");
}

/// The configuration of a bouncer with one user, who has an account.
fn bouncer_of_ann(listener: SocketAddr, server: SocketAddr) -> String {
    format!(
        "Version = 1.8.2\nConnectDelay = 1\n\
         <Listener l>\nHost = {}\nPort = {}\nIPv4 = true\nIPv6 = false\nSSL = false\n</Listener>\n\
         <User ann>\nNick = ann\nAltNick = ann_\nIdent = ann\nRealName = Ann\nQuitMsg = bye\n\
         <Pass password>\nMethod = plain\nHash = secret\nSalt = none\n</Pass>\n\
         <Network local>\nServer = {} {} ann:correcthorse\n<Chan #c>\n</Chan>\n</Network>\n\
         </User>\n",
        listener.ip(),
        listener.port(),
        server.ip(),
        server.port(),
    )
}

fn attach(bouncer: SocketAddr) -> IrcClient {
    let mut client = IrcClient::connect(bouncer);
    client.send("PASS ann/local:secret");
    client.send("NICK ann");
    client.send("USER ann 0 * :Ann");
    client.expect(" 001 ann ");
    client
}

#[test]
fn a_bouncer_stays_while_its_user_is_away() {
    let server = start();
    register(&server, "ann", "correcthorse");
    let mut telnet = LineClient::enter_channel(&server, "telnet", "c");
    let listener = free_address();
    let _znc = Program::start("znc", |folder| {
        let configuration = bouncer_of_ann(listener, server.address("irc"));
        let file = Path::new(folder).join("configs/znc.conf");
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        std::fs::write(file, configuration).unwrap();
        let arguments = ["--foreground", "--datadir", folder];
        arguments.map(str::to_owned).into()
    });
    wait_until("the bouncer listens", || {
        TcpStream::connect(listener).is_ok()
    });
    telnet.expect("@ann joined");
    let mut ann = attach(listener);
    ann.expect(" 366 ");
    ann.send("PRIVMSG #c :I am here");
    telnet.expect_message("ann", "I am here");
    // The bouncer ends the connection when it has noted that the user is away.
    ann.send("QUIT");
    assert!(ann.is_closed());
    telnet.send("while you were away");
    let mut ann = attach(listener);
    ann.expect("while you were away");
    telnet.send("now you are back");
    ann.expect("now you are back");
}
