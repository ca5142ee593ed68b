//! What was done, as the timeline tells it: who, what, on what, why, and how it is undone.

use crate::admin::{PastView, Record};
use crate::clock::exact_moment;
use crate::console::ago::Ago;
use crate::console::link::{link, route, segment};
use crate::directives::{Scope, Standing, Target};

/// The most lines of a change that stand open.
const WORDS: usize = 8;

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its number in the audit; `None` while it is not on the disk.
    pub(crate) id: Option<u64>,
    pub(crate) at: Ago,
    /// `2026-11-21`.
    pub(crate) day: String,
    /// `10:04:05`.
    pub(crate) clock: String,
    pub(crate) kind: Kind,
    pub(crate) title: String,
    /// Where to read on about what it is on.
    pub(crate) href: Option<String>,
    pub(crate) who: String,
    /// Where all that they did is told.
    pub(crate) who_href: String,
    pub(crate) why: String,
    /// What it changed, in words; as much as stands open.
    pub(crate) words: Vec<String>,
    /// The rest of it.
    pub(crate) more: Vec<String>,
    /// The generation that is live with it, if that is remembered.
    pub(crate) generation: Option<u64>,
    pub(crate) undo: Option<Undo>,
}

/// What sort of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Another configuration.
    Configuration,
    /// Something went to legacy.
    Rollback,
    /// Something went back to its stage.
    Resume,
    /// A ramp moved.
    Ramp,
    /// Something was decided on a difference.
    Difference,
    /// Anything else.
    Other,
}

/// How something is undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Undo {
    /// By asking here.
    Ask {
        /// Where.
        href: String,
        /// What it is called.
        label: String,
    },
    /// On another page.
    There {
        /// Where.
        href: String,
        /// What it is called.
        label: String,
    },
    /// By this command.
    Command(String),
    /// It was undone already.
    Done(&'static str),
}

/// What undoing depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now<'n> {
    pub(crate) standing: &'n Standing,
    /// The generations that are remembered, newest first.
    pub(crate) past: &'n [PastView],
    /// In milliseconds since 1970.
    pub(crate) now_ms: u64,
}

impl Kind {
    /// All that one may ask for.
    pub(crate) const ALL: [Kind; 5] = [Kind::Configuration, Kind::Rollback, Kind::Resume, Kind::Ramp, Kind::Difference];

    /// As addresses and classes have it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Kind::Configuration => "configuration",
            Kind::Rollback => "rollback",
            Kind::Resume => "resume",
            Kind::Ramp => "ramp",
            Kind::Difference => "difference",
            Kind::Other => "other",
        }
    }

    /// As people say it.
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Kind::Configuration => "configuration",
            Kind::Rollback => "to legacy",
            Kind::Resume => "resumed",
            Kind::Ramp => "ramp",
            Kind::Difference => "difference",
            Kind::Other => "other",
        }
    }

    /// The colour that it is told apart by.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Kind::Rollback => "danger",
            Kind::Resume | Kind::Ramp => "new",
            Kind::Difference => "noise",
            Kind::Configuration | Kind::Other => "",
        }
    }

    /// What sort of change the audit's word is.
    pub(crate) fn of(what: &str) -> Kind {
        match what {
            "reload" | "start" | "hold" => Kind::Configuration,
            "rollback" | "kill" | "trip" => Kind::Rollback,
            "resume" => Kind::Resume,
            "step" => Kind::Ramp,
            "accept" | "reopen" => Kind::Difference,
            _ => Kind::Other,
        }
    }
}

impl Entry {
    /// A record, as it stands now.
    pub(crate) fn of(record: Record, now: Now<'_>) -> Entry {
        let past = now.past.iter().find(|past| past.number == record.generation);
        // A record that made no generation has that of before it.
        let is_its_own = past.is_some_and(|past| past.at == record.at && Kind::of(&record.what) != Kind::Difference);
        let mut words = if is_its_own { past.map(|past| past.changes.clone()).unwrap_or_default() } else { Vec::new() };
        let is_said = matches!(Kind::of(&record.what), Kind::Rollback | Kind::Resume) && words.len() < 2;
        if is_said || record.what == "start" && words.is_empty() {
            words.clear();
        } else if words.is_empty() && !record.to.is_empty() {
            words.push(if record.from.is_empty() {
                record.to.clone()
            } else {
                format!("{} → {}", record.from, record.to)
            });
        }
        let more = words.split_off(words.len().min(WORDS));
        let at_ms = moment_ms(&record.at);
        let exact = exact_moment(at_ms);
        Entry {
            id: record.id,
            at: Ago::of(at_ms, now.now_ms),
            day: exact.chars().take(10).collect(),
            clock: exact.chars().skip(11).take(8).collect(),
            kind: Kind::of(&record.what),
            title: title(&record),
            href: href(&record),
            who: who(&record),
            who_href: link("/changes", &[("who", if record.name.is_empty() { &record.source } else { &record.name })]),
            undo: undo(&record, now),
            generation: past.filter(|_| is_its_own).map(|past| past.number),
            why: record.why,
            words,
            more,
        }
    }
}

