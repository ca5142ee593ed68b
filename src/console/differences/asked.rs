//! What the page of differences is asked for: all of it stands in its address.

use serde::Deserialize;

use crate::console::link::link;
use crate::diff::Judgement;
use crate::store::read::SignatureRow;

/// In milliseconds.
const DAY: u64 = 86_400_000;

/// The query of the page. What nobody knows is taken for unsaid, so that an old link still shows something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// Only this route.
    pub(crate) route: String,
    /// Only those in this state: [`State::as_str`].
    pub(crate) state: String,
    /// Only those that a kept comparison of this tenant shows.
    pub(crate) tenant: String,
    /// Only those with this text in their name, route, path or kind.
    pub(crate) q: String,
    /// How far back: [`Since::as_str`].
    pub(crate) since: String,
    /// By what: [`Sort::as_str`].
    pub(crate) sort: String,
    /// `asc` turns the order of the sort around.
    pub(crate) dir: String,
    /// Which page, from 1.
    pub(crate) page: String,
}

/// How a signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum State {
    /// All that may need a look: real, rare or not settled, and not accepted.
    #[default]
    Open,
    /// A real difference.
    Real,
    /// It came again, but hardly ever shows.
    Rare,
    /// Nobody knows yet.
    Unsettled,
    /// Somebody wants to live with it.
    Accepted,
    /// A system differs from itself there.
    Noise,
    /// It did not come again.
    Transient,
    /// No signature: comparisons that could not be judged.
    NotComparable,
    /// All signatures.
    All,
}

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Since {
    /// A day.
    #[default]
    Day,
    /// A week.
    Week,
    /// All that is kept.
    All,
}

/// By what signatures are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sort {
    /// What matters most first: by what is held of it, then by its share.
    #[default]
    Impact,
    /// The share of comparisons.
    Share,
    /// How many comparisons.
    Count,
    /// When it was seen first.
    First,
    /// When it was seen last.
    Last,
    /// Its route, then its path.
    Route,
}

impl State {
    /// All of them, in the order of the page.
    pub(crate) const ALL: [State; 9] = [
        State::Open,
        State::Real,
        State::Rare,
        State::Unsettled,
        State::Accepted,
        State::Noise,
        State::Transient,
        State::NotComparable,
        State::All,
    ];

    /// As addresses and classes have it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Real => "real",
            State::Rare => "rare",
            State::Unsettled => "unsettled",
            State::Accepted => "accepted",
            State::Noise => "noise",
            State::Transient => "transient",
            State::NotComparable => "not-comparable",
            State::All => "all",
        }
    }

    /// As people say it.
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            State::Open => "to look at",
            State::Real => "real",
            State::Rare => "rare",
            State::Unsettled => "not settled",
            State::Accepted => "accepted",
            State::Noise => "noise",
            State::Transient => "transient",
            State::NotComparable => "not comparable",
            State::All => "all",
        }
    }

    /// The colour that it is told apart by.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            State::Real => "warn",
            State::Accepted => "good",
            State::Noise | State::Transient => "noise",
            _ => "",
        }
    }

    /// How a signature stands at this moment, in milliseconds since 1970.
    pub(crate) fn of(row: &SignatureRow, now_ms: u64) -> State {
        if row.is_accepted(now_ms) {
            return State::Accepted;
        }
        match row.judgement() {
            Judgement::Real => State::Real,
            Judgement::Rare => State::Rare,
            Judgement::TooFew => State::Unsettled,
            Judgement::Transient => State::Transient,
            Judgement::Noise => State::Noise,
        }
    }

    /// Whether a signature in that state is one of these.
    pub(crate) fn takes(self, state: State) -> bool {
        match self {
            State::All => true,
            State::Open => matches!(state, State::Real | State::Rare | State::Unsettled),
            _ => self == state,
        }
    }
}

impl Since {
    /// All of them.
    pub(crate) const ALL: [Since; 3] = [Since::Day, Since::Week, Since::All];

    /// As addresses have it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Since::Day => "24h",
            Since::Week => "7d",
            Since::All => "all",
        }
    }

    /// Reads what addresses have; what nobody knows is the default.
    pub(crate) fn parse(text: &str) -> Since {
        Since::ALL.into_iter().find(|since| since.as_str() == text).unwrap_or_default()
    }

    /// The value that an address has for it: none for the default.
    pub(crate) fn asked(self) -> &'static str {
        if self == Since::default() { "" } else { self.as_str() }
    }

    /// What its button says.
    pub(crate) const fn short(self) -> &'static str {
        match self {
            Since::Day => "24 hours",
            Since::Week => "7 days",
            Since::All => "all",
        }
    }

    /// As people say it.
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Since::Day => "the last 24 hours",
            Since::Week => "the last 7 days",
            Since::All => "all that is kept",
        }
    }

    /// Since when, in milliseconds since 1970, as seen from now. Signatures are counted by the hour, so whole hours are taken:
    /// a page with both would contradict itself.
    pub(crate) fn ms(self, now_ms: u64) -> u64 {
        let span = match self {
            Since::Day => DAY,
            Since::Week => 7 * DAY,
            Since::All => return 0,
        };
        now_ms.saturating_sub(span) / 3_600_000 * 3_600_000
    }
}

