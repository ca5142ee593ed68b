//! What came to the counts of a route within a slot of time.

use super::recent::Counted;
use crate::diff::Verdict;
use crate::names::Side;

/// What a route has counted in all: its requests, and the verdicts on its comparisons in the order of [`Verdict::ALL`].
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    pub(super) counted: Counted,
    pub(super) verdicts: [u64; Verdict::ALL.len()],
}

/// What came to the counts of a route within a slot of time. Small, since there are many: numbers stop at what fits.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Point {
    span_s: f32,
    requests: [u32; 2],
    errors: [u32; 2],
    /// In milliseconds; 0 where nothing was timed.
    times: [[f32; 2]; 2],
    matching: u32,
    judged: u32,
}

impl Point {
    /// What came to the counts within so many seconds.
    pub(super) fn between(before: &Counts, after: &Counts, span_s: f64) -> Point {
        let came = after.since(before);
        let times = came.counted.times.map(|times| {
            [0.5, 0.99].map(|share| times.quantile(share).map_or(0.0, |seconds| (seconds * 1e3).max(0.001) as f32))
        });
        let of = |verdict: Verdict| came.verdicts[verdict as usize];
        let matching = of(Verdict::Match).saturating_add(of(Verdict::Noise));
        Point {
            span_s: span_s.max(1e-3) as f32,
            requests: came.counted.requests.map(short),
            errors: came.counted.errors.map(short),
            times,
            matching: short(matching),
            judged: short(matching.saturating_add(of(Verdict::Mismatch))),
        }
    }

    /// Whether nothing came.
    pub(super) fn is_empty(&self) -> bool {
        self.requests == [0; 2] && self.judged == 0
    }

    /// How many requests both sides were asked.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.iter().copied().map(u64::from).sum()
    }

    /// How many requests a side was asked, and how many of them it failed.
    #[must_use]
    pub fn counts(&self, side: Side) -> (u64, u64) {
        (u64::from(self.requests[side.index()]), u64::from(self.errors[side.index()]))
    }

    /// Requests a second to a side; of a slot without any, 0.
    #[must_use]
    pub fn rate(&self, side: Side) -> f64 {
        if self.span_s > 0.0 { f64::from(self.requests[side.index()]) / f64::from(self.span_s) } else { 0.0 }
    }

    /// Which share of a side's requests it failed, 0 to 1; `None` without any.
    #[must_use]
    pub fn errors(&self, side: Side) -> Option<f64> {
        share(self.errors[side.index()], self.requests[side.index()])
    }

    /// Half of a side's answers took at most so many milliseconds; `None` without any.
    #[must_use]
    pub fn p50_ms(&self, side: Side) -> Option<f64> {
        self.time(side, 0)
    }

    /// 99 of 100 of a side's answers took at most so many milliseconds; `None` without any.
    #[must_use]
    pub fn p99_ms(&self, side: Side) -> Option<f64> {
        self.time(side, 1)
    }

    /// Which share of the requests new was asked, 0 to 1; `None` without any.
    #[must_use]
    pub fn new_share(&self) -> Option<f64> {
        let [legacy, new] = [Side::Legacy, Side::New].map(|side| self.requests[side.index()]);
        share(new, legacy.saturating_add(new))
    }

    /// Which share of the comparisons that say something is no mismatch, 0 to 1; `None` without any.
    #[must_use]
    pub fn match_share(&self) -> Option<f64> {
        share(self.matching, self.judged)
    }

    fn time(&self, side: Side, place: usize) -> Option<f64> {
        Some(f64::from(self.times[side.index()][place])).filter(|millis| *millis > 0.0)
    }
}

impl Counts {
    /// What came since an earlier look; of counts that began anew, what they have.
    pub(super) fn since(&self, before: &Counts) -> Counts {
        let mut came = self.clone();
        came.counted.take(&before.counted);
        came.verdicts.iter_mut().zip(before.verdicts).for_each(|(now, before)| *now = now.saturating_sub(before));
        came
    }

    /// Adds what came elsewhere.
    pub(super) fn add(&mut self, came: &Counts) {
        self.counted.add(&came.counted);
        self.verdicts.iter_mut().zip(came.verdicts).for_each(|(sum, came)| *sum = sum.saturating_add(came));
    }
}

fn share(part: u32, of: u32) -> Option<f64> {
    (of > 0).then(|| f64::from(part.min(of)) / f64::from(of))
}

fn short(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_what_came_and_says_nothing_of_nothing() {
        let mut after = Counts::default();
        after.counted.requests = [30, 10];
        after.counted.errors = [0, 1];
        after.verdicts[Verdict::Match as usize] = 8;
        after.verdicts[Verdict::Noise as usize] = 1;
        after.verdicts[Verdict::Mismatch as usize] = 1;
        let mut before = Counts::default();
        before.counted.requests = [20, 10];
        let point = Point::between(&before, &after, 10.0);
        assert_eq!((point.rate(Side::Legacy), point.rate(Side::New)), (1.0, 0.0));
        assert_eq!((point.errors(Side::Legacy), point.errors(Side::New)), (Some(0.0), None));
        assert_eq!((point.match_share(), point.new_share()), (Some(0.9), Some(0.0)));
        assert_eq!((point.p50_ms(Side::New), Point::default().match_share()), (None, None));
        assert!(Point::between(&after, &after, 1.0).is_empty());
    }

    #[test]
    fn counts_that_began_anew_are_never_less_than_nothing() {
        let mut before = Counts::default();
        before.counted.requests = [100, 100];
        assert!(Point::between(&before, &Counts::default(), 1.0).is_empty());
    }
}
