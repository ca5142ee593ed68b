//! Cohorts: put in an order in which each refers only to earlier ones, then compiled.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::{At, Build, Cx, Directory, Text, keys, matches, values};
use crate::config::diagnostic::Finding;
use crate::config::file;
use crate::config::gather::beside;
use crate::config::read::Named;
use crate::names::Key;
use crate::routing::{Cohort, CohortKind, HeaderCondition, KeySet};

/// How many cohorts may be asked, at most, to know whether somebody is in one.
const MAX_WEIGHT: u64 = 10_000;
/// How deep cohorts may refer to cohorts.
const MAX_DEPTH: u32 = 32;
/// How large a file of tenants may be.
const MAX_TENANTS_FILE: u64 = 64 * 1024 * 1024;

/// The cohorts in an order in which each refers only to earlier ones. A cycle is reported, naming it.
pub(super) fn in_order<'b>(cohorts: &'b [Named<file::Cohort>], cx: &mut Cx<'_>) -> Directory<'b, file::Cohort> {
    let ids: HashMap<&str, usize> = cohorts.iter().enumerate().map(|(id, entry)| (&*entry.name, id)).collect();
    let mut sort = Sort { cohorts, ids, marks: vec![Mark::Unseen; cohorts.len()], order: Vec::new() };
    for id in 0..cohorts.len() {
        sort.visit(id, cx);
    }
    Directory::ordered("cohort", sort.order.into_iter().map(|id| &cohorts[id]).collect())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Unseen,
    Open,
    /// How many cohorts are asked for this one, itself included, and how deep they nest.
    Done {
        weight: u64,
        depth: u32,
    },
}

struct Sort<'b> {
    cohorts: &'b [Named<file::Cohort>],
    ids: HashMap<&'b str, usize>,
    marks: Vec<Mark>,
    order: Vec<usize>,
}

impl<'b> Sort<'b> {
    /// Depth first, without recursion: a file may chain as many cohorts as it likes.
    fn visit(&mut self, id: usize, cx: &mut Cx<'_>) {
        if self.marks[id] != Mark::Unseen {
            return;
        }
        self.marks[id] = Mark::Open;
        let mut stack = vec![(id, self.targets(id), 0)];
        while let Some((id, targets, next)) = stack.last_mut() {
            let Some((target, name)) = targets.get(*next).copied() else {
                let (id, targets) = (*id, std::mem::take(targets));
                stack.pop();
                self.close(id, &targets, cx);
                continue;
            };
            *next += 1;
            match self.marks[target] {
                Mark::Done { .. } => {}
                Mark::Unseen => {
                    self.marks[target] = Mark::Open;
                    let targets = self.targets(target);
                    stack.push((target, targets, 0));
                }
                Mark::Open => {
                    let path: Vec<usize> = stack.iter().map(|(id, ..)| *id).collect();
                    self.report_cycle(&path, target, name, cx);
                }
            }
        }
    }

    /// The cohorts that this one refers to, and where.
    fn targets(&self, id: usize) -> Vec<(usize, &'b At<Text>)> {
        let Some(cohort) = self.cohorts[id].value.get() else { return Vec::new() };
        let lists = [&cohort.any, &cohort.all, &cohort.except];
        let names = lists.into_iter().flatten().filter_map(At::get).flat_map(|list| &list.0);
        names.filter_map(|name| Some((*self.ids.get(&*name.get()?.0)?, name))).collect()
    }

    fn close(&mut self, id: usize, targets: &[(usize, &At<Text>)], cx: &mut Cx<'_>) {
        let (mut weight, mut depth) = (1_u64, 1_u32);
        for (target, _) in targets {
            if let Mark::Done { weight: more, depth: below } = self.marks[*target] {
                weight = weight.saturating_add(more);
                depth = depth.max(below.saturating_add(1));
            }
        }
        let entry = &self.cohorts[id];
        if weight > MAX_WEIGHT || depth > MAX_DEPTH {
            let message = format!(
                "to know who is in `{}` takes more than {MAX_WEIGHT} cohorts, or {MAX_DEPTH} one within the other",
                entry.name
            );
            cx.report.error(entry.name_place, "cohort-too-large", message);
            (weight, depth) = (1, 1);
        }
        self.marks[id] = Mark::Done { weight, depth };
        self.order.push(id);
    }

    fn report_cycle(&self, path: &[usize], target: usize, name: &At<Text>, cx: &mut Cx<'_>) {
        let start = path.iter().position(|id| *id == target).unwrap_or(0);
        let names: Vec<&str> = path[start..].iter().chain([&target]).map(|id| &*self.cohorts[*id].name).collect();
        cx.report.error(name.place, "cohort-cycle", format!("cohorts within each other: {}", names.join(" → ")));
    }
}

/// All cohorts, in the order of their ids.
pub(super) fn compile(build: &mut Build<'_>, cx: &mut Cx<'_>) -> Vec<Cohort> {
    let entries = build.cohorts.entries.clone();
    entries.into_iter().filter_map(|entry| compile_one(entry, build, cx)).collect()
}