impl Sort {
    const ALL: [Sort; 6] = [Sort::Impact, Sort::Share, Sort::Count, Sort::First, Sort::Last, Sort::Route];

    /// As addresses have it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Sort::Impact => "impact",
            Sort::Share => "share",
            Sort::Count => "count",
            Sort::First => "first",
            Sort::Last => "last",
            Sort::Route => "route",
        }
    }
}

impl Asked {
    pub(crate) fn state(&self) -> State {
        State::ALL.into_iter().find(|state| state.as_str() == self.state).unwrap_or_default()
    }

    pub(crate) fn since(&self) -> Since {
        Since::parse(&self.since)
    }

    pub(crate) fn sort(&self) -> Sort {
        Sort::ALL.into_iter().find(|sort| sort.as_str() == self.sort).unwrap_or_default()
    }

    /// Whether the order is turned around.
    pub(crate) fn is_turned(&self) -> bool {
        self.dir == "asc"
    }

    /// From 0.
    pub(crate) fn page(&self) -> usize {
        self.page.parse::<usize>().unwrap_or(1).saturating_sub(1)
    }

    /// Whether anything but the state, the time and the order is asked for.
    pub(crate) fn is_narrow(&self) -> bool {
        [&self.route, &self.tenant, &self.q].into_iter().any(|text| !text.trim().is_empty())
    }

    /// The address of the same with another state.
    pub(crate) fn in_state(&self, state: State) -> String {
        let state = if state == State::default() { "" } else { state.as_str() };
        Asked { state: state.to_owned(), page: String::new(), ..self.clone() }.address()
    }

    /// The address of the same over another time.
    pub(crate) fn over(&self, since: Since) -> String {
        Asked { since: since.asked().to_owned(), page: String::new(), ..self.clone() }.address()
    }

    /// What a form that filters says besides.
    pub(crate) fn kept(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let pairs = [("state", &self.state), ("since", &self.since), ("sort", &self.sort), ("dir", &self.dir)];
        pairs.into_iter().map(|(name, value)| (name, &**value)).filter(|(_, value)| !value.is_empty())
    }

    /// The address of a signature, over the same time.
    pub(crate) fn signature(&self, id: &str) -> String {
        link(&format!("/differences/{id}"), &[("since", self.since().asked())])
    }

    /// The address of the same for one tenant.
    pub(crate) fn of_tenant(&self, tenant: &str) -> String {
        Asked { tenant: tenant.to_owned(), page: String::new(), ..self.clone() }.address()
    }

    /// The address of the same on another page, from 0.
    pub(crate) fn on_page(&self, page: usize) -> String {
        let page = if page == 0 { String::new() } else { (page + 1).to_string() };
        Asked { page, ..self.clone() }.address()
    }

    /// The address of the same sorted by this; turned around where it is sorted so already.
    pub(crate) fn sorted_by(&self, sort: Sort) -> String {
        let turned = self.sort() == sort && !self.is_turned();
        let sort = if sort == Sort::default() { "" } else { sort.as_str() };
        let dir = if turned { "asc" } else { "" };
        Asked { sort: sort.to_owned(), dir: dir.to_owned(), page: String::new(), ..self.clone() }.address()
    }

    /// The address of the same without the route, the tenant and the text.
    pub(crate) fn widened(&self) -> String {
        let none = String::new;
        Asked { route: none(), tenant: none(), q: none(), page: none(), ..self.clone() }.address()
    }

    fn address(&self) -> String {
        let pairs = [
            ("state", &*self.state),
            ("route", &*self.route),
            ("tenant", &*self.tenant),
            ("q", &*self.q),
            ("since", &*self.since),
            ("sort", &*self.sort),
            ("dir", &*self.dir),
            ("page", &*self.page),
        ];
        link("/differences", &pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_what_was_asked_and_begin_at_the_first_page() {
        let asked = Asked { route: "a&b".to_owned(), page: "3".to_owned(), ..Asked::default() };
        assert_eq!(asked.in_state(State::Noise), "/differences?state=noise&route=a%26b");
        assert_eq!(asked.on_page(1), "/differences?route=a%26b&page=2");
        assert_eq!(asked.sorted_by(Sort::Last), "/differences?route=a%26b&sort=last");
        assert_eq!(asked.widened(), "/differences");
        let sorted = Asked { sort: "last".to_owned(), ..Asked::default() };
        assert_eq!(sorted.sorted_by(Sort::Last), "/differences?sort=last&dir=asc");
        assert_eq!(Asked { dir: "asc".to_owned(), ..sorted }.sorted_by(Sort::Last), "/differences?sort=last");
    }

    #[test]
    fn what_nobody_knows_is_taken_for_unsaid() {
        let text = || "'; DROP".to_owned();
        let asked = Asked { state: text(), since: text(), sort: text(), page: text(), ..Asked::default() };
        assert_eq!((asked.state(), asked.since(), asked.sort(), asked.page()), Default::default());
    }
}
