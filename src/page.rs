//! The files of the browser client and of the administrators' page, compiled into the program.
//!
//! The pages load nothing from other hosts, and the policy they are served with keeps browsers from
//! doing so.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::resume_unwind;
use std::sync::LazyLock;
use std::thread;

use crate::http::{File, Found, decode, encode};
use crate::model::Name;
use crate::model::governance::LinkSecret;
use crate::protocol::commands;

/// Only our own scripts, styles and WebSockets, nothing inline; and no script may turn a string
/// into markup or code, but for the address of the service worker.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     object-src 'none'; require-trusted-types-for 'script'; trusted-types chat-worker";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const PICTURE: &str = "image/svg+xml";
const MANIFEST: &str = "application/manifest+json";

/// Path, content type and content of a file below `$at`.
macro_rules! files {
    ($at:literal, $folder:literal, $($kind:ident: $($name:literal)+;)+) => {
        &[$($((concat!($at, $name), $kind, include_bytes!(concat!($folder, $name)).as_slice()),)+)+]
    };
}

const CLIENT: &[(&str, &str, &[u8])] = files! {
    "/client/", "page/",
    STYLE: "style.css" "theme.css";
    SCRIPT: "app.js" "commands.js" "emoji.js" "links.js" "notify.js" "offline.js" "sound.js" "text.js" "theme.js" "time.js" "trail.js"
        "reset.js" "lib/dom.js" "lib/emitter.js" "lib/place.js" "lib/sentence.js"
        "model/api.js" "model/chat.js" "model/comings.js" "model/connection.js"
        "model/conversation.js" "model/delivery.js" "model/drafts.js" "model/governance.js" "model/mending.js" "model/my_rooms.js" "model/names.js" "model/reacting.js"
        "model/rules.js" "model/search.js" "model/signing_out.js" "model/split.js" "model/state.js" "model/storage.js"
        "view/account.js" "view/actions.js" "view/aside.js" "view/completion.js" "view/composer.js" "view/copying.js"
        "view/dialog.js" "view/dialogs.js" "view/editing.js" "view/emoji_picker.js" "view/joining.js" "view/keys.js" "view/long_press.js" "view/menu.js"
        "view/parts.js" "view/person.js" "view/person_dialogs.js" "view/replying.js" "view/room_lists.js" "view/room_settings.js"
        "view/row.js" "view/sidebar.js" "view/signin.js" "view/signs.js" "view/stream.js" "view/talk.js"
        "view/topic.js";
    TEXT: "emoji.txt";
    PICTURE: "icon.svg" "icon-unread.svg";
    MANIFEST: "manifest.webmanifest";
};

/// Not needed by a page without a network.
const NOT_KEPT: [&str; 2] = ["emoji.txt", "reset.js"];

/// REST has the other paths below `/admin/`, and none below this one.
const ADMIN: &[(&str, &str, &[u8])] = files! {
    "/admin/assets/", "page/admin/",
    STYLE: "style.css";
    SCRIPT: "app.js"
        "model/api.js" "model/live.js" "model/openmetrics.js" "model/samples.js" "model/tail.js"
        "view/accounts.js" "view/announce.js" "view/ban.js" "view/bans.js" "view/channels.js" "view/chart.js"
        "view/dialog.js" "view/entries.js" "view/format.js" "view/hooks.js" "view/invitations.js" "view/kick.js" "view/log.js"
        "view/messages.js" "view/overview.js" "view/people.js" "view/secret.js" "view/signin.js" "view/table.js"
        "view/tokens.js";
};

/// Built by a thread of its own: compressing takes more stack than the threads that serve
/// connections have.
static PAGES: LazyLock<Pages> = LazyLock::new(|| {
    thread::spawn(Pages::compress)
        .join()
        .unwrap_or_else(|panic| resume_unwind(panic))
});

struct Pages {
    by_path: HashMap<&'static str, File>,
    /// Stands in the paths of the client's files, so that browsers need not ask whether they have
    /// changed: another version has other paths.
    version: String,
}

