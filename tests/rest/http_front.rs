//! The HTTP front as a client sees it: its limits, files and WebSockets, and
//! that nothing malformed gets through to what is behind it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crate::http_support::*;
use chat_server::http::{Admission, Denial, FrontContext, Handshake, HttpLimits, Relays, Upgrades};
use crossbeam_channel::bounded;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

const GET: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

fn short(arrival: Duration) -> Plan {
    let limits = HttpLimits {
        arrival,
        ..Plan::default().limits
    };
    Plan {
        limits,
        ..Plan::default()
    }
}

fn json(raw: &str) -> serde_json::Value {
    let (head, body) = raw.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        header(head, "Content-Length"),
        Some(body.len().to_string().as_str())
    );
    serde_json::from_str(body).unwrap()
}

// Limits -------------------------------------------------------------------

#[test]
fn a_long_head_is_refused_and_the_client_reads_why() {
    let site = Site::start(Plan::default());
    // Far more than the server reads: the answer must arrive all the same.
    let head = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "y".repeat(300_000)
    );
    let raw = site.front.exchange(head);
    assert_eq!(status(&raw), 431);
    assert_eq!(header(&raw, "Connection"), Some("close"));
    assert_eq!(json(&raw)["error"]["code"], "head_too_large");
    let fields = format!(
        "GET / HTTP/1.1\r\nHost: x\r\n{}\r\n",
        "A: b\r\n".repeat(100)
    );
    assert_eq!(status(&site.front.exchange(fields)), 431);
}

#[test]
fn a_long_body_is_refused_however_it_comes() {
    let site = Site::start(Plan::default());
    let start = "POST /admin/announce HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let body = "z".repeat(300_000);
    let length = format!("{start}Content-Length: {}\r\n\r\n{body}", body.len());
    let raw = site.front.exchange(length);
    assert_eq!(status(&raw), 413);
    assert_eq!(json(&raw)["error"]["code"], "body_too_large");
    let chunk = format!("3e8\r\n{}\r\n", "z".repeat(1000));
    let chunked = format!(
        "{start}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        chunk.repeat(5)
    );
    assert_eq!(status(&site.front.exchange(chunked)), 413);
    // At the limit it is passed on, to be told that the token is missing.
    let fits = format!("{start}Content-Length: 4096\r\n\r\n{}", "z".repeat(4096));
    assert_eq!(status(&site.front.exchange(fits)), 401);
    let fits = format!(
        "{start}Transfer-Encoding: chunked\r\n\r\n{}60\r\n{}\r\n0\r\n\r\n",
        chunk.repeat(4),
        "z".repeat(96)
    );
    assert_eq!(status(&site.front.exchange(fits)), 401);
}

/// Sends `start`, then a byte now and then, never pausing for as long as the
/// limit; returns the final status.
fn drip(start: &str) -> u16 {
    let site = Site::start(short(Duration::from_millis(300)));
    let mut status_of = None;
    // If nothing has come in time, the connection was idle: that is no drip.
    until("the server has got the beginning in time", || {
        let answer = drip_until_closed(&mut site.front.connect(), start);
        status_of = (!answer.is_empty()).then(|| status(&answer));
        status_of.is_some()
    });
    status_of.unwrap()
}

/// The answer to a drip.
fn drip_until_closed(stream: &mut TcpStream, start: &str) -> String {
    // Fails once the server has closed.
    let _ = stream.write_all(start.as_bytes());
    stream
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let mut answer = Vec::new();
    for _ in 0..1000 {
        let _ = stream.write_all(b"x");
        let mut chunk = [0; 1024];
        match stream.read(&mut chunk) {
            Ok(0) => return String::from_utf8(answer).unwrap(),
            Ok(length) => answer.extend_from_slice(&chunk[..length]),
            Err(_) => {}
        }
    }
    panic!("the server waits for as long as something comes");
}

