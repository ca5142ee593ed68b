//! One signature in full.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use similar::{ChangeTag, TextDiff};

use super::sheet::{Cell, Sheet};
use super::{moment, percent, printable, share};
use crate::diff::{Judgement, Kind, SignatureId};
use crate::names::Side;
use crate::store::read::{Kept, ReadError, SignatureRow};
use crate::store::{Act, Answered, Body, Reader};

/// Equal lines around each change of a body.
const CONTEXT: usize = 2;
/// The most lines of two bodies that are shown.
const LINES: usize = 80;
/// The most characters of a line that are shown.
const WIDTH: usize = 160;
/// How long two bodies may be held against each other.
const PATIENCE: Duration = Duration::from_millis(500);

/// A signature with its history and its samples, newest first.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The signature.
    pub row: SignatureRow,
    /// Who accepted or reopened it, oldest first.
    pub history: Vec<Act>,
    /// The comparisons that are kept of it, newest first.
    pub samples: Vec<Kept>,
}

/// Reads a signature; `None` if there is no such.
///
/// # Errors
/// The store cannot be read.
pub fn show(reader: &Reader, id: SignatureId) -> Result<Option<Shown>, ReadError> {
    let Some(row) = reader.signature(id)? else { return Ok(None) };
    Ok(Some(Shown { row, history: reader.history(id)?, samples: reader.samples(id)? }))
}

impl Shown {
    /// Writes it in words, with one of its samples, counted from 1. What strangers sent cannot steer the terminal.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, sample: usize, out: &mut impl Write) -> io::Result<()> {
        self.write_evidence(out)?;
        for act in &self.history {
            let what = if act.accepted { "accepted" } else { "reopened" };
            let until = match act.until_ms {
                Some(until) => format!(" until {}", moment(until)),
                None if act.accepted => " for good".to_owned(),
                None => String::new(),
            };
            let (by, reason) = (printable(&act.by), printable(&act.reason));
            writeln!(out, "{what}   {} by {by}{until}: {reason}", moment(act.at_ms))?;
        }
        let Some(kept) = sample.checked_sub(1).and_then(|place| self.samples.get(place)) else {
            return writeln!(out, "\nthere is no sample {sample}; {} are kept", self.samples.len());
        };
        writeln!(out, "\nsample {sample} of {}", self.samples.len())?;
        write_sample(kept, self.row.id, out)
    }

    fn write_evidence(&self, out: &mut impl Write) -> io::Result<()> {
        let row = &self.row;
        let evidence = &row.evidence;
        writeln!(out, "{}   {}", row.id, in_words(row.judgement()))?;
        writeln!(out, "route      {}", printable(&row.route))?;
        writeln!(out, "where      {}", printable(&row.path))?;
        writeln!(out, "kind       {}: {}", row.kind.as_str(), meaning(row.kind))?;
        writeln!(out, "seen       in {} comparisons", share(row.share()))?;
        writeln!(out, "           first {}, last {}", moment(row.seen_ms.0), moment(row.seen_ms.1))?;
        match row.noise().rate() {
            Some(rate) => writeln!(
                out,
                "noise      {} of {} answers differ there from a second answer of the same system",
                percent(rate),
                evidence.checked
            )?,
            None => writeln!(out, "noise      no system of this route was asked twice yet")?,
        }
        writeln!(
            out,
            "confirmed  {} times: {} again, {} the answering system differed from itself, {} gone",
            evidence.confirmations(),
            evidence.again,
            evidence.itself,
            evidence.gone
        )
    }
}

/// What is held of a signature, in words.
pub(crate) fn in_words(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Real => "real: the systems differ here",
        Judgement::Rare => "rare: it came again, but in under 0.03 % of comparisons",
        Judgement::TooFew => "too few: nobody knows yet whether it comes again",
        Judgement::Transient => "transient: it did not come again",
        Judgement::Noise => "noise: a system differs from itself here",
    }
}

/// What a kind of difference means.
pub(crate) fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Status => "the statuses differ",
        Kind::Missing => "only legacy has it",
        Kind::Extra => "only new has it",
        Kind::Null => "one has null where the other has nothing",
        Kind::Type => "the values are of different types",
        Kind::Value => "the values differ",
        Kind::Order => "the same elements in another order",
        Kind::Duplicate => "a key stands there more than once",
        Kind::Format => "the bodies are of different formats",
        Kind::Text => "lines differ",
        Kind::Bytes => "bytes differ",
    }
}

