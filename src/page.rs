//! The files of the browser client and of the administrators' page, compiled into the program.
//!
//! The pages load nothing from other hosts, and the policy they are served with keeps browsers from
//! doing so.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::LazyLock;
use std::thread;

use crate::http::{File, Found, decode, encode};
use crate::model::Name;
use crate::model::governance::LinkSecret;
use crate::protocol::commands;

/// Only our own scripts, styles and WebSockets, nothing inline; and no script may turn a string
/// into markup or code.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

/// Path, content type and content of a file below `$at`.
macro_rules! files {
    ($at:literal, $folder:literal, $($kind:ident: $($name:literal)+;)+) => {
        &[$($((concat!($at, $name), $kind, include_bytes!(concat!($folder, $name)).as_slice()),)+)+]
    };
}

const CLIENT: &[(&str, &str, &[u8])] = files! {
    "/client/", "page/",
    STYLE: "style.css" "theme.css";
    SCRIPT: "app.js" "commands.js" "emoji.js" "notify.js" "text.js" "theme.js" "time.js"
        "lib/dom.js" "lib/emitter.js" "lib/place.js"
        "model/api.js" "model/chat.js" "model/comings.js" "model/connection.js"
        "model/conversation.js" "model/delivery.js" "model/governance.js" "model/my_rooms.js" "model/names.js"
        "model/rules.js" "model/state.js" "model/storage.js"
        "view/actions.js" "view/aside.js" "view/completion.js" "view/composer.js"
        "view/dialog.js" "view/dialogs.js" "view/joining.js" "view/keys.js" "view/menu.js"
        "view/parts.js" "view/person.js" "view/person_dialogs.js" "view/room_lists.js" "view/room_settings.js"
        "view/row.js" "view/sidebar.js" "view/signin.js" "view/stream.js" "view/talk.js"
        "view/topic.js";
    TEXT: "emoji.txt";
    PICTURE: "icon.svg" "icon-unread.svg";
};

/// REST has the other paths below `/admin/`, and none below this one.
const ADMIN: &[(&str, &str, &[u8])] = files! {
    "/admin/assets/", "page/admin/",
    STYLE: "style.css";
    SCRIPT: "app.js"
        "model/api.js" "model/live.js" "model/openmetrics.js" "model/samples.js" "model/tail.js"
        "view/announce.js" "view/ban.js" "view/bans.js" "view/channels.js" "view/chart.js"
        "view/dialog.js" "view/entries.js" "view/format.js" "view/kick.js" "view/log.js"
        "view/messages.js" "view/overview.js" "view/people.js" "view/signin.js" "view/table.js";
};

/// Built by a thread of its own: compressing takes more stack than the threads that serve
/// connections have.
static BY_PATH: LazyLock<HashMap<&str, File>> = LazyLock::new(|| {
    thread::spawn(compress)
        .join()
        .unwrap_or_else(|panic| resume_unwind(panic))
});

fn compress() -> HashMap<&'static str, File> {
    let client = include_bytes!("page/index.html").as_slice();
    let admin = include_bytes!("page/admin/index.html").as_slice();
    let declared = commands::script().as_bytes();
    CLIENT
        .iter()
        .chain(ADMIN)
        .chain([
            &("/client", HTML, client),
            &("/client/declared.js", SCRIPT, declared),
            &("/admin/", HTML, admin),
        ])
        .map(|&(path, kind, body)| (path, File::new(kind, POLICY, body).compressed()))
        .collect()
}

/// The pages' file at a path. No link refers to the root of a host, because a proxy may add a path
/// of its own.
pub fn file(path: &str) -> Option<Found> {
    match path {
        "/" => Some(Found::Elsewhere("client")),
        "/client/" => Some(Found::Elsewhere("../client")),
        "/admin" => Some(Found::Elsewhere("admin/")),
        _ => BY_PATH
            .get(path)
            .map(Found::File)
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
