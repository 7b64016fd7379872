//! Vigie: one process that receives, keeps, answers and tells.
fn main() {}
