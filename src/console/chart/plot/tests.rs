use proptest::prelude::*;

use super::*;

fn line(points: &[(u64, Option<f64>)]) -> Line<'static> {
    let points = points.iter().map(|&(at_ms, value)| Point { at_ms, value }).collect();
    Line { name: "new", class: "new", area: true, points }
}

fn plot<'p>(lines: Vec<Line<'p>>, marks: &'p [Mark]) -> Plot<'p> {
    Plot {
        title: "Requests",
        from_ms: 0,
        until_ms: 100_000,
        step_ms: 10_000,
        unit: Unit::PerSecond,
        least_top: 0.0,
        lines,
        marks,
        empty: "Nothing was asked.",
    }
}

fn strokes(drawn: &Svg) -> usize {
    let text = drawn.to_string();
    let path = text.split("<path class=\"line").nth(1).unwrap().split("/>").next().unwrap().to_owned();
    path.matches('M').count()
}

#[test]
fn a_line_breaks_off_where_there_is_nothing() {
    let whole = [(0, Some(1.0)), (10_000, Some(2.0)), (20_000, Some(3.0))];
    assert_eq!(strokes(&plot(vec![line(&whole)], &[]).draw()), 1);
    let missing = [(0, Some(1.0)), (10_000, Some(2.0)), (40_000, Some(3.0))];
    assert_eq!(strokes(&plot(vec![line(&missing)], &[]).draw()), 2);
    let nothing = [(0, Some(1.0)), (10_000, None), (20_000, Some(3.0))];
    assert_eq!(strokes(&plot(vec![line(&nothing)], &[]).draw()), 2);
}

#[test]
fn a_plot_of_nothing_says_so() {
    let drawn = plot(vec![line(&[(10, None)])], &[]).draw().to_string();
    assert!(drawn.contains("Nothing was asked.") && !drawn.contains("<svg"), "{drawn}");
}

#[test]
fn a_mark_is_told_and_leads_on() {
    let mark = |at_ms, title: &str| Mark {
        at_ms,
        class: "mark-pin",
        title: title.to_owned(),
        href: Some("/changes/7".to_owned()),
    };
    let marks = [mark(50_000, "rollback by api <alice> \u{202e}"), mark(200_000, "later")];
    let drawn = plot(vec![line(&[(0, Some(1.0))])], &marks).draw().to_string();
    assert!(drawn.contains("rollback by api &lt;alice&gt; \\u{202e}"), "{drawn}");
    assert!(drawn.contains("x=\"50.00%\"") && drawn.contains("href=\"/changes/7\"") && !drawn.contains("later"));
}

#[test]
fn the_numbers_can_be_read() {
    let drawn = plot(vec![line(&[(0, Some(1.0)), (10_000, Some(2.5))])], &[]).draw().to_string();
    assert!(drawn.contains("<details") && drawn.contains("<td>2.5 /s</td>"), "{drawn}");
    assert!(drawn.contains("new: 1 /s to 2.5 /s, 2.5 /s at the end."), "{drawn}");
}

proptest! {
    #[test]
    fn whatever_is_plotted_is_bounded_well_formed_and_has_no_nan(
        points in prop::collection::vec((any::<u64>(), prop::option::of(any::<f64>())), 0..400),
        from_ms in any::<u64>(), until_ms in any::<u64>(), step_ms in any::<u64>(),
        title in any::<String>(), at_ms in any::<u64>(),
    ) {
        let mut points: Vec<_> = points;
        points.sort_by_key(|point| point.0);
        let marks = vec![Mark { at_ms, class: "mark-pin", title: title.repeat(50), href: Some(title.clone()) }; 200];
        for unit in [Unit::PerSecond, Unit::Share, Unit::Millis, Unit::Count] {
            let drawn = Plot {
                title: &title, from_ms, until_ms, step_ms, unit, least_top: 0.0, lines: vec![line(&points), line(&points)],
                marks: &marks, empty: &title,
            }.draw();
            prop_assert!(drawn.len() < 400_000 + title.len() * 3000, "{}", drawn.len());
            let text = drawn.to_string();
            let drawn = text.replace(&Text(&title).to_string(), "");
            prop_assert!(!drawn.contains("NaN") && !drawn.contains("inf"));
            prop_assert!(!text.contains(" style="));
            prop_assert_eq!(text.matches('<').count(), text.matches('>').count());
        }
    }

    #[test]
    fn nothing_is_drawn_outside(values in prop::collection::vec(0.0_f64..1e9, 1..100)) {
        let points: Vec<_> = (0_u64..).zip(&values).map(|(place, value)| (place * 1000, Some(*value))).collect();
        let text = plot(vec![line(&points)], &[]).draw().to_string();
        let path = text.split(" d=\"").nth(1).unwrap().split('"').next().unwrap();
        for point in path.split(['M', 'L', 'Z']).filter(|point| !point.is_empty()) {
            let (x, y) = point.split_once(' ').unwrap();
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            prop_assert!((0.0..=WIDTH).contains(&x) && (-0.1..=HEIGHT + 0.1).contains(&y), "{point}");
        }
    }
}
