//! Default templates beside Alertmanager's, messages beside what providers document, and real
//! servers that get them.

use std::path::PathBuf;

use super::message::MessageTemplates;

mod golden;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/templates")
}

fn templates() -> MessageTemplates {
    MessageTemplates::new(&[], "http://alertmanager.example.com:9093").unwrap()
}
