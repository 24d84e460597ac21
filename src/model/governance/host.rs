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
    let mut shown = String::new();
    push_user(said, &mut shown);
    shown
}

/// Appends what [`shown_user`] gives.
pub fn push_user(said: Option<&str>, out: &mut String) {
    out.push('~');
    out.push_str(said.unwrap_or(NO_USER));
}

/// The host as it is shown: the account, or what stands for the address.
pub fn shown_host(account: Option<&Name>, cloak: Option<&Cloak>) -> String {
    let mut shown = String::new();
    push_host(account, cloak, &mut shown);
    shown
}

/// Appends what [`shown_host`] gives.
pub fn push_host(account: Option<&Name>, cloak: Option<&Cloak>, out: &mut String) {
    match (account, cloak) {
        (Some(account), _) => {
            out.push_str(account.as_str());
            out.push_str(ACCOUNT_SUFFIX);
        }
        (None, Some(cloak)) => out.push_str(cloak.as_str()),
        (None, None) => out.push_str(NO_HOST),
    }
}
