//! The commands of the API for pages of the console: the same code, the same records, the same peers.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};

use super::aside::aside;
use super::fault::Fault;
use super::input::Input;
use super::orders::{Acted, KillOrder, ReloadAnswer, ResumeTold, RollbackOrder};
use super::who::Who;
use super::{Admin, commands, reload};
use crate::config;
use crate::control::overview::PeerStatus;
use crate::snapshot::Role;

impl Admin {
    /// What `POST /api/v1/rollback` does.
    ///
    /// # Errors
    /// What it answers then.
    pub async fn roll_back(&self, who: &Who, told: RollbackOrder) -> Result<Acted, Fault> {
        who.may(Role::Operator)?;
        let (caller, relay) = (Extension(who.caller()), Extension(who.relay.clone()));
        let Json(acted) = commands::rollback(State(self.clone()), caller, relay, Input(told)).await?;
        Ok(acted)
    }

    /// What `POST /api/v1/kill` does.
    ///
    /// # Errors
    /// What it answers then.
    pub async fn kill(&self, who: &Who, told: KillOrder) -> Result<Acted, Fault> {
        who.may(Role::Operator)?;
        let (caller, relay) = (Extension(who.caller()), Extension(who.relay.clone()));
        let Json(acted) = commands::kill(State(self.clone()), caller, relay, Input(told)).await?;
        Ok(acted)
    }

    /// What `POST /api/v1/resume` does, but for the end of a hold.
    ///
    /// # Errors
    /// What it answers then.
    pub async fn resume(&self, who: &Who, told: ResumeTold) -> Result<Acted, Fault> {
        who.may(Role::Operator)?;
        let why = commands::reason(told.reason.clone())?;
        let Json(acted) = commands::lift(self, why, &who.caller(), who.relay.clone(), told).await?;
        Ok(acted)
    }

    /// How the other instances stand beside this one, as `GET /api/v1/status` says it; each gets some seconds to answer.
    pub async fn peers(&self, who: &Who) -> Vec<PeerStatus> {
        who.relay.clone().compare(self).await
    }

    /// What `POST /api/v1/resume` does with `file`: ends the hold of a generation.
    ///
    /// # Errors
    /// What it answers then, but for what a reload answers.
    pub async fn unhold(&self, who: &Who, reason: String) -> Result<ReloadAnswer, Fault> {
        who.may(Role::Operator)?;
        let why = commands::reason(reason.clone())?;
        let told = ResumeTold { file: true, reason, ..ResumeTold::default() };
        let (_, Json(answer)) = reload::unhold(self, why, who.caller(), who.relay.clone(), &told).await?;
        Ok(answer)
    }

    /// What would change if this generation was put back, in words.
    ///
    /// # Errors
    /// It is not kept any more.
    pub async fn put_back_would(&self, number: u64) -> Result<Vec<String>, Fault> {
        let made_from = commands::kept(self, number).await?;
        let live = Arc::clone(&self.live.current());
        aside(move || config::changes(&live.snapshot, &made_from.snapshot)).await
    }
}
