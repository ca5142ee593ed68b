//! A routes.yaml that may come: what is wrong with it, and whom it would move. Nothing of it is applied.
//!
//! - [`findings`]: what is wrong, with the lines that it is about · [`outlook`]: whom it would move · [`typed`]: the text as it was typed

mod findings;
mod outlook;
mod typed;

use askama::Template;
use axum::Router;
use axum::extract::{Extension, Query, State};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use super::frame::Frame;
use super::link::route;
use super::page::{html, written};
use super::posted::Posted;
use super::trouble::Trouble;
use crate::admin::{Admin, SentConfiguration, Who, aside};
use crate::snapshot::Role;
use findings::{Finding, findings};
use outlook::Outlook;
use typed::Typed;

/// The most bytes of a text: a form has each byte of it as up to three.
const MOST: usize = 2 * 1024 * 1024;
/// The name of a text that was sent alone.
const ALONE: &str = "routes.yaml";

#[derive(Debug, Deserialize)]
struct Asked {
    /// `live`: begin with the text of what is live.
    #[serde(default)]
    from: String,
}

#[derive(Template)]
#[template(path = "console/plan.html")]
struct Page {
    frame: Frame,
    text: Typed,
    told: Option<Told>,
    /// Whether the files and variables of what is live stand beside the text.
    among_live: bool,
}

/// What came of a text.
#[derive(Default)]
struct Told {
    valid: bool,
    findings: Vec<Finding>,
    more_errors: usize,
    more_warnings: usize,
    outlook: Option<Outlook>,
    /// Why it could not be looked at.
    trouble: Option<String>,
}

/// What viewers may ask.
pub(super) fn for_viewers() -> Router<Admin> {
    Router::new().route("/plan", get(ask).post(tell))
}

async fn ask(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let frame = Frame::of(&admin, &who, "/plan");
    let text = aside(move || {
        let text = if asked.from == "live" { admin.live_text().unwrap_or_default() } else { String::new() };
        written(&Page { frame, text: Typed(text), told: None, among_live: is_among_live(&who) })
    });
    Ok(html(text.await??))
}

async fn tell(
    State(admin): State<Admin>,
    Extension(who): Extension<Who>,
    Extension(posted): Extension<Posted>,
) -> Result<Response, Trouble> {
    let frame = Frame::of(&admin, &who, "/plan");
    // A form ends its lines with CR LF.
    let text = posted.raw("config").replace("\r\n", "\n");
    let told = if text.trim().is_empty() {
        None
    } else if text.len() > MOST {
        let trouble = format!("A text has at most {} MiB here; banyan plan takes larger ones.", MOST / 1024 / 1024);
        Some(Told { trouble: Some(trouble), ..Told::default() })
    } else {
        Some(Told::of(&admin, &who, &text).await)
    };
    let text = aside(move || {
        let among_live = is_among_live(&who);
        written(&Page { frame, text: Typed(text), told, among_live })
    });
    Ok(html(text.await??))
}

/// Files and variables may hold secrets, which an error could show: only who may reload has them beside the text.
fn is_among_live(who: &Who) -> bool {
    who.role >= Role::Owner
}

impl Told {
    async fn of(admin: &Admin, who: &Who, text: &str) -> Told {
        let (sent, main) = match admin.among_live(text.to_owned()).filter(|_| is_among_live(who)) {
            Some(bundle) => {
                let main = crate::config::Bundle::from_text(&bundle).map(|bundle| bundle.main.display().to_string());
                (SentConfiguration { bundle: Some(bundle), config: None }, main.unwrap_or_default())
            }
            None => (SentConfiguration { config: Some(text.to_owned()), bundle: None }, ALONE.to_owned()),
        };
        let checked = match admin.check(sent.clone()).await {
            Ok(checked) => checked,
            Err(fault) => return Told { trouble: Some(fault.message), ..Told::default() },
        };
        let mut told = Told {
            valid: checked.valid,
            findings: findings(&checked, text, &main),
            more_errors: checked.more_errors,
            more_warnings: checked.more_warnings,
            ..Told::default()
        };
        if checked.valid {
            match admin.plan(sent).await {
                Ok(forecast) => told.outlook = Some(Outlook::of(forecast)),
                Err(fault) => told.trouble = Some(fault.message),
            }
        }
        told
    }

    /// How many errors there are, those that are not listed among them.
    fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.is_error).count() + self.more_errors
    }
}

impl Page {
    fn route(name: &str) -> String {
        route(name)
    }
}
