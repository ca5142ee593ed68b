//! Every route at a glance.
//!
//! With thousands of routes only those that are looked at are written out: the rest is sorted, filtered and left out here.
//!
//! - [`column`]: what is known of a route, one by one · [`line`]: all of it · [`row`]: the same in words
//! - [`filter`]: which routes are looked at · [`query`]: what an address says · [`table`]: a page of routes
//! - [`totals`]: all of them together · [`findings`]: how many differences wait for somebody

mod column;
mod filter;
mod findings;
mod line;
mod query;
mod row;
mod table;
mod totals;

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Extension, Query, State};
use axum::response::Response;
use axum::routing::get;

use super::burnup::Burnup;
use super::frame::Frame;
use super::page::{html, written};
use super::trouble::Trouble;
use crate::admin::{Admin, Who, aside};
use crate::clock::now_ms;
use crate::names::Stage;
use column::Column;
use findings::Findings;
use line::Line;
use query::Asked;
use row::Action;
use table::Table;
use totals::Totals;

/// The most names that a list offers.
const OFFERED: usize = 300;

#[derive(Template)]
#[template(path = "console/board.html")]
struct Page {
    frame: Frame,
    asked: Asked,
    owners: Vec<String>,
    stages: [Stage; 5],
    /// What one may sort by where there are no heads of columns to press.
    orders: Vec<(String, &'static str)>,
    totals: Totals,
    table: Table,
}

/// What changes while one looks at it.
#[derive(Template)]
#[template(path = "console/board_part.html")]
struct Part {
    totals: Totals,
    table: Table,
}

/// What viewers may see.
pub(super) fn for_viewers() -> Router<Admin> {
    let routes = Router::new().route("/", get(board)).route("/board", get(part));
    routes.layer(Extension(Arc::new(Findings::default())))
}

async fn board(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Extension(findings): Extension<Arc<Findings>>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let frame = Frame::of(&admin, &who, "/");
    let text = aside(move || {
        let (Part { totals, table }, owners) = made(&admin, &findings, &asked, &frame);
        written(&Page { frame, asked, owners, stages: Stage::ALL, orders: orders(), totals, table })
    });
    Ok(html(text.await??))
}

/// The same without what stands around it.
async fn part(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Extension(findings): Extension<Arc<Findings>>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let frame = Frame::of(&admin, &who, "/");
    let text = aside(move || written(&made(&admin, &findings, &asked, &frame).0));
    Ok(html(text.await??))
}

/// What changes, and who owns any route.
fn made(admin: &Admin, findings: &Findings, asked: &Asked, frame: &Frame) -> (Part, Vec<String>) {
    let status = admin.overview.status(true);
    let found = findings.of(admin.store.state_dir());
    let now_ms = now_ms();
    let lines: Vec<Line<'_>> =
        (0_usize..).zip(&status.routes).map(|(id, route)| Line::of(id, route, &found, now_ms)).collect();
    let totals = Totals::of(&status, &admin.overview.progress(), &Burnup::of_late(admin), &found);
    let owners: BTreeSet<&String> = status.routes.iter().filter_map(|route| route.owner.as_ref()).collect();
    let owners = owners.into_iter().take(OFFERED).cloned().collect();
    (Part { totals, table: Table::of(&lines, &status, asked, frame) }, owners)
}

/// Each column once: numbers from the largest, the others from the first.
fn orders() -> Vec<(String, &'static str)> {
    let order = |column: Column| {
        let is_descending = column.is_number() && column != Column::Idle;
        (format!("{}{}", if is_descending { "-" } else { "" }, column.as_str()), column.label())
    };
    Column::ALL.into_iter().map(order).collect()
}
