//! Rows for other tools: CSV for spreadsheets, JSON lines for scripts, Parquet for data frames.

mod parquet;
mod rows;

use std::fmt;
use std::io::{self, Write};

pub use rows::What;

use super::sheet::{Cell, guarded, object};
use crate::store::Reader;
use crate::store::read::ReadError;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values (RFC 4180) with a head; what a spreadsheet would take for a formula is guarded.
    Csv,
    /// A JSON object on each line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

/// Why nothing, or not everything, was exported.
#[derive(Debug)]
pub enum ExportError {
    /// The store cannot be read.
    Read(ReadError),
    /// It cannot be written.
    Write(io::Error),
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExportError::Read(error) => error.fmt(f),
            ExportError::Write(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ExportError {}

impl From<ReadError> for ExportError {
    fn from(error: ReadError) -> ExportError {
        ExportError::Read(error)
    }
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> ExportError {
        ExportError::Write(error)
    }
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    Count,
    Real,
    Truth,
    Moment,
}

/// A column: its name and what its values are.
type Column = (&'static str, Type);

/// Which rows are exported.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Only what is of since then, in milliseconds since 1970.
    pub since_ms: u64,
    /// Only what is of this route.
    pub route: Option<String>,
    /// The moment of the export, in milliseconds since 1970: what is accepted then.
    pub now_ms: u64,
}

/// Writes all rows of a kind; how many there were.
///
/// # Errors
/// The store cannot be read, or the rows cannot be written; what was written until then is of no use.
pub fn export(
    reader: &Reader,
    what: What,
    format: Format,
    scope: &Scope,
    out: impl Write + Send,
) -> Result<u64, ExportError> {
    match format {
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(out);
            let names: Vec<&str> = what.columns().iter().map(|(name, _)| *name).collect();
            writer.write_record(&names).map_err(io::Error::from)?;
            let count = rows::each(reader, what, scope, &mut |row| {
                Ok(writer.write_record(row.iter().map(guarded)).map_err(io::Error::from)?)
            })?;
            writer.flush()?;
            Ok(count)
        }
        Format::Jsonl => {
            let mut out = io::BufWriter::new(out);
            let names: Vec<&str> = what.columns().iter().map(|(name, _)| *name).collect();
            let count = rows::each(reader, what, scope, &mut |row| {
                serde_json::to_writer(&mut out, &object(&names, &row)).map_err(io::Error::from)?;
                Ok(out.write_all(b"\n")?)
            })?;
            out.flush()?;
            Ok(count)
        }
        Format::Parquet => {
            let mut sink = parquet::Sink::new(what.columns(), out)?;
            let count = rows::each(reader, what, scope, &mut |row| Ok(sink.add(row)?))?;
            sink.finish()?;
            Ok(count)
        }
    }
}
