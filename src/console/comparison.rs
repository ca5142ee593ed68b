//! One comparison, side by side.

mod hashes;
pub(crate) mod merged;
mod pairs;
pub(crate) mod text;
pub(crate) mod way;
