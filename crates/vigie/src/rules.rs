//! What is done with rule files on the command line: check, test, replay.

mod check;
mod replay;
mod test;

pub(crate) use check::{Checked, check_rules, check_rules_outcome};
pub(crate) use replay::replay;
pub(crate) use test::test_rules;
