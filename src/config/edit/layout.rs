//! Where each node stands in its text, to the byte.
//!
//! The parser tells where tokens begin; where they end it tells roughly: a quoted scalar seems to reach over the comment
//! behind it, a block scalar begins at its text, and nothing at all can be anywhere. So the ends that an edit needs are
//! looked up in the text itself.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// How a node is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Nothing at all.
    Empty,
    /// A plain scalar, or an alias.
    Plain,
    /// A scalar in these quotes.
    Quoted(char),
    /// A scalar behind `|` or `>`.
    Literal,
    /// `{ }` or `[ ]`.
    Flow,
    /// A collection of lines.
    Block,
}

/// One node, in byte offsets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    /// Where its value starts, behind anchor and tag. Of [`Style::Literal`]: the text, not the `|`.
    pub(super) start: usize,
    /// Where it ends; comments behind it are not its own.
    pub(super) end: usize,
    pub(super) style: Style,
    pub(super) anchored: bool,
    pub(super) tagged: bool,
    /// Whether it stands within brackets.
    pub(super) within: bool,
}

/// The spots of all nodes, in the order of the tape that was made of the same text.
#[derive(Debug)]
pub(super) struct Layout(Vec<Spot>);

impl Layout {
    /// Reads a text that was parsed before, so within all bounds; `None` if it is not.
    pub(super) fn of(text: &str) -> Option<Layout> {
        let mut build = Build { text, bytes: Bytes::of(text), spots: Vec::new(), open: Vec::new() };
        let mut parser = Parser::new_from_iter(text.chars());
        while let Some(event) = parser.next_event() {
            let (event, span) = event.ok()?;
            build.event(&event, span)?;
        }
        Some(Layout(build.spots))
    }

    pub(super) fn spot(&self, number: usize) -> Option<Spot> {
        self.0.get(number).copied()
    }

    /// The first comment between two places: what stands outside of all scalars and starts with `#`.
    pub(super) fn comment(&self, text: &str, from: usize, to: usize) -> Option<usize> {
        let first = self.0.partition_point(|spot| spot.start < from);
        let mut at = from;
        for spot in self.0.get(first..)?.iter().take_while(|spot| spot.start < to) {
            if let Some(found) = text.get(at..spot.start).and_then(|gap| gap.find('#')) {
                return Some(at + found);
            }
            if matches!(spot.style, Style::Plain | Style::Quoted(_) | Style::Literal) {
                at = spot.end;
            }
        }
        text.get(at..to)?.find('#').map(|found| at + found)
    }
}

/// From the parser's characters to bytes.
enum Bytes {
    /// They are the same.
    Ascii(usize),
    Table(Vec<usize>),
}

impl Bytes {
    fn of(text: &str) -> Bytes {
        if text.is_ascii() {
            return Bytes::Ascii(text.len());
        }
        Bytes::Table(text.char_indices().map(|(at, _)| at).chain([text.len()]).collect())
    }

    /// The byte of a character; the end for what is behind it.
    fn at(&self, character: usize) -> usize {
        match self {
            Bytes::Ascii(length) => character.min(*length),
            Bytes::Table(table) => table.get(character).or(table.last()).copied().unwrap_or(0),
        }
    }
}

/// A collection whose end has not come yet.
struct Open {
    number: usize,
    is_flow: bool,
    is_mapping: bool,
    /// How many nodes it has so far: in a mapping, an even one is a key.
    nodes: usize,
    /// Where its last node ended.
    last: usize,
}

struct Build<'t> {
    text: &'t str,
    bytes: Bytes,
    spots: Vec<Spot>,
    open: Vec<Open>,
}

