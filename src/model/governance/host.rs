//! What stands beside a nickname where others see a person in full: `nick!~user@host`.

use super::Cloak;
use crate::model::Name;

/// The user name of people whose program has not said one.
const NO_USER: &str = "u";
/// The host of people without a known address.
const NO_HOST: &str = "unknown.guest";
/// What the hosts of people with an account end with.
pub const ACCOUNT_SUFFIX: &str = ".user";

/// The user name as it is shown, with the sign that nobody has checked it.
pub fn shown_user(said: Option<&str>) -> String {
    format!("~{}", said.unwrap_or(NO_USER))
}

/// The host as it is shown: the account, or what stands for the address.
pub fn shown_host(account: Option<&Name>, cloak: Option<&Cloak>) -> String {
    match (account, cloak) {
        (Some(account), _) => format!("{account}{ACCOUNT_SUFFIX}"),
        (None, Some(cloak)) => cloak.as_str().to_owned(),
        (None, None) => NO_HOST.to_owned(),
    }
}
