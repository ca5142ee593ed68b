//! What was not compared, and why.

use crate::diff::Verdict;
use crate::report::counted;
use crate::store::read::{OutcomeRow, RouteSummary};

/// Something that was not compared.
pub(super) struct Leftover {
    pub(super) route: String,
    pub(super) count: String,
    /// Why, in words.
    pub(super) why: String,
    /// As the store and the metrics spell it.
    pub(super) code: String,
}

/// Comparisons that could not be judged.
pub(super) fn of_comparisons(summaries: &[RouteSummary]) -> Vec<Leftover> {
    let of_route = |summary: &RouteSummary| {
        let unknown = summary.why.iter().filter(|(verdict, ..)| *verdict == Verdict::Unknown);
        let leftover = |(_, why, count): &(Verdict, String, u64)| Leftover {
            route: summary.route.clone(),
            count: counted(*count),
            why: unknown_in_words(why).to_owned(),
            code: why.clone(),
        };
        unknown.map(leftover).collect::<Vec<_>>()
    };
    summaries.iter().flat_map(of_route).collect()
}

/// Copies that were left out on purpose, that were sent and failed, that were dropped.
pub(super) fn of_copies(outcomes: &[OutcomeRow]) -> [Vec<Leftover>; 3] {
    let mut sorted = [Vec::new(), Vec::new(), Vec::new()];
    for outcome in outcomes {
        let Some((kind, why)) = copy_in_words(&outcome.outcome) else { continue };
        sorted[kind as usize].push(Leftover {
            route: outcome.route.clone(),
            count: counted(outcome.count),
            why: why.to_owned(),
            code: outcome.outcome.clone(),
        });
    }
    sorted
}

/// Why a comparison could not be judged.
pub(crate) fn unknown_in_words(why: &str) -> &str {
    match why {
        "unconfirmed" => "they differed, and whether that comes again was not tried",
        "not_modified" => "only one side said that the client's copy is still good (304)",
        "too_large" => "a body is larger than is compared",
        "too_deep" => "a body is nested too deeply",
        "too_much_work" => "comparing them was too much work",
        "out_of_time" => "comparing them took too long",
        "unknown_coding" => "a body has a content coding that is not known",
        "undecodable" => "a body could not be unpacked",
        other => copy_in_words(other).map_or(other, |(_, why)| why),
    }
}

/// What became of a copy that was not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was left out on purpose.
    LeftOut,
    /// It was sent, and the other side failed.
    Failed,
    /// It was given up.
    Dropped,
}

/// Which of the three it is, and why, of an outcome as metrics spell it; `None` for what was sent and answered.
#[must_use]
pub fn copy_in_words(outcome: &str) -> Option<(Fate, &str)> {
    Some(match outcome {
        "sent" => return None,
        "dropped_method" => (Fate::LeftOut, "the method is not one that is copied, since it may act twice"),
        "dropped_override" => (Fate::LeftOut, "a safe method that asks for an unsafe one"),
        "dropped_upgrade" => (Fate::LeftOut, "an upgraded connection has no end"),
        "dropped_stream" => (Fate::LeftOut, "a stream of events has no end"),
        "dropped_request_too_large" => (Fate::LeftOut, "the request is larger than max_body"),
        "dropped_answer_too_large" => (Fate::LeftOut, "the answer is larger than max_body"),
        "failed_unresolved" => (Fate::Failed, "the other side's name has no address"),
        "failed_connect" => (Fate::Failed, "the other side could not be connected to"),
        "failed_timeout" => (Fate::Failed, "the other side did not answer in time"),
        "failed_reset" => (Fate::Failed, "the other side broke the connection off"),
        "failed_bad_answer" => (Fate::Failed, "what the other side sent is not HTTP"),
        "failed_too_large" => (Fate::Failed, "the other side's answer is larger than max_body"),
        "dropped_client_gone" => (Fate::Dropped, "the client went away before its answer was complete"),
        "dropped_unfinished" => (Fate::Dropped, "the answer was complete before the request was"),
        "dropped_fallback" => (Fate::Dropped, "new failed, and legacy answered in its place"),
        "dropped_primary_failed" => (Fate::Dropped, "the side that answers failed"),
        "dropped_queue_full" => (Fate::Dropped, "too many copies were waiting"),
        "dropped_queue_bytes" => (Fate::Dropped, "the copies that wait held too many bytes"),
        "dropped_backend_broken" => (Fate::Dropped, "that backend had failed many times in a row"),
        "dropped_backend_busy" => (Fate::Dropped, "too many copies were waiting for that backend"),
        "dropped_expired" => (Fate::Dropped, "it waited longer than the shadow's timeout"),
        "dropped_stopping" => (Fate::Dropped, "the facade went down"),
        other => (Fate::Dropped, other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Mirrored;

    #[test]
    fn whatever_becomes_of_a_copy_is_said_in_words() {
        for outcome in Mirrored::ALL {
            let words = copy_in_words(outcome.as_str());
            match outcome {
                Mirrored::Sent => assert_eq!(words, None),
                _ => assert!(words.is_some_and(|(_, why)| why.contains(' ')), "{outcome:?}"),
            }
        }
    }
}