/// What was done, in a few words.
fn title(record: &Record) -> String {
    let on = if record.on == "all" { "everything" } else { &record.on };
    match &*record.what {
        "start" => "The facade started".to_owned(),
        "reload" => "Another configuration went live".to_owned(),
        "rollback" => format!("{on} was rolled back to {}", record.to),
        "kill" => format!("The kill switch was turned on: everything to {}", record.to),
        "trip" => format!("A guard rolled {on} back to legacy"),
        "resume" if record.on == "file" => "The files count again".to_owned(),
        "resume" if record.on == "all" => "The kill switch was turned off".to_owned(),
        "resume" => format!("{on} was resumed"),
        "step" => format!("The ramp of {on} moved"),
        "hold" => format!("An earlier configuration was put back: {}", record.to),
        "accept" => "A difference was accepted".to_owned(),
        "reopen" => "A difference was reopened".to_owned(),
        "lost" => "Records were lost".to_owned(),
        other => format!("{other} {on}"),
    }
}

fn who(record: &Record) -> String {
    if !record.name.is_empty() {
        return record.name.clone();
    }
    let source = match &*record.source {
        "start" => "",
        "file" => "a change of the files",
        "signal" => "SIGHUP",
        "guard" => "the guard",
        "ramp" => "the ramp",
        "timer" => "its time being over",
        other => other,
    };
    source.to_owned()
}

/// The page of what it is on, where it has one.
fn href(record: &Record) -> Option<String> {
    if Kind::of(&record.what) == Kind::Difference {
        return Some(format!("/differences/{}", segment(&record.on)));
    }
    match Scope::parse(&record.on).ok()?.target {
        Target::Route(name) if record.on != "file" && !name.contains(',') => Some(route(&name)),
        _ => None,
    }
}

/// How it is undone.
fn undo(record: &Record, now: Now<'_>) -> Option<Undo> {
    let ask = |href: String, label: String| Some(Undo::Ask { href, label });
    let scope = Scope::parse(&record.on).ok();
    let put_back = |number: u64| {
        let is_kept = now.past.iter().any(|past| past.number == number && !past.live);
        is_kept.then(|| Undo::Ask {
            href: format!("/changes/{number}/back"),
            label: format!("Put generation {number} back"),
        })
    };
    let back = ("back", "/changes");
    match &*record.what {
        "rollback" | "kill" | "trip" => match now.standing.pin(&scope?) {
            None => Some(Undo::Done("resumed since")),
            Some(pin) if pin.scope.is_kill() => ask(link("/kill", &[back]), "Resume everything".to_owned()),
            Some(_) => ask(link("/resume", &[("scope", &record.on), back]), format!("Resume {}", record.on)),
        },
        "resume" if record.on == "file" => put_back(number_in(&record.from)?),
        "resume" => {
            let scope = scope?;
            if now.standing.pin(&scope).is_some() {
                return Some(Undo::Done("rolled back again since"));
            }
            match scope.is_kill() {
                true => ask(link("/kill", &[back]), "Turn it on again".to_owned()),
                false => ask(link("/rollback", &[("scope", &record.on), back]), "Roll back again".to_owned()),
            }
        }
        "reload" => put_back(record.generation.checked_sub(1)?),
        "hold" => {
            let held = now.standing.hold.as_ref().map(|hold| hold.generation);
            match held.is_some() && held == number_in(&record.to) {
                true => ask("/changes/files".to_owned(), "Let the files count again".to_owned()),
                false => Some(Undo::Done("held no more")),
            }
        }
        "step" => Some(Undo::Command(format!("banyan ramp back {}", record.on))),
        "accept" | "reopen" => {
            let href = format!("/differences/{}", segment(&record.on));
            let label = if record.what == "accept" { "Look at it, reopen it" } else { "Look at it, accept it" };
            Some(Undo::There { href, label: label.to_owned() })
        }
        _ => None,
    }
}

