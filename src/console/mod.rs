//! The console.

mod ago;
mod differences;
mod query;