impl Pages {
    fn compress() -> Pages {
        let index = include_str!("page/index.html");
        let reset = include_str!("page/reset.html");
        let worker = include_str!("page/worker.js");
        let admin = include_bytes!("page/admin/index.html").as_slice();
        let declared = ("/client/declared.js", SCRIPT, commands::script().as_bytes());
        let client: Vec<_> = CLIENT.iter().copied().chain([declared]).collect();
        let version = version_of(&client, index, worker);
        let by_path = client
            .iter()
            .copied()
            .chain(ADMIN.iter().copied())
            .chain([("/admin/", HTML, admin)])
            .map(|(path, kind, body)| (path, File::new(kind, POLICY, served(kind, body))))
            .chain([
                (
                    "/client",
                    File::new(HTML, POLICY, index_of(index, &version)),
                ),
                ("/reset", File::new(HTML, POLICY, index_of(reset, &version))),
                (WORKER, worker_of(worker, &client, &version)),
            ])
            .map(|(path, file)| (path, file.compressed()))
            .collect();
        Pages { by_path, version }
    }

    /// The file at a path below `/client/` and a version. Below another version, which a page has that is
    /// older than this server, or comes from another server of a cluster, it is ours, too.
    fn versioned(&'static self, path: &str) -> Option<Found> {
        let (version, name) = path.strip_prefix("/client/")?.split_once('/')?;
        let is_version = version.len() == VERSION_DIGITS
            && version.bytes().all(|digit| digit.is_ascii_hexdigit());
        let path = format!("/client/{name}");
        let file = self.by_path.get(path.as_str()).filter(|_| is_version)?;
        Some(if version == self.version {
            Found::Lasting(file)
        } else {
            Found::File(file)
        })
    }
}

const WORKER: &str = "/client/worker.js";
const VERSION_DIGITS: usize = 16;

/// The same for all servers with the same files.
fn version_of(client: &[(&str, &str, &[u8])], index: &str, worker: &str) -> String {
    let mut hasher = DefaultHasher::new();
    for (path, _, body) in client {
        (path, body).hash(&mut hasher);
    }
    (index, worker).hash(&mut hasher);
    format!("{:0VERSION_DIGITS$x}", hasher.finish())
}

/// The page, with its files below their version.
fn index_of(index: &str, version: &str) -> Vec<u8> {
    index
        .replace("=\"client/", &format!("=\"client/{version}/"))
        .into_bytes()
}

/// The service worker, with the version and the files that it keeps.
fn worker_of(worker: &str, client: &[(&str, &str, &[u8])], version: &str) -> File {
    let kept: Vec<&str> = client
        .iter()
        .filter_map(|(path, ..)| path.strip_prefix("/client/"))
        .filter(|name| !NOT_KEPT.contains(name))
        .collect();
    let worker = without_comments(worker)
        .replace("@VERSION@", version)
        .replace("@FILES@", &kept.join(" "));
    // It stands below the page, and is responsible for the page.
    File::new(SCRIPT, POLICY, worker.into_bytes()).with("Service-Worker-Allowed", "../client")
}

