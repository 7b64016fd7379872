//! Tests of the states.
