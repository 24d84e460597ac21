//! The address of a PostgreSQL database, shown without its password.

use std::fmt;

use crate::model::Secret;

/// The address of a PostgreSQL database: `postgres://user:password@host/database`. It is shown
/// without the password and without what follows a question mark.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Secret);

/// Why a text is not such a URL. Never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// It does not begin with `postgres://` or `postgresql://`.
    Scheme,
    /// It holds a character that has to be percent-encoded, such as `@` or `/` in a password.
    Encoding,
}

impl DatabaseUrl {
    /// Accepts a URL in which the password can be told from the rest.
    pub fn parse(text: &str) -> Result<DatabaseUrl, UrlError> {
        let (_, rest) = split_scheme(text).ok_or(UrlError::Scheme)?;
        let fit = text.bytes().all(|byte| byte.is_ascii_graphic())
            && rest.matches('@').count() <= 1
            // With a slash in the password, the part before it would look like a host.
            && !rest.split_once('/').is_some_and(|(_, path)| path.contains('@'))
            && is_encoded(rest);
        match fit {
            true => Ok(DatabaseUrl(Secret::new(text))),
            false => Err(UrlError::Encoding),
        }
    }

    /// The URL including the password, for the one place that needs it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The URL including the password, with those of `parameters` that it does not have itself.
    #[cfg(feature = "cluster")]
    pub fn with_defaults(&self, parameters: &[(&str, String)]) -> String {
        let mut url = self.expose().to_owned();
        let given = url
            .split_once('?')
            .map_or("", |(_, query)| query)
            .to_owned();
        for (name, value) in parameters {
            let is_given = given.split('&').any(|pair| {
                pair.split_once('=')
                    .is_some_and(|(given, _)| given == *name)
            });
            if !is_given {
                url.push(if url.contains('?') { '&' } else { '?' });
                url.push_str(&format!("{name}={value}"));
            }
        }
        url
    }
}

fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    matches!(scheme, "postgres" | "postgresql").then_some((scheme, rest))
}

/// Whether every `%` begins an encoded character. The client library's error about one that does
/// not would repeat the text around it.
fn is_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let code = after.as_bytes().get(..2);
        code.is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit) && code != b"00")
    })
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = split_scheme(self.expose()).unwrap_or(("postgres", ""));
        let (user, place) = match rest.split_once('@') {
            Some((user, place)) => (user.split(':').next().unwrap_or(""), place),
            None => ("", rest),
        };
        let place = place.split('?').next().unwrap_or("");
        match user {
            "" => write!(f, "{scheme}://{place}"),
            user => write!(f, "{scheme}://{user}@{place}"),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UrlError::Scheme => write!(f, "begins with neither postgres:// nor postgresql://"),
            UrlError::Encoding => write!(
                f,
                "holds a character that has to be percent-encoded, such as %40 for @ in a password"
            ),
        }
    }
}

impl std::error::Error for UrlError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_without_its_secrets() {
        for (url, shown) in [
            (
                "postgres://chat:pw@db:5432/chat",
                "postgres://chat@db:5432/chat",
            ),
            ("postgresql://db/chat?password=pw", "postgresql://db/chat"),
            ("postgres://chat:p?w@db", "postgres://chat@db"),
            (
                "postgres://:pw@%2Frun%2Fpg/chat",
                "postgres://%2Frun%2Fpg/chat",
            ),
            ("postgres://", "postgres://"),
        ] {
            let parsed = DatabaseUrl::parse(url).unwrap();
            assert_eq!(
                (parsed.to_string(), parsed.expose()),
                (shown.to_owned(), url)
            );
            assert_eq!(format!("{parsed:?}"), shown);
        }
    }

    #[test]
    fn what_would_be_misread_is_refused() {
        assert_eq!(DatabaseUrl::parse("mysql://db"), Err(UrlError::Scheme));
        assert_eq!(DatabaseUrl::parse("host=db"), Err(UrlError::Scheme));
        for url in [
            "postgres://chat:p/w@db/chat",
            "postgres://chat:p@w@db/chat",
            "postgres://chat:p%w@db/chat",
            "postgres://chat:p%00@db/chat",
            "postgres://chat:p w@db/chat",
            "postgres://chat:p\u{e4}@db/chat",
        ] {
            assert_eq!(DatabaseUrl::parse(url), Err(UrlError::Encoding), "{url}");
        }
    }

    #[cfg(feature = "cluster")]
    #[test]
    fn what_a_url_says_itself_counts() {
        let defaults = [("connect_timeout", "5".to_owned()), ("a", "b".to_owned())];
        let url = |text| DatabaseUrl::parse(text).unwrap().with_defaults(&defaults);
        assert_eq!(url("postgres://db"), "postgres://db?connect_timeout=5&a=b");
        assert_eq!(
            url("postgres://db?connect_timeout=9"),
            "postgres://db?connect_timeout=9&a=b"
        );
    }
}
