//! The documentation as a book: what `.ci/book` builds, and what the web listener serves
//! at `/docs/book`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::{DEADLINE, Server, Turn, not_tested, run_python};

/// What must never be in an answer.
const OUTSIDE: &str = "this is outside of the book";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn serving(book: &Path) -> Server {
    Server::start(|config| config["web"] = json!({ "book": book }))
}

/// The head and the body of the answer to a request, of which the path is sent unchanged.
fn ask(server: &Server, method: &str, path: &str, fields: &str) -> (String, String) {
    let mut stream = TcpStream::connect(server.web()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn get(server: &Server, path: &str) -> (String, String) {
    ask(server, "GET", path, "")
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .find(|(own, _)| own.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// A small book, in a folder beside other files.
fn small_book() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let book = dir.path().join("book");
    fs::create_dir_all(book.join("css")).unwrap();
    fs::write(dir.path().join("secret.html"), OUTSIDE).unwrap();
    fs::create_dir(dir.path().join("beside")).unwrap();
    fs::write(dir.path().join("beside/index.html"), OUTSIDE).unwrap();
    fs::write(book.join("index.html"), "<p>the book").unwrap();
    fs::write(book.join("a page.html"), "<p>a page").unwrap();
    fs::write(book.join("css/book.css"), "p { color: red }").unwrap();
    fs::write(book.join("search.js"), "search()").unwrap();
    fs::write(book.join(".hidden"), OUTSIDE).unwrap();
    symlink("search.js", book.join("inside.js")).unwrap();
    symlink("../secret.html", book.join("link.html")).unwrap();
    symlink(dir.path().join("secret.html"), book.join("absolute.html")).unwrap();
    symlink("/proc/self/environ", book.join("environment.txt")).unwrap();
    symlink("../beside", book.join("beside")).unwrap();
    dir
}

#[test]
fn the_book_is_served_with_a_policy_of_its_own() {
    let dir = small_book();
    let server = serving(&dir.path().join("book"));
    let (head, _) = get(&server, "/docs/book");
    assert_eq!(
        (status(&head), field(&head, "location")),
        (302, Some("book/"))
    );
    for (path, kind, body) in [
        ("/docs/book/", "text/html; charset=utf-8", "<p>the book"),
        (
            "/docs/book/index.html?a=b",
            "text/html; charset=utf-8",
            "<p>the book",
        ),
        (
            "/docs/book/a%20page.html",
            "text/html; charset=utf-8",
            "<p>a page",
        ),
        (
            "/docs/book/css/book.css",
            "text/css; charset=utf-8",
            "p { color: red }",
        ),
        (
            "/docs/book/search.js",
            "text/javascript; charset=utf-8",
            "search()",
        ),
        (
            "/docs/book/inside.js",
            "text/javascript; charset=utf-8",
            "search()",
        ),
    ] {
        let (head, found) = get(&server, path);
        assert_eq!((status(&head), found.as_str()), (200, body), "{path}");
        assert_eq!(field(&head, "content-type"), Some(kind), "{path}");
        assert_eq!(
            field(&head, "x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        let policy = field(&head, "content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'self';"), "{policy}");
        assert!(!policy.contains("script-src"), "{policy}");
        // Kept by browsers, which ask whether it has changed.
        assert_eq!(field(&head, "cache-control"), Some("no-cache"), "{path}");
        let tag = format!("If-None-Match: {}\r\n", field(&head, "etag").unwrap());
        let (head, body) = ask(&server, "GET", path, &tag);
        assert_eq!((status(&head), body.as_str()), (304, ""), "{path}");
        let (head, body) = ask(&server, "HEAD", path, "");
        assert_eq!((status(&head), body.as_str()), (200, ""), "{path}");
        assert_eq!(
            field(&head, "content-length"),
            Some(found.len().to_string().as_str())
        );
        let (head, _) = ask(&server, "POST", path, "Content-Length: 0\r\n");
        assert_eq!(status(&head), 405, "{path}");
    }
    // A page that has changed is another one at once.
    fs::write(dir.path().join("book/index.html"), "<p>a new edition").unwrap();
    assert_eq!(get(&server, "/docs/book/").1, "<p>a new edition");
    // What was there stays where it was.
    assert_eq!(status(&get(&server, "/docs/").0), 200);
    assert_eq!(status(&get(&server, "/docs/index.css").0), 200);
}

#[test]
fn nothing_outside_of_the_book_is_served() {
    let dir = small_book();
    fs::write(dir.path().join("bookmark"), OUTSIDE).unwrap();
    let server = serving(&dir.path().join("book"));
    let secret = dir.path().join("secret.html");
    for path in [
        "../secret.html",
        "css/../../secret.html",
        "%2e%2e/secret.html",
        "%2e%2e%2fsecret.html",
        "..%2fsecret.html",
        "..%5csecret.html",
        "..\\secret.html",
        ".%2e/secret.html",
        "%252e%252e/secret.html",
        "css/%2e%2e/%2e%2e/secret.html",
        "....//secret.html",
        "link.html",
        "absolute.html",
        "environment.txt",
        "beside",
        "beside/",
        "beside/index.html",
        ".hidden",
        "%2ehidden",
        "css",
        "css/",
        "search.js/",
        "search.js%00.html",
        "%00",
        "%ff",
        "%zz",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        &format!("/{}", secret.display()),
        &format!("%2f{}", secret.display()),
        &"../".repeat(40),
        &"a/".repeat(300),
    ] {
        let path = format!("/docs/book/{path}");
        let (head, body) = get(&server, &path);
        assert!(matches!(status(&head), 400 | 404), "{path}: {head}");
        let all = format!("{head}{body}");
        assert!(
            !all.contains(OUTSIDE) && !all.contains("root:") && !all.contains("PATH="),
            "{path}: {all}"
        );
    }
    for path in [
        "/docs/bookmark",
        "/docs/book../secret.html",
        "/docs/book.html",
        "//docs/book/",
    ] {
        assert_eq!(status(&get(&server, path).0), 404, "{path}");
    }
    // The listener for administrators has none.
    let rest = server.rest().unwrap();
    let mut stream = TcpStream::connect(rest).unwrap();
    stream
        .write_all(b"GET /docs/book/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(status(&answer), 404, "{answer}");
}

#[test]
fn without_a_book_the_answer_says_how_to_get_one() {
    let empty = tempfile::tempdir().unwrap();
    let server = serving(empty.path());
    for path in ["/docs/book", "/docs/book/", "/docs/book/irc.html"] {
        let (head, body) = get(&server, path);
        assert_eq!(status(&head), 404, "{head}");
        assert!(
            body.contains("\"no_book\"") && body.contains("web.book"),
            "{body}"
        );
        let accepts = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
        let (head, body) = ask(&server, "GET", path, accepts);
        assert_eq!(
            field(&head, "content-type"),
            Some("text/html; charset=utf-8")
        );
        assert!(
            body.contains("make docs") && body.contains("web.book"),
            "{body}"
        );
    }
    // It is there as soon as it is built.
    fs::write(empty.path().join("index.html"), "<p>the book").unwrap();
    assert_eq!(get(&server, "/docs/book/").1, "<p>the book");
}

// The documentation itself -------------------------------------------------

/// Every page: those beside README.md, and those in `docs/`.
fn pages() -> Vec<PathBuf> {
    let pages = ["", "docs", "docs/book"].iter().flat_map(|folder| {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path())
    });
    let mut pages: Vec<_> = pages
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    pages.sort();
    pages
}

/// A page without its blocks of code, in which nothing is a link or heading.
fn prose(page: &Path) -> String {
    let text = fs::read_to_string(page).unwrap();
    let parts = text.split("\n```").enumerate();
    parts
        .filter(|(index, _)| index % 2 == 0)
        .map(|(_, part)| format!("{part}\n"))
        .collect()
}

/// Where the links of a page lead that stay in the project.
fn links(page: &Path) -> Vec<String> {
    let text = prose(page);
    let targets = text.split("](").skip(1);
    let targets =
        targets.filter_map(|rest| rest.split_once(')').map(|(target, _)| target.to_owned()));
    targets
        .filter(|target| !target.contains(':') && !target.contains(' '))
        .collect()
}

/// The names of a page's headings in links.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = prose(page);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_link_of_the_documentation_leads_somewhere() {
    let mut lost = Vec::new();
    for page in pages() {
        for target in links(&page) {
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let there = match path {
                "" => page.clone(),
                path => page.parent().unwrap().join(path),
            };
            let is_found =
                there.exists() && (anchor.is_empty() || anchors(&there).contains(anchor));
            if !is_found {
                lost.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn the_book_has_every_page_once() {
    let summary = root().join("docs/book/SUMMARY.md");
    let mut listed: Vec<_> = links(&summary)
        .iter()
        .map(|target| {
            summary
                .parent()
                .unwrap()
                .join(target)
                .canonicalize()
                .unwrap()
        })
        .collect();
    listed.sort();
    let own: Vec<_> = pages()
        .into_iter()
        .filter(|page| *page != summary)
        .collect();
    assert_eq!(listed, own);
}

/// mdbook, if it is on this machine: `make docs` installs it below `target`.
fn mdbook() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.push(root().join("target/mdbook/bin"));
    folders
        .iter()
        .map(|folder| folder.join("mdbook"))
        .find(|program| program.exists())
}

/// What a page has in its scripts, pictures and links: whether the page loads it, and where it is.
fn targets(page: &str) -> Vec<(bool, &str)> {
    let of = |attribute, is_loaded| {
        let rests = page.split(attribute).skip(1);
        rests.filter_map(move |rest| rest.split_once('"').map(|(target, _)| (is_loaded, target)))
    };
    of(" href=\"", false).chain(of(" src=\"", true)).collect()
}

/// No script is in the page itself: the policy that it is served with forbids that.
fn has_no_script_inside(name: &str, page: &str) {
    for script in page.split("<script").skip(1) {
        let (attributes, rest) = script.split_once('>').unwrap();
        let is_file = attributes.contains("src=") && rest.starts_with("</script>");
        assert!(is_file, "{name}: {attributes}");
    }
}

/// Follows every link from the first page on, all of which lead to what is there. Returns the files.
fn read_through(server: &Server) -> BTreeMap<String, String> {
    let mut read = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    let mut open = vec!["index.html".to_owned()];
    while let Some(name) = open.pop() {
        if read.contains_key(&name) {
            continue;
        }
        let (head, body) = get(server, &format!("/docs/book/{name}"));
        assert_eq!(status(&head), 200, "{name}");
        if name.ends_with(".html") {
            has_no_script_inside(&name, &body);
            for (is_loaded, target) in targets(&body) {
                if target.contains(':') {
                    assert!(!is_loaded, "{name}: {target}");
                    continue;
                }
                let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
                let path = if path.is_empty() { name.as_str() } else { path };
                open.push(path.to_owned());
                anchors.insert((path.to_owned(), anchor.to_owned()));
            }
        }
        read.insert(name, body);
    }
    for (page, anchor) in anchors {
        let id = format!("id=\"{anchor}\"");
        assert!(
            anchor.is_empty() || read[&page].contains(&id),
            "{page}#{anchor}"
        );
    }
    read
}

#[test]
fn the_whole_book_loads_nothing_that_is_not_in_it() {
    let Some(mdbook) = mdbook() else {
        return not_tested("the book of the documentation: mdbook is not installed (make docs)");
    };
    let dir = tempfile::tempdir().unwrap();
    let book = dir.path().join("book");
    let mut build = Command::new(root().join(".ci/book"));
    let output = build.arg(&book).env("MDBOOK", mdbook).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let server = serving(&book);
    let read = read_through(&server);
    for file in [
        "irc.html",
        "CHANGELOG.html",
        "SECURITY.html",
        "client.png",
        "searcher.js",
    ] {
        assert!(read.contains_key(file), "{file}");
    }
    let site = json!({ "web": server.web().to_string() });
    let _turn = Turn::wait();
    run_python("book.py", &[site.to_string()]);
}
