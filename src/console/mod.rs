//! The console.

mod ago;
mod comparison;
mod differences;
mod query;
