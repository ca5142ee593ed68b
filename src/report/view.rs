//! A signature and a comparison as JSON.

use serde::Serialize;
use utoipa::ToSchema;

use super::moment;
use crate::diff::Share;
use crate::store::read::{Kept, SignatureRow};
use crate::store::{Act, Detail};

/// A signature.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SignatureView {
    /// Its name: 16 hexadecimal digits.
    pub id: String,
    /// The route.
    pub route: String,
    /// The normalised path.
    pub path: String,
    /// The kind.
    pub kind: &'static str,
    /// What is held of it: `real`, `rare`, `too_few`, `transient` or `noise`.
    pub judgement: &'static str,
    /// The acceptance, while it holds.
    pub accepted: Option<AcceptanceView>,
    /// How many comparisons of its route showed it.
    pub share: ShareView,
    /// How many answers differed there from a second answer of the same system.
    pub noise: ShareView,
    /// Confirmations: it showed again, and the answering system did not differ from itself.
    pub again: u64,
    /// Confirmations: the answering system differed from itself there.
    pub itself: u64,
    /// Confirmations: it did not show again.
    pub gone: u64,
    /// When it was seen first.
    pub first_seen: String,
    /// When it was seen last.
    pub last_seen: String,
    /// How many comparisons that show it are kept.
    pub samples: u64,
}

/// A share with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct ShareView {
    /// How many.
    pub hits: u64,
    /// Of how many.
    pub of: u64,
    /// The rate; `None` of nothing.
    pub rate: Option<f64>,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

/// Why and for how long a signature is accepted.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AcceptanceView {
    /// When it was accepted.
    pub at: String,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Until when; `None`: for good.
    pub until: Option<String>,
}

/// A line of a signature's history.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ActView {
    /// `accepted` or `reopened`.
    pub act: &'static str,
    /// When.
    pub at: String,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Until when it was accepted; `None`: for good.
    pub until: Option<String>,
}

/// A comparison that was kept in full; redacted.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ComparisonView {
    /// Its number in the store.
    pub id: u64,
    /// When the request came.
    pub at: String,
    /// The route.
    pub route: String,
    /// The tenant; empty if there is none.
    pub tenant: String,
    /// The request's id.
    pub request_id: String,
    /// What is held of it.
    pub verdict: &'static str,
    /// Which side answered the client.
    pub answered: &'static str,
    /// The request's method.
    pub method: String,
    /// Its path and query.
    pub target: String,
    /// The request's headers and body, the answers, the differences.
    #[serde(flatten)]
    #[schema(value_type = HashMap<String, serde_json::Value>)]
    pub detail: Detail,
}

impl ShareView {
    /// As JSON has it.
    #[must_use]
    pub fn of(share: Share) -> ShareView {
        let (low, high) = share.interval();
        ShareView { hits: share.hits, of: share.of, rate: share.rate(), low, high }
    }
}

impl SignatureView {
    /// As it is at this moment, in milliseconds since 1970.
    #[must_use]
    pub fn of(row: &SignatureRow, now_ms: u64) -> SignatureView {
        let accepted = row.acceptance.as_ref().filter(|acceptance| acceptance.holds(now_ms));
        SignatureView {
            id: row.id.to_string(),
            route: row.route.clone(),
            path: row.path.clone(),
            kind: row.kind.as_str(),
            judgement: row.judgement().as_str(),
            accepted: accepted.map(|acceptance| AcceptanceView {
                at: moment(acceptance.at_ms),
                by: acceptance.by.clone(),
                reason: acceptance.reason.clone(),
                until: acceptance.until_ms.map(moment),
            }),
            share: ShareView::of(row.share()),
            noise: ShareView::of(row.noise()),
            again: row.evidence.again,
            itself: row.evidence.itself,
            gone: row.evidence.gone,
            first_seen: moment(row.seen_ms.0),
            last_seen: moment(row.seen_ms.1),
            samples: row.samples,
        }
    }
}

impl From<&Act> for ActView {
    fn from(act: &Act) -> ActView {
        ActView {
            act: if act.accepted { "accepted" } else { "reopened" },
            at: moment(act.at_ms),
            by: act.by.clone(),
            reason: act.reason.clone(),
            until: act.until_ms.map(moment),
        }
    }
}

impl From<Kept> for ComparisonView {
    fn from(kept: Kept) -> ComparisonView {
        ComparisonView {
            id: kept.id,
            at: moment(kept.at_ms),
            route: kept.route,
            tenant: kept.tenant,
            request_id: kept.request_id,
            verdict: kept.verdict.as_str(),
            answered: kept.answered.as_str(),
            method: kept.method,
            target: kept.target,
            detail: kept.detail,
        }
    }
}