#[test]
fn a_dripping_request_is_given_up() {
    assert_eq!(drip("GET / HTTP/1.1\r\nX-"), 408);
    assert_eq!(
        drip("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n"),
        408
    );
    assert_eq!(
        drip("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n"),
        408
    );
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let site = Site::start(short(Duration::from_secs(1)));
    assert_eq!(read_to_end(&mut site.front.connect()), "");
    let (mut answer, mut is_clean) = (String::new(), false);
    // On a machine that stands still the request may come too late.
    until("a request arrives in time", || {
        let mut stream = site.front.connect();
        let _ = stream.write_all(b"GET /client HTTP/1.1\r\nHost: x\r\n\r\n");
        answer.clear();
        is_clean = stream.read_to_string(&mut answer).is_ok();
        !answer.is_empty()
    });
    // One answer, and nothing behind it.
    assert!(is_clean);
    assert_eq!(status(&answer), 200);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = body.len().to_string();
    assert_eq!(header(head, "Content-Length"), Some(length.as_str()));
}

#[test]
fn a_client_that_does_not_read_is_given_up() {
    const FILES: usize = 8;
    let site = Site::start(short(Duration::from_millis(200)));
    let get = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n";
    // More than the sockets between client and server can hold.
    let get = get.repeat(FILES);
    let mut came = Vec::new();
    // On a machine that stands still the requests may come too late.
    until("requests arrive in time", || {
        let ended = site.front.ended.load(Ordering::SeqCst);
        let mut stream = site.front.connect();
        let _ = stream.write_all(get.as_bytes());
        until("it is given up", || {
            site.front.ended.load(Ordering::SeqCst) > ended
        });
        // The end may be a reset.
        came.clear();
        let _ = stream.read_to_end(&mut came);
        !came.is_empty()
    });
    assert!(came.starts_with(b"HTTP/1.1 200 "));
    let begun = memchr::memmem::find_iter(&came, b"HTTP/1.1 200 ").count();
    assert!(begun < FILES, "{} bytes came", came.len());
}

// Form ---------------------------------------------------------------------

#[test]
fn what_is_not_quite_http_goes_no_further() {
    let site = Site::start(Plan::default());
    let next = GET;
    for (request, expected) in [
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551616\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n",
            413,
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            501,
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
            400,
        ),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n", 400),
        ("GET /é HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nExpect: a-pony\r\n\r\n", 417),
        ("\x16\x03\x01\x02\0\x01\0\x01\r\n\r\n", 400),
    ] {
        // What follows must not be taken for a request of its own.
        let raw = site.front.exchange(format!("{request}{next}"));
        assert_eq!(status(&raw), expected, "{request:?}: {raw}");
        assert_eq!(header(&raw, "Connection"), Some("close"));
        assert!(json(&raw)["error"]["message"].is_string());
    }
}

#[test]
fn strange_but_proper_requests_are_understood_behind() {
    let site = Site::start(Plan::default());
    let long = format!("/{}?{}", "p".repeat(900), "q".repeat(900));
    for (line, fields, expected) in [
        (
            "GET /healthz",
            "Authorization:\r\nOrigin:\r\nContent-Type: \r\n",
            200,
        ),
        (
            "GET http://elsewhere/healthz",
            "Connection: Upgrade\r\nUpgrade: h2c\r\n",
            200,
        ),
        ("GET /healthz", "Transfer-Encoding: chunked\r\n", 200),
        (
            "GET /healthz",
            "Content-Length: 00000000000000000000\r\n",
            200,
        ),
        (
            "GET /healthz",
            "Expect: 100-Continue\r\nTE: gzip;q=NaN\r\n",
            200,
        ),
        (
            "GET /healthz",
            "If-None-Match: \"\u{7e}`{|}\"\r\nAccept: ;;,=\r\n",
            200,
        ),
        ("get /healthz", "", 405),
        ("G!#$%&'*+-.^_`|~T /healthz", "", 405),
        (
            "OPTIONS /healthz",
            "Access-Control-Request-Method: \r\nOrigin: x\r\n",
            403,
        ),
        ("GET //healthz", "", 404),
        ("GET /healthz/../healthz", "", 404),
        ("GET /%", "", 404),
        ("GET /{}[]\"<>\\^`|#", "", 404),
        (&format!("GET {long}"), "", 404),
    ] {
        let body = if fields.contains("chunked") {
            "0\r\n\r\n"
        } else {
            ""
        };
        let raw = site.front.exchange(format!(
            "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n{body}"
        ));
        let raw = raw
            .strip_prefix("HTTP/1.1 100 Continue\r\n\r\n")
            .unwrap_or(&raw);
        assert_eq!(status(raw), expected, "{line} {fields:?}: {raw}");
    }
}

