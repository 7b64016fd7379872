//! What people write, as trees: PromQL, relabel rules; printer and positions of errors.
//!
//! Text enters, trees leave, and errors say where in the text. Nothing here evaluates a query,
//! reads a file or knows the store.

pub mod promql;
pub mod relabel;
