//! Which routes are looked at: words, and what is held of columns.
//!
//! `cart` is in the name, the group or the owner; `stage:canary`, `owner:team-orders`, `state:pinned` are so; `rate>10`, `match<99.9`,
//! `new>=1` count; a `-` before any of them turns it around. All of them must hold.

use super::column::{Column, Known};
use super::line::Line;

/// The most terms that are looked at.
const TERMS: usize = 20;

/// Which routes are looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Filter {
    terms: Vec<Term>,
    /// What is no term, as it was written.
    pub(super) wrong: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Term {
    is_not: bool,
    what: What,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    /// Somewhere in the name, the group or the owner.
    Word(String),
    /// Exactly so.
    Is(Column, String),
    /// At least, at most …
    Than(Column, &'static str, f64),
}

impl Filter {
    /// Reads what somebody wrote.
    pub(super) fn parse(text: &str) -> Filter {
        let mut filter = Filter::default();
        for part in parts(text).into_iter().take(TERMS) {
            let (is_not, rest) =
                part.strip_prefix('-').filter(|rest| !rest.is_empty()).map_or((false, &*part), |rest| (true, rest));
            match what(rest) {
                Some(what) => filter.terms.push(Term { is_not, what }),
                None => filter.wrong.push(part),
            }
        }
        filter
    }

    /// One more that must hold.
    pub(super) fn and(mut self, column: Column, value: &str) -> Filter {
        if !value.is_empty() {
            self.terms.push(Term { is_not: false, what: What::Is(column, value.to_lowercase()) });
        }
        self
    }

    /// Whether a route is looked at.
    pub(super) fn holds(&self, line: &Line<'_>) -> bool {
        self.terms.iter().all(|term| term.what.holds(line) != term.is_not)
    }

    /// The only group that is looked at, if it is one.
    pub(super) fn group(&self) -> Option<&str> {
        self.terms.iter().find_map(|term| match &term.what {
            What::Is(Column::Group, name) if !term.is_not => Some(name.as_str()),
            _ => None,
        })
    }
}

impl What {
    fn holds(&self, line: &Line<'_>) -> bool {
        match self {
            What::Word(word) => {
                let route = line.route;
                let texts = [Some(&route.name), route.group.as_ref(), route.owner.as_ref()];
                texts.into_iter().flatten().any(|text| text.to_lowercase().contains(word))
            }
            What::Is(column, value) => match line.known(*column) {
                Known::Text(text) | Known::Place(_, text) => text.to_lowercase() == *value,
                Known::States(states) => states.contains(&value.as_str()),
                Known::Number(number) => number.is_some_and(|number| value.parse() == Ok(number)),
            },
            What::Than(column, how, than) => match line.known(*column) {
                Known::Number(Some(number)) => match *how {
                    ">=" => number >= *than,
                    "<=" => number <= *than,
                    ">" => number > *than,
                    _ => number < *than,
                },
                _ => false,
            },
        }
    }
}

/// A term without its sign; `None` if it is about nothing that is known, or holds a text against a number.
fn what(text: &str) -> Option<What> {
    for how in [">=", "<=", ">", "<"] {
        if let Some((name, number)) = text.split_once(how) {
            let column = Column::parse(&name.to_lowercase()).filter(|column| column.is_number())?;
            let number = number.trim_end_matches(['%', 's']).parse().ok().filter(|number: &f64| number.is_finite())?;
            return Some(What::Than(column, how, number));
        }
    }
    match text.split_once(':') {
        Some((name, value)) => Some(What::Is(Column::parse(&name.to_lowercase())?, value.to_lowercase())),
        None => Some(What::Word(text.to_lowercase())),
    }
}

/// Cut at spaces, but for those in quotes, which are taken away.
fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut is_quoted) = (Vec::new(), String::new(), false);
    for character in text.chars() {
        match character {
            '"' => is_quoted = !is_quoted,
            c if c.is_whitespace() && !is_quoted => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.push(part);
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::findings::FoundAll;
    use super::*;
    use crate::control::overview::RouteStatus;

    fn route() -> RouteStatus {
        RouteStatus {
            name: "orders-read".to_owned(),
            group: Some("Orders".to_owned()),
            owner: Some("team a".to_owned()),
            stage: "canary".to_owned(),
            rate: 12.0,
            new_share: Some(0.25),
            pins: vec!["all".to_owned()],
            ..RouteStatus::default()
        }
    }

    fn holds(text: &str) -> bool {
        let (route, found) = (route(), FoundAll::default());
        Filter::parse(text).holds(&Line::of(0, &route, &found, 0))
    }

    #[test]
    fn every_term_must_hold() {
        for text in [
            "",
            "ORDERS",
            "read team",
            "stage:canary",
            "group:orders",
            "owner:\"team a\"",
            "state:pinned",
            "-stage:live",
            "rate>10 rate<=12",
            "share:25",
            "share>=25%",
            "-cart orders",
            "new<1",
        ] {
            assert!(holds(text), "{text}");
        }
        for text in [
            "cart",
            "orders cart",
            "stage:live",
            "-orders",
            "rate>12",
            "match>0",
            "-state:pinned",
            "p99<1000",
            "owner:team",
        ] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_term_is_named() {
        let filter = Filter::parse("colour:red owner>3 rate>fast -x:1 orders");
        assert_eq!(filter.wrong, ["colour:red", "owner>3", "rate>fast", "-x:1"]);
        assert_eq!(filter.terms.len(), 1);
        assert_eq!(Filter::parse("group:orders").group(), Some("orders"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_filter(text in ".*") {
            holds(&text);
        }
    }
}
