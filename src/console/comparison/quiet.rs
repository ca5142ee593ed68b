//! What differs only where rules let it is folded away, like what is equal: what counts stands out.

use super::merged::{Mark, NAMED, Row};

/// The rows with folds around each part that differs, but in nothing that counts and nowhere without a rule.
pub(super) fn folded(rows: Vec<Row>) -> Vec<Row> {
    let ends = ends(&rows);
    let mut folded = Vec::with_capacity(rows.len() + 16);
    let mut at = 0;
    while at < rows.len() {
        let run = run(&rows, &ends, at);
        if run.len() < 2 {
            folded.push(rows[at].clone());
            at += 1;
            continue;
        }
        let (depth, names) = (depth(&rows[at]).unwrap_or(0), names(&rows, &run));
        let end = run.last().map_or(at + 1, |last| ends[*last]);
        folded.push(Row::Quiet { depth, count: run.len(), names });
        folded.extend(rows[at..end].iter().cloned());
        folded.push(Row::Unfold);
        at = end;
    }
    folded
}

/// The quiet parts that stand beside each other from this row on.
fn run(rows: &[Row], ends: &[usize], from: usize) -> Vec<usize> {
    let (mut run, mut at) = (Vec::new(), from);
    while at < rows.len() && depth(&rows[at]) == depth(&rows[from]) && is_quiet(&rows[at..ends[at]]) {
        run.push(at);
        at = ends[at];
    }
    run
}

/// Whether a part, told by its first row, holds differences, and none that somebody should look at. The body as a whole stays open.
fn is_quiet(part: &[Row]) -> bool {
    let is_whole = part.first().is_some_and(|row| depth(row) == Some(0));
    let begins = matches!(part.first(), Some(Row::Differs { .. }) | Some(Row::Same { .. }));
    let mut passes = false;
    let quiet = part.iter().all(|row| match row {
        Row::Differs { mark: Mark::Passes(Some(_)), .. } => {
            passes = true;
            true
        }
        Row::Differs { mark: Mark::Inside, .. } => true,
        Row::Differs { .. } | Row::Cut => false,
        _ => true,
    });
    begins && quiet && passes && !is_whole
}

/// Where the part of each row ends: before the next row that is no deeper.
fn ends(rows: &[Row]) -> Vec<usize> {
    let mut ends = vec![rows.len(); rows.len()];
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut is_folded = false;
    for (place, row) in rows.iter().enumerate() {
        // What is in a fold belongs to the row before it, as the fold does.
        if let Some(depth) = depth(row).filter(|_| !is_folded) {
            while let Some((at, _)) = open.pop_if(|(_, other)| *other >= depth) {
                ends[at] = place;
            }
            open.push((place, depth));
        }
        is_folded = match row {
            Row::Fold { .. } => true,
            Row::Unfold => false,
            _ => is_folded,
        };
    }
    ends
}

fn depth(row: &Row) -> Option<usize> {
    match row {
        Row::Same { depth, .. } | Row::Differs { depth, .. } | Row::Fold { depth, .. } => Some(*depth),
        _ => None,
    }
}

fn names(rows: &[Row], run: &[usize]) -> String {
    let name = |place: &usize| match &rows[*place] {
        Row::Same { name, .. } | Row::Differs { name, .. } => name.clone(),
        _ => String::new(),
    };
    let names: Vec<String> = run.iter().take(NAMED).map(name).collect();
    let more = if run.len() > names.len() { " …" } else { "" };
    format!("{}{more}", names.join(", "))
}
