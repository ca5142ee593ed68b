//! YAML events to a [`Tape`], refusing what a configuration has no use for.

use std::borrow::Cow;
use std::cell::Cell;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::tape::{Entry, Kind, Tape};
use crate::config::place::{FileId, Place};

/// How deep collections may nest, aliases followed.
pub(super) const MAX_DEPTH: u32 = 64;
/// How many nodes one file may have. A route of average size has twenty; 8 MiB of routes hold about 1.3 million.
pub(super) const MAX_NODES: usize = 1_500_000;
/// How many nodes all aliases of one file may stand for.
pub(super) const MAX_ALIASED: u64 = 500_000;

/// How many anchors one file may have.
pub(super) const MAX_ANCHORS: usize = 10_000;
/// How many characters may pass before the parser says what they are. It holds all tokens of `[ ]` and `{ }` in memory
/// until they close, since they might be a key, and a token is two hundred times the size of its text.
pub(super) const MAX_STRETCH: usize = 256 * 1024;

/// Why a text is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) struct Mistake {
    pub(in crate::config) place: Place,
    pub(in crate::config) code: &'static str,
    pub(in crate::config) message: String,
}

/// Reads one document; `None` where there is nothing but comments.
pub(in crate::config) fn parse(file: FileId, text: &str) -> Result<Option<Tape>, Mistake> {
    parse_within(file, text, MAX_NODES)
}

fn parse_within(file: FileId, text: &str, most_nodes: usize) -> Result<Option<Tape>, Mistake> {
    check_characters(file, text)?;
    let mut build = Build::new(file, most_nodes);
    let meter = Meter::default();
    let mut parser = Parser::new_from_iter(meter.chars(text));
    while let Some(event) = parser.next_event() {
        if meter.is_overrun() {
            let message = format!(
                "from here, {MAX_STRETCH} characters are one value: write long lists with a dash per line, or in files"
            );
            return Err(Mistake { place: build.last, code: "too-long", message });
        }
        meter.reset();
        let (event, span) = event.map_err(|error| {
            let place = place(file, error.marker().line(), error.marker().col());
            match error.info() {
                // The parser has a bound of its own, which it meets first where it has to look ahead.
                "recursion limit exceeded" => too_deep(place),
                info => Mistake { place, code: "yaml-syntax", message: info.to_owned() },
            }
        })?;
        build.event(event, span)?;
    }
    Ok((!build.tape.entries.is_empty()).then_some(build.tape))
}

