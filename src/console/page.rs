//! How pages are written.

use askama::Template;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::trouble::Trouble;
use crate::report::printable;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// The page as text. What a screen would obey rather than show (control characters, what turns the direction of text) is written
/// out all over it, whoever put it there.
///
/// # Errors
/// The template fails, which only a broken one does.
pub(super) fn written(template: &impl Template) -> Result<String, Trouble> {
    let text = template.render().map_err(|_| Trouble::broken())?;
    let mut page = String::with_capacity(text.len() + 64);
    for line in text.split('\n') {
        page.push_str(&printable(line));
        page.push('\n');
    }
    Ok(page)
}

/// The answer that shows it.
///
/// # Errors
/// The template fails, which only a broken one does.
pub(super) fn page(template: &impl Template) -> Result<Response, Trouble> {
    Ok(html(written(template)?))
}

/// The answer with a page that is written already.
pub(super) fn html(text: String) -> Response {
    ([(header::CONTENT_TYPE, HTML)], text).into_response()
}
