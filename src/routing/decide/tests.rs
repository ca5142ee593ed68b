//! Tests of the decide.
