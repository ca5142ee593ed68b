//! Amounts: sizes in bytes, long times, and counts.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::{FromText, Refusal};

/// A number of bytes, such as `64MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// The units of sizes; those that are powers of ten first.
const UNITS: [(&str, u64); 9] = [
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("B", 1),
];

impl FromText for Size {
    const WHAT: &'static str = "a size such as `64KiB`, `1MiB` or `1GiB`";

    fn from_text(text: &str) -> Result<Size, Refusal> {
        let bad = || Refusal::value(format!("`{text}` is no size")).help("write it as `64KiB`, `1MiB` or `1GiB`");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = UNITS.iter().find(|(name, _)| unit.trim_start() == *name).ok_or_else(bad)?.1;
        let size = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(bad)?;
        Ok(Size(size))
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The largest unit that it is a whole number of.
        let fits = |unit: u64| self.0 > 0 && self.0.is_multiple_of(unit);
        let (name, unit) =
            UNITS.iter().filter(|(_, unit)| fits(*unit)).max_by_key(|(_, unit)| *unit).unwrap_or(&("B", 1));
        serializer.collect_str(&format_args!("{}{name}", self.0 / unit))
    }
}

/// A time that may be longer than timeouts are, such as `14d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(pub Duration);

/// Longer is a mistake.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

impl FromText for Age {
    const WHAT: &'static str = "a time such as `12h` or `14d`";

    fn from_text(text: &str) -> Result<Age, Refusal> {
        let bad = || Refusal::value(format!("`{text}` is no time")).help("write it as `12h` or `14d`");
        let age = humantime::parse_duration(text).map_err(|_| bad())?;
        if age > LONGEST {
            return Err(Refusal::new("out-of-range", "longer than ten years"));
        }
        Ok(Age(age))
    }
}

impl Serialize for Age {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

/// A number of things, up to a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u32);

impl FromText for Count {
    const WHAT: &'static str = "a number";
    const NUMBER: bool = true;

    fn from_text(text: &str) -> Result<Count, Refusal> {
        match text.parse::<u32>() {
            Ok(count) if count <= 1_000_000 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Count(count)),
            _ => Err(Refusal::value(format!("`{text}` is no whole number from 0 to 1000000"))),
        }
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

/// Gives a scalar its name and schema.
macro_rules! schema {
    ($type:ident, $schema:expr) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

schema!(
    Size,
    json_schema!({ "type": "string", "pattern": "^[0-9]+ *([KMGT]i?)?B$|\\$\\{", "examples": ["64KiB", "1MiB", "1GiB"] })
);
schema!(Age, json_schema!({ "type": "string", "pattern": "^ *[0-9].*$|\\$\\{", "examples": ["12h", "14d"] }));
schema!(
    Count,
    json_schema!({ "anyOf": [
        { "type": "integer", "minimum": 0, "maximum": 1_000_000 },
        { "type": "string", "pattern": "\\$\\{" }
    ] })
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_have_a_unit() {
        let read = |text| Size::from_text(text).ok().map(|size| size.0);
        assert_eq!(read("64KiB"), Some(65_536));
        assert_eq!(read("2 MB"), Some(2_000_000));
        assert_eq!(read("0B"), Some(0));
        for bad in ["64", "KiB", "-1B", "1.5GiB", "1kib", "99999999999TiB", "", "1 GiB "] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn sizes_are_written_as_they_are_read(size in any::<u64>(), shift in 0_u32..50) {
            let size = Size(size >> shift << shift);
            let text = serde_json::to_value(size).unwrap();
            prop_assert_eq!(Size::from_text(text.as_str().unwrap()).ok(), Some(size));
        }
    }
}