/// What browsers get of a file: the comments of scripts and style sheets are for readers of the source,
/// and a sixth of the compressed size.
fn served(kind: &str, body: &'static [u8]) -> Cow<'static, [u8]> {
    match std::str::from_utf8(body) {
        Ok(source) if kind == SCRIPT || kind == STYLE => {
            Cow::Owned(without_comments(source).into_bytes())
        }
        _ => Cow::Borrowed(body),
    }
}

/// A source without the lines that are comment and nothing else. Empty lines stay in their place, so that
/// what a browser reports names the line of the source.
fn without_comments(source: &str) -> String {
    let mut is_inside = false;
    let lines = source.split('\n').map(|line| {
        let text = line.trim();
        let is_block = is_inside || (text.starts_with("/*") && is_to_the_end(text));
        is_inside = is_block && !text.contains("*/");
        let is_comment = is_block || text.starts_with("//");
        if is_comment { "" } else { line }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether no code follows the comment that a line begins with.
fn is_to_the_end(text: &str) -> bool {
    text.split_once("*/")
        .is_none_or(|(_, rest)| rest.is_empty())
}

/// The pages' file at a path. No link refers to the root of a host, because a proxy may add a path
/// of its own.
pub fn file(path: &str) -> Option<Found> {
    match path {
        "/" => Some(Found::Elsewhere("client")),
        "/client/" => Some(Found::Elsewhere("../client")),
        "/reset/" => Some(Found::Elsewhere("../reset")),
        "/admin" => Some(Found::Elsewhere("admin/")),
        _ => PAGES
            .by_path
            .get(path)
            .map(Found::File)
            .or_else(|| PAGES.versioned(path))
            .or_else(|| invitation(path)),
    }
}

/// The redirect for an invitation link, `/join/<channel>/<secret>`: to the page, with the channel
/// and the secret in the fragment, which browsers keep to themselves. Nothing here asks whether the
/// channel exists.
fn invitation(path: &str) -> Option<Found> {
    let link = path.strip_prefix("/join/")?;
    let (link, up) = match link.strip_suffix('/') {
        Some(link) => (link, "../../../"),
        None => (link, "../../"),
    };
    let (channel, secret) = link.split_once('/')?;
    let channel = Name::parse_channel(&decode(channel)?).ok()?;
    let secret = LinkSecret::parse(secret)?;
    let channel = encode(channel.as_str());
    let secret = secret.expose();
    Some(Found::InSecret(format!(
        "{up}client#join={channel}&invitation={secret}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(path: &str) -> Option<String> {
        match invitation(path) {
            Some(Found::InSecret(location)) => Some(location),
            _ => None,
        }
    }

    #[test]
    fn only_lines_that_are_comments_are_left_out() {
        let source = "// one\na(); // two\n  /** three\n   * four */\nb();\n/* five */ c();\n/* six */\n\"//\";";
        let left = "\na(); // two\n\n\nb();\n/* five */ c();\n\n\"//\";";
        assert_eq!(without_comments(source), left);
    }

    #[test]
    fn no_code_stands_behind_a_comment_of_several_lines() {
        for (path, kind, body) in CLIENT.iter().chain(ADMIN) {
            if *kind != SCRIPT && *kind != STYLE {
                continue;
            }
            let source = std::str::from_utf8(body).unwrap();
            assert!(!source.contains('\r'), "{path}");
            let lost = source.lines().map(str::trim).find(|line| {
                let begins = line.starts_with("/*") || line.starts_with("//");
                !begins && line.contains("*/") && !line.ends_with("*/")
            });
            assert_eq!(lost, None, "{path}");
        }
    }

    #[test]
    fn a_link_leads_to_the_page_whatever_is_before_it() {
        let secret = "0123456789abcdef0123456789abcdef";
        let fragment = |channel| format!("client#join={channel}&invitation={secret}");
        let to = |channel| Some(format!("../../{}", fragment(channel)));
        assert_eq!(location(&format!("/join/dev/{secret}")), to("dev"));
        assert_eq!(location(&format!("/join/%23dev/{secret}")), to("dev"));
        assert_eq!(
            location(&format!("/join/caf%C3%A9/{secret}")),
            to("caf%C3%A9")
        );
        let below = format!("../../../{}", fragment("dev"));
        assert_eq!(location(&format!("/join/dev/{secret}/")), Some(below));
    }

    #[test]
    fn other_paths_are_none() {
        let secret = "0123456789abcdef0123456789abcdef";
        for path in [
            "/join",
            "/join/",
            "/join/dev",
            "/join/dev/",
            "/join/dev/secret",
            &format!("/join//{secret}"),
            &format!("/join/a b/{secret}"),
            &format!("/join/%0d%0a/{secret}"),
            &format!("/join/%zz/{secret}"),
            &format!("/join/dev/{secret}/more"),
            &format!("/joined/dev/{secret}"),
        ] {
            assert_eq!(location(path), None, "{path}");
        }
    }
}