#[test]
fn a_chunked_body_arrives_as_if_it_had_a_length() {
    let site = Site::start(Plan::default());
    let raw = site.front.exchange(format!(
        "POST /admin/announce HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Authorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n\
         8;x=y\r\n{{\"messag\r\nB\r\ne\": \"hello\"\r\n1\r\n}}\r\n0\r\nTrailer: z\r\n\r\n"
    ));
    assert_eq!(status(&raw), 200);
    assert_eq!(json(&raw), serde_json::json!({"delivered_to": 0}));
}

#[test]
fn a_client_that_waits_for_100_continue_gets_it() {
    let site = Site::start(Plan::default());
    let body = r#"{"message":"hello"}"#;
    let mut stream = site.front.connect();
    let head = format!(
        "POST /admin/announce HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n\
         Authorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(read_answer(&mut stream).0, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).unwrap();
    assert_eq!(status(&read_to_end(&mut stream)), 200);
    // Not if the body is too long anyway.
    let raw = site.front.exchange(
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n",
    );
    assert_eq!(status(&raw), 413);
}

#[test]
fn http_1_0_gets_an_answer_and_an_end() {
    let site = Site::start(Plan::default());
    let raw = site.front.exchange("GET /healthz HTTP/1.0\r\n\r\n");
    assert_eq!(status(&raw), 200);
    assert_eq!(header(&raw, "Connection"), Some("close"));
}

// Files --------------------------------------------------------------------

#[test]
fn the_page_is_served_on_one_connection_and_then_remembered() {
    let site = Site::start(Plan::default());
    let mut stream = site.front.connect();
    let mut get = |method: &str, path: &str, more: &str| {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        if method != "HEAD" {
            return read_answer(&mut stream);
        }
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        (String::from_utf8(head).unwrap(), Vec::new())
    };
    // Compressed for clients that accept it, with an ETag of its own.
    for (accepted, is_smaller) in [("br, GZIP;q=0.5", true), ("gzip;q=0", false), ("br", false)] {
        let more = format!("Accept-Encoding: {accepted}\r\n");
        let (plain, all) = get("GET", "/client/style.css", "");
        let (head, body) = get("GET", "/client/style.css", &more);
        assert_eq!(header(&head, "Vary"), Some("Accept-Encoding"));
        assert_eq!(
            header(&head, "Content-Encoding"),
            is_smaller.then_some("gzip")
        );
        assert_eq!(body.len() < all.len(), is_smaller);
        assert_eq!(header(&head, "ETag") != header(&plain, "ETag"), is_smaller);
        let etag = header(&head, "ETag").unwrap();
        let (same, nothing) = get(
            "GET",
            "/client/style.css",
            &format!("{more}If-None-Match: {etag}\r\n"),
        );
        assert!(same.starts_with("HTTP/1.1 304 ") && nothing.is_empty());
    }
    let (head, _) = get("GET", "/", "");
    assert!(head.starts_with("HTTP/1.1 302 "));
    assert_eq!(header(&head, "Location"), Some("client"));
    for (path, kind) in [
        ("/client", "text/html; charset=utf-8"),
        ("/client/app.js", "text/javascript; charset=utf-8"),
        ("/client/style.css", "text/css; charset=utf-8"),
        ("/client/icon.svg", "image/svg+xml"),
    ] {
        let (head, body) = get("GET", path, "");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert_eq!(header(&head, "Content-Type"), Some(kind));
        assert_eq!(header(&head, "X-Content-Type-Options"), Some("nosniff"));
        let policy = header(&head, "Content-Security-Policy").unwrap();
        assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"));
        let etag = header(&head, "ETag").unwrap();
        let (same, nothing) = get("GET", path, &format!("If-None-Match: \"x\", W/{etag}\r\n"));
        assert!(same.starts_with("HTTP/1.1 304 ") && nothing.is_empty());
        assert_eq!(header(&same, "ETag"), Some(etag));
        let (other, _) = get("GET", path, "If-None-Match: \"x\"\r\n");
        assert!(other.starts_with("HTTP/1.1 200 "));
        let (only_head, _) = get("HEAD", path, "");
        let length = body.len().to_string();
        assert_eq!(header(&only_head, "Content-Length"), Some(length.as_str()));
    }
    // REST on the same connection, and then the page again.
    assert!(get("GET", "/healthz", "").0.starts_with("HTTP/1.1 200 "));
    assert!(get("HEAD", "/healthz", "").0.starts_with("HTTP/1.1 200 "));
    assert!(get("GET", "/client", "").0.starts_with("HTTP/1.1 200 "));
}

#[test]
fn requests_sent_together_are_answered_in_order() {
    let site = Site::start(Plan::default());
    let raw = site.front.exchange(format!(
        "GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST /client HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc{GET}"
    ));
    let statuses: Vec<&str> = raw
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &raw[at + 9..at + 12])
        .collect();
    // Files accept only reads; the connection ends after anything else.
    assert_eq!(statuses, ["302", "405"]);
}

