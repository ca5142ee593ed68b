//! Two bodies that are no text: where they begin to differ.

use crate::store::Body;

/// Bytes of a row.
const ROW: usize = 16;
/// Rows around the first byte that differs.
const ROWS: usize = 6;

/// Two bodies that are no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bytes {
    /// What is to be said of them.
    pub(crate) note: String,
    /// The bytes around the first that differs.
    pub(crate) rows: Vec<Row>,
}

/// Bytes of both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Where they begin.
    pub(crate) at: String,
    /// In hexadecimal and as ASCII, of each side.
    pub(crate) sides: [(String, String); 2],
    pub(crate) differs: bool,
}

impl Bytes {
    /// Holds two bodies against each other.
    pub(super) fn of(legacy: &Body, new: &Body) -> Bytes {
        let sides = [legacy.bytes(), new.bytes()];
        let [one, other] = &sides;
        let Some(first) = (0..one.len().max(other.len())).find(|at| one.get(*at) != other.get(*at)) else {
            return Bytes { note: "The bodies are equal, byte for byte.".to_owned(), rows: Vec::new() };
        };
        let from = (first / ROW).saturating_sub(1) * ROW;
        let row = |at: usize| {
            let part = |side: &Vec<u8>| side.get(at..(at + ROW).min(side.len())).unwrap_or_default().to_vec();
            let parts = [part(one), part(other)];
            Row {
                at: format!("{at:08x}"),
                differs: parts[0] != parts[1],
                sides: parts.map(|part| (hex(&part), ascii(&part))),
            }
        };
        let longest = one.len().max(other.len());
        let rows = (from..longest).step_by(ROW).take(ROWS).map(row).collect();
        let note = format!("At least one body is no text. They differ from byte {first} on (counted from 0).");
        Bytes { note, rows }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn ascii(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_from_where_they_differ() {
        let one: Vec<u8> = (0..=255).collect();
        let mut other = one.clone();
        other[100] = 0;
        let found = Bytes::of(&Body::of(&one), &Body::of(&other));
        assert!(found.note.contains("byte 100 on"));
        assert_eq!((found.rows.len(), &*found.rows[0].at), (ROWS, "00000050"));
        assert_eq!(found.rows.iter().filter(|row| row.differs).count(), 1);
        assert_eq!(&*found.rows[1].sides[0].1, "`abcdefghijklmno");
        assert!(Bytes::of(&Body::of(&one), &Body::of(&one)).rows.is_empty());
        assert_eq!(Bytes::of(&Body::of(b""), &Body::of(&[255])).rows.len(), 1);
    }
}
