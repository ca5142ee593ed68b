//! The headers of two answers side by side.

use std::collections::BTreeMap;

use super::text::{self, Piece};
use crate::store::{Answered, Differs};

/// The most headers that are shown.
const MOST: usize = 150;
/// What the facade itself puts on the answer that the client gets.
const OWN: [&str; 2] = ["x-served-by", "banyan-decision"];

/// A header of both answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: String,
    /// Its values; `None` where the answer does not have it.
    pub(crate) sides: [Option<Vec<Piece>>; 2],
    /// The difference that it is, by its place in the list of those.
    pub(crate) counts: Option<usize>,
}

/// The headers of two answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Headers {
    /// Those that differ; those that count come first.
    pub(crate) differ: Vec<Header>,
    /// Those that are equal.
    pub(crate) same: Vec<Header>,
    /// How many more there are.
    pub(crate) more: usize,
}

impl Headers {
    /// Of these answers, by name; lines of one name are one.
    pub(super) fn of(answers: [&Answered; 2], differences: &[Differs]) -> Headers {
        let mut values: BTreeMap<String, [Option<String>; 2]> = BTreeMap::new();
        for (side, answer) in answers.into_iter().enumerate() {
            for (name, value) in &answer.headers {
                let sides = values.entry(name.to_ascii_lowercase()).or_default();
                sides[side] = Some(match sides[side].take() {
                    Some(before) => format!("{before} ⏎ {value}"),
                    None => value.clone(),
                });
            }
        }
        values.retain(|name, _| {
            !OWN.contains(&&**name) || differences.iter().any(|differs| is_about(&differs.path, name))
        });
        let mut headers = Headers { more: values.len().saturating_sub(MOST), ..Headers::default() };
        for (name, sides) in values.into_iter().take(MOST) {
            let counts = differences.iter().position(|differs| is_about(&differs.path, &name));
            let is_same = sides[0] == sides[1];
            let sides = match &sides {
                [Some(one), Some(other)] if !is_same => text::pair(one, other).map(Some),
                sides => sides.each_ref().map(|value| value.as_ref().map(|value| text::pieces(value))),
            };
            let header = Header { name: super::super::differences::list::shown(&name, 80), sides, counts };
            if is_same { headers.same.push(header) } else { headers.differ.push(header) }
        }
        headers.differ.sort_by_key(|header| header.counts.is_none());
        headers
    }
}

/// Whether a difference at this path is one of this header.
fn is_about(path: &str, name: &str) -> bool {
    match path.split_once(':') {
        Some(("header", of)) => of.eq_ignore_ascii_case(name),
        Some(("cookie", _)) => name == "set-cookie",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_comes_first_and_lines_of_a_name_are_one() {
        let answer = |headers: &[(&str, &str)]| Answered {
            status: 200,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: None,
            hash: String::new(),
            bytes: 0,
            took_us: 0,
            backend: String::new(),
        };
        let one = answer(&[
            ("Age", "1"),
            ("location", "/a"),
            ("vary", "a"),
            ("Vary", "b"),
            ("x", "y"),
            ("X-Served-By", "new"),
        ]);
        let other = answer(&[("age", "2"), ("Location", "/b"), ("vary", "a"), ("vary", "b")]);
        let differs = Differs {
            signature: String::new(),
            kind: "value".to_owned(),
            path: "header:location".to_owned(),
            place: String::new(),
            places: 1,
            legacy: None,
            new: None,
        };
        let headers = Headers::of([&one, &other], &[differs]);
        let names: Vec<_> = headers.differ.iter().map(|header| (&*header.name, header.counts)).collect();
        assert_eq!(names, [("location", Some(0)), ("age", None), ("x", None)]);
        assert_eq!((headers.same.len(), headers.differ[2].sides[1].is_none()), (1, true));
    }
}
