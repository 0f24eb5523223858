//! Rows in columns: as wide as what is seen of their widest cell, styles apart.

use anstream::adapter::strip_str;

/// Between two columns.
const GAP: &str = "  ";

/// Lays rows out in columns, one line each.
pub fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let seen = |cell: &String| strip_str(cell).to_string().chars().count();
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = seen(cell).max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (&width, cell) in widths.iter().zip(row) {
            line += cell;
            line += &" ".repeat(width - seen(cell));
            line += GAP;
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::{bold, green};

    #[test]
    fn columns_are_as_wide_as_what_is_seen() {
        let rows =
            [[bold("NAME"), bold("PHASE"), String::new()], ["misp-prod".to_owned(), green("ok"), "é".to_owned()]];
        let text = strip_str(&table(&rows)).to_string();
        assert_eq!(text, "NAME       PHASE\nmisp-prod  ok     é\n");
    }
}
