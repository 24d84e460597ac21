//! The browser client's files, compiled into the program.
//!
//! Nothing here is loaded from elsewhere, and the policy they are served
//! with lets a browser load nothing from elsewhere either.

use std::sync::LazyLock;

use crate::net::front::{File, Found};

/// Our own scripts and styles, our own WebSockets, nothing inline.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     object-src 'none'";

static INDEX: LazyLock<File> = LazyLock::new(|| {
    let body = include_bytes!("page/index.html").as_slice();
    File::new("text/html; charset=utf-8", POLICY, body)
});

static STYLE: LazyLock<File> = LazyLock::new(|| {
    let body = include_bytes!("page/style.css").as_slice();
    File::new("text/css; charset=utf-8", POLICY, body)
});

static APP: LazyLock<File> = LazyLock::new(|| {
    let body = include_bytes!("page/app.js").as_slice();
    File::new("text/javascript; charset=utf-8", POLICY, body)
});

static ICON: LazyLock<File> = LazyLock::new(|| {
    let body = include_bytes!("page/icon.svg").as_slice();
    File::new("image/svg+xml", POLICY, body)
});

/// The page's file at a path.
pub fn file(path: &str) -> Option<Found> {
    Some(match path {
        "/" | "/client/" => Found::Elsewhere("/client"),
        "/client" => Found::File(&INDEX),
        "/client/style.css" => Found::File(&STYLE),
        "/client/app.js" => Found::File(&APP),
        "/client/icon.svg" => Found::File(&ICON),
        _ => return None,
    })
}
