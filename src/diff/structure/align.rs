//! The longest run of elements that two lists have in common, in order.

use crate::diff::{Budget, Unknown};

/// Elements that only one of two lists has, beyond which the cheaper way is taken.
const MAX_EDITS: usize = 256;

/// Pairs of places with equal keys, in the order of both lists: as many as there are, where the lists differ by up to
/// 256 elements, else those of elements that are the only ones of their kind.
///
/// # Errors
/// The budget is spent.
pub(super) fn common(one: &[u64], other: &[u64], budget: &mut Budget<'_>) -> Result<Vec<(u32, u32)>, Unknown> {
    budget.spend((one.len() + other.len()) as u64)?;
    let head = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let (one_left, other_left) = (&one[head..], &other[head..]);
    let tail = one_left.iter().rev().zip(other_left.iter().rev()).take_while(|(one, other)| one == other).count();
    let middle = middle(&one_left[..one_left.len() - tail], &other_left[..other_left.len() - tail], budget)?;

    let shift = head as u32;
    let (one_tail, other_tail) = ((one.len() - tail) as u32, (other.len() - tail) as u32);
    let head = (0..shift).map(|place| (place, place));
    let middle = middle.into_iter().map(|(one, other)| (one + shift, other + shift));
    let tail = (0..tail as u32).map(|place| (one_tail + place, other_tail + place));
    Ok(head.chain(middle).chain(tail).collect())
}

fn middle(one: &[u64], other: &[u64], budget: &mut Budget<'_>) -> Result<Vec<(u32, u32)>, Unknown> {
    if one.is_empty() || other.is_empty() {
        return Ok(Vec::new());
    }
    let shared = shared(one, other, budget)?;
    if one.len() + other.len() - 2 * shared <= MAX_EDITS
        && let Some(pairs) = shortest_edit(one, other, budget)?
    {
        return Ok(pairs);
    }
    longest_of_uniques(one, other, budget)
}

/// How many elements the lists share, in whatever order.
fn shared(one: &[u64], other: &[u64], budget: &mut Budget<'_>) -> Result<usize, Unknown> {
    budget.spend((one.len() + other.len()) as u64)?;
    let sorted = |list: &[u64]| {
        let mut list = list.to_vec();
        list.sort_unstable();
        list
    };
    let (one, other) = (sorted(one), sorted(other));
    let (mut left, mut right, mut shared) = (0, 0, 0);
    while let (Some(a), Some(b)) = (one.get(left), other.get(right)) {
        shared += usize::from(a == b);
        left += usize::from(a <= b);
        right += usize::from(b <= a);
    }
    Ok(shared)
}

/// Myers, "An O(ND) difference algorithm and its variations", Algorithmica 1986, the greedy one; `None` beyond
/// [`MAX_EDITS`].
fn shortest_edit(one: &[u64], other: &[u64], budget: &mut Budget<'_>) -> Result<Option<Vec<(u32, u32)>>, Unknown> {
    // For each number of edits, how far into the first list each diagonal got; diagonal k is at place MAX_EDITS + k.
    let mut reached: Vec<Vec<usize>> = Vec::new();
    let mut front = vec![0; 2 * MAX_EDITS + 3];
    for edits in 0..=MAX_EDITS {
        budget.spend(edits as u64 + 1)?;
        reached.push(front[MAX_EDITS + 1 - edits..=MAX_EDITS + 1 + edits].to_vec());
        for step in 0..=edits {
            // The diagonal, moved up so that it is not negative.
            let diagonal = MAX_EDITS + 1 + 2 * step - edits;
            let down = step == 0 || (step != edits && front[diagonal - 1] < front[diagonal + 1]);
            let from = if down { front[diagonal + 1] } else { front[diagonal - 1] + 1 };
            let mut x = from;
            // Below the first diagonals of the second list there is nothing.
            let Some(mut y) = (x + MAX_EDITS + 1).checked_sub(diagonal) else { continue };
            while one.get(x).is_some_and(|element| other.get(y) == Some(element)) {
                (x, y) = (x + 1, y + 1);
            }
            budget.spend((x - from) as u64)?;
            front[diagonal] = x;
            if x >= one.len() && y >= other.len() {
                return Ok(Some(walk_back(&reached, one.len(), other.len())));
            }
        }
    }
    Ok(None)
}

