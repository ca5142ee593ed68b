//! A hash of every value of a tree: what is equal is folded away.

use xxhash_rust::xxh3::xxh3_64;

use crate::diff::Tree;
use crate::diff::tree::{Node, Value};

/// The hash of each value, by its place on the tape. The order of members does not matter, that of elements does.
pub(super) fn hashes(tree: &Tree<'_>) -> Vec<u64> {
    let mut hashes = vec![0; tree.len()];
    // What is in a container stands behind it.
    for place in (0..hashes.len()).rev() {
        // There are fewer than 2³² places.
        let node = tree.root().elsewhere(place as u32);
        hashes[place] = hash(node, &hashes);
    }
    hashes
}

/// The hash of a value whose contents are hashed already.
pub(super) fn of(node: Node<'_>, hashes: &[u64]) -> u64 {
    hashes.get(node.index() as usize).copied().unwrap_or(0)
}

fn hash(node: Node<'_>, hashes: &[u64]) -> u64 {
    match node.value() {
        Value::Null => 1,
        Value::Bool(truth) => 2 + u64::from(truth),
        Value::Number(text) => mix(xxh3_64(text.as_bytes()) ^ 5),
        Value::Text(text) => mix(xxh3_64(text.as_bytes()) ^ 6),
        Value::Array => {
            let sum = node.elements().fold(7_u64, |sum, element| mix(sum.rotate_left(7) ^ of(element, hashes)));
            mix(sum)
        }
        Value::Object => {
            let member =
                |sum: u64, name: &str, value| sum.wrapping_add(mix(xxh3_64(name.as_bytes()) ^ of(value, hashes)));
            mix(node.members().fold(8_u64, |sum, found| member(sum, found.name, found.value)))
        }
    }
}

/// Every bit of the input changes about half of those of the output.
fn mix(bits: u64) -> u64 {
    xxh3_64(&bits.to_le_bytes())
}
