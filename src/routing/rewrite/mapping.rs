//! How the template and the path of one alternative belong together.

use crate::routing::PathPattern;
use crate::routing::pattern::Segment;

use super::{Original, Rewrite, render, taken};

/// How the template and the path of one alternative belong together.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    /// The alternative's path; `None` takes any, and then the template has no captures.
    pattern: Option<PathPattern>,
    /// For each capture of the template its position among those of the path.
    sources: Vec<usize>,
    /// What maps a path that only begins as the template does.
    prefix: Option<Prefix>,
}

/// The literal begin of the template, and what it stands for on the client's side.
///
/// What follows the two is the same in template and path, so whatever else the new side has below the one is below the
/// other for clients. Where that does not hold there is no such rule.
#[derive(Debug, Clone)]
struct Prefix {
    /// Segments of the template up to its first capture.
    template: Vec<Segment>,
    /// Segments of the path up to the same capture.
    path: Vec<Segment>,
    /// How many segments at the end of both are equal.
    shared: usize,
}

impl Mapping {
    /// Fails with the capture that the path lacks.
    pub(super) fn new(template: &PathPattern, path: Option<&PathPattern>) -> Result<Mapping, String> {
        let captures = template.segments.iter().filter(|segment| !matches!(segment, Segment::Literal(_)));
        let mut sources = Vec::new();
        for (segment, name) in captures.zip(&template.names) {
            let source = path.and_then(|path| {
                let position = path.position(name)?;
                (capture_at(path, position) == Some(segment)).then_some(position)
            });
            let star = if *segment == Segment::Rest { "*" } else { "" };
            sources.push(source.ok_or_else(|| format!("{{{star}{name}}}"))?);
        }
        let prefix = path.and_then(|path| Prefix::new(template, path));
        Ok(Mapping { pattern: path.cloned(), sources, prefix })
    }

    /// The position in the path of a capture of the template.
    pub(super) fn source(&self, position: usize) -> Option<usize> {
        self.sources.get(position).copied()
    }
}

impl Rewrite {
    /// The client's path for a path of the new side: by the whole template, else by its literal begin.
    pub(super) fn path_back(&self, original: Original<'_>, path: &str) -> Option<String> {
        if self.try_path(original).is_some_and(|sent| sent == path) {
            return Some(original.path.to_owned());
        }
        self.by_template(original, path).or_else(|| self.by_prefix(original, path))
    }

    fn by_template(&self, original: Original<'_>, path: &str) -> Option<String> {
        let mapping = self.mapping(original)?;
        let captures = self.template.matches(path)?;
        render(&mapping.pattern.as_ref()?.segments, |position| {
            match mapping.sources.iter().position(|&source| source == position) {
                Some(in_template) => taken(&captures, in_template, path),
                // What the template leaves out is as it was in the request.
                None => original.taken(position),
            }
        })
    }

    /// By the literal begin of the template, at the boundary of a segment.
    pub(super) fn by_prefix(&self, original: Original<'_>, path: &str) -> Option<String> {
        let prefix = self.mapping(original)?.prefix.as_ref()?;
        let below = path.strip_prefix(&*text(&prefix.template))?;
        if !below.is_empty() && !below.starts_with('/') {
            return None;
        }
        let begin = prefix.path_begin(original, 0)?;
        Some(if begin.is_empty() && below.is_empty() { "/".to_owned() } else { begin + below })
    }

    /// The client's path for one that stands above the template's literal begin, where both sides have such a one.
    pub(super) fn above_prefix(&self, original: Original<'_>, path: &str) -> Option<String> {
        let prefix = self.mapping(original)?.prefix.as_ref()?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let up = (1..=prefix.shared).find(|&up| {
            let above = &prefix.template[..prefix.template.len() - up];
            !above.is_empty() && text(above) == path
        })?;
        let begin = prefix.path_begin(original, up)?;
        Some(if begin.is_empty() { "/".to_owned() } else { begin })
    }
}

impl Prefix {
    fn new(template: &PathPattern, path: &PathPattern) -> Option<Prefix> {
        let literals = template.segments.iter().take_while(|segment| matches!(segment, Segment::Literal(_))).count();
        let (begin, tail) = template.segments.split_at(literals);
        let path_length = path.segments.len().checked_sub(tail.len())?;
        let (path_begin, path_tail) = path.segments.split_at(path_length);
        let names = path.names.len().checked_sub(template.names.len())?;
        if path_tail != tail || path.names[names..] != template.names || path_begin.contains(&Segment::Rest) {
            return None;
        }
        let (begin, path_begin) = (without_slash(begin), without_slash(path_begin));
        let pairs = begin.iter().rev().zip(path_begin.iter().rev());
        let shared = pairs.take_while(|(ours, theirs)| ours == theirs && **ours != Segment::Capture).count();
        Some(Prefix { template: begin.to_vec(), path: path_begin.to_vec(), shared })
    }

    /// What the client calls it, without the last `up` segments; empty stands for the root.
    fn path_begin(&self, original: Original<'_>, up: usize) -> Option<String> {
        let segments = &self.path[..self.path.len() - up];
        if segments.is_empty() { Some(String::new()) } else { render(segments, |position| original.taken(position)) }
    }
}

/// Segments without the empty one that stands for a trailing slash.
fn without_slash(segments: &[Segment]) -> &[Segment] {
    match segments.split_last() {
        Some((Segment::Literal(last), before)) if last.is_empty() => before,
        _ => segments,
    }
}

/// Literal segments as text; empty stands for the root.
fn text(segments: &[Segment]) -> String {
    let literals = segments.iter().map(|segment| match segment {
        Segment::Literal(text) => format!("/{text}"),
        Segment::Capture | Segment::Rest => String::new(),
    });
    literals.collect()
}

fn capture_at(path: &PathPattern, position: usize) -> Option<&Segment> {
    path.segments.iter().filter(|segment| !matches!(segment, Segment::Literal(_))).nth(position)
}
