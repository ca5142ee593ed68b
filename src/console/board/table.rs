//! A page of routes.

use super::column::Column;
use super::line::Line;
use super::query::{Asked, ON_A_PAGE};
use super::row::Row;
use crate::console::frame::Frame;
use crate::console::link::link;
use crate::control::overview::Status;

/// What is shown side by side; the group stands under the route, and open differences beside new ones.
const SHOWN: [Column; 12] = [
    Column::Route,
    Column::Owner,
    Column::Stage,
    Column::Share,
    Column::Rate,
    Column::Match,
    Column::New,
    Column::LegacyP99,
    Column::P99,
    Column::Errors,
    Column::Idle,
    Column::State,
];

/// A page of routes.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) heads: Vec<Head>,
    pub(super) rows: Vec<Row>,
    /// How many routes there are.
    pub(super) all: usize,
    /// How many of them are looked at.
    pub(super) held: usize,
    /// The places of the first and the last on the page, from 1.
    pub(super) from_to: (usize, usize),
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
    /// What of the filter is no filter.
    pub(super) wrong: Vec<String>,
    pub(super) is_filtered: bool,
    /// Where one asks to roll the group back that is looked at.
    pub(super) group: Option<(String, String)>,
    /// Of the files, so that rows can be brought up to date.
    pub(super) of: String,
    /// Whether the rows that were asked for are not those of these files any more.
    pub(super) is_stale: bool,
}

/// What stands over a column.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) label: &'static str,
    pub(super) meaning: &'static str,
    pub(super) is_number: bool,
    pub(super) href: String,
    /// As `aria-sort` has it; empty where it is not sorted by.
    pub(super) order: &'static str,
}

impl Table {
    pub(super) fn of(lines: &[Line<'_>], status: &Status, asked: &Asked, frame: &Frame) -> Table {
        let filter = asked.filter();
        let of = status.configuration.clone();
        let row = |line: &Line<'_>| Row::of(line, frame);
        let mut table = Table {
            heads: heads(asked),
            rows: Vec::new(),
            all: lines.iter().filter(|line| !line.route.name.is_empty()).count(),
            held: 0,
            from_to: (0, 0),
            previous: None,
            next: None,
            wrong: filter.wrong.clone(),
            is_filtered: asked.is_filtered(),
            group: filter.group().and_then(|name| group(lines, name)),
            is_stale: !asked.of.is_empty() && asked.of != of,
            of,
        };
        if let Some(places) = asked.rows() {
            table.rows = places.into_iter().filter_map(|place| lines.get(place)).map(row).collect();
            return table;
        }
        let mut held: Vec<&Line<'_>> = lines.iter().filter(|line| filter.holds(line)).collect();
        if let Some((column, is_descending)) = asked.order() {
            held.sort_by(|one, two| one.compare(two, column, is_descending));
        }
        let last_page = held.len().saturating_sub(1) / ON_A_PAGE;
        let page = asked.page().min(last_page);
        let from = page * ON_A_PAGE;
        let shown = &held[from..held.len().min(from + ON_A_PAGE)];
        table.rows = shown.iter().map(|line| row(line)).collect();
        table.held = held.len();
        table.from_to = (from + usize::from(!shown.is_empty()), from + shown.len());
        table.previous = page.checked_sub(1).map(|page| asked.at_page(page));
        table.next = (page < last_page).then(|| asked.at_page(page + 1));
        table
    }
}

fn heads(asked: &Asked) -> Vec<Head> {
    let head = |column: Column| Head {
        label: column.label(),
        meaning: column.meaning(),
        is_number: column.is_number() && column != Column::Share,
        href: asked.sorted_by(column),
        order: match asked.order() {
            Some((now, true)) if now == column => "descending",
            Some((now, false)) if now == column => "ascending",
            _ => "",
        },
    };
    SHOWN.into_iter().map(head).collect()
}

/// A group with the address where its rollback is asked for.
fn group(lines: &[Line<'_>], name: &str) -> Option<(String, String)> {
    let mut groups = lines.iter().filter_map(|line| line.route.group.as_ref());
    let group = groups.find(|group| group.to_lowercase() == name)?;
    Some((group.clone(), link("/rollback", &[("scope", &format!("group:{group}"))])))
}

#[cfg(test)]
mod tests {
    use super::super::findings::FoundAll;
    use super::*;
    use crate::control::overview::RouteStatus;

    fn status(count: usize) -> Status {
        let route = |number: usize| RouteStatus {
            name: format!("r{number:04}"),
            stage: if number.is_multiple_of(2) { "live" } else { "legacy" }.to_owned(),
            rate: (number % 7) as f64,
            new_share: (number.is_multiple_of(3)).then_some(number as f64 / count as f64),
            ..RouteStatus::default()
        };
        Status { routes: (0..count).map(route).collect(), configuration: "x".to_owned(), ..Status::default() }
    }

    fn table(status: &Status, asked: &Asked) -> Table {
        let found = FoundAll::default();
        let lines: Vec<_> =
            status.routes.iter().enumerate().map(|(id, route)| Line::of(id, route, &found, 0)).collect();
        Table::of(&lines, status, asked, &Frame::default())
    }

    fn names(table: &Table) -> Vec<&str> {
        table.rows.iter().map(|row| row.name.as_str()).collect()
    }

    #[test]
    fn a_page_holds_a_hundred_and_leads_to_the_others() {
        let status = status(250);
        let first = table(&status, &Asked::default());
        assert_eq!((first.rows.len(), first.held, first.from_to), (100, 250, (1, 100)));
        assert_eq!((first.previous, first.next), (None, Some("/?page=2".to_owned())));
        let beyond = table(&status, &Asked { page: "9".to_owned(), ..Asked::default() });
        assert_eq!((beyond.rows.len(), beyond.from_to, beyond.next), (50, (201, 250), None));
        assert_eq!(beyond.previous.as_deref(), Some("/?page=2"));
        let none = table(&status, &Asked { q: "nothing".to_owned(), ..Asked::default() });
        assert_eq!((none.rows.len(), none.held, none.from_to, none.next), (0, 0, (0, 0), None));
    }

    #[test]
    fn what_is_unknown_comes_last_whichever_way_one_sorts() {
        let status = status(9);
        let by = |sort: &str| table(&status, &Asked { sort: sort.to_owned(), ..Asked::default() });
        assert_eq!(names(&by("share"))[..4], ["r0000", "r0003", "r0006", "r0001"]);
        assert_eq!(names(&by("-share"))[..4], ["r0006", "r0003", "r0000", "r0001"]);
        assert_eq!(names(&by("-rate"))[..3], ["r0006", "r0005", "r0004"]);
        assert_eq!(names(&by("-route"))[..2], ["r0008", "r0007"]);
        assert_eq!(names(&by("stage"))[..2], ["r0001", "r0003"]);
        assert_eq!(by("-rate").heads[4].order, "descending");
    }

    #[test]
    fn rows_on_a_screen_keep_their_places_until_the_files_change() {
        let status = status(9);
        let asked =
            Asked { rows: "7,2,99".to_owned(), of: "x".to_owned(), sort: "-rate".to_owned(), ..Asked::default() };
        let rows = table(&status, &asked);
        assert_eq!((names(&rows), rows.is_stale), (vec!["r0007", "r0002"], false));
        assert!(table(&status, &Asked { of: "y".to_owned(), ..asked }).is_stale);
    }
}
