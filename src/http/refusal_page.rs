//! A refusal as a page, for people whose browser asked for one. It loads nothing: a full server
//! would refuse that, too.

use std::fmt::Write;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64;

/// The content type of [`RefusalPage::html`].
pub const HTML: &str = "text/html; charset=utf-8";

/// The colours are those of `page/theme.css`.
const STYLE: &str = ":root{color-scheme:light dark}\
body{margin:0;min-height:100vh;display:grid;place-content:center;background:light-dark(#f3f2ed,#151816);\
color:light-dark(#1e2320,#e4e7e2);font:0.9375rem/1.5 Inter,system-ui,-apple-system,sans-serif}\
main{box-sizing:border-box;width:min(26rem,100vw);padding:24px 20px;overflow-wrap:anywhere}\
h1{margin:0 0 12px;font-size:1.375rem;font-weight:650;line-height:1.25}\
p{margin:0 0 18px}\
a{color:light-dark(#1f6655,#7fc9b1)}";

/// The page has a style of its own, and nothing else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = BASE64.encode(digest(&SHA256, STYLE.as_bytes()).as_ref());
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
});

/// What a page says of a refusal.
#[derive(Clone, Copy, Debug)]
pub struct RefusalPage<'a> {
    /// The HTTP status.
    pub status: u16,
    /// Why, as the answer in JSON says it.
    pub words: &'a str,
    /// The path that was asked for, not decoded.
    pub path: &'a str,
}

/// What decides about the format of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, not decoded.
    pub path: &'a str,
    /// The types that the client accepts.
    pub accept: Option<&'a str>,
}

impl Asked<'_> {
    /// Whether the client wants a page rather than JSON. Browsers name both of these types when a
    /// person opens an address, and neither when a script does; programs name at most one.
    pub fn wants_page(&self) -> bool {
        let names = |wanted: &str| {
            let mut types = self.accept.unwrap_or_default().split([',', ';']);
            types.any(|one| one.trim().eq_ignore_ascii_case(wanted))
        };
        let reads = matches!(self.method, "GET" | "HEAD");
        reads && names("text/html") && names("application/xhtml+xml")
    }
}

impl RefusalPage<'_> {
    /// The Content-Security-Policy to serve it with.
    pub fn policy() -> &'static str {
        &POLICY
    }

    /// The page.
    pub fn html(&self) -> String {
        let title = title(self.status);
        let words = escaped(&sentence(self.words));
        // Relative, because a proxy may add a path of its own.
        let depth = self.path.matches('/').count().saturating_sub(1);
        let (to, label) = match self.status {
            400..500 => (format!("{}client", "../".repeat(depth)), "To the chat"),
            _ => (String::new(), "Try again"),
        };
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"robots\" content=\"noindex\">\n\
             <title>{title} · Chat</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <h1>{title}</h1>\n<p>{words}</p>\n<p><a href=\"{to}\">{label}</a></p>\n\
             </main>\n</body>\n</html>\n"
        )
    }
}

fn title(status: u16) -> &'static str {
    match status {
        401 | 403 => "Not allowed",
        404 => "Nothing is here",
        400..500 => "That did not work",
        503 | 504 => "Not now",
        _ => "Something went wrong",
    }
}

fn sentence(words: &str) -> String {
    let mut characters = words.chars();
    let mut sentence: String = characters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    sentence.push_str(characters.as_str());
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

/// A text as it stands between tags.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' | '>' | '&' | '"' | '\'' => {
                // Writing to a string does not fail.
                let _ = write!(escaped, "&#{};", u32::from(character));
            }
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROMIUM: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,\
                            image/webp,*/*;q=0.8";

    #[test]
    fn browsers_that_open_an_address_want_a_page_and_programs_do_not() {
        let wants_page = |method, accept| {
            let path = "/client";
            let asked = Asked {
                method,
                path,
                accept,
            };
            asked.wants_page()
        };
        assert!(wants_page("GET", Some(CHROMIUM)));
        assert!(!wants_page("POST", Some(CHROMIUM)));
        for accept in [
            None,
            Some(""),
            Some("*/*"),
            Some("application/json"),
            Some("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"),
        ] {
            assert!(!wants_page("GET", accept), "{accept:?}");
        }
    }

    #[test]
    fn words_are_text_and_links_are_relative() {
        let page = RefusalPage {
            status: 404,
            words: "there is nothing at /a/<b>",
            path: "/a/b/c",
        };
        let html = page.html();
        assert!(
            html.contains("<p>There is nothing at /a/&#60;b&#62;.</p>"),
            "{html}"
        );
        assert!(html.contains("href=\"../../client\""), "{html}");
        let full = RefusalPage {
            status: 503,
            words: "The server is full. Try again later.",
            path: "/client",
        };
        assert!(
            full.html().contains("href=\"\">Try again"),
            "{}",
            full.html()
        );
    }
}
