//! Bodies copied as they stream by: whole and within a bound, or not at all.

use bytes::Bytes;

/// Pieces below this are copied rather than shared: a shared piece keeps the whole buffer alive that it was read into, and
/// its connection must take a new one.
const SHARE_FROM: usize = 16 * 1024;

/// The copy of a body.
#[derive(Debug)]
pub struct BodyCopy {
    pieces: Vec<Bytes>,
    bytes: usize,
    most: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Whole,
    Abandoned,
}

impl BodyCopy {
    /// A copy of at most so many bytes.
    #[must_use]
    pub fn new(most: usize) -> BodyCopy {
        BodyCopy { pieces: Vec::new(), bytes: 0, most, state: State::Open }
    }

    /// The copy of no body.
    #[must_use]
    pub fn empty() -> BodyCopy {
        BodyCopy { state: State::Whole, ..BodyCopy::new(0) }
    }

    /// Takes the next piece, or abandons the copy.
    pub fn push(&mut self, piece: &Bytes) {
        if self.state != State::Open || piece.is_empty() {
            return;
        }
        if piece.len() > self.most - self.bytes {
            self.abandon();
            return;
        }
        self.bytes += piece.len();
        self.pieces.push(if piece.len() < SHARE_FROM { Bytes::copy_from_slice(piece) } else { piece.clone() });
    }

    /// Gives the copy up, and its memory back.
    pub fn abandon(&mut self) {
        *self = BodyCopy { state: State::Abandoned, ..BodyCopy::new(0) };
    }

    /// Notes that the body is complete.
    pub fn finish(&mut self) {
        if self.state == State::Open {
            self.state = State::Whole;
        }
    }

    /// Whether all of the body is there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.state == State::Whole
    }

    /// Whether it was given up, because it is too large or has more than bytes.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.state == State::Abandoned
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// All of it in one piece.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        if self.pieces.len() == 1 {
            return self.pieces.swap_remove(0);
        }
        self.pieces.concat().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_body_over_the_bound_is_given_up_and_never_cut() {
        let mut copy = BodyCopy::new(4);
        copy.push(&Bytes::from_static(b"abc"));
        copy.push(&Bytes::from_static(b"de"));
        copy.finish();
        assert!(copy.is_abandoned() && !copy.is_whole() && copy.bytes() == 0);
        assert!(copy.into_bytes().is_empty());
    }

    proptest! {
        #[test]
        fn a_body_within_the_bound_is_copied_whole(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40_000), 0..4)) {
            let whole = pieces.concat();
            let mut copy = BodyCopy::new(whole.len());
            pieces.into_iter().for_each(|piece| copy.push(&piece.into()));
            prop_assert!(!copy.is_whole());
            copy.finish();
            prop_assert!(copy.is_whole() && copy.bytes() == whole.len());
            prop_assert_eq!(copy.into_bytes(), whole);
        }
    }
}
