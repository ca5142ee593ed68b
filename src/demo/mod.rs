//! The demo: two sample systems that differ in known ways, traffic, and a guided tour.
pub mod client;
pub mod decision;
pub mod shop;
pub mod tally;
pub mod traffic;
pub mod visitors;
