//! Two structured bodies as one tree, side by side: what differs is open, what is equal is folded away.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::hashes::hashes;
use super::pairs::{Pair, Pairing, rename};
use super::quiet;
use super::text::{self, Piece};
use super::way::Way;
use crate::diff::Tree;
use crate::diff::rules::Rules;
use crate::diff::selector::Step;
use crate::diff::tree::{Node, Value};

/// The most rows of what differs, and of what it stands in.
const OPEN: usize = 800;
/// The most rows that are folded away in all, and in one fold.
const FOLDED: (usize, usize) = (600, 40);
/// So many names a fold tells.
pub(super) const NAMED: usize = 6;
/// The deepest that rows are set in.
const DEEPEST: usize = 16;
/// How long long arrays may be looked at for what moved.
const PATIENCE: Duration = Duration::from_millis(200);

/// A row of the tree.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Row {
    /// Here a fold begins: so many equal ones, by name.
    Fold { depth: usize, count: usize, names: String },
    /// Here a fold of what differs only where rules let it begins: so many, by name.
    Quiet { depth: usize, count: usize, names: String },
    /// Here it ends.
    Unfold,
    /// The same on both sides.
    Same { depth: usize, name: String, value: Vec<Piece> },
    /// What each side has there.
    Differs { depth: usize, name: String, sides: [Option<Vec<Piece>>; 2], mark: Mark },
    /// So much of an equal part is not shown.
    Left(usize),
    /// From here on nothing is shown.
    Cut,
}

/// What is held of a row that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nothing of itself: the rows in it say what differs.
    Inside,
    /// It is a difference of this comparison, by its place in the list of those.
    Counts(usize),
    /// It differs, but does not count; why, where a rule says so.
    Passes(Option<String>),
}

/// What a tree is read by.
pub(super) struct Reading<'a> {
    /// The differences of the comparison by their normalised path: places in the list of those.
    pub(super) differences: HashMap<&'a str, usize>,
    /// The rules of the comparison as they are now.
    pub(super) rules: Option<&'a Rules>,
}