#[test]
fn the_page_has_nothing_inline_and_nothing_foreign() {
    let site = Site::start(Plan::default());
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page");
    for path in paths_below(&sources, "/client") {
        let path = path
            .replace("/client/admin/index.html", "/admin/")
            .replace("/client/admin/", "/admin/assets/")
            .replace("/client/index.html", "/client")
            .replace("/client/reset.html", "/reset");
        let raw = site.front.exchange(format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        ));
        assert_eq!(status(&raw), 200, "{path} is not served");
        let (_, body) = raw.split_once("\r\n\r\n").unwrap();
        // An SVG file contains the URL of its namespace.
        let body = body.replace("http://www.w3.org/2000/svg", "");
        for bad in [
            " style=",
            " onclick=",
            "<style",
            "innerHTML",
            "https://",
            "http://",
            "eval(",
        ] {
            assert!(!body.contains(bad), "{path} has {bad}");
        }
        let scripts = body.split("<script").skip(1);
        for script in scripts {
            let script = script.strip_prefix(" type=\"module\"").unwrap_or(script);
            let ours = [" src=\"client/", " src=\"../client/", " src=\"assets/"];
            assert!(ours.iter().any(|ours| script.starts_with(ours)), "{path}");
        }
    }
}

/// The files in a folder, as paths relative to another one.
fn paths_below(folder: &Path, path: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let paths = entries.flat_map(|entry| {
        let path = format!("{path}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            paths_below(&entry.path(), &path)
        } else {
            vec![path]
        }
    });
    paths.collect()
}

