//! Rows, for people and for programs.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::{moment, printable};

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A number of things.
    Count(u64),
    /// A rate or another number.
    Real(f64),
    /// Yes or no.
    Truth(bool),
    /// A moment, in milliseconds since 1970.
    Moment(u64),
    /// Nothing.
    Nothing,
}

impl Cell {
    /// The value as text; empty for nothing.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Count(count) => count.to_string(),
            Cell::Real(number) => number.to_string(),
            Cell::Truth(truth) => truth.to_string(),
            Cell::Moment(ms) => moment(*ms),
            Cell::Nothing => String::new(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Cell::Count(count) => (*count).into(),
            Cell::Real(number) => (*number).into(),
            Cell::Truth(truth) => (*truth).into(),
            Cell::Nothing => Value::Null,
            Cell::Text(_) | Cell::Moment(_) => self.text().into(),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<Option<f64>> for Cell {
    fn from(number: Option<f64>) -> Cell {
        number.map_or(Cell::Nothing, Cell::Real)
    }
}

/// Rows under a head.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// The names of the columns.
    pub columns: Vec<&'static str>,
    /// The rows, each as wide as the head.
    pub rows: Vec<Vec<Cell>>,
}

impl Sheet {
    /// Columns for people: padded, numbers to the right, nothing in them that a terminal would obey.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        let head = self.columns.iter().map(|name| (*name).to_owned()).collect();
        let shown = |row: &Vec<Cell>| row.iter().map(|cell| printable(&cell.text()).into_owned()).collect();
        let lines: Vec<Vec<String>> = std::iter::once(head).chain(self.rows.iter().map(shown)).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let is_number = |column: usize| {
            !self.rows.is_empty() && self.rows.iter().all(|row| matches!(row[column], Cell::Count(_) | Cell::Real(_)))
        };
        let numbers: Vec<bool> = (0..self.columns.len()).map(is_number).collect();
        for line in &lines {
            let mut text = String::new();
            for ((cell, width), number) in line.iter().zip(&widths).zip(&numbers) {
                let padding = " ".repeat(width - cell.chars().count());
                let (before, after) = if *number { (&*padding, "") } else { ("", &*padding) };
                text.extend([before, cell, after, "  "]);
            }
            writeln!(out, "{}", text.trim_end())?;
        }
        Ok(())
    }

    /// A JSON array with an object for each row.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let rows: Vec<Value> = self.rows.iter().map(|row| object(&self.columns, row)).collect();
        serde_json::to_writer_pretty(&mut *out, &rows)?;
        writeln!(out)
    }

    /// CSV (RFC 4180) with a head; see [`guarded`].
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_csv(&self, out: &mut impl Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(&self.columns)?;
        for row in &self.rows {
            writer.write_record(row.iter().map(guarded))?;
        }
        writer.flush()
    }
}

/// A row as a JSON object.
pub(super) fn object(columns: &[&str], row: &[Cell]) -> Value {
    let members: Map<String, Value> =
        columns.iter().zip(row).map(|(name, cell)| ((*name).to_owned(), cell.json())).collect();
    Value::Object(members)
}

/// A cell as CSV holds it. Spreadsheets take text that starts with `=`, `+`, `-`, `@`, a tab or a carriage return for a formula;
/// such text gets a `'` before it, which they show as text (OWASP, "CSV injection").
#[must_use]
pub fn guarded(cell: &Cell) -> String {
    let text = cell.text();
    let starts = matches!(cell, Cell::Text(_)) && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if starts { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        let rows = vec![
            vec!["=cmd|' /C calc'!A0".into(), Cell::Count(5), Cell::Real(-0.5)],
            vec!["\u{1b}[2J\"x\"\n".into(), Cell::Count(1000), Cell::Nothing],
        ];
        Sheet { columns: vec!["name", "n", "rate"], rows }
    }

    #[test]
    fn a_table_aligns_and_obeys_nothing() {
        let mut out = Vec::new();
        sheet().write_table(&mut out).unwrap();
        let expected = "name                   n  rate\n=cmd|' /C calc'!A0     5  -0.5\n\\u{1b}[2J\"x\"\\n      1000\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn csv_has_no_formulas() {
        let mut out = Vec::new();
        sheet().write_csv(&mut out).unwrap();
        let expected = "name,n,rate\n'=cmd|' /C calc'!A0,5,-0.5\n\"\u{1b}[2J\"\"x\"\"\n\",1000,\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        for text in ["+1", "-1", "@x", "\tx", "\rx"] {
            assert_eq!(guarded(&text.into()), format!("'{text}"));
        }
    }

    #[test]
    fn json_keeps_types() {
        let mut out = Vec::new();
        sheet().write_json(&mut out).unwrap();
        let value: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value[0]["n"], 5);
        assert_eq!((value[1]["rate"].is_null(), &value[1]["name"]), (true, &Value::from("\u{1b}[2J\"x\"\n")));
    }
}
