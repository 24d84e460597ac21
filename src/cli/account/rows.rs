//! Accounts and links as they are printed, with the fields that REST gives them.

use serde::{Deserialize, Serialize};

use crate::cli::table::{cell, columns, time};
use crate::model::time::rfc3339;
use crate::model::{ListedAccount, Name};

const HEADINGS: [&str; 6] = ["NAME", "STATE", "ROLE", "ONLINE", "REGISTERED", "LAST SEEN"];

/// An account, with the fields that `GET /admin/accounts` gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    username: Name,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    online: bool,
    registered_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_seen_at: Option<String>,
}

/// Some accounts, by name.
#[derive(Deserialize)]
pub(super) struct Page {
    pub accounts: Vec<Row>,
    /// Whether there are others after them.
    #[serde(default)]
    pub more: bool,
}

/// A link to reset a password, with the fields that `POST /admin/accounts/{username}/reset` gives it.
#[derive(Serialize, Deserialize)]
pub(super) struct Link {
    pub username: String,
    pub link: String,
    pub expires_at: String,
}

impl From<ListedAccount> for Row {
    /// The row of an account whose server does not run.
    fn from(listed: ListedAccount) -> Row {
        Row {
            username: listed.username,
            state: listed.standing.as_str().to_owned(),
            role: listed.role.map(|role| role.word().to_owned()),
            online: false,
            registered_at: rfc3339(listed.created_at),
            last_seen_at: listed.seen_at.map(rfc3339),
        }
    }
}

impl Row {
    /// The username.
    pub fn name(&self) -> Name {
        self.username.clone()
    }

    fn cells(&self) -> [String; 6] {
        [
            self.username.to_string(),
            cell(&self.state),
            self.role.as_deref().map_or_else(|| "-".to_owned(), cell),
            if self.online { "yes" } else { "no" }.to_owned(),
            time(Some(&self.registered_at)),
            match &self.last_seen_at {
                Some(at) => time(Some(at)),
                None => "-".to_owned(),
            },
        ]
    }
}

impl Link {
    /// The link alone, on a line.
    pub fn line(&self) -> String {
        format!("{}\n", cell(&self.link))
    }
}

/// The accounts as a table, with times in UTC.
pub(super) fn table(rows: &[Row]) -> String {
    columns(HEADINGS, rows.iter().map(Row::cells))
}
