//! Whether a signature is a real difference.
//!
//! Diffy's rule (Twitter, "Diffy: testing services without writing tests", 2015): raw differences are those between the two systems, noise those
//! between a system and itself; a difference is real when raw exceeds noise by a fifth of their sum and by 0.03 % of all.
//! Here rates are compared, because a system is asked twice only for a sample of requests; and both systems are asked
//! again where a difference showed ("confirmations"), which settles far sooner what a sample of everything would.

/// What is known of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evidence {
    /// Comparisons of its route.
    pub compared: u64,
    /// Of those, how many showed it.
    pub raw: u64,
    /// How often a system of its route was asked twice, picked without regard to what was found.
    pub checked: u64,
    /// Of those, how many showed it.
    pub noise: u64,
    /// Confirmations: it showed again, and the answering system did not differ from itself.
    pub again: u64,
    /// Confirmations: the answering system differed from itself there.
    pub itself: u64,
    /// Confirmations: it did not show again.
    pub gone: u64,
}

/// What is held of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Judgement {
    /// A real difference.
    Real,
    /// It came again, but in under 0.03 % of all comparisons.
    Rare,
    /// Too little is known.
    TooFew,
    /// It did not come again when both systems were asked anew.
    Transient,
    /// A system differs from itself there.
    Noise,
}

/// How much of the sum of both rates raw must exceed noise by.
const RELATIVE: f64 = 0.20;
/// How much of all comparisons raw must exceed noise by.
const ABSOLUTE: f64 = 0.0003;
/// Without a confirmation, how many self-checks it takes to speak of noise.
const ENOUGH_CHECKS: u64 = 30;
/// And how often those would have shown it, did a system differ from itself as often as the two differ: none of so many is
/// no accident (e⁻³ is 5 %).
const EXPECTED_NOISE: f64 = 3.0;
/// How many confirmations settle a signature, so that more would be wasted.
const ENOUGH_CONFIRMATIONS: u64 = 5;
/// Of later sightings of a settled signature, one in so many is confirmed anew: systems change.
const RECHECK: u64 = 100;

impl Judgement {
    /// All of them, what matters most first.
    pub const ALL: [Judgement; 5] =
        [Judgement::Real, Judgement::Rare, Judgement::TooFew, Judgement::Transient, Judgement::Noise];

    /// As the store, the commands and the reports spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Judgement::Real => "real",
            Judgement::Rare => "rare",
            Judgement::TooFew => "too_few",
            Judgement::Transient => "transient",
            Judgement::Noise => "noise",
        }
    }
}

impl Evidence {
    /// How many confirmations there were.
    #[must_use]
    pub const fn confirmations(&self) -> u64 {
        self.again + self.itself + self.gone
    }

    /// Adds what else is known.
    pub fn add(&mut self, other: &Evidence) {
        self.compared += other.compared;
        self.raw += other.raw;
        self.checked += other.checked;
        self.noise += other.noise;
        self.again += other.again;
        self.itself += other.itself;
        self.gone += other.gone;
    }

    /// What is held of it.
    #[must_use]
    pub fn judge(&self) -> Judgement {
        let confirmations = self.confirmations();
        if confirmations > 0 && self.again * 2 < confirmations {
            return if self.itself >= self.gone { Judgement::Noise } else { Judgement::Transient };
        }
        let raw = rate(self.raw, self.compared);
        let noise = rate(self.noise, self.checked);
        let over = raw - noise;
        if self.noise > 0 && self.checked >= ENOUGH_CHECKS && over <= RELATIVE * (raw + noise) {
            return Judgement::Noise;
        }
        let enough_checks = self.checked >= ENOUGH_CHECKS && raw * self.checked as f64 >= EXPECTED_NOISE;
        if confirmations == 0 && !enough_checks {
            return Judgement::TooFew;
        }
        if over > ABSOLUTE { Judgement::Real } else { Judgement::Rare }
    }

