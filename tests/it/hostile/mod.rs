//! Hostile and awkward requests and answers, for each pair of protocols: HTTP/1.1 or HTTP/2 in front, HTTP/1.1 or HTTP/2 behind.
//!
//! - [`facing`]: a facade between two protocols, and a request that can be put to it in either
//! - [`rows`]: requests by row: refused with nothing sent on, or passed with what must hold of it
//! - [`requests`], [`targets`], [`trust`]: the rows
//! - [`answers`]: what backends do wrong, and what a client sees of it
//! - [`frames`]: what only HTTP/2 can be made to say
//! - [`claims`]: every case has a test

mod answers;
mod claims;
mod facing;
mod frames;
mod requests;
mod rows;
mod targets;
mod trust;
