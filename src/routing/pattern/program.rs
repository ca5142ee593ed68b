//! Path templates as short programs of bytes: what runs against each request, both here and from the index's leaves.
//!
//! A program is a row of steps: a byte 1..=253 and that many literal bytes, [`CAPTURE`], or [`REST`] in last place.

use super::path::Segment;

/// The most captures that one path template may have.
pub const MAX_CAPTURES: usize = 8;

/// One segment that is not empty.
const CAPTURE: u8 = 254;
/// Nothing at all, or a slash and all that is left.
const REST: u8 = 255;
/// The longest literal of one step.
const LITERAL: usize = 253;

/// The parts of a path that a template's captures took: byte ranges by the capture's position. No heap, cheap to copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Captures {
    ranges: [(u32, u32); MAX_CAPTURES],
    count: u8,
}

impl Captures {
    /// No captures.
    pub const NONE: Captures = Captures { ranges: [(0, 0); MAX_CAPTURES], count: 0 };

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The byte range in the path that a capture took.
    #[must_use]
    pub fn range(&self, position: usize) -> Option<std::ops::Range<usize>> {
        let (start, end) = *self.ranges[..self.len()].get(position)?;
        Some(start as usize..end as usize)
    }

    /// What a capture took of `path`, the path that was matched.
    #[must_use]
    pub fn get<'p>(&self, position: usize, path: &'p str) -> Option<&'p str> {
        path.get(self.range(position)?)
    }

    /// Adds one; those beyond [`MAX_CAPTURES`] are impossible, since no template has more.
    fn push(&mut self, start: usize, end: usize) {
        if let Some(place) = self.ranges.get_mut(usize::from(self.count)) {
            // Paths are far shorter than 4 GiB: `run` refuses longer ones.
            *place = (start as u32, end as u32);
            self.count += 1;
        }
    }
}

impl Default for Captures {
    fn default() -> Self {
        Captures::NONE
    }
}

impl std::fmt::Debug for Captures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.ranges[..self.len()].iter().map(|(start, end)| start..end)).finish()
    }
}

/// The program of a template.
pub(super) fn compile(segments: &[Segment]) -> Box<[u8]> {
    let mut program = Vec::new();
    let mut literal = Vec::new();
    for segment in segments {
        match segment {
            Segment::Literal(text) => {
                literal.push(b'/');
                literal.extend_from_slice(text.as_bytes());
            }
            Segment::Capture => {
                literal.push(b'/');
                flush(&mut program, &mut literal);
                program.push(CAPTURE);
            }
            Segment::Rest => {
                flush(&mut program, &mut literal);
                program.push(REST);
            }
        }
    }
    flush(&mut program, &mut literal);
    program.into_boxed_slice()
}

fn flush(program: &mut Vec<u8>, literal: &mut Vec<u8>) {
    for chunk in literal.chunks(LITERAL) {
        program.push(chunk.len() as u8);
        program.extend_from_slice(chunk);
    }
    literal.clear();
}

/// Runs a program against a whole path.
pub(in crate::routing) fn run(program: &[u8], path: &str) -> Option<Captures> {
    let bytes = path.as_bytes();
    if bytes.len() > u32::MAX as usize {
        return None;
    }
    let mut captures = Captures::NONE;
    let (mut program, mut at) = (program, 0);
    while let Some((&step, after)) = program.split_first() {
        program = after;
        match step {
            CAPTURE => {
                let end = segment_end(bytes, at);
                if end == at {
                    return None;
                }
                captures.push(at, end);
                at = end;
            }
            REST => {
                let start = match bytes.get(at) {
                    None => at,
                    Some(b'/') => at + 1,
                    Some(_) => return None,
                };
                captures.push(start, bytes.len());
                return Some(captures);
            }
            length => {
                let (literal, after) = program.split_at_checked(usize::from(length))?;
                if !bytes.get(at..)?.starts_with(literal) {
                    return None;
                }
                at += literal.len();
                program = after;
            }
        }
    }
    (at == bytes.len()).then_some(captures)
}

/// Where the segment that begins at `start` ends: at the next slash or at the end of the path.
pub(in crate::routing) fn segment_end(path: &[u8], start: usize) -> usize {
    // Segments are short: a plain loop beats the set-up of a vector search.
    path[start..].iter().position(|&byte| byte == b'/').map_or(path.len(), |length| start + length)
}
