//! Tests of the bucket.
