//! Rows as Parquet: columns of one type each, all of them optional, compressed with zstd.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type as Schema;

use super::{Cell, Column, Type};

/// How many rows make a group; they are held in memory until then.
const GROUP: usize = 10_000;
/// How many bytes of text make a group, if that is sooner.
const BYTES: usize = 32 * 1024 * 1024;

/// Writes rows as Parquet.
pub(super) struct Sink<W: Write + Send> {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    bytes: usize,
    writer: SerializedFileWriter<W>,
}

impl<W: Write + Send> Sink<W> {
    /// Begins a file.
    pub(super) fn new(columns: Vec<Column>, out: W) -> io::Result<Sink<W>> {
        let fields = columns.iter().map(|column| field(column).map(Arc::new)).collect::<io::Result<_>>()?;
        let schema = Schema::group_type_builder("banyan").with_fields(fields).build().map_err(io::Error::other)?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let writer =
            SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties)).map_err(io::Error::other)?;
        Ok(Sink { columns, rows: Vec::new(), bytes: 0, writer })
    }

    /// Adds a row, in the order of the columns.
    pub(super) fn add(&mut self, row: Vec<Cell>) -> io::Result<()> {
        self.bytes += row.iter().map(|cell| if let Cell::Text(text) = cell { text.len() } else { 0 }).sum::<usize>();
        self.rows.push(row);
        if self.rows.len() >= GROUP || self.bytes >= BYTES {
            self.write_group()?;
        }
        Ok(())
    }

    /// Writes what is left and the end of the file.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if !self.rows.is_empty() {
            self.write_group()?;
        }
        self.writer.close().map(drop).map_err(io::Error::other)
    }

    fn write_group(&mut self) -> io::Result<()> {
        let mut group = self.writer.next_row_group().map_err(io::Error::other)?;
        let mut place = 0;
        while let Some(mut column) = group.next_column().map_err(io::Error::other)? {
            let cells: Vec<&Cell> = self.rows.iter().filter_map(|row| row.get(place)).collect();
            write_column(column.untyped(), &cells).map_err(io::Error::other)?;
            column.close().map_err(io::Error::other)?;
            place += 1;
        }
        group.close().map_err(io::Error::other)?;
        self.rows.clear();
        self.bytes = 0;
        debug_assert_eq!(place, self.columns.len());
        Ok(())
    }
}

fn field((name, kind): &Column) -> io::Result<Schema> {
    let (physical, logical) = match kind {
        Type::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Type::Count => (Physical::INT64, None),
        Type::Real => (Physical::DOUBLE, None),
        Type::Truth => (Physical::BOOLEAN, None),
        Type::Moment => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
    };
    let builder = Schema::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    builder.with_logical_type(logical).build().map_err(io::Error::other)
}

/// Definition level 1 says that there is a value, 0 that there is none.
fn write_column(writer: &mut ColumnWriter<'_>, cells: &[&Cell]) -> parquet::errors::Result<()> {
    fn split<T>(cells: &[&Cell], value: impl Fn(&Cell) -> Option<T>) -> (Vec<T>, Vec<i16>) {
        let values: Vec<Option<T>> = cells.iter().map(|cell| value(cell)).collect();
        let levels = values.iter().map(|value| i16::from(value.is_some())).collect();
        (values.into_iter().flatten().collect(), levels)
    }
    match writer {
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            let (values, levels) = split(cells, |cell| match cell {
                Cell::Text(text) => Some(ByteArray::from(text.as_str())),
                _ => None,
            });
            writer.write_batch(&values, Some(&levels), None)?;
        }
        ColumnWriter::Int64ColumnWriter(writer) => {
            let (values, levels) = split(cells, |cell| match cell {
                Cell::Count(count) | Cell::Moment(count) => Some(i64::try_from(*count).unwrap_or(i64::MAX)),
                _ => None,
            });
            writer.write_batch(&values, Some(&levels), None)?;
        }
        ColumnWriter::DoubleColumnWriter(writer) => {
            let (values, levels) =
                split(cells, |cell| if let Cell::Real(number) = cell { Some(*number) } else { None });
            writer.write_batch(&values, Some(&levels), None)?;
        }
        ColumnWriter::BoolColumnWriter(writer) => {
            let (values, levels) = split(cells, |cell| if let Cell::Truth(truth) = cell { Some(*truth) } else { None });
            writer.write_batch(&values, Some(&levels), None)?;
        }
        // No column is made of any other type.
        _ => {}
    }
    Ok(())
}
