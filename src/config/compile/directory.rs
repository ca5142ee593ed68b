//! Names of one kind and where they lead.

use std::cell::Cell;
use std::collections::HashMap;

use super::{At, BackendId, CohortId, Cx, Filled, FlagId, Text};
use crate::config::diagnostic::Finding;
use crate::config::read::Named;

/// Names of one kind, in the order of their ids, and which of them are used.
pub(super) struct Directory<'b, T> {
    what: &'static str,
    pub(super) entries: Vec<&'b Named<T>>,
    ids: HashMap<&'b str, u32>,
    used: Vec<Cell<bool>>,
}

impl<'b, T> Directory<'b, T> {
    pub(super) fn new(what: &'static str, entries: &'b [Named<T>]) -> Directory<'b, T> {
        Directory::ordered(what, entries.iter().collect())
    }

    pub(super) fn ordered(what: &'static str, entries: Vec<&'b Named<T>>) -> Directory<'b, T> {
        let ids = (0..).zip(&entries).map(|(id, entry)| (&*entry.name, id)).collect();
        let used = vec![Cell::new(false); entries.len()];
        Directory { what, entries, ids, used }
    }

    /// Where a name leads; a name that leads nowhere is reported. The name counts as used.
    fn find(&self, name: &At<Text>, cx: &mut Cx<'_>) -> Option<u32> {
        let text = &*name.get()?.0;
        let id = self.ids.get(text).copied();
        match id {
            Some(id) => self.used[id as usize].set(true),
            None => self.unknown(text, name, cx),
        }
        id
    }

    fn unknown(&self, text: &str, name: &At<Text>, cx: &mut Cx<'_>) {
        let code = match self.what {
            "backend" => "unknown-backend",
            "cohort" => "unknown-cohort",
            "comparison" => "unknown-comparison",
            _ => "unknown-flag",
        };
        let mut finding = Finding::error(name.place, code, format!("there is no {} `{text}`", self.what));
        if !cx.report.is_crowded() {
            finding = finding.near(text, self.entries.iter().map(|entry| &*entry.name));
        }
        cx.report.add(finding);
    }

    /// Warns of names that nothing leads to.
    pub(super) fn check_none_unused(&self, cx: &mut Cx<'_>) {
        for (entry, used) in self.entries.iter().zip(&self.used) {
            if !used.get() {
                let message = format!("nothing uses the {} `{}`", self.what, entry.name);
                cx.report.warning(entry.name_place, "unused", message);
            }
        }
    }
}

impl<T> Directory<'_, T> {
    pub(super) fn backend(&self, name: &At<Text>, cx: &mut Cx<'_>) -> Option<BackendId> {
        self.find(name, cx).map(BackendId)
    }

    pub(super) fn cohorts(&self, list: Option<&At<Filled<Text>>>, cx: &mut Cx<'_>) -> Vec<CohortId> {
        let names = list.and_then(At::get).map_or(&[][..], AsRef::as_ref).iter();
        names.filter_map(|name| self.find(name, cx)).map(CohortId).collect()
    }

    pub(super) fn cohort(&self, name: &At<Text>, cx: &mut Cx<'_>) -> Option<CohortId> {
        self.find(name, cx).map(CohortId)
    }

    /// The place of a comparison.
    pub(super) fn comparison(&self, name: &At<Text>, cx: &mut Cx<'_>) -> Option<usize> {
        self.find(name, cx).map(|id| id as usize)
    }

    /// The place of a name that is used without being said, if it is there.
    pub(super) fn known(&self, name: &str) -> Option<usize> {
        let id = self.ids.get(name).copied()? as usize;
        self.used[id].set(true);
        Some(id)
    }

    pub(super) fn flags(&self, list: Option<&At<Filled<Text>>>, cx: &mut Cx<'_>) -> Vec<FlagId> {
        let names = list.and_then(At::get).map_or(&[][..], AsRef::as_ref).iter();
        names.filter_map(|name| self.find(name, cx)).map(FlagId).collect()
    }
}
