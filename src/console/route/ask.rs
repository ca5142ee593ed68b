//! A request typed in: each route that is tried, why, and what comes of it.

use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;

use crate::report::explain::{Explanation, Question, explain};
use crate::routing::{Overrides, Route};
use crate::snapshot::Snapshot;

/// What is typed in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) tenant: String,
    pub(super) user: String,
    pub(super) client: String,
    /// A header on each line.
    pub(super) headers: String,
}

impl Typed {
    /// A request that the route takes, to begin with.
    pub(super) fn example(route: &Route) -> Typed {
        let first = route.matches.first();
        let method = first.and_then(|first| first.methods.first()).map_or("GET", http::Method::as_str);
        let path = first.and_then(|first| first.path.as_ref()).map_or("/".to_owned(), |path| filled(&path.to_string()));
        let host = first.and_then(|first| first.host.as_ref()).map(|host| host.to_string().replace('*', "www"));
        let url = host.map_or(path.clone(), |host| format!("http://{host}{path}"));
        Typed { method: method.to_owned(), url, ..Typed::default() }
    }

    /// How these rules decide it while these overrides hold.
    ///
    /// # Errors
    /// What of it is no part of a request, or what a facade would refuse of it.
    pub(super) fn answer(&self, snapshot: &Snapshot, overrides: &Overrides) -> Result<Explanation, String> {
        let text = self.client.trim();
        let client = match text {
            "" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            text => text.parse().map_err(|_| format!("`{text}` is no IP address"))?,
        };
        let lines: Vec<String> =
            self.headers.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        let method = if self.method.trim().is_empty() { "GET" } else { self.method.trim() };
        let mut question = Question::new(method, self.url.trim(), &lines, client)?;
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        (question.tenant, question.user) = (given(&self.tenant), given(&self.user));
        explain(snapshot, overrides, &question)
    }
}

/// A path with something in place of what is in braces.
fn filled(pattern: &str) -> String {
    let mut path = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        path.push_str(before);
        path.push('1');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    path + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_filled_in() {
        for (pattern, path) in
            [("/orders/{id}", "/orders/1"), ("/a/{b}/c/{*rest}", "/a/1/c/1"), ("/x", "/x"), ("/{", "/1")]
        {
            assert_eq!(filled(pattern), path);
        }
    }

    #[test]
    fn what_is_typed_in_is_answered_or_told_why_not() {
        let (live, none) = (super::super::tests::snapshot(super::super::tests::ROUTES), Overrides::default());
        let mut typed = Typed::example(&live.rules.routes[0]);
        assert_eq!((&*typed.method, &*typed.url), ("GET", "/orders/1"));
        typed.user = "u-1".to_owned();
        let answer = typed.answer(&live, &none).unwrap();
        assert_eq!(answer.route.as_deref(), Some("orders-read"));
        assert!(answer.bucket.is_some() && !answer.steps.is_empty());
        typed.client = "x".to_owned();
        assert_eq!(typed.answer(&live, &none), Err("`x` is no IP address".to_owned()));
        typed.client = String::new();
        typed.headers = "no header".to_owned();
        assert!(typed.answer(&live, &none).unwrap_err().contains("NAME: VALUE"));
    }
}
