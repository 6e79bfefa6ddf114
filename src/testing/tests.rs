//! Tests of tests: what is read, what is found, what is reached.
