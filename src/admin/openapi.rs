//! The OpenAPI document (3.1): what the handlers say of themselves, and what holds for all of them.

use axum::extract::Extension;
use axum::http::header;
use axum::response::IntoResponse;
use bytes::Bytes;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Info, ObjectBuilder, OpenApi, PathItem, Ref, Required, Response, ResponseBuilder, Type,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use crate::snapshot::Role;

/// How the document calls the bearer token.
const TOKEN: &str = "token";

/// The document as it is served.
#[derive(Debug, Clone)]
pub(super) struct Document(Bytes);

/// What viewers may see.
pub(super) fn for_viewers() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(document))
}

/// This document
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "health",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object))
)]
async fn document(Extension(Document(json)): Extension<Document>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], json)
}

/// Says of these operations that they need a token of this role, and what follows from it.
pub(super) fn guarded(document: &mut OpenApi, role: Role) {
    for operation in operations(document) {
        operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>(TOKEN, [])]);
        let said = operation.description.take().map(|said| format!("{said}\n\n")).unwrap_or_default();
        operation.description = Some(format!("{said}Needs the role `{role}`."));
        add(operation, "400", "The request, or a part of it, is not well-formed.");
        add(operation, "401", "There is no token, or nobody's.");
        add(operation, "429", "Too many requests without a valid token.");
        add(operation, "503", "The facade is going down, has no room, or what it needs is broken.");
        if operation.request_body.is_some() {
            add(operation, "408", "The body came too slowly.");
            add(operation, "413", "The body is too large.");
            add(operation, "415", "The body is not `application/json`.");
        }
        add(operation, "422", "It is well-formed and makes no sense.");
        if operation.tags.iter().flatten().any(|tag| tag == "control") {
            let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^(\\*|\\d+|\"\\d+\")$")).build();
            let parameter = ParameterBuilder::new()
                .name("If-Match")
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .description(Some("Only if this generation is live; else 409."))
                .schema(Some(schema));
            operation.parameters.get_or_insert_default().push(parameter.build().into());
        }
    }
}

/// The whole document.
pub(super) fn finished(mut document: OpenApi) -> Document {
    document.info = Info::new("Banyan admin API", env!("CARGO_PKG_VERSION"));
    document.info.description =
        Some("What operators of a facade see and do. Every answer that is no success is a Problem.".to_owned());
    for operation in operations(&mut document) {
        add(operation, "403", "A page of another site sent it, or the token's role is too small.");
        add(operation, "405", "The path takes other methods.");
        add(operation, "421", "It is meant for another host.");
        add(operation, "500", "The facade made a mistake.");
    }
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token of `admin.tokens`, or the one in the state directory."));
    components.add_security_scheme(TOKEN, SecurityScheme::Http(bearer.build()));
    // Plain data: JSON has a form for all of it.
    Document(Bytes::from(document.to_json().unwrap_or_default()))
}

fn operations(document: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    document.paths.paths.values_mut().flat_map(|item| {
        let PathItem { get, post, .. } = item;
        [get, post].into_iter().filter_map(Option::as_mut)
    })
}

/// A failure with a Problem, unless the handler says more of that status itself.
fn add(operation: &mut Operation, status: &str, description: &str) {
    let responses = &mut operation.responses.responses;
    responses.entry(status.to_owned()).or_insert_with(|| problem(description).into());
}

fn problem(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content("application/json", content).build()
}
