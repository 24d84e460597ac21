//! The parameters of a request.

use crate::http::pairs;

use super::problem::Problem;

/// The parameter for the page of a list.
const PAGE: &str = "page";
/// The only parameter that may be given several times.
const CHANNEL: &str = "channel";

/// The parameters after `?`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes the parameters; any other than these is an error.
    pub fn parse(raw: &str, known: &[&str]) -> Result<Query, Problem> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for pair in pairs(raw) {
            let bad = || Problem::BadRequest("the query is not percent-encoded UTF-8".into());
            let (name, value) = pair.ok_or_else(bad)?;
            if !known.contains(&name.as_str()) {
                let known = match known {
                    [] => "none".to_owned(),
                    known => known.join(", "),
                };
                let why = format!("unknown parameter; there are {known}");
                return Err(Problem::field(&name, why));
            }
            if name != CHANNEL && parameters.iter().any(|(other, _)| *other == name) {
                return Err(Problem::field(&name, "given twice"));
            }
            parameters.push((name, value));
        }
        Ok(Query(parameters))
    }

    /// Decodes the parameters; unknown ones are ignored. The first of several pages counts, and a
    /// page that cannot be decoded counts as missing: older clients rely on that.
    pub fn parse_known(raw: &str, known: &[&str]) -> Result<Query, Problem> {
        let mut has_page = false;
        let is_kept = |pair: &&str| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
            if name == PAGE && std::mem::replace(&mut has_page, true) {
                return false;
            }
            let is_good = || pairs(pair).all(|pair| pair.is_some());
            known.contains(&name) && (name != PAGE || is_good())
        };
        let kept: Vec<&str> = raw.split('&').filter(is_kept).collect();
        Query::parse(&kept.join("&"), known)
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let given = self.0.iter().filter(move |(other, _)| other == name);
        given.map(|(_, value)| value.as_str())
    }

    /// A parameter, if it is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        let parameter = self.0.iter().find(|(other, _)| other == name);
        parameter.map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parameters_are_decoded_and_checked() {
        let query = Query::parse("a=1+2&b=%C3%A9%26&c&", &["a", "b", "c", "d"]).unwrap();
        assert_eq!(query.get("a"), Some("1 2"));
        assert_eq!(query.get("b"), Some("é&"));
        assert_eq!((query.get("c"), query.get("d")), (Some(""), None));
        for bad in ["a=%", "a=%2", "a=%zz", "a=%+1", "a=%ff", "x=1", "a=1&a=2"] {
            assert!(Query::parse(bad, &["a"]).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_first_page_counts_and_one_that_cannot_be_decoded_is_none() {
        let page = |raw: &str| {
            let query = Query::parse_known(raw, &["page", "token"]).unwrap();
            query.get("page").map(str::to_owned)
        };
        assert_eq!(page("page=1&x&page=2").as_deref(), Some("1"));
        assert_eq!(page("page=%32").as_deref(), Some("2"));
        for none in ["page=%zz", "page=%ff&page=2", "page=%", "x=%zz"] {
            assert_eq!(page(none), None, "{none}");
        }
        for bad in ["token=a&token=b", "token=%zz", "page=1&token=%zz"] {
            assert!(
                Query::parse_known(bad, &["page", "token"]).is_err(),
                "{bad}"
            );
        }
        // A route without that parameter ignores it.
        assert!(Query::parse_known("page=%zz&page=2", &["token"]).is_ok());
    }

    proptest! {
        #[test]
        fn any_query_is_survived(raw in "\\PC{0,60}", coded in "[a%0-9=&+]{0,40}") {
            let _ = Query::parse_known(&coded.replace('a', "page"), &["page"]);
            let _ = Query::parse(&raw, &["a"]);
            let _ = Query::parse(&coded, &["a"]);
        }
    }
}
