//! A question before something is done: what it will do, in words, and why somebody wants it.
//!
//! Every action has a page of its own that asks, so that it works without a script; with one, the same page opens above the one that
//! it was asked from.

use askama::Template;
use axum::response::Response;

use super::frame::Frame;
use super::page::page;
use super::trouble::Trouble;

/// The most names that are listed.
const LISTED: usize = 50;

/// A question before something is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Question {
    /// What is asked.
    pub(super) title: String,
    /// What it will do.
    pub(super) says: Vec<String>,
    /// What it is about, one by one.
    pub(super) list: Option<List>,
    /// What may be meant instead.
    pub(super) other: Option<Other>,
    /// Where the form goes.
    pub(super) action: &'static str,
    /// What the form says besides.
    pub(super) hidden: Vec<(&'static str, String)>,
    /// What the button says.
    pub(super) button: &'static str,
    /// Whether it takes traffic away from where it is.
    pub(super) is_danger: bool,
    /// Whether nothing is done without a reason.
    pub(super) needs_reason: bool,
    /// Whether it asks for how long.
    pub(super) asks_time: bool,
    /// Where one comes from and goes back to.
    pub(super) back: String,
    /// Why who asks may not do it; empty if they may.
    pub(super) refused: &'static str,
}

/// Names under a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List {
    label: String,
    names: Vec<String>,
    more: usize,
}

/// Another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Other {
    /// When it is the better one.
    pub(super) why: String,
    /// Where it is asked.
    pub(super) href: String,
    /// What it is called.
    pub(super) label: String,
}

#[derive(Template)]
#[template(path = "console/question.html")]
struct Page<'q> {
    frame: Frame,
    question: &'q Question,
}

impl List {
    /// These names, as far as there is room; `None` without any.
    pub(super) fn of(label: impl Into<String>, mut names: Vec<String>) -> Option<List> {
        let more = names.len().saturating_sub(LISTED);
        names.truncate(LISTED);
        (!names.is_empty()).then(|| List { label: label.into(), names, more })
    }
}

impl Question {
    /// The page that asks.
    ///
    /// # Errors
    /// The template fails, which only a broken one does.
    pub(super) fn asked(&self, frame: Frame) -> Result<Response, Trouble> {
        page(&Page { frame, question: self })
    }
}
