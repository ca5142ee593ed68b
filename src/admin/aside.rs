//! What takes milliseconds, or waits for a disk, on a thread of its own: it must not hold up a rollback.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::fault::Fault;

/// An answer that is JSON already.
#[derive(Debug)]
pub(super) struct Written(Vec<u8>);

/// Runs this there.
///
/// # Errors
/// It broke.
pub async fn aside<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    let looked = tokio::task::spawn_blocking(look).await;
    looked.map_err(|_| Fault::broken())
}

/// The same, written as JSON there: of thousands of rows that takes as long as finding them.
pub(super) async fn aside_json<T: Serialize>(
    look: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<Written, Fault> {
    aside(move || serde_json::to_vec(&look()?).map(Written).map_err(|_| Fault::broken())).await?
}

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}
