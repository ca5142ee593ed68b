//! What is known of a route, one by one: what it is sorted and filtered by.

/// Something that is known of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// Its name.
    Route,
    /// The group it moves with.
    Group,
    /// Who to ask about it.
    Owner,
    /// How far it has migrated.
    Stage,
    /// Which percentage of its requests went to new.
    Share,
    /// Requests a second.
    Rate,
    /// Which percentage of comparisons match.
    Match,
    /// Differences that were first seen within a day.
    New,
    /// Differences that nobody has decided on.
    Open,
    /// 99 of 100 answers of legacy took at most so many milliseconds.
    LegacyP99,
    /// The same of new.
    P99,
    /// By how many percentage points new fails more often than legacy.
    Errors,
    /// Seconds since its last request.
    Idle,
    /// What it is in.
    State,
}

/// What is known of a route in one respect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Known<'l> {
    /// A text; empty where there is none.
    Text(&'l str),
    /// One of a few words that have an order.
    Place(usize, &'l str),
    /// A number, where there is one.
    Number(Option<f64>),
    /// Any of a few words.
    States(&'l [&'static str]),
}

impl Column {
    /// All of them, in the order they are shown.
    pub(super) const ALL: [Column; 14] = [
        Column::Route,
        Column::Group,
        Column::Owner,
        Column::Stage,
        Column::Share,
        Column::Rate,
        Column::Match,
        Column::New,
        Column::Open,
        Column::LegacyP99,
        Column::P99,
        Column::Errors,
        Column::Idle,
        Column::State,
    ];

    /// Its name in addresses and filters.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Column::Route => "route",
            Column::Group => "group",
            Column::Owner => "owner",
            Column::Stage => "stage",
            Column::Share => "share",
            Column::Rate => "rate",
            Column::Match => "match",
            Column::New => "new",
            Column::Open => "open",
            Column::LegacyP99 => "legacy.p99",
            Column::P99 => "p99",
            Column::Errors => "errors",
            Column::Idle => "idle",
            Column::State => "state",
        }
    }

    /// How people read it.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Column::Route => "Route",
            Column::Group => "Group",
            Column::Owner => "Owner",
            Column::Stage => "Stage",
            Column::Share => "On new",
            Column::Rate => "Req/s",
            Column::Match => "Match",
            Column::New => "Diffs",
            Column::Open => "Open diffs",
            Column::LegacyP99 => "Legacy p50\u{a0}/\u{a0}p99",
            Column::P99 => "New p50\u{a0}/\u{a0}p99",
            Column::Errors => "Error gap",
            Column::Idle => "Last\u{a0}hit",
            Column::State => "State",
        }
    }

    /// What it means.
    pub(super) const fn meaning(self) -> &'static str {
        match self {
            Column::Route => "The route, and the group it moves with",
            Column::Group => "The group it moves with",
            Column::Owner => "Who to ask about it",
            Column::Stage => "How far it has migrated: legacy, shadow, canary, live, complete",
            Column::Share => "Which share of its requests went to new of late",
            Column::Rate => "Requests a second of late",
            Column::Match => {
                "Which share of comparisons since the start is no mismatch, of how many, with its 95 % interval"
            }
            Column::New => "Differences that were first seen within the last day, of those that nobody has decided on",
            Column::Open => "Differences that nobody has decided on, without noise",
            Column::LegacyP99 => "How long legacy took of late: half of the answers at most, and 99 of 100",
            Column::P99 => "How long new took of late: half of the answers at most, and 99 of 100",
            Column::Errors => "By how many percentage points new fails more often than legacy, of late",
            Column::Idle => "When it was last asked for",
            Column::State => "Pins, guard and ramp",
        }
    }

    /// Whether it counts something.
    pub(super) const fn is_number(self) -> bool {
        !matches!(self, Column::Route | Column::Group | Column::Owner | Column::Stage | Column::State)
    }

    /// Reads a name.
    pub(super) fn parse(text: &str) -> Option<Column> {
        Column::ALL.into_iter().find(|column| column.as_str() == text)
    }
}