/// What is still to be shown, last things first.
enum Task<'t> {
    Pair { pair: Pair<'t>, depth: usize, way: Way, is_told: bool },
    Same { name: String, node: Node<'t>, depth: usize },
    Fold { depth: usize, count: usize, names: String },
    Left(usize),
    Unfold,
}

struct Merge<'a, 't> {
    reading: &'a Reading<'a>,
    pairing: Pairing<'a>,
    tasks: Vec<Task<'t>>,
    rows: Vec<Row>,
    open: usize,
    folded: usize,
    /// How many rows this fold may still have; `None` outside of one.
    fold: Option<usize>,
}

/// Two bodies as rows.
pub(super) fn rows(trees: [&Tree<'_>; 2], reading: &Reading<'_>) -> Vec<Row> {
    let both = trees.map(hashes);
    let pairing = Pairing { hashes: [&both[0], &both[1]], deadline: Instant::now() + PATIENCE };
    let whole = Pair { step: Step::AnyMember, renamed: None, sides: trees.map(|tree| Some(tree.root())) };
    let tasks = vec![Task::Pair { pair: whole, depth: 0, way: Way::default(), is_told: false }];
    let mut merge = Merge { reading, pairing, tasks, rows: Vec::new(), open: 0, folded: 0, fold: None };
    merge.run();
    quiet::folded(merge.rows)
}

impl<'t> Merge<'_, 't> {
    fn run(&mut self) {
        while let Some(task) = self.tasks.pop() {
            match task {
                Task::Fold { depth, count, names } => {
                    self.rows.push(Row::Fold { depth, count, names });
                    self.fold = Some(FOLDED.1);
                }
                Task::Unfold => {
                    self.rows.push(Row::Unfold);
                    self.fold = None;
                }
                Task::Left(count) => self.rows.push(Row::Left(count)),
                Task::Same { name, node, depth } => self.same(name, node, depth),
                Task::Pair { pair, depth, way, is_told } => {
                    if self.open >= OPEN {
                        self.rows.push(Row::Cut);
                        return;
                    }
                    self.pair(&pair, depth, &way, is_told);
                }
            }
        }
    }

    /// A value that both sides have; in a fold only while there is room.
    fn same(&mut self, name: String, node: Node<'t>, depth: usize) {
        if let Some(room) = &mut self.fold {
            if *room == 0 || self.folded >= FOLDED.0 {
                return self.left();
            }
            *room -= 1;
            self.folded += 1;
        } else {
            self.open += 1;
        }
        self.rows.push(Row::Same { depth: depth.min(DEEPEST), name, value: text::pieces(&spelled(node)) });
        let most = FOLDED.1;
        let children: Vec<(String, Node<'t>)> = inside(node).take(most).collect();
        let count = node.len();
        if count > children.len() {
            self.tasks.push(Task::Left(count - children.len()));
        }
        let tasks = children.into_iter().rev().map(|(name, node)| Task::Same { name, node, depth: depth + 1 });
        self.tasks.extend(tasks);
    }

    /// Says once that something is left out.
    fn left(&mut self) {
        match self.rows.last_mut() {
            Some(Row::Left(count)) => *count += 1,
            _ => self.rows.push(Row::Left(1)),
        }
    }

    /// What differs; `is_told` where what it stands in is marked already.
    fn pair(&mut self, pair: &Pair<'t>, depth: usize, way: &Way, is_told: bool) {
        let name = if depth == 0 { String::new() } else { pair_named(pair) };
        if self.pairing.is_equal(&pair.sides) {
            let [Some(node), _] = pair.sides else { return };
            return self.same(name, node, depth);
        }
        let unordered = self.reading.rules.and_then(|rules| way.unordered(rules));
        let mut children = self.pairing.inside(pair.sides, unordered);
        if let Some(rules) = self.reading.rules.filter(|rules| !rules.rename.is_empty()) {
            rename(&mut children, |legacy, new| way.renames(rules, legacy, new));
        }
        let mark = self.mark(pair, way, !children.is_empty(), is_told);
        let is_told = is_told || !matches!(mark, Mark::Inside);
        let alone = pair.sides.iter().any(Option::is_none);
        self.push(pair, depth, name, mark);
        let mut tasks = Vec::new();
        let mut at = 0;
        while at < children.len() {
            let equal = children[at..].iter().take_while(|pair| self.pairing.is_equal(&pair.sides)).count();
            if equal > 0 {
                fold(&children[at..at + equal], depth + 1, &mut tasks);
                at += equal;
                continue;
            }
            let child = children[at].clone();
            let way = way.down(child.step.clone());
            tasks.push(Task::Pair { pair: child, depth: depth + 1, way, is_told: is_told && alone });
            at += 1;
        }
        self.tasks.extend(tasks.into_iter().rev());
    }

    fn push(&mut self, pair: &Pair<'t>, depth: usize, name: String, mark: Mark) {
        self.open += 1;
        let depth = depth.min(DEEPEST);
        let spelled = pair.sides.map(|side| side.map(spelled));
        let sides = match &spelled {
            [Some(one), Some(other)] if one == other && matches!(mark, Mark::Inside) => {
                return self.rows.push(Row::Same { depth, name, value: text::pieces(one) });
            }
            [Some(one), Some(other)] if !matches!(mark, Mark::Inside) => text::pair(one, other).map(Some),
            sides => [0, 1].map(|side| sides[side].as_ref().map(|value| text::pieces(value))),
        };
        self.rows.push(Row::Differs { depth, name, sides, mark });
    }

    fn mark(&self, pair: &Pair<'t>, way: &Way, has_inside: bool, is_told: bool) -> Mark {
        let path = way.normalised();
        if let Some(place) = path.as_deref().and_then(|path| self.reading.differences.get(path)) {
            return Mark::Counts(*place);
        }
        let both = pair.sides.iter().all(Option::is_some);
        if is_told || both && has_inside {
            return Mark::Inside;
        }
        Mark::Passes(self.reading.rules.and_then(|rules| way.rule(rules)))
    }
}

/// Folds equal values away; a single one without anything in it takes no more room than the fold would.
fn fold<'t>(equal: &[Pair<'t>], depth: usize, tasks: &mut Vec<Task<'t>>) {
    let same = |pair: &Pair<'t>| pair.sides[0].map(|node| Task::Same { name: pair_named(pair), node, depth });
    if let [one] = equal
        && one.sides[0].is_some_and(|node| node.is_empty())
    {
        tasks.extend(same(one));
        return;
    }
    let names: Vec<String> = equal.iter().take(NAMED).map(pair_named).collect();
    let more = if equal.len() > names.len() { " …" } else { "" };
    let names = format!("{}{more}", names.join(", "));
    tasks.push(Task::Fold { depth: depth.min(DEEPEST), count: equal.len(), names });
    tasks.extend(equal.iter().take(FOLDED.1).filter_map(same));
    if equal.len() > FOLDED.1 {
        tasks.push(Task::Left(equal.len() - FOLDED.1));
    }
    tasks.push(Task::Unfold);
}

/// What stands in a container, with its name.
fn inside<'t>(node: Node<'t>) -> impl Iterator<Item = (String, Node<'t>)> {
    let members = node.members().map(|member| (named(&Step::Member(member.name.to_owned())), member.value));
    let elements = node.elements().enumerate().map(|(place, node)| (named(&Step::Element(place)), node));
    members.chain(elements)
}

/// What a pair is called, by both names where there are two.
fn pair_named(pair: &Pair<'_>) -> String {
    match &pair.renamed {
        Some(other) => format!("{} → {}", named(&pair.step), named(other)),
        None => named(&pair.step),
    }
}

/// The last step to a value, as its row begins.
fn named(step: &Step) -> String {
    let name = match step {
        Step::Member(name) | Step::Descendant(name) => name.clone(),
        Step::Element(place) => format!("[{place}]"),
        Step::AnyMember | Step::AnyElement => String::new(),
    };
    super::super::differences::list::shown(&name, 80)
}

/// A value as its row has it; of what has something in it, how much.
fn spelled(node: Node<'_>) -> String {
    let counted = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    match node.value() {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(text) => text.to_owned(),
        Value::Text(text) => format!("\"{text}\""),
        Value::Array => format!("[ {} ]", counted(node.len(), "element", "elements")),
        Value::Object => format!("{{ {} }}", counted(node.len(), "member", "members")),
    }
}

#[cfg(test)]
mod tests;