    /// Whether so much is known of it that asking both systems again would teach little.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.confirmations() >= ENOUGH_CONFIRMATIONS
    }

    /// Whether this sighting is one of those at which a settled one is looked at anew.
    #[must_use]
    pub const fn is_due_again(&self) -> bool {
        self.raw.is_multiple_of(RECHECK)
    }
}

fn rate(hits: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { hits as f64 / of as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Evidence = Evidence { compared: 10_000, raw: 0, checked: 0, noise: 0, again: 0, itself: 0, gone: 0 };

    #[test]
    fn what_comes_again_is_real() {
        assert_eq!(Evidence { raw: 10, again: 3, ..NOTHING }.judge(), Judgement::Real);
        assert_eq!(Evidence { raw: 2, again: 2, ..NOTHING }.judge(), Judgement::Rare);
        assert_eq!(Evidence { raw: 10, again: 3, gone: 1, checked: 500, ..NOTHING }.judge(), Judgement::Real);
    }

    #[test]
    fn what_a_system_does_to_itself_is_noise() {
        // A random id: always different, whoever is asked.
        assert_eq!(Evidence { raw: 10_000, itself: 4, ..NOTHING }.judge(), Judgement::Noise);
        assert_eq!(Evidence { raw: 10_000, checked: 500, noise: 500, ..NOTHING }.judge(), Judgement::Noise);
        // One answer in a hundred is odd on either side: half of the oddities are the answering side's own.
        assert_eq!(Evidence { raw: 200, itself: 3, gone: 2, ..NOTHING }.judge(), Judgement::Noise);
        assert_eq!(Evidence { raw: 200, checked: 500, noise: 9, ..NOTHING }.judge(), Judgement::Noise);
    }

    #[test]
    fn what_does_not_come_again_is_transient() {
        assert_eq!(Evidence { raw: 10, gone: 3, ..NOTHING }.judge(), Judgement::Transient);
    }

    #[test]
    fn too_few_is_its_own_answer() {
        assert_eq!(Evidence { raw: 10, ..NOTHING }.judge(), Judgement::TooFew);
        assert_eq!(Evidence { raw: 10, checked: 29, ..NOTHING }.judge(), Judgement::TooFew);
        assert_eq!(Evidence { raw: 1000, checked: 30, ..NOTHING }.judge(), Judgement::Real);
        // Thirty checks say nothing of what shows once in a thousand answers.
        assert_eq!(Evidence { raw: 10, checked: 30, ..NOTHING }.judge(), Judgement::TooFew);
        assert_eq!(Evidence { raw: 10, checked: 3000, ..NOTHING }.judge(), Judgement::Real);
        assert_eq!(Evidence { compared: 2000, raw: 1, checked: 50, ..NOTHING }.judge(), Judgement::TooFew);
    }

    #[test]
    fn both_lines_of_the_rule_count() {
        // Over by less than a fifth of the sum.
        assert_eq!(Evidence { raw: 100, checked: 1000, noise: 8, ..NOTHING }.judge(), Judgement::Noise);
        assert_eq!(Evidence { raw: 100, checked: 1000, noise: 6, ..NOTHING }.judge(), Judgement::Real);
        // Under 0.03 % of all.
        assert_eq!(Evidence { raw: 3, checked: 20_000, ..NOTHING }.judge(), Judgement::Rare);
        assert_eq!(Evidence { raw: 4, checked: 20_000, ..NOTHING }.judge(), Judgement::Real);
    }

    #[test]
    fn confirmations_are_spent_on_what_is_not_settled() {
        assert!(!Evidence { raw: 1, ..NOTHING }.is_settled());
        let settled = Evidence { raw: 6, again: 5, ..NOTHING };
        assert!(settled.is_settled() && !settled.is_due_again());
        assert!(Evidence { raw: 200, again: 5, ..NOTHING }.is_due_again());
    }
}
