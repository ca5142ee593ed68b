//! What requests bring: JSON, queries and path parts, refused in the API's own words.

use axum::extract::{FromRequest, FromRequestParts};

use super::fault::Fault;

/// A JSON body.
#[derive(Debug, FromRequest)]
#[from_request(via(axum::Json), rejection(Fault))]
pub(super) struct Input<T>(pub(super) T);

/// The query.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Fault))]
pub(super) struct Query<T>(pub(super) T);

/// Parts of the path.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Fault))]
pub(super) struct Part<T>(pub(super) T);
