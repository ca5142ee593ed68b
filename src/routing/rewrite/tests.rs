//! Tests of the rewrite.
