//! Tests of the pattern.
