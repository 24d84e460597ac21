//! Tokens as they are listed.

use serde::{Deserialize, Serialize};

use crate::cli::table::{cell, columns, time};
use crate::model::ProgramToken;
use crate::model::time::rfc3339;

/// A token, with the fields that `GET /admin/tokens` gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    id: String,
    name: String,
    scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bot: Option<String>,
    created_at: String,
    expires_at: Option<String>,
    used_at: Option<String>,
    rate: u32,
}

const HEADINGS: [&str; 7] = [
    "ID",
    "NAME",
    "BOT",
    "RATE",
    "EXPIRES",
    "LAST USED",
    "SCOPES",
];

impl From<ProgramToken> for Row {
    fn from(token: ProgramToken) -> Row {
        Row {
            id: token.id,
            name: token.name.to_string(),
            scopes: token.scopes.iter().map(ToString::to_string).collect(),
            bot: token.bot.map(|(_, name)| name.to_string()),
            created_at: rfc3339(token.created_at),
            expires_at: token.expires_at.map(rfc3339),
            used_at: token.used_at.map(rfc3339),
            rate: token.rate,
        }
    }
}

impl Row {
    fn cells(&self) -> [String; 7] {
        [
            cell(&self.id),
            cell(&self.name),
            cell(self.bot.as_deref().unwrap_or("-")),
            self.rate.to_string(),
            time(self.expires_at.as_deref()),
            time(self.used_at.as_deref()),
            cell(&self.scopes.join(" ")),
        ]
    }
}

/// The tokens as a table, with times in UTC.
pub(super) fn table(rows: &[Row]) -> String {
    columns(HEADINGS, rows.iter().map(Row::cells))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        let row = Row {
            id: "0123456789abcdef".into(),
            name: "b\u{fc}ro".into(),
            scopes: vec!["post:#dev".into(), "read:*".into()],
            bot: None,
            created_at: "2030-01-31T12:00:00.000Z".into(),
            expires_at: Some("2030-01-31T12:00:00.000Z".into()),
            used_at: None,
            rate: 600,
        };
        assert_eq!(
            table(&[row]),
            "\
ID                NAME  BOT  RATE  EXPIRES           LAST USED  SCOPES
0123456789abcdef  b\u{fc}ro  -    600   2030-01-31 12:00  never      post:#dev read:*
"
        );
    }
}
