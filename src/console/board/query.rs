//! What an address of the board says.

use serde::Deserialize;

use super::column::Column;
use super::filter::Filter;
use crate::console::link::link;

/// The most routes that are written out at a time.
pub(super) const ON_A_PAGE: usize = 100;

/// What an address of the board says. What it does not say is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// The filter, as it was written.
    pub(super) q: String,
    pub(super) owner: String,
    pub(super) stage: String,
    pub(super) state: String,
    /// The name of a column; `-` before it: the largest first.
    pub(super) sort: String,
    /// From 1.
    pub(super) page: String,
    /// These routes alone, by their places in the files: `3,17`. Rows that stand on somebody's screen are brought up to date so.
    pub(super) rows: String,
    /// Of which files those places are.
    pub(super) of: String,
}

impl Asked {
    /// What is sorted by, and whether the largest comes first.
    pub(super) fn order(&self) -> Option<(Column, bool)> {
        let (is_descending, name) = self.sort.strip_prefix('-').map_or((false, &*self.sort), |name| (true, name));
        Some((Column::parse(name)?, is_descending))
    }

    /// Which routes are looked at.
    pub(super) fn filter(&self) -> Filter {
        let filter = Filter::parse(&self.q);
        filter.and(Column::Owner, &self.owner).and(Column::Stage, &self.stage).and(Column::State, &self.state)
    }

    /// Which page, from 0.
    pub(super) fn page(&self) -> usize {
        self.page.parse::<usize>().unwrap_or(1).saturating_sub(1).min(usize::MAX / ON_A_PAGE - 1)
    }

    /// The places of the rows that are brought up to date; `None` if it is about a page.
    pub(super) fn rows(&self) -> Option<Vec<usize>> {
        let rows = self.rows.split(',').filter_map(|row| row.parse().ok()).take(5 * ON_A_PAGE);
        (!self.rows.is_empty()).then(|| rows.collect())
    }

    /// Whether anything is left out on purpose.
    pub(super) fn is_filtered(&self) -> bool {
        [&self.q, &self.owner, &self.stage, &self.state].iter().any(|text| !text.is_empty())
    }

    /// The address of the same, sorted by this; a second time, the other way round. Numbers begin with the largest.
    pub(super) fn sorted_by(&self, column: Column) -> String {
        let is_descending = match self.order() {
            Some((now, is_descending)) if now == column => !is_descending,
            _ => column.is_number() && column != Column::Idle,
        };
        let sort = format!("{}{}", if is_descending { "-" } else { "" }, column.as_str());
        self.link(&sort, 0)
    }

    /// The address of another page of the same, from 0.
    pub(super) fn at_page(&self, page: usize) -> String {
        self.link(&self.sort, page)
    }

    fn link(&self, sort: &str, page: usize) -> String {
        let page = if page == 0 { String::new() } else { (page + 1).to_string() };
        let pairs = [
            ("q", &*self.q),
            ("owner", &self.owner),
            ("stage", &self.stage),
            ("state", &self.state),
            ("sort", sort),
            ("page", &page),
        ];
        link("/", &pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_what_is_asked_and_turn_the_order_around() {
        let asked =
            Asked { q: "a b".to_owned(), stage: "canary".to_owned(), sort: "-rate".to_owned(), ..Asked::default() };
        assert_eq!(asked.order(), Some((Column::Rate, true)));
        assert_eq!(asked.sorted_by(Column::Rate), "/?q=a+b&stage=canary&sort=rate");
        assert_eq!(asked.sorted_by(Column::P99), "/?q=a+b&stage=canary&sort=-p99");
        assert_eq!(asked.sorted_by(Column::Route), "/?q=a+b&stage=canary&sort=route");
        assert_eq!(asked.at_page(1), "/?q=a+b&stage=canary&sort=-rate&page=2");
        assert_eq!(Asked::default().sorted_by(Column::Idle), "/?sort=idle");
    }

    #[test]
    fn nonsense_is_the_first_page_in_file_order() {
        for page in ["", "0", "-1", "x", "99999999999999999999999"] {
            let asked = Asked { page: page.to_owned(), sort: "colour".to_owned(), ..Asked::default() };
            assert_eq!((asked.page(), asked.order()), (0, None));
        }
        let asked = Asked { rows: "3,x,17,".to_owned(), page: usize::MAX.to_string(), ..Asked::default() };
        assert_eq!(asked.rows(), Some(vec![3, 17]));
        assert!(asked.page().checked_mul(ON_A_PAGE).is_some());
    }
}
