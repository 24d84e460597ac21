//! Tokens as they are listed.

use serde::{Deserialize, Serialize};

use crate::cli::remote::on_one_line;
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
        let cell = |raw: &str| on_one_line(raw).to_string();
        // To the minute.
        let time = |raw: &Option<String>| match raw {
            Some(raw) => cell(raw.get(..16).unwrap_or(raw)).replace('T', " "),
            None => "never".to_owned(),
        };
        [
            cell(&self.id),
            cell(&self.name),
            cell(self.bot.as_deref().unwrap_or("-")),
            self.rate.to_string(),
            time(&self.expires_at),
            time(&self.used_at),
            cell(&self.scopes.join(" ")),
        ]
    }
}

/// The tokens as a table, with times in UTC.
pub(super) fn table(rows: &[Row]) -> String {
    let mut lines = vec![HEADINGS.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let mut widths = [0; HEADINGS.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut table = String::new();
    for line in &lines {
        let cells = line.iter().zip(widths);
        let padded: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        table.push_str(padded.join("  ").trim_end());
        table.push('\n');
    }
    table
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
