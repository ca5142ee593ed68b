//! How the elements of two arrays are paired.

use super::matching::{Matching, OfMany};
use super::print::Print;
use super::states::{Edge, NOTHING, State};
use super::{Comparison, align, identity, scalar};
use crate::diff::Unknown;
use crate::diff::tree::{Node, Value};

/// An element that is not ignored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'t> {
    pub(super) node: Node<'t>,
    /// Its place in the array, ignored ones counted.
    pub(super) place: u32,
    pub(super) state: State,
}

/// The elements of two arrays with their prints.
pub(super) struct Lists<'l, 't> {
    pub(super) elements: [&'l [Element<'t>]; 2],
    pub(super) prints: [&'l [Print]; 2],
}

impl<'t> Comparison<'t, '_, '_> {
    /// Pairs the elements of ordered arrays: those that are equal and in the same order, equal ones that were moved, those
    /// that are likely the same, and what is left between two of the first in its order.
    pub(super) fn pair_in_order(&mut self, lists: &Lists<'_, 't>) -> Result<Matching, Unknown> {
        // Which of several equally good pairings is found must not depend on which answer is called the first.
        let [one, other] = lists.prints.map(|prints| prints.iter().map(|print| print.loose).collect::<Vec<_>>());
        let mirror = (one.len(), &one) > (other.len(), &other);
        let fences = if mirror {
            let fences = align::common(&other, &one, self.budget)?;
            fences.into_iter().map(|(other, one)| (one, other)).collect()
        } else {
            align::common(&one, &other, self.budget)?
        };

        let mut matching = Matching::new(one.len(), other.len());
        fences.iter().for_each(|(one, other)| matching.link(*one, *other));
        self.pay_for_sorting(lists)?;
        matching.link_by(OfMany::InOrder, |list, place| Some((lists.print(list, place).loose, 0)));
        self.link_by_identity(&mut matching, lists)?;
        matching.link_gaps(&fences);
        Ok(matching)
    }

    /// Pairs the elements of arrays whose order does not matter: by this member, if there is one, equal ones first.
    pub(super) fn pair_in_any_order(
        &mut self,
        lists: &Lists<'_, 't>,
        member: Option<&[String]>,
    ) -> Result<Matching, Unknown> {
        let keys = lists.elements.map(|list| {
            let key = |element: &Element<'_>| member.and_then(|member| key_of(element.node, member));
            list.iter().map(key).collect::<Vec<_>>()
        });
        let mut matching = Matching::new(keys[0].len(), keys[1].len());
        self.pay_for_sorting(lists)?;
        matching.link_by(OfMany::InOrder, |list, place| {
            let print = lists.print(list, place);
            Some(((keys[list][place as usize], print.loose, print.exact), 0))
        });
        matching.link_by(OfMany::InOrder, |list, place| {
            let print = lists.print(list, place);
            Some(((keys[list][place as usize], print.loose), sortable(print.rank)))
        });
        if member.is_some() {
            matching.link_by(OfMany::InOrder, |list, place| Some((keys[list][place as usize], 0)));
        } else {
            self.link_by_identity(&mut matching, lists)?;
            matching.link_gaps(&[]);
        }
        Ok(matching)
    }

    /// Pairs what shares a member by which people tell such elements apart, where its value is the only one of its kind.
    fn link_by_identity(&mut self, matching: &mut Matching, lists: &Lists<'_, 't>) -> Result<(), Unknown> {
        for name in self.identities(matching, lists)? {
            self.pay_for_sorting(lists)?;
            let free = matching.free_one().count() + matching.free_other().count();
            // Finding a member looks at those before it.
            self.budget.spend(free as u64 * 8)?;
            matching.link_by(OfMany::Free, |list, place| {
                let node = lists.elements[list].get(place as usize)?.node;
                key_of(node, std::slice::from_ref(&name)).map(|key| (key, 0))
            });
        }
        Ok(())
    }

    /// The members that both of the first unpaired objects have, and that tell such objects apart; the best first.
    fn identities(&mut self, matching: &Matching, lists: &Lists<'_, 't>) -> Result<Vec<String>, Unknown> {
        let first = |list: usize, place: Option<u32>| Some(lists.elements[list].get(place? as usize)?.node);
        let (Some(one), Some(other)) = (first(0, matching.free_one().next()), first(1, matching.free_other().next()))
        else {
            return Ok(Vec::new());
        };
        self.budget.spend((one.len() + other.len()) as u64)?;
        let element = lists.elements[0].first().map_or(NOTHING, |element| element.state);
        let [mut names, others] = [one, other].map(|object| {
            let ranked = |name| identity::rank(name).map(|rank| (rank, name));
            let mut names: Vec<_> = object.members().filter_map(|member| ranked(member.name)).collect();
            names.sort_unstable();
            names
        });
        names.dedup();
        names.retain(|name| others.binary_search(name).is_ok());
        names.retain(|(_, name)| {
            let state = self.states.down(element, Edge::Name(name));
            !self.states.facts(state).ignore
        });
        Ok(names.into_iter().take(identity::MOST).map(|(_, name)| name.to_owned()).collect())
    }

    fn pay_for_sorting(&mut self, lists: &Lists<'_, 't>) -> Result<(), Unknown> {
        let many = (lists.elements[0].len() + lists.elements[1].len()) as u64;
        self.budget.spend(many)
    }
}

impl Lists<'_, '_> {
    fn print(&self, list: usize, place: u32) -> Print {
        self.prints[list].get(place as usize).copied().unwrap_or_default()
    }
}

/// A hash of the scalar that this member of a member holds.
fn key_of(element: Node<'_>, member: &[String]) -> Option<u64> {
    let node = member.iter().try_fold(element, |node, name| node.member(name))?;
    let value = node.value();
    (!matches!(value, Value::Array | Value::Object | Value::Null)).then(|| scalar::hash(value))
}

/// A number in the same order as others.
fn sortable(rank: f64) -> i64 {
    let bits = rank.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}