/// Writes a comparison, side by side; what shows `marked` is marked with a `*`.
///
/// # Errors
/// It cannot be written.
pub fn write_sample(kept: &Kept, marked: SignatureId, out: &mut impl Write) -> io::Result<()> {
    let tenant = if kept.tenant.is_empty() { String::new() } else { format!(", tenant {}", printable(&kept.tenant)) };
    writeln!(out, "comparison {} of {}{tenant}, request {}", kept.id, moment(kept.at_ms), printable(&kept.request_id))?;
    writeln!(out, "{} {}", printable(&kept.method), printable(&kept.target))?;
    writeln!(out, "{}, answered by {}\n", kept.verdict.as_str(), kept.answered)?;
    side_by_side(kept, marked).write_table(out)?;
    let bodies = [&kept.detail.legacy, &kept.detail.new].map(|answer| lines(answer.body.as_ref()));
    let [Some(legacy), Some(new)] = &bodies else {
        return writeln!(out, "\nthe bodies were not kept as text");
    };
    if legacy == new {
        return writeln!(out, "\nthe bodies are equal as far as they were kept");
    }
    writeln!(out, "\n--- legacy\n+++ new")?;
    write_changes(legacy, new, out)
}

fn side_by_side(kept: &Kept, marked: SignatureId) -> Sheet {
    let detail = &kept.detail;
    let row = |what: &str, of: &dyn Fn(&Answered) -> String| {
        vec![what.into(), Cell::Text(of(detail.answer(Side::Legacy))), Cell::Text(of(detail.answer(Side::New)))]
    };
    let mut rows = vec![
        row("status", &|answer| answer.status.to_string()),
        row("took", &|answer| format!("{:.1} ms", answer.took_us as f64 / 1000.0)),
        row("bytes", &|answer| answer.bytes.to_string()),
        row("backend", &|answer| answer.backend.clone()),
    ];
    let marked = marked.to_string();
    for difference in &detail.differences {
        let mark = if difference.signature == marked { "* " } else { "  " };
        let more = if difference.places > 1 { format!(" (and {} more)", difference.places - 1) } else { String::new() };
        let shown = |value: &Option<String>| Cell::Text(value.clone().unwrap_or_else(|| "(nothing)".to_owned()));
        let place = Cell::Text(format!("{mark}{}{more}", difference.place));
        rows.push(vec![place, shown(&difference.legacy), shown(&difference.new)]);
    }
    Sheet { columns: vec!["", "legacy", "new"], rows }
}

/// A body as text, one member a line if it is JSON; `None` if it is no text or was not kept.
pub(super) fn lines(body: Option<&Body>) -> Option<String> {
    match body? {
        Body::Text(text) => {
            let value: Option<serde_json::Value> = serde_json::from_str(text).ok();
            let pretty = value.and_then(|value| serde_json::to_string_pretty(&value).ok());
            // Without the commas, which would make the last member of an object differ from the same one elsewhere.
            Some(pretty.map_or_else(|| text.clone(), |pretty| pretty.replace(",\n", "\n")))
        }
        Body::Base64(_) => None,
    }
}

fn write_changes(legacy: &str, new: &str, out: &mut impl Write) -> io::Result<()> {
    let mut config = TextDiff::configure();
    config.deadline(Instant::now() + PATIENCE);
    let diff = config.diff_lines(legacy, new);
    let mut left = LINES;
    for group in diff.grouped_ops(CONTEXT) {
        for operation in group {
            for change in diff.iter_changes(&operation) {
                if left == 0 {
                    return writeln!(out, "…");
                }
                left -= 1;
                let sign = match change.tag() {
                    ChangeTag::Equal => ' ',
                    ChangeTag::Delete => '-',
                    ChangeTag::Insert => '+',
                };
                let line: String = change.value().trim_end_matches(['\r', '\n']).chars().take(WIDTH).collect();
                writeln!(out, "{sign} {}", printable(&line))?;
            }
        }
    }
    Ok(())
}
