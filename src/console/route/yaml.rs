//! A route as the live files have it.

use crate::config::Bundle;
use crate::config::edit::Sheet;

/// A route as the live files have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// Where it stands: `routes.yaml:12`.
    pub(super) place: String,
    /// Its text.
    pub(super) text: String,
}

impl Written {
    /// Whether some of it stands elsewhere, for other routes too (YAML 1.2.2, section 7.1).
    pub(super) fn is_shared(&self) -> bool {
        self.text.contains(": *") || self.text.contains("<<")
    }
}

/// The text of a route in a configuration as it was kept; `None` where it cannot be found, such as under a name made of other
/// variables.
pub(super) fn written(bundle: &str, route: &str) -> Option<Written> {
    let bundle = Bundle::from_text(bundle).ok()?;
    let variable = |name: &str| std::env::var(name).ok();
    bundle.yaml().find_map(|(path, text)| {
        let found = Sheet::parse(text).ok()?.excerpt(route, &variable)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Some(Written { place: format!("{name}:{}", found.line), text: found.text })
    })
}