/// The number in `generation 12, held`.
fn number_in(text: &str) -> Option<u64> {
    let rest = text.strip_prefix("generation ")?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

/// A moment of the audit, in milliseconds since 1970; 0 for what is none.
pub(crate) fn moment_ms(at: &str) -> u64 {
    let moment = humantime::parse_rfc3339(at).ok();
    let since = moment.and_then(|moment| moment.duration_since(std::time::UNIX_EPOCH).ok());
    since.and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::directives::{Author, Hold, Pin, Source};

    fn record(what: &str, on: &str, from: &str, to: &str) -> Record {
        Record {
            id: Some(1),
            at: "2026-11-21T10:04:05Z".to_owned(),
            source: "api".to_owned(),
            name: "ada".to_owned(),
            what: what.to_owned(),
            on: on.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            why: String::new(),
            request_id: String::new(),
            generation: 3,
        }
    }

    fn past(number: u64, live: bool) -> PastView {
        let changes = vec![format!("change {number}")];
        PastView { number, at: "2026-11-21T10:04:05Z".to_owned(), by: String::new(), changes, live, held: false }
    }

    fn entry(record: Record, standing: &Standing) -> Entry {
        let past = [past(4, true), past(3, false), past(2, false)];
        Entry::of(record, Now { standing, past: &past, now_ms: moment_ms("2026-11-21T11:04:05Z") })
    }

    fn pinned(scope: &str) -> Standing {
        let by = Author::nameless(Source::Api);
        let scope = Scope::parse(scope).unwrap();
        Standing { pins: vec![Pin { scope, by, why: String::new(), at_ms: 0, for_ms: None }], ..Standing::default() }
    }

    #[test]
    fn every_change_says_how_it_is_undone() {
        let nothing = Standing::default();
        let asked = |record, standing: &Standing| match entry(record, standing).undo {
            Some(Undo::Ask { href, .. }) => href,
            other => format!("{other:?}"),
        };
        let rollback = || record("rollback", "group:orders", "the rules", "legacy");
        assert_eq!(asked(rollback(), &pinned("group:orders")), "/resume?scope=group%3Aorders&back=%2Fchanges");
        assert_eq!(asked(rollback(), &nothing), "Some(Done(\"resumed since\"))");
        assert_eq!(asked(record("kill", "all", "", ""), &pinned("all")), "/kill?back=%2Fchanges");
        assert_eq!(asked(record("resume", "a", "", ""), &nothing), "/rollback?scope=a&back=%2Fchanges");
        assert_eq!(asked(record("reload", "", "", "x"), &nothing), "/changes/2/back");
        assert_eq!(asked(record("resume", "file", "generation 2, held", ""), &nothing), "/changes/2/back");
        let by = Author::nameless(Source::Api);
        let held = Standing { hold: Some(Hold { generation: 2, by, why: String::new(), at_ms: 0 }), ..nothing.clone() };
        assert_eq!(asked(record("hold", "", "", "generation 2, held"), &held), "/changes/files");
        assert_eq!(asked(record("hold", "", "", "generation 1, held"), &held), "Some(Done(\"held no more\"))");
        assert!(matches!(entry(record("step", "a", "1 %", "5 %"), &nothing).undo, Some(Undo::Command(_))));
        assert!(matches!(entry(record("accept", "0", "", ""), &nothing).undo, Some(Undo::There { .. })));
        assert_eq!(entry(record("start", "", "", ""), &nothing).undo, None);
    }

    #[test]
    fn a_change_has_the_words_of_its_generation() {
        let found = entry(record("reload", "", "", "in short"), &Standing::default());
        assert_eq!((found.words, found.generation), (vec!["change 3".to_owned()], Some(3)));
        assert_eq!((&*found.day, &*found.clock, &*found.at.ago), ("2026-11-21", "10:04:05", "1 h ago"));
        let accepted = entry(record("accept", "0", "", "accepted for good"), &Standing::default());
        assert_eq!((accepted.words, accepted.generation), (vec!["accepted for good".to_owned()], None));
    }

    proptest! {
        #[test]
        fn any_record_is_told(what in ".*", on in ".*", from in ".*", to in ".*") {
            let found = entry(record(&what, &on, &from, &to), &Standing::default());
            if let Some(Undo::Ask { href, .. } | Undo::There { href, .. }) = found.undo {
                prop_assert!(href.starts_with('/') && href.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'));
            }
        }
    }
}
