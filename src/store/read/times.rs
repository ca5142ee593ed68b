//! Histograms of how long answers took.

use rusqlite::params;

use super::{ReadError, Reader};
use crate::names::Side;
use crate::store::batch::Timed;
use crate::store::sql::{int, text, uint};

/// How many values fell into which bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    /// The largest value of each bucket and how many fell into it, smallest first.
    pub buckets: Vec<(u64, u64)>,
}

/// How long the answers of a route took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTimes {
    /// The route.
    pub route: String,
    /// Microseconds to the end of the answer, by [`Side::index`].
    pub sides: [Histogram; 2],
    /// New's time over legacy's for the same request, in thousandths.
    pub ratio: Histogram,
}

impl Histogram {
    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    /// The value that this part of all does not exceed (0.99 for p99), at most 19 % too large; `None` of nothing.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<u64> {
        let wanted = (self.count() as f64 * part).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = self.buckets.iter().find(|(_, count)| {
            seen += count;
            seen >= wanted
        });
        found.or(self.buckets.last()).map(|(upper, _)| *upper)
    }
}

impl Reader {
    /// How long the answers of each route took, since the hour of a moment in milliseconds since 1970.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn times(&self, since_ms: u64) -> Result<Vec<RouteTimes>, ReadError> {
        let sql = "SELECT route, what, upper, sum(count) FROM times WHERE hour >= ?1 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query(params![int(since_ms / 3_600_000)])?;
        let mut routes: Vec<RouteTimes> = Vec::new();
        while let Some(row) = rows.next()? {
            let name = text(row, 0)?;
            let Some(of) = Timed::parse(&text(row, 1)?) else { continue };
            if routes.last().is_none_or(|last| last.route != name) {
                routes.push(RouteTimes { route: name, sides: Default::default(), ratio: Histogram::default() });
            }
            if let Some(route) = routes.last_mut() {
                route.histogram(of).buckets.push((uint(row.get(2)?), uint(row.get(3)?)));
            }
        }
        Ok(routes)
    }
}

impl RouteTimes {
    /// The times of a side, in microseconds.
    #[must_use]
    pub fn side(&self, side: Side) -> &Histogram {
        &self.sides[side.index()]
    }

    fn histogram(&mut self, of: Timed) -> &mut Histogram {
        match of {
            Timed::Side(side) => &mut self.sides[side.index()],
            Timed::Ratio => &mut self.ratio,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_are_read_off_the_buckets() {
        let histogram = Histogram { buckets: vec![(100, 90), (200, 9), (400, 1)] };
        let quantiles = [0.0, 0.5, 0.9, 0.91, 0.99, 0.999, 1.0].map(|part| histogram.quantile(part).unwrap());
        assert_eq!(quantiles, [100, 100, 100, 200, 200, 400, 400]);
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    proptest! {
        #[test]
        fn a_larger_part_never_has_a_smaller_quantile(
            counts in proptest::collection::vec(0_u64..50, 1..20),
            parts in (0.0_f64..=1.0, 0.0_f64..=1.0),
        ) {
            let histogram = Histogram { buckets: (1..).zip(counts).collect() };
            let (low, high) = (parts.0.min(parts.1), parts.0.max(parts.1));
            prop_assert!(histogram.quantile(low) <= histogram.quantile(high));
        }
    }
}