fn compile_one(entry: &Named<file::Cohort>, build: &mut Build<'_>, cx: &mut Cx<'_>) -> Option<Cohort> {
    let cohort = entry.value.get()?;
    let kinds = [
        ("tenants", cohort.tenants.is_some() || cohort.tenants_file.is_some()),
        ("header", cohort.header.is_some()),
        ("percent", cohort.percent.is_some() || cohort.by.is_some()),
        ("networks", cohort.networks.is_some()),
        ("any", cohort.any.is_some()),
        ("all", cohort.all.is_some()),
    ];
    let present: Vec<&str> = kinds.into_iter().filter(|(_, present)| *present).map(|(kind, _)| kind).collect();
    if present.len() != 1 {
        let finding = match present.as_slice() {
            [] => Finding::error(entry.name_place, "empty-cohort", format!("`{}` says nobody", entry.name)),
            several => {
                let message = format!("`{}` has {}: a cohort has one of them", entry.name, several.join(" and "));
                Finding::error(entry.name_place, "mixed-cohort", message)
            }
        };
        let help =
            "one of tenants (and tenants_file), header, percent, networks, any, all; combine cohorts with any and all";
        cx.report.add(finding.help(help));
    }
    if let (Some(salt), None) = (&cohort.salt, &cohort.percent) {
        cx.report.error(salt.place, "missing-percent", "`salt` says nothing without `percent`");
    }
    let kind = kind(&entry.name, cohort, build, cx);
    let except = build.cohorts.cohorts(cohort.except.as_ref(), cx);
    Some(Cohort { name: Arc::clone(&entry.name), kind: kind?, except })
}

fn kind(name: &Arc<str>, cohort: &file::Cohort, build: &mut Build<'_>, cx: &mut Cx<'_>) -> Option<CohortKind> {
    if cohort.tenants.is_some() || cohort.tenants_file.is_some() {
        return Some(CohortKind::Tenants(tenants(cohort, build, cx)));
    }
    if let Some(header) = &cohort.header {
        let header = header.get()?;
        let (name, place) = (&header.name.get()?.0, header.name.place);
        keys::check_subject_header(name, place, cx);
        let trusted = header.from.is_some();
        if trusted {
            keys::trust_header(name, place, build, cx);
        }
        let condition = HeaderCondition { name: name.clone(), value: matches::value(&header.value, cx)? };
        return Some(CohortKind::Header { condition, trusted });
    }
    if cohort.percent.is_some() || cohort.by.is_some() {
        let (percent, by) = keys::share(cohort.percent.as_ref(), cohort.by.as_ref(), build, cx)?;
        let salt = cohort.salt.as_ref().and_then(At::get).map_or_else(|| Arc::clone(name), |salt| Arc::from(&*salt.0));
        return Some(CohortKind::Percent { percent, by, salt });
    }
    if cohort.networks.is_some() {
        return Some(CohortKind::Networks(values(cohort.networks.as_ref()).map(|(net, _)| net.0).collect()));
    }
    if cohort.any.is_some() {
        return Some(CohortKind::Any(build.cohorts.cohorts(cohort.any.as_ref(), cx)));
    }
    cohort.all.is_some().then(|| CohortKind::All(build.cohorts.cohorts(cohort.all.as_ref(), cx)))
}

fn tenants(cohort: &file::Cohort, build: &mut Build<'_>, cx: &mut Cx<'_>) -> KeySet {
    let place = cohort.tenants.as_ref().map(|at| at.place).or(cohort.tenants_file.as_ref().map(|at| at.place));
    if let Some(place) = place {
        keys::warn_without_source(Key::Tenant, place, build, cx);
    }
    let mut all: KeySet = values(cohort.tenants.as_ref()).map(|(tenant, _)| tenant.0.clone()).collect();
    if let Some((file, path)) = cohort.tenants_file.as_ref().and_then(|file| Some((file, file.get()?))) {
        let path = beside(cx.report.files.path(file.place.file), &path.0);
        let Some(lines) = read_tenants(&path, file, cx) else { return all };
        if !build.tenant_files.iter().any(|(known, _)| *known == path) {
            build.tenant_files.push((path, lines.len()));
        }
        all.extend(lines);
    }
    all
}

/// One tenant per line; empty lines and lines that start with `#` are skipped.
fn read_tenants(path: &Path, named: &At<Text>, cx: &mut Cx<'_>) -> Option<Vec<Box<str>>> {
    let text = match cx.source.read(path, MAX_TENANTS_FILE).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(_)) => {
            cx.report.error(named.place, "not-utf8", format!("`{}` is no UTF-8", path.display()));
            return None;
        }
        Err(error) => {
            cx.report.error(named.place, "unreadable", format!("cannot read `{}`: {error}", path.display()));
            return None;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let tenants: Vec<Box<str>> = lines.map(Box::from).collect();
    if tenants.is_empty() {
        cx.report.warning(named.place, "empty-file", format!("no tenant stands in `{}`", path.display()));
    }
    Some(tenants)
}
