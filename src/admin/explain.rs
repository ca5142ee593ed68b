//! How the live generation would decide a request.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use super::aside::aside;
use super::fault::Fault;
use super::input::Query;
use crate::report::explain::{Explanation, Question, explain as explained};

/// What may be asked, for the document; a query with a key that comes several times is read by hand.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExplainQuery {
    /// The method.
    #[param(example = "GET")]
    method: String,
    /// The path, with a query if there is one, or a whole URL.
    #[param(example = "/orders/7")]
    url: String,
    /// The tenant, instead of looking for it in the request.
    #[param(nullable = false)]
    tenant: Option<String>,
    /// The user, instead of looking for it in the request.
    #[param(nullable = false)]
    user: Option<String>,
    /// The client's address; 127.0.0.1 if unsaid.
    #[param(nullable = false)]
    client: Option<String>,
    /// Whether it comes through a trusted proxy.
    #[param(required = false)]
    trusted: bool,
    /// A header of the request, as `NAME: VALUE`; any number of times.
    #[param(required = false)]
    header: Vec<String>,
}

/// What viewers may ask.
pub(super) fn for_viewers() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(explain))
}

/// Explain
///
/// How a request would be decided now, step by step, with pins, the kill switch and ramps as they stand.
#[utoipa::path(
    get, path = "/api/v1/explain", tag = "rules", params(ExplainQuery),
    responses((status = 200, description = "The decision.", body = Explanation))
)]
async fn explain(
    State(admin): State<Admin>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Json<Explanation>, Fault> {
    let question = question(pairs)?;
    let live = Arc::clone(&admin.live.current());
    let explanation = aside(move || {
        let explanation = explained(&live.snapshot, &live.overrides, &question)?;
        Ok(Explanation { generation: Some(live.number), ..explanation })
    });
    explanation.await?.map(Json).map_err(|why: String| Fault::senseless(why))
}

fn question(pairs: Vec<(String, String)>) -> Result<Question, Fault> {
    let wrong = |message: String| Fault::new(StatusCode::BAD_REQUEST, message);
    let mut asked = ExplainQuery::default();
    let mut seen: Vec<String> = Vec::new();
    for (key, value) in pairs {
        match key.as_str() {
            "method" => asked.method = value,
            "url" => asked.url = value,
            "tenant" => asked.tenant = Some(value),
            "user" => asked.user = Some(value),
            "client" => asked.client = Some(value),
            "trusted" => asked.trusted = value.parse().map_err(|_| wrong("`trusted` is true or false".to_owned()))?,
            "header" => {
                asked.header.push(value);
                continue;
            }
            _ => return Err(wrong(format!("there is no parameter `{key}`"))),
        }
        if seen.contains(&key) {
            return Err(wrong(format!("`{key}` comes twice")));
        }
        seen.push(key);
    }
    for needed in ["method", "url"] {
        if !seen.iter().any(|key| key == needed) {
            return Err(wrong(format!("`{needed}` is missing")));
        }
    }
    let client = match &asked.client {
        Some(text) => text.parse().map_err(|_| Fault::senseless(format!("`{text}` is no IP address")))?,
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let mut question = Question::new(&asked.method, &asked.url, &asked.header, client).map_err(Fault::senseless)?;
    (question.tenant, question.user, question.trusted) = (asked.tenant, asked.user, asked.trusted);
    Ok(question)
}