#[test]
fn a_listener_exposes_what_it_is_told_to() {
    let plan = Plan {
        files: vec![chat_server::rest::docs::file],
        ..Plan::default()
    };
    let site = Site::start(plan);
    let get = |path: &str| {
        site.front.exchange(format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        ))
    };
    assert_eq!(status(&get("/client")), 404);
    assert_eq!(status(&get("/docs/")), 200);
    let bare = Front::start(FrontContext {
        folders: Vec::new(),
        limits: Plan::default().limits,
        files: Vec::new(),
        upgrades: None,
        answers: None,
        relays: None,
        relayed: None,
        origins: Arc::default(),
        proxies: Arc::default(),
        per_address: 0,
    });
    assert_eq!(status(&bare.exchange(GET)), 404);
}

// Relaying -----------------------------------------------------------------

/// A front before something that is not our REST server.
fn before(
    upstream: impl Fn(UnixStream) + Send + 'static,
    patience: Duration,
) -> (Front, Arc<Relays>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    // Ends with the process: no thread joins it.
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            upstream(stream);
        }
    });
    let relays = Arc::new(Relays::new(path, patience));
    let front = Front::start(FrontContext {
        folders: Vec::new(),
        limits: Plan::default().limits,
        files: Vec::new(),
        upgrades: None,
        answers: None,
        relays: Some(relays.clone()),
        relayed: None,
        origins: Arc::default(),
        proxies: Arc::default(),
        per_address: 0,
    });
    (front, relays, dir)
}

fn read_head(stream: &mut UnixStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn only_what_the_front_wrote_is_passed_on() {
    let (heads, seen) = bounded(1);
    let upstream = move |mut stream: UnixStream| {
        let head = read_head(&mut stream);
        heads.send((head, stream)).unwrap();
    };
    let (front, relays, _dir) = before(upstream, PATIENCE);
    let mut client = front.connect();
    let request = "GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Chat-Relay: 999\r\nx-chat-relay: 998\r\n\
                   X-Chat-Peer: 6.6.6.6:6\r\nX-Forwarded-For: 6.6.6.6\r\nTE: chunked\r\n\
                   Connection: keep-alive, authorization\r\nKeep-Alive: 9\r\nCookie: a=b\r\n\
                   Authorization: Bearer t\r\nProxy-Authorization: u\r\n\r\n";
    client.write_all(request.as_bytes()).unwrap();
    let (head, mut stream) = seen.recv_timeout(PATIENCE).unwrap();
    let id = header(&head, "X-Chat-Relay").unwrap().to_owned();
    assert_eq!(
        head,
        format!(
            "GET /a?b=c HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\
             X-Chat-Relay: {id}\r\nauthorization: Bearer t\r\n\r\n"
        )
    );
    let relayed = relays.find(id.parse().unwrap()).expect("is under way");
    assert_eq!(relayed.peer, client.local_addr().unwrap());
    assert!(!relayed.cancel.is_cancelled());
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Y: z\r\nConnection: close\r\n\r\nok")
        .unwrap();
    let (head, body) = read_answer(&mut client);
    assert_eq!(body, b"ok");
    assert_eq!(header(&head, "X-Y"), Some("z"));
    assert_eq!(header(&head, "Connection"), Some("keep-alive"));
    until("it is forgotten", || {
        relays.find(id.parse().unwrap()).is_none()
    });
}

#[test]
fn a_broken_server_behind_is_told_apart() {
    let answering = |answer: &'static str| {
        let upstream = move |mut stream: UnixStream| {
            read_head(&mut stream);
            stream.write_all(answer.as_bytes()).unwrap();
        };
        let (front, _, _dir) = before(upstream, PATIENCE);
        status(&front.exchange(GET))
    };
    assert_eq!(
        answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        200
    );
    assert_eq!(answering(""), 502);
    assert_eq!(
        answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"),
        502
    );
    assert_eq!(
        answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        502
    );
    assert_eq!(
        answering("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
        502
    );
    assert_eq!(answering("what?\r\n\r\n"), 502);
    let (front, _, dir) = before(drop, PATIENCE);
    drop(dir);
    assert_eq!(status(&front.exchange(GET)), 503);
}

#[test]
fn a_server_behind_that_does_not_answer_is_given_up() {
    let kept = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let keep = kept.clone();
    let (front, _, _dir) = before(
        move |stream| keep.lock().push(stream),
        Duration::from_millis(100),
    );
    let raw = front.exchange(GET);
    assert_eq!(status(&raw), 504);
    // The connection behind the front is not left open.
    until("it was accepted", || !kept.lock().is_empty());
    let mut stream = kept.lock().pop().unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.starts_with(b"GET /healthz"));
}

