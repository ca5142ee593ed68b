//! Shares with their intervals: no rate is shown without its n.

/// The standard normal's 97.5 % quantile.
const Z: f64 = 1.959_963_984_540_054;

/// So many of so many, with the 95 % interval of the rate behind it (Wilson, "Probable inference", JASA 1927).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// How many.
    pub hits: u64,
    /// Of how many.
    pub of: u64,
}

impl Share {
    /// `hits` of `of`; hits beyond `of` are cut off.
    #[must_use]
    pub fn new(hits: u64, of: u64) -> Share {
        Share { hits: hits.min(of), of }
    }

    /// The rate, 0 to 1; `None` of nothing.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self.of > 0).then(|| self.hits as f64 / self.of as f64)
    }

    /// The 95 % interval of the rate; of nothing, everything from 0 to 1.
    #[must_use]
    pub fn interval(self) -> (f64, f64) {
        let Some(rate) = self.rate() else { return (0.0, 1.0) };
        let n = self.of as f64;
        let scale = 1.0 + Z * Z / n;
        let centre = (rate + Z * Z / (2.0 * n)) / scale;
        let half = Z * (rate * (1.0 - rate) / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
        // At the ends the interval ends exactly there, whatever rounding makes of it.
        let low = if self.hits == 0 { 0.0 } else { (centre - half).max(0.0) };
        let high = if self.hits == self.of { 1.0 } else { (centre + half).min(1.0) };
        (low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn interval_is_wilsons() {
        // Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 1998, table I.
        for (hits, of, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let (l, h) = Share::new(hits, of).interval();
            assert!((l - low).abs() < 5e-5 && (h - high).abs() < 5e-5, "{hits} of {of}: {l} to {h}");
        }
        assert_eq!(Share::default().interval(), (0.0, 1.0));
    }

    proptest! {
        #[test]
        fn rate_lies_in_its_interval(of in 1_u64..1_000_000_000, part in 0.0_f64..=1.0) {
            let share = Share::new((of as f64 * part) as u64, of);
            let (low, high) = share.interval();
            let rate = share.rate().unwrap();
            prop_assert!((0.0..=1.0).contains(&low) && low <= rate + 1e-12 && rate <= high + 1e-12 && high <= 1.0);
        }
    }
}
