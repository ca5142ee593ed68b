//! A route as its file has it.

use super::{KeyPath, Sheet, Target};

/// A route as its file has it, with its comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line that it begins with, from 1.
    pub line: usize,
    /// Its lines, moved to the left together.
    pub text: String,
}

impl Sheet<'_> {
    /// The text of a route; `None` if this file does not have it. `variable` looks up the environment, as names may be made of it.
    #[must_use]
    pub fn excerpt(&self, route: &str, variable: &dyn Fn(&str) -> Option<String>) -> Option<Excerpt> {
        let name = KeyPath(vec!["name".to_owned()]);
        let found = self.routes(&Target::Route(route.to_owned()), &name, variable);
        let node = self.items().nth(found.first()?.item)?;
        let spot = self.layout.spot(node.meant().number())?;
        let before = self.text.get(..spot.start)?;
        let line = before.matches('\n').count() + 1;
        if spot.within || node.meant().number() != node.number() {
            return Some(Excerpt { line, text: self.text.get(spot.start..spot.end)?.to_owned() });
        }
        let begin = before.rfind('\n').map_or(0, |end| end + 1);
        let after = self.text.get(spot.end..)?;
        let end = spot.end + after.find('\n').unwrap_or(after.len());
        Some(Excerpt { line, text: to_the_left(self.text.get(begin..end)?.trim_end()) })
    }
}

/// The lines without the blanks that all of them begin with.
fn to_the_left(text: &str) -> String {
    let blanks = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let least = text.lines().filter(|line| !line.trim().is_empty()).map(blanks).min().unwrap_or(0);
    let lines: Vec<&str> = text.lines().map(|line| line.get(least..).unwrap_or("")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn excerpt(text: &str, route: &str) -> Option<Excerpt> {
        Sheet::parse(text).ok()?.excerpt(route, &|_| None)
    }

    #[test]
    fn a_route_is_cut_out_with_its_comments() {
        let text = "version: 1\nroutes:\n  # first\n  - name: a\n    stage: live # now\n    canary:\n      percent: 5 # five\n\n  - name: b\n";
        let a = excerpt(text, "a").unwrap();
        assert_eq!((a.line, &*a.text), (4, "- name: a\n  stage: live # now\n  canary:\n    percent: 5 # five"));
        assert_eq!(excerpt(text, "b").unwrap().text, "- name: b");
        assert_eq!(excerpt(text, "c"), None);
    }

    #[test]
    fn one_of_many_on_a_line_is_cut_out_alone() {
        let text = "routes: [{ name: a, stage: live }, { name: b }] # both";
        assert_eq!(excerpt(text, "a").unwrap(), Excerpt { line: 1, text: "{ name: a, stage: live }".to_owned() });
        let text = "routes:\n  - { name: a, stage: live } # flow\n";
        assert_eq!(excerpt(text, "a").unwrap().text, "- { name: a, stage: live } # flow");
    }

    proptest! {
        #[test]
        fn whatever_a_file_is_it_can_be_asked(text in "[a-z:{}\\[\\], \n#'\"|-]{0,60}") {
            let text = format!("routes:\n  - name: a\n    x: {text}\n  - name: b\n");
            let _ = (excerpt(&text, "a"), excerpt(&text, "b"));
        }
    }
}