impl Build<'_> {
    fn event(&mut self, event: &Event<'_>, span: Span) -> Option<()> {
        let (from, to) = (self.bytes.at(span.start.index()), self.bytes.at(span.end.index()));
        let within = self.open.last().is_some_and(|open| open.is_flow);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let (anchored, tagged) = (*anchor != 0, tag.is_some());
                let (properties_end, start) = self.behind_properties(from, anchored || tagged);
                let (start, end, style) = match style {
                    ScalarStyle::Plain if text.is_empty() => self.empty(properties_end, anchored || tagged)?,
                    ScalarStyle::Plain => (start, to, Style::Plain),
                    ScalarStyle::SingleQuoted => (start, self.closing(start, '\'')?, Style::Quoted('\'')),
                    ScalarStyle::DoubleQuoted => (start, self.closing(start, '"')?, Style::Quoted('"')),
                    ScalarStyle::Literal | ScalarStyle::Folded => {
                        // The blanks before the next token are no part of it.
                        (start, self.text.get(..to)?.trim_end_matches(' ').len().max(start), Style::Literal)
                    }
                };
                self.spots.push(Spot { start, end, style, anchored, tagged, within });
                self.close(end);
            }
            Event::Alias(_) => {
                let to = from + name_length(self.text.get(from..)?);
                let (style, anchored, tagged) = (Style::Plain, false, false);
                self.spots.push(Spot { start: from, end: to, style, anchored, tagged, within });
                self.close(to);
            }
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                let (anchored, tagged) = (*anchor != 0, tag.is_some());
                let (_, start) = self.behind_properties(from, anchored || tagged);
                let is_flow = to > from && self.text.get(start..)?.starts_with(['{', '[']);
                let (start, style) = if is_flow { (start, Style::Flow) } else { (to, Style::Block) };
                let is_mapping = matches!(event, Event::MappingStart(..));
                self.open.push(Open {
                    number: self.spots.len(),
                    is_flow,
                    is_mapping,
                    nodes: 0,
                    last: start + usize::from(is_flow),
                });
                self.spots.push(Spot { start, end: to, style, anchored, tagged, within });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop()?;
                let end = if open.is_flow { self.bracket(open.last)? } else { open.last };
                self.spots.get_mut(open.number)?.end = end;
                self.close(end);
            }
            _ => {}
        }
        Some(())
    }

    /// A node of the innermost collection has ended.
    fn close(&mut self, end: usize) {
        if let Some(open) = self.open.last_mut() {
            open.nodes += 1;
            open.last = end;
        }
    }

    /// Nothing has no place of its own: it stands behind its anchor and tag, else behind the colon of its key.
    fn empty(&self, at: usize, has_properties: bool) -> Option<(usize, usize, Style)> {
        let at = match self.open.last() {
            Some(open) if !has_properties && open.is_mapping && open.nodes % 2 == 1 => {
                behind_colon(self.text, open.last).unwrap_or(open.last)
            }
            _ => at,
        };
        Some((at, at, Style::Empty))
    }

    /// Where `&anchor` and `!tag` end, and where what is behind them starts.
    fn behind_properties(&self, from: usize, has_properties: bool) -> (usize, usize) {
        let (mut end, mut next) = (from, from);
        let rest = |at: usize| self.text.get(at..).unwrap_or("");
        while has_properties && rest(next).starts_with(['&', '!']) {
            end = next + name_length(rest(next));
            next = end + blank_length(rest(end));
        }
        (end, next)
    }

    /// The place behind the bracket that closes a collection whose last node ends here.
    fn bracket(&self, last: usize) -> Option<usize> {
        let rest = self.text.get(last..)?;
        let comma = blank_length(rest);
        let rest = rest[comma..].strip_prefix(',').unwrap_or(&rest[comma..]);
        let bracket = blank_length(rest);
        rest[bracket..].starts_with(['}', ']']).then(|| self.text.len() - rest.len() + bracket + 1)
    }

    /// The place behind the quote that closes the one here.
    fn closing(&self, start: usize, quote: char) -> Option<usize> {
        let text = self.text.get(start..)?.strip_prefix(quote)?;
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' if quote == '"' => drop(characters.next()),
                c if c == quote => match characters.peek() {
                    Some((_, next)) if quote == '\'' && *next == quote => drop(characters.next()),
                    _ => return Some(start + 1 + at + 1),
                },
                _ => {}
            }
        }
        None
    }
}

/// How long an anchor, an alias or a tag is that starts here.
fn name_length(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}')).unwrap_or(text.len())
}

/// How long the white space and the comments are that start here.
fn blank_length(text: &str) -> usize {
    let mut rest = text.trim_start();
    while rest.starts_with('#') {
        rest = rest.find(['\n', '\r']).map_or("", |end| &rest[end..]).trim_start();
    }
    text.len() - rest.len()
}

/// The place behind the colon of a key that ends here.
pub(super) fn behind_colon(text: &str, key_end: usize) -> Option<usize> {
    let rest = text.get(key_end..)?;
    let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    rest[blank..].starts_with(':').then_some(key_end + blank + 1)
}
