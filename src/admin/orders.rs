//! What commands are told, and what they answer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::peers::PeerAnswer;

/// What `POST /api/v1/rollback` is told: a route, a group, a tenant (alone: on all routes), or a generation to put back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RollbackOrder {
    /// The route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The group; not with `route`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Only this tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// For how long: `1h`, `30m`. Without it, until it is resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#for: Option<String>,
    /// Put this generation back and hold it instead; alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What `POST /api/v1/kill` is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KillOrder {
    /// For how long: `1h`, `30m`. Without it, until it is resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#for: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What `POST /api/v1/resume` is told; nothing at all lifts the kill switch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ResumeTold {
    /// The pin of this route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The pin of this group; not with `route`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The pin of this tenant, on that route or group or everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// End the hold of a generation: the files count again; alone.
    pub file: bool,
    /// All pins and the kill switch; alone.
    pub all: bool,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What `POST /api/v1/ramp` is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RampTold {
    /// The route, or `group:NAME`.
    pub unit: String,
    /// `pause`, `continue`, `skip` (to the next step) or `back` (to the one before).
    pub action: RampAction,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What a ramp is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RampAction {
    /// Stay where it is.
    Pause,
    /// Go on after a pause.
    Continue,
    /// To the next step at once.
    Skip,
    /// To the step before at once.
    Back,
}

/// The answer to a command that was obeyed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acted {
    /// The generation that is live with it.
    pub generation: u64,
    /// Whether anything changed: the same command twice is no change.
    pub changed: bool,
    /// Whether it is on the disk. It is in force in any case, and is written as soon as it can be.
    pub durable: bool,
    /// What changed, in words.
    pub changes: Vec<String>,
    /// Routes that stay with new, since they have no legacy backend to go back to.
    pub left_alone: Vec<String>,
    /// Everything that is pinned with it.
    #[serde(default)]
    pub pins: Vec<String>,
    /// The generation of before that is held with it.
    #[serde(default)]
    pub held: Option<u64>,
    /// What may not be as it was meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What the other instances said, where `admin.peers` names any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<PeerAnswer>,
}

/// The answer to `POST /api/v1/reload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReloadAnswer {
    /// Whether the configuration on the disk is live now.
    pub live: bool,
    /// The generation that is live now.
    pub generation: u64,
    /// Whether a generation of before is held, so that the files do not count.
    pub held: bool,
    /// Whether it is on the disk for the next start.
    pub durable: bool,
    /// What changed, or why not.
    pub messages: Vec<String>,
    /// What the other instances said, where `admin.peers` names any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<PeerAnswer>,
}