#[test]
fn requests_under_way_are_limited() {
    const MOST: usize = 128;
    let kept = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let keep = kept.clone();
    let (front, _, _dir) = before(move |stream| keep.lock().push(stream), PATIENCE);
    let mut clients = Vec::new();
    for _ in 0..MOST {
        let mut client = front.connect();
        client.write_all(GET.as_bytes()).unwrap();
        clients.push(client);
    }
    until("all are under way", || kept.lock().len() == MOST);
    let raw = front.exchange(GET);
    assert_eq!(
        (status(&raw), header(&raw, "Retry-After")),
        (503, Some("1"))
    );
    for stream in kept.lock().iter_mut() {
        read_head(stream);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
    }
    for mut client in clients {
        assert_eq!(status(&read_to_end(&mut client)), 200);
    }
}

/// One search at a time, which does not end by itself during a test.
fn one_search() -> Plan {
    Plan {
        searches: 1,
        search_budget: Duration::from_secs(3600),
        ..Plan::default()
    }
}

fn search() -> String {
    format!(
        "GET /admin/log?limit=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    )
}

#[test]
fn a_search_ends_when_its_client_leaves() {
    let site = Site::start(one_search());
    let client = site.begin_endless_search();
    drop(client);
    until("others may search", || {
        status(&site.front.exchange(search())) == 200
    });
    // A client that has only finished sending still gets its answer.
    let mut client = site.begin_endless_search();
    client.shutdown(Shutdown::Write).unwrap();
    let raw = read_to_end(&mut client);
    assert_eq!(status(&raw), 503);
    assert_eq!(json(&raw)["error"]["code"], "cancelled");
}

#[test]
fn stopping_cuts_searches_short_and_leaves_nothing_behind() {
    let mut site = Site::start(one_search());
    let mut client = site.begin_endless_search();
    assert!(site.relays.socket().exists());
    site.stop_rest();
    assert!(!site.relays.socket().exists());
    let raw = read_to_end(&mut client);
    assert_eq!(status(&raw), 503);
    assert_eq!(json(&raw)["error"]["code"], "cancelled");
    assert_eq!(status(&site.front.exchange(GET)), 503);
}

#[test]
fn a_panicking_handler_costs_one_answer_and_no_worker() {
    let site = Site::start(Plan {
        workers: 2,
        ..Plan::default()
    });
    site.saving_panics.store(true, Ordering::SeqCst);
    let body = r#"{"nickname":"mallory"}"#;
    let ban = format!(
        "POST /admin/bans HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\
         Authorization: Bearer {TOKEN}\r\n\r\n{body}",
        body.len()
    );
    for _ in 0..5 {
        let raw = site.front.exchange(&ban);
        assert_eq!(status(&raw), 500);
        assert_eq!(json(&raw)["error"]["code"], "internal_error");
    }
    assert_eq!(status(&site.front.exchange(GET)), 200);
}

#[test]
fn the_private_socket_answers_nobody_but_the_front() {
    let site = Site::start(Plan::default());
    let mut stream = UnixStream::connect(site.relays.socket()).unwrap();
    let request = format!(
        "GET /admin/users HTTP/1.1\r\nConnection: close\r\nX-Chat-Relay: 1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut raw = String::new();
    stream.read_to_string(&mut raw).unwrap();
    assert_eq!(status(&raw), 503);
}

// WebSockets ---------------------------------------------------------------

/// Echoes at `/ws`; at `/secret` only with the subprotocol `token`.
struct Echo;

impl Upgrades for Echo {
    fn is_at(&self, path: &str) -> bool {
        path == "/ws"
    }

    fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denial> {
        let subprotocol = match handshake.path {
            "/ws" => None,
            "/secret" if handshake.subprotocols.contains(&"token") => Some("token".to_owned()),
            "/secret" => return Err(Denial::Unauthorised("no token".into())),
            _ => return Err(Denial::NotFound),
        };
        let peer = handshake.peer;
        let hello = format!("{peer} {}", handshake.query.unwrap_or("-"));
        Ok(Admission {
            subprotocol,
            run: Box::new(move |upgraded| {
                // The front's deadlines do not apply to the upgraded socket.
                assert_eq!(upgraded.transport.stream().read_timeout().unwrap(), None);
                assert_eq!(upgraded.transport.stream().write_timeout().unwrap(), None);
                let mut socket = WebSocket::from_partially_read(
                    upgraded.transport.stream().try_clone().unwrap(),
                    upgraded.leftover,
                    Role::Server,
                    None,
                );
                socket.send(Message::text(hello)).unwrap();
                while let Ok(message) = socket.read() {
                    if message.is_text() {
                        socket.send(message).unwrap();
                    }
                }
            }),
        })
    }
}

fn with_echo() -> Site {
    Site::start(Plan {
        upgrades: Some(Arc::new(Echo)),
        ..Plan::default()
    })
}

fn handshake(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: here:1\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

#[test]
fn a_websocket_opens_with_what_was_sent_behind_the_handshake() {
    let site = with_echo();
    let mut client = site.front.connect();
    let mut first = handshake("/ws?a=b", "Origin: http://HERE:1\r\n").into_bytes();
    // A masked text frame "hi", with a mask of zeros.
    first.extend_from_slice(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
    client.write_all(&first).unwrap();
    let (head, _) = read_answer(&mut client);
    assert!(head.starts_with("HTTP/1.1 101 "));
    assert_eq!(
        header(&head, "Sec-WebSocket-Accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
    assert_eq!(header(&head, "Sec-WebSocket-Protocol"), None);
    let local = client.local_addr().unwrap();
    let mut socket = WebSocket::from_raw_socket(client, Role::Client, None);
    assert_eq!(
        socket.read().unwrap(),
        Message::text(format!("{local} a=b"))
    );
    assert_eq!(socket.read().unwrap(), Message::text("hi"));
    socket.send(Message::text("and on")).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("and on"));
}

#[test]
fn a_handshake_that_will_not_do_is_told_why() {
    let site = with_echo();
    for (request, expected) in [
        (handshake("/elsewhere", ""), 404),
        (handshake("/secret", ""), 401),
        (
            handshake("/secret", "Sec-WebSocket-Protocol: other\r\n"),
            401,
        ),
        (handshake("/ws", "Origin: https://evil.example\r\n"), 403),
        (handshake("/ws", "Origin: null\r\n"), 403),
        (handshake("/ws", "Origin: http://here:2\r\n"), 403),
        (
            handshake("/ws", "").replace("Version: 13", "Version: 8"),
            426,
        ),
        (
            handshake("/ws", "").replace("Sec-WebSocket-Version: 13\r\n", ""),
            426,
        ),
        (
            handshake("/ws", "").replace("dGhlIHNhbXBsZSBub25jZQ==", ""),
            400,
        ),
        (
            handshake("/ws", "").replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
            400,
        ),
        (handshake("/ws", "Sec-WebSocket-Key: other\r\n"), 400),
        (
            handshake("/ws", "Origin: http://evil.example:1/here:1\r\n"),
            403,
        ),
        (handshake("/ws", "").replace("GET", "POST"), 400),
        (
            handshake("/ws", "").replace("keep-alive, Upgrade", "close"),
            400,
        ),
        (handshake("/ws", "Content-Length: 1\r\n"), 400),
    ] {
        let raw = site.front.exchange(&request);
        assert_eq!(status(&raw), expected, "{request}{raw}");
        match expected {
            426 => assert_eq!(header(&raw, "Sec-WebSocket-Version"), Some("13")),
            401 => assert_eq!(header(&raw, "WWW-Authenticate"), Some("Bearer")),
            _ => assert!(json(&raw)["error"]["message"].is_string()),
        }
    }
}

#[test]
fn handshakes_of_older_clients_open_a_websocket() {
    let site = with_echo();
    for (request, accept) in [
        // `Hello, world!` in base64, a common example key: not 16 bytes.
        (
            handshake("/ws", "").replace("dGhlIHNhbXBsZSBub25jZQ==", "SGVsbG8sIHdvcmxkIQ=="),
            "qGEgH3En71di5rrssAZTmtRTyFk=",
        ),
        (
            handshake("/ws", "").replace("dGhlIHNhbXBsZSBub25jZQ==", "no base64?"),
            "odmdEE1Qf0jmfMVkHhG/UZalzGI=",
        ),
        // A field twice counts as one if the value is the same.
        (
            handshake(
                "/ws",
                "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\
                 ORIGIN: http://here:1\r\norigin: http://here:1\r\n",
            ),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        ),
        (
            handshake("/ws", "").replace("Version: 13", "Version: 8, 13"),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        ),
        (
            handshake("/ws", "Origin: http://here:1/\r\n"),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        ),
        (
            handshake("/ws", "Origin: HTTP://Here:1/mychat\r\n"),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        ),
        (
            handshake("/ws", "Origin: https://FRIEND.example:443/\r\n"),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        ),
    ] {
        let mut client = site.front.connect();
        client.write_all(request.as_bytes()).unwrap();
        let (head, _) = read_answer(&mut client);
        assert!(head.starts_with("HTTP/1.1 101 "), "{request}{head}");
        assert_eq!(
            header(&head, "Sec-WebSocket-Accept"),
            Some(accept),
            "{request}"
        );
    }
}

#[test]
fn origins_and_subprotocols_are_admitted() {
    let site = with_echo();
    let answer = |request: String| {
        let mut client = site.front.connect();
        client.write_all(request.as_bytes()).unwrap();
        read_answer(&mut client).0
    };
    let head = answer(handshake("/ws", "Origin: https://friend.example\r\n"));
    assert!(head.starts_with("HTTP/1.1 101 "));
    let head = answer(handshake(
        "/secret",
        "Sec-WebSocket-Protocol: other, token\r\n",
    ));
    assert!(head.starts_with("HTTP/1.1 101 "));
    assert_eq!(header(&head, "Sec-WebSocket-Protocol"), Some("token"));
    let head = answer(handshake(
        "/secret",
        "sec-websocket-protocol: other\r\nSEC-WEBSOCKET-PROTOCOL: token\r\n",
    ));
    assert_eq!(header(&head, "Sec-WebSocket-Protocol"), Some("token"));
    let other = || handshake("/ws", "Origin: https://other.example\r\n");
    assert!(answer(other()).starts_with("HTTP/1.1 403 "));
    site.origins.replace(vec!["https://other.example".into()]);
    assert!(answer(other()).starts_with("HTTP/1.1 101 "));
}

#[test]
fn addresses_of_peers_are_those_of_their_sockets() {
    // The hook gets the address that the listener saw, not one from a header.
    let site = with_echo();
    let mut client = site.front.connect();
    let local: SocketAddr = client.local_addr().unwrap();
    let forged = "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n";
    client
        .write_all(handshake("/ws", forged).as_bytes())
        .unwrap();
    read_answer(&mut client);
    let mut socket = WebSocket::from_raw_socket(client, Role::Client, None);
    assert_eq!(socket.read().unwrap(), Message::text(format!("{local} -")));
}
