//! What a comparison may cost.

/// The bounds of one comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body once its content codings are off, of either side.
    pub bytes: usize,
    /// How many times larger than what came a decoded body may be. Bodies under 64 KiB decoded are let off.
    pub ratio: usize,
    /// How deep values may be nested.
    pub depth: usize,
    /// Steps of work: one for each value, token or line looked at.
    pub steps: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bytes: 8 * 1024 * 1024, ratio: 200, depth: 128, steps: 5_000_000 }
    }
}

/// Why two answers are not comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unknown {
    /// A decoded body is over its limit, in bytes or in ratio.
    TooLarge,
    /// Values are nested too deep.
    TooDeep,
    /// The work is over its limit.
    TooMuchWork,
    /// Time ran out.
    OutOfTime,
    /// A content coding that nobody here knows, or more than two of them.
    UnknownCoding,
    /// The body is not what its Content-Encoding says, broke off, or has something after its end.
    Undecodable,
}

impl Unknown {
    /// The reason as metrics and the store spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Unknown::TooLarge => "too_large",
            Unknown::TooDeep => "too_deep",
            Unknown::TooMuchWork => "too_much_work",
            Unknown::OutOfTime => "out_of_time",
            Unknown::UnknownCoding => "unknown_coding",
            Unknown::Undecodable => "undecodable",
        }
    }
}

/// What is left to spend on one comparison.
pub struct Budget<'t> {
    /// The bounds.
    pub limits: Limits,
    left: u64,
    until_look: u32,
    out_of_time: &'t mut dyn FnMut() -> bool,
}

/// Steps between two looks at the clock.
const LOOK_EVERY: u32 = 1024;

impl<'t> Budget<'t> {
    /// A fresh budget. `out_of_time` is asked now and then; once it says yes, the comparison ends.
    pub fn new(limits: Limits, out_of_time: &'t mut dyn FnMut() -> bool) -> Budget<'t> {
        Budget { limits, left: limits.steps, until_look: LOOK_EVERY, out_of_time }
    }

    /// Spends this many steps.
    ///
    /// # Errors
    /// There are not that many left, or time is up.
    pub fn spend(&mut self, steps: u64) -> Result<(), Unknown> {
        self.left = self.left.checked_sub(steps).ok_or(Unknown::TooMuchWork)?;
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        match self.until_look.checked_sub(steps) {
            Some(left) => self.until_look = left,
            None => {
                self.until_look = LOOK_EVERY;
                if (self.out_of_time)() {
                    return Err(Unknown::OutOfTime);
                }
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Budget").field("limits", &self.limits).field("left", &self.left).finish_non_exhaustive()
    }
}
