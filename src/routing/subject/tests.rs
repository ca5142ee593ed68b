//! Tests of the subject.
