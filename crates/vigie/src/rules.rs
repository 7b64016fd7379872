//! What is done with rule files on the command line: check, test, replay.

mod check;
mod test;

pub(crate) use check::check_rules;
pub(crate) use test::test_rules;