/// The pairs on the way that `reached` tells of, from the end.
fn walk_back(reached: &[Vec<usize>], one: usize, other: usize) -> Vec<(u32, u32)> {
    let (mut x, mut y) = (one, other);
    let mut pairs = Vec::new();
    for (edits, front) in reached.iter().enumerate().rev() {
        let offset = edits as isize;
        let at = |diagonal: isize| front.get((diagonal + offset) as usize).copied().unwrap_or(0);
        let diagonal = x as isize - y as isize;
        let down = diagonal == -offset || (diagonal != offset && at(diagonal - 1) < at(diagonal + 1));
        let came_from = if down { diagonal + 1 } else { diagonal - 1 };
        let (from_x, from_y) = match edits {
            0 => (0, 0),
            _ => (at(came_from), (at(came_from) as isize - came_from).max(0) as usize),
        };
        while x > from_x && y > from_y {
            (x, y) = (x - 1, y - 1);
            pairs.push((x as u32, y as u32));
        }
        (x, y) = (from_x, from_y);
    }
    pairs.reverse();
    pairs
}

/// The longest rising run of pairs among elements that each list has once.
fn longest_of_uniques(one: &[u64], other: &[u64], budget: &mut Budget<'_>) -> Result<Vec<(u32, u32)>, Unknown> {
    let (one, other) = (uniques(one), uniques(other));
    budget.spend((one.len() + other.len()) as u64)?;
    let mut pairs = Vec::new();
    let mut right = other.iter().peekable();
    for (key, place) in &one {
        while right.next_if(|(other, _)| other < key).is_some() {}
        if let Some((_, partner)) = right.next_if(|(other, _)| other == key) {
            pairs.push((*place, *partner));
        }
    }
    pairs.sort_unstable();
    Ok(longest_rising(&pairs))
}

fn uniques(list: &[u64]) -> Vec<(u64, u32)> {
    let mut keys: Vec<(u64, u32)> = list.iter().copied().zip(0..).collect();
    keys.sort_unstable();
    let groups = keys.chunk_by(|one, other| one.0 == other.0);
    groups.filter_map(|group| if let [one] = group { Some(*one) } else { None }).collect()
}

/// Of pairs in the order of the first list, the most that are in the order of the other, too (Fredman, "On computing the
/// length of longest increasing subsequences", Discrete Mathematics 1975).
fn longest_rising(pairs: &[(u32, u32)]) -> Vec<(u32, u32)> {
    // For each length, which pair ends the run of it that ends lowest; and for each pair, which comes before it.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (at, (_, other)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < *other);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut run: Vec<_> = std::iter::successors(ends.last().copied(), |at| before[*at]).map(|at| pairs[at]).collect();
    run.reverse();
    run
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::Limits;
    use proptest::prelude::*;

    fn pairs(one: &[u64], other: &[u64]) -> Vec<(u32, u32)> {
        let mut in_time = || false;
        common(one, other, &mut Budget::new(Limits::default(), &mut in_time)).unwrap()
    }

    /// The textbook way.
    fn longest(one: &[u64], other: &[u64]) -> usize {
        let mut row = vec![0; other.len() + 1];
        for a in one {
            let mut diagonal = 0;
            for (at, b) in other.iter().enumerate() {
                let here = if a == b { diagonal + 1 } else { row[at].max(row[at + 1]) };
                diagonal = std::mem::replace(&mut row[at + 1], here);
            }
        }
        row[other.len()]
    }

    #[test]
    fn many_edits_are_aligned_by_what_is_unique() {
        let one: Vec<u64> = (0..5000).collect();
        let other: Vec<u64> =
            (0..5000).map(|number| if number % 10 == 0 { 100_000 + number } else { number }).collect();
        assert_eq!(pairs(&one, &other).len(), 4500);
        let reversed: Vec<u64> = one.iter().rev().copied().collect();
        assert_eq!(pairs(&one, &reversed).len(), 1);
    }

    proptest! {
        #[test]
        fn pairs_are_equal_rising_and_as_many_as_there_are(
            one in proptest::collection::vec(0_u64..6, 0..40),
            other in proptest::collection::vec(0_u64..6, 0..40),
        ) {
            let pairs = pairs(&one, &other);
            prop_assert!(pairs.iter().all(|(a, b)| one[*a as usize] == other[*b as usize]));
            prop_assert!(pairs.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1));
            prop_assert_eq!(pairs.len(), longest(&one, &other));
        }
    }
}
