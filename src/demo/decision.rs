//! What an answer tells about who gave it.

use super::client::Answer;

/// Asks the facade to explain itself; it does so for those whom `force:` allows.
pub const EXPLAIN: &str = "banyan-explain";

/// Who served an answer and why, as far as its headers say.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Served {
    /// `X-Served-By`: `legacy`, `new` or `banyan`; empty where there is none.
    pub by: String,
    /// The route, from `Banyan-Decision`.
    pub route: Option<String>,
    /// The reason, from `Banyan-Decision`.
    pub reason: Option<String>,
}

impl Served {
    /// Reads the headers of an answer.
    #[must_use]
    pub fn of(answer: &Answer) -> Served {
        let decision = answer.header("banyan-decision").unwrap_or_default();
        Served {
            by: answer.header("x-served-by").unwrap_or_default().to_owned(),
            route: field(decision, "route"),
            reason: field(decision, "reason"),
        }
    }
}

/// One field of `route=…; side=…; reason=…`.
fn field(decision: &str, name: &str) -> Option<String> {
    decision.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name() {
        let decision = "route=orders-read; side=new; reason=cohort:beta; bucket=512; generation=1";
        assert_eq!(field(decision, "route").as_deref(), Some("orders-read"));
        assert_eq!(field(decision, "reason").as_deref(), Some("cohort:beta"));
        assert_eq!(field(decision, "stage"), None);
        assert_eq!(field("", "route"), None);
    }
}
