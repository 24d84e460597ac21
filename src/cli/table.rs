//! Tables for people to read.

use super::remote::on_one_line;

/// The table with these headings, its columns as wide as their cells.
pub(super) fn columns<const N: usize>(
    headings: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let mut lines = vec![headings.map(str::to_owned)];
    lines.extend(rows);
    let mut widths = [0; N];
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

/// A text that a server has sent, as a cell.
pub(super) fn cell(raw: &str) -> String {
    on_one_line(raw).to_string()
}

/// A time to the minute, or that there was none.
pub(super) fn time(raw: Option<&str>) -> String {
    match raw {
        Some(raw) => cell(raw.get(..16).unwrap_or(raw)).replace('T', " "),
        None => "never".to_owned(),
    }
}