/// YAML allows no control character but tab and line breaks; the parser is not asked to notice.
fn check_characters(file: FileId, text: &str) -> Result<(), Mistake> {
    let bad = |c: char| {
        // U+0085, U+2028 and U+2029 end a line in YAML 1.1 and do not in 1.2: two readers would see two files.
        (c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
    };
    let Some((at, c)) = text.char_indices().find(|(_, c)| bad(*c)) else { return Ok(()) };
    let before = &text[..at];
    let line_start = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let lines = before.replace("\r\n", "\n").matches(['\n', '\r']).count();
    let place = place(file, lines + 1, before[line_start..].chars().count());
    Err(Mistake {
        place,
        code: "bad-character",
        message: format!("the character {} has no place in YAML", c.escape_unicode()),
    })
}

fn place(file: FileId, line: usize, col: usize) -> Place {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place { file, line: count(line.max(1)), col: count(col + 1) }
}

/// Counts the characters that the parser takes, and ends the text where it takes too many at once.
#[derive(Default)]
struct Meter(Cell<usize>);

impl Meter {
    fn chars<'m>(&'m self, text: &'m str) -> impl Iterator<Item = char> + 'm {
        text.chars().take_while(|_| {
            self.0.set(self.0.get() + 1);
            !self.is_overrun()
        })
    }

    fn is_overrun(&self) -> bool {
        self.0.get() > MAX_STRETCH
    }

    fn reset(&self) {
        self.0.set(0);
    }
}

/// A collection that is not closed yet.
struct Open {
    entry: u32,
    anchor: usize,
    /// What its closed part weighs, aliases expanded.
    weight: Weight,
}

/// What a node costs when its aliases are expanded.
#[derive(Debug, Clone, Copy)]
struct Weight {
    nodes: u64,
    /// How many collections nest in it, itself included.
    height: u32,
}

struct Anchor {
    id: usize,
    entry: u32,
    weight: Weight,
}

struct Build {
    tape: Tape,
    open: Vec<Open>,
    /// In the order of their ids, which count upward.
    anchors: Vec<Anchor>,
    aliased: u64,
    documents: usize,
    /// Where the last event was.
    last: Place,
    most_nodes: usize,
}

impl Build {
    fn new(file: FileId, most_nodes: usize) -> Build {
        let tape = Tape { file, entries: Vec::new(), text: String::new() };
        Build {
            tape,
            open: Vec::new(),
            anchors: Vec::new(),
            aliased: 0,
            documents: 0,
            last: Place { file, line: 1, col: 1 },
            most_nodes,
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Mistake> {
        let place = place(self.tape.file, span.start.line(), span.start.col());
        self.last = place;
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(refuse(place, "many-documents", "a second document: one file holds one"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => self.scalar(place, &text, style, anchor, tag),
            Event::SequenceStart(anchor, tag) => self.start(place, Kind::Sequence, anchor, tag),
            Event::MappingStart(anchor, tag) => self.start(place, Kind::Mapping, anchor, tag),
            Event::SequenceEnd | Event::MappingEnd => self.end(place),
            Event::Alias(id) => self.alias(place, id),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        place: Place,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<Cow<'_, Tag>>,
    ) -> Result<(), Mistake> {
        let forced = match tag.as_deref() {
            None => false,
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => true,
            Some(tag) => return Err(refuse_tag(place, tag)),
        };
        let plain = style == ScalarStyle::Plain && !forced;
        if plain && text == "<<" && self.at_key() {
            return Err(refuse(
                place,
                "merge-key",
                "merge keys (`<<`) are not taken: write the keys out, or use `defaults:`",
            ));
        }
        let kind = if plain { Kind::Plain } else { Kind::Quoted };
        let start = self.tape.text.len();
        self.tape.text.push_str(text);
        let entry = self.push(place, kind, start, self.tape.text.len())?;
        let weight = Weight { nodes: 1, height: 0 };
        self.anchor(place, anchor, entry, weight)?;
        self.count(weight);
        Ok(())
    }

    fn start(&mut self, place: Place, kind: Kind, anchor: usize, tag: Option<Cow<'_, Tag>>) -> Result<(), Mistake> {
        if let Some(tag) = tag.as_deref() {
            let suffix = if kind == Kind::Mapping { "map" } else { "seq" };
            if !(tag.is_yaml_core_schema() && tag.suffix == suffix) {
                return Err(refuse_tag(place, tag));
            }
        }
        if self.open.len() >= MAX_DEPTH as usize {
            return Err(too_deep(place));
        }
        let entry = self.push(place, kind, 0, 0)?;
        self.open.push(Open { entry, anchor, weight: Weight { nodes: 1, height: 1 } });
        Ok(())
    }

    fn end(&mut self, place: Place) -> Result<(), Mistake> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let end = self.tape.entries.len();
        self.tape.entries[open.entry as usize].a = u32::try_from(end).unwrap_or(u32::MAX);
        self.anchor(place, open.anchor, open.entry, open.weight)?;
        self.count(open.weight);
        Ok(())
    }

    fn alias(&mut self, place: Place, id: usize) -> Result<(), Mistake> {
        let Ok(found) = self.anchors.binary_search_by_key(&id, |anchor| anchor.id) else {
            return Err(refuse(place, "alias-cycle", "an alias within its own anchor"));
        };
        let Anchor { entry, weight, .. } = self.anchors[found];
        self.aliased = self.aliased.saturating_add(weight.nodes);
        if self.aliased > MAX_ALIASED {
            let message = format!("the aliases of this file stand for more than {MAX_ALIASED} nodes");
            return Err(Mistake { place, code: "too-many-aliases", message });
        }
        if self.open.len() as u32 + weight.height > MAX_DEPTH {
            return Err(too_deep(place));
        }
        self.push(place, Kind::Alias, entry as usize, 0)?;
        self.count(weight);
        Ok(())
    }

    fn push(&mut self, place: Place, kind: Kind, a: usize, b: usize) -> Result<u32, Mistake> {
        if self.tape.entries.len() >= self.most_nodes {
            let message = format!("more than {} values in one file: split it with `include:`", self.most_nodes);
            return Err(Mistake { place, code: "too-many-nodes", message });
        }
        // Both stay far below u32::MAX: there are at most MAX_NODES entries, and files are at most 8 MiB.
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let at = narrow(self.tape.entries.len());
        self.tape.entries.push(Entry { line: place.line, col: place.col, kind, a: narrow(a), b: narrow(b) });
        Ok(at)
    }

    fn anchor(&mut self, place: Place, id: usize, entry: u32, weight: Weight) -> Result<(), Mistake> {
        if id == 0 {
            return Ok(());
        }
        if self.anchors.len() >= MAX_ANCHORS {
            let message = format!("more than {MAX_ANCHORS} anchors in one file");
            return Err(Mistake { place, code: "too-many-aliases", message });
        }
        // Ids count upward where an anchor is written, but a collection is added when it closes.
        let at = self.anchors.partition_point(|anchor| anchor.id < id);
        self.anchors.insert(at, Anchor { id, entry, weight });
        Ok(())
    }

    /// Adds a finished child to the collection it stands in.
    fn count(&mut self, child: Weight) {
        if let Some(open) = self.open.last_mut() {
            self.tape.entries[open.entry as usize].b += 1;
            open.weight.nodes = open.weight.nodes.saturating_add(child.nodes);
            open.weight.height = open.weight.height.max(child.height.saturating_add(1));
        }
    }

    /// Whether the next node is a key.
    fn at_key(&self) -> bool {
        self.open.last().is_some_and(|open| {
            let entry = self.tape.entries[open.entry as usize];
            entry.kind == Kind::Mapping && entry.b.is_multiple_of(2)
        })
    }
}

fn refuse(place: Place, code: &'static str, message: &str) -> Mistake {
    Mistake { place, code, message: message.to_owned() }
}

fn refuse_tag(place: Place, tag: &Tag) -> Mistake {
    Mistake { place, code: "tag", message: format!("the tag `{tag}` is not taken here") }
}

fn too_deep(place: Place) -> Mistake {
    Mistake { place, code: "too-deep", message: format!("nested deeper than {MAX_DEPTH} levels") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml::{Node, Shape};

    fn code(text: &str) -> (&'static str, u32, u32) {
        let mistake = parse(FileId(0), text).unwrap_err();
        (mistake.code, mistake.place.line, mistake.place.col)
    }

    fn show(node: Node<'_>) -> String {
        match node.shape() {
            Shape::Scalar { text, plain } => {
                if plain {
                    text.to_owned()
                } else {
                    format!("'{text}'")
                }
            }
            Shape::Sequence(items) => format!("[{}]", items.map(show).collect::<Vec<_>>().join(",")),
            Shape::Mapping(pairs) => {
                format!("{{{}}}", pairs.map(|(k, v)| format!("{}:{}", show(k), show(v))).collect::<Vec<_>>().join(","))
            }
        }
    }

    #[test]
    fn a_tape_holds_the_tree_and_its_places() {
        let tape = parse(FileId(0), "a: [1, 'two', {b: c}]\nd:\n  - &x {e: f}\n  - *x\ng:\n").unwrap().unwrap();
        assert_eq!(show(tape.root()), "{a:[1,'two',{b:c}],d:[{e:f},{e:f}],g:}");
        let Shape::Mapping(mut pairs) = tape.root().shape() else { panic!() };
        let (key, _) = pairs.nth(1).unwrap();
        assert_eq!((key.place().line, key.place().col), (2, 1));
    }

    #[test]
    fn nothing_but_comments_is_nothing() {
        assert!(parse(FileId(0), "# nothing\n").unwrap().is_none());
        assert!(parse(FileId(0), "").unwrap().is_none());
    }

    #[test]
    fn what_a_configuration_has_no_use_for_is_refused_with_its_place() {
        assert_eq!(code("a: !!binary x"), ("tag", 1, 4));
        assert_eq!(code("a: !mine {b: c}"), ("tag", 1, 4));
        assert_eq!(code("a: &x {b: c}\nd:\n  <<: *x"), ("merge-key", 3, 3));
        assert_eq!(code("a: 1\n---\nb: 2"), ("many-documents", 2, 1));
        assert_eq!(code("a: 1\nb: \u{7}"), ("bad-character", 2, 4));
        assert_eq!(code("a: &x [*x]").0, "alias-cycle");
        assert_eq!(code("a: *nowhere").0, "yaml-syntax");
        assert_eq!(code("a:\n\tb: 1").0, "yaml-syntax");
        assert_eq!(code("a: [1, 2").0, "yaml-syntax");
    }

    #[test]
    fn an_alias_bomb_is_refused_by_counting() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let many = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{many}]\n"));
        }
        assert_eq!(code(&text).0, "too-many-aliases");
    }

    #[test]
    fn depth_is_bounded_also_through_aliases() {
        for open in ["[", "{a: ", "- ", "? "] {
            assert_eq!(code(&open.repeat(10_000)).0, "too-deep", "{open}");
        }
        let ok = format!("{}{}", "[".repeat(60), "]".repeat(60));
        assert!(parse(FileId(0), &ok).is_ok());
        let half = format!("{}{}", "[".repeat(40), "]".repeat(40));
        assert_eq!(code(&format!("a: &a {half}\nb: {}*a{}", "[".repeat(40), "]".repeat(40))).0, "too-deep");
    }

    #[test]
    fn what_the_parser_would_hold_in_memory_is_bounded() {
        for text in
            ["[a,".to_owned() + &"a,".repeat(MAX_STRETCH), format!("a: 1\nb: '{}'", "x".repeat(2 * MAX_STRETCH))]
        {
            assert_eq!(code(&text).0, "too-long");
        }
        let text = "a: [x]\nb: {y: z} # comment\n".replace("a:", "- a:").replace("b:", "  b:").repeat(MAX_STRETCH / 8);
        assert!(parse(FileId(0), &text).is_ok());
    }

    #[test]
    fn many_nodes_are_refused_by_counting() {
        let text = format!("[{}]", "a,".repeat(100));
        assert_eq!(parse_within(FileId(0), &text, 100).unwrap_err().code, "too-many-nodes");
        assert!(parse_within(FileId(0), &text, 101).is_ok());
    }
}
