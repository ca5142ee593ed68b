use proptest::prelude::*;

use super::*;
use crate::names::Side;

/// The end of a coarse slot.
const BEGIN: u64 = COARSE_MS * 1000;

fn counts(legacy: u64, new: u64) -> Counts {
    let mut counts = Counts::default();
    counts.counted.requests = [legacy, new];
    counts
}

fn rates(series: &Series, side: Side) -> Vec<f64> {
    series.points.iter().map(|(_, point)| point.rate(side)).collect()
}

/// Looks once in each fine slot, with these counts of one route.
fn looked(looks: &[(u64, u64)]) -> Table {
    let mut table = Table::new(MOST);
    for (now, (legacy, new)) in (BEGIN..).step_by(FINE_MS as usize).zip(looks) {
        assert!(table.is_due(now));
        table.note(now, now - BEGIN, [("r".into(), counts(*legacy, *new))].into_iter());
        assert!(!table.is_due(now + FINE_MS - 1));
    }
    table
}

#[test]
fn each_slot_has_what_came_in_it() {
    let table = looked(&[(100, 0), (115, 0), (115, 0), (115, 30)]);
    for route in [Some("r"), None] {
        let series = table.of(route, Period::Hour).unwrap();
        assert_eq!(rates(&series, Side::Legacy), [1.0, 0.0, 0.0], "{route:?}");
        assert_eq!(rates(&series, Side::New), [0.0, 0.0, 2.0], "{route:?}");
        assert_eq!(series.points.last().map(|(at, _)| *at), Some(BEGIN + 3 * FINE_MS));
    }
    assert_eq!(table.of(Some("other"), Period::Hour), None);
    assert_eq!(table.total_with(std::iter::empty()).counted.requests, [15, 30]);
}

#[test]
fn five_minutes_are_a_slot_of_the_day() {
    let looks: Vec<(u64, u64)> = (0..=40).map(|place| (place * 15, 0)).collect();
    let series = looked(&looks).of(Some("r"), Period::Day).unwrap();
    assert_eq!(series.points.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1, 2].map(|n| BEGIN + n * COARSE_MS));
    assert_eq!(rates(&series, Side::Legacy), [1.0, 1.0]);
}

#[test]
fn a_route_that_begins_later_is_told_from_its_first_request_on() {
    let mut table = looked(&[(100, 0), (115, 0)]);
    let now = BEGIN + 2 * FINE_MS;
    let both = [("r".into(), counts(130, 0)), ("late".into(), counts(30, 0))];
    table.note(now, now - BEGIN, both.into_iter());
    let late = table.of(Some("late"), Period::Hour).unwrap();
    assert_eq!(rates(&late, Side::Legacy), [2.0]);
    assert_eq!(rates(&table.of(None, Period::Hour).unwrap(), Side::Legacy), [1.0, 3.0]);
}

#[test]
fn a_route_that_is_no_more_is_forgotten() {
    let mut table = looked(&[(100, 0), (115, 0)]);
    table.note(BEGIN + 2 * FINE_MS, 2 * FINE_MS, std::iter::empty());
    assert_eq!(table.of(Some("r"), Period::Hour), None);
    assert_eq!(table.total_with(std::iter::empty()).counted.requests, [15, 0]);
}

#[test]
fn an_hour_is_looked_back_and_no_further() {
    let looks: Vec<(u64, u64)> = (0..600).map(|place| (place * 15, 0)).collect();
    let table = looked(&looks);
    let series = table.of(Some("r"), Period::Hour).unwrap();
    assert_eq!(series.points.len() as u64, SLOTS[0]);
    assert!(rates(&series, Side::Legacy).iter().all(|rate| *rate == 1.0));
}

proptest! {
    #[test]
    fn however_many_routes_there_are_they_share_the_room_and_the_busiest_keep_theirs(
        most in 50_usize..400, routes in 1_u64..60, rounds in 2_u64..60, jumps in prop::collection::vec(0_u64..5, 60),
    ) {
        let mut table = Table::new(most);
        let mut now = BEGIN;
        for (round, jump) in (0..rounds).zip(jumps) {
            now += FINE_MS * (1 + jump);
            let rows = (0..routes).map(|route| {
                let much = if route == 0 { 1_000_000 } else { route };
                (Arc::from(route.to_string()), counts(round * much, round))
            });
            table.note(now, now - BEGIN, rows);
            let held: usize = table.tracks.values().map(Track::len).sum();
            prop_assert!(held <= most, "{held} of {most}");
        }
        // What the busiest needs fits in any case here.
        if rounds < 40 {
            let busiest = table.tracks.get("0").unwrap();
            prop_assert_eq!(busiest.rings[0].len() as u64, rounds - 1);
        }
    }

    #[test]
    fn a_clock_that_jumps_breaks_nothing(moments in prop::collection::vec(0_u64..10_000_000_000_000, 1..50)) {
        let mut table = Table::new(100);
        for (round, now) in (0_u64..).zip(moments) {
            if table.is_due(now) {
                table.note(now, round * 1000, [("r".into(), counts(round, round))].into_iter());
            }
            for period in Period::ALL {
                let points = table.of(Some("r"), period).map(|series| series.points).unwrap_or_default();
                prop_assert!(points.len() as u64 <= SLOTS[period as usize]);
            }
        }
    }
}
