//! Answers: PromQL over store snapshots, with budgets and cancellation
