//! What pages are made of besides their text: within the binary, so that the console needs no other host.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::admin::Admin;

/// The URL names the content, so it never changes.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A file that is served as it is.
struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static [u8],
}

const ASSETS: [Asset; 3] = [
    Asset {
        name: "console.css",
        kind: "text/css; charset=utf-8",
        content: concat!(
            include_str!("../../templates/console/console.css"),
            include_str!("../../templates/console/analysis.css")
        )
        .as_bytes(),
    },
    Asset {
        name: "console.js",
        kind: "text/javascript; charset=utf-8",
        content: concat!(
            include_str!("../../templates/console/console.js"),
            include_str!("../../templates/console/analysis.js"),
            include_str!("../../templates/console/charts.js")
        )
        .as_bytes(),
    },
    Asset { name: "icon.svg", kind: "image/svg+xml", content: include_bytes!("../../templates/console/icon.svg") },
];

static URLS: LazyLock<[String; ASSETS.len()]> = LazyLock::new(|| {
    ASSETS.map(|asset| {
        let hash = digest(&SHA256, asset.content);
        let hex: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("/assets/{}?v={hex}", asset.name)
    })
});

/// Where pages find the style.
#[must_use]
pub fn style() -> &'static str {
    &URLS[0]
}

/// Where pages find the script.
#[must_use]
pub fn script() -> &'static str {
    &URLS[1]
}

/// Where pages find the icon.
#[must_use]
pub fn icon() -> &'static str {
    &URLS[2]
}

/// The files; they are public.
pub(super) fn routes() -> Router<Admin> {
    Router::new().route("/assets/{name}", get(asset))
}

async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => (
            [(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)), (header::CACHE_CONTROL, FOREVER)],
            asset.content,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_name_what_there_is() {
        for (url, name) in [(style(), "console.css"), (script(), "console.js"), (icon(), "icon.svg")] {
            assert!(url.starts_with(&format!("/assets/{name}?v=")) && url.ends_with(|c: char| c.is_ascii_hexdigit()));
        }
    }

    #[test]
    fn nothing_asks_another_host_for_anything() {
        for asset in ASSETS {
            let text = String::from_utf8_lossy(asset.content).replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("://"), "{}", asset.name);
        }
    }
}
