//! What analysts see of differences.
