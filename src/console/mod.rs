//! The console.

pub mod chart;
