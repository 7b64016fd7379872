//! The catalog against a disk that fails.

use std::path::Path;
use std::sync::Arc;

use vigie_world::{Fault, SimDisk};

use super::*;
use crate::{Preferences, ProvisionedKind, Role, Session, User};

const FOLDER: &str = "/data/catalog";

fn open(disk: &SimDisk) -> io::Result<Catalog> {
    Catalog::open(Arc::new(disk.clone()), Path::new(FOLDER), Limits::default())
}

fn user(id: u64) -> User {
    User {
        id,
        uid: format!("u{id}"),
        login: format!("Ada{id}"),
        email: format!("ada{id}@example.com"),
        name: String::new(),
        password_hash: "x".into(),
        role: Role::Viewer,
        is_disabled: false,
        created_ms: 0,
        updated_ms: 0,
    }
}

fn session(id: u64, user_id: u64) -> Session {
    Session {
        id,
        user_id,
        secret_hash: format!("hash {id}"),
        client_address: String::new(),
        user_agent: String::new(),
        created_ms: 0,
        seen_ms: id as i64,
    }
}

fn add_user(catalog: &Catalog) -> Result<u64, CatalogError> {
    catalog.change(|state| {
        let id = state.free_number(0);
        Ok((vec![Change::User(user(id))], id))
    })
}

#[test]
fn what_was_decided_is_there_after_a_restart() {
    let disk = SimDisk::from_seed(1);
    let catalog = open(&disk).unwrap();
    let id = add_user(&catalog).unwrap();
    let preferences = Preferences { theme: "dark".into(), ..Preferences::default() };
    let changes = vec![
        Change::Session(session(7, id)),
        Change::Preferences { owner: format!("user:{id}"), preferences: preferences.clone() },
        Change::Provisioned {
            kind: ProvisionedKind::MuteTiming,
            name: "nights".into(),
            value: serde_json::json!({"a": 1}),
        },
    ];
    catalog.change::<_, CatalogError>(|_| Ok((changes, ()))).unwrap();
    assert!(open(&disk).is_err(), "one process at a time");
    catalog.journal.lock().replace(&catalog.state()).unwrap();
    drop(catalog);
    let catalog = open(&disk).unwrap();
    let state = catalog.state();
    assert_eq!(state.user_named("ADA1").unwrap().id, id);
    assert_eq!(state.session_of("hash 7").unwrap().user_id, id);
    assert_eq!(*state.preferences("user:1"), preferences);
    assert_eq!(state.all_provisioned(ProvisionedKind::MuteTiming).count(), 1);
    assert_eq!(state.free_number(0), 8, "the session's number is taken");
    catalog.change::<_, CatalogError>(|_| Ok((vec![Change::UserGone(id)], ()))).unwrap();
    let state = catalog.state();
    assert!(state.session_of("hash 7").is_none(), "sessions go with their user");
    assert_eq!(state.free_number(0), 8, "numbers are not used twice");
}

/// At every operation of a run the disk fails, or the power does: what was acknowledged is there,
/// and of what was refused nothing.
#[test]
fn faults_lose_nothing_that_was_acknowledged() {
    for fault in [Fault::Full, Fault::Error, Fault::PowerLoss] {
        for operation in 0..60 {
            check_with_fault(fault, operation);
        }
    }
}

fn check_with_fault(fault: Fault, operation: u64) {
    let disk = SimDisk::from_seed(operation);
    disk.set_fault(operation, fault);
    let mut kept = Vec::new();
    let mut refused = Vec::new();
    if let Ok(catalog) = open(&disk) {
        for step in 0..8 {
            let wanted = catalog.state().free_number(0);
            match add_user(&catalog) {
                Ok(id) => kept.push(id),
                Err(_) => refused.push(wanted),
            }
            if step % 3 == 2 {
                catalog.journal.lock().replace(&catalog.state()).ok();
            }
        }
    }
    if fault == Fault::PowerLoss || operation % 2 == 0 {
        disk.crash();
    }
    // One that has not come yet does not come.
    disk.set_fault(u64::MAX, fault);
    let catalog = open(&disk).unwrap();
    let state = catalog.state();
    for id in &kept {
        assert!(state.user(*id).is_some(), "{fault:?} at {operation}: {id} is lost");
    }
    // Number of a refused change may have been given to a later one.
    let unexpected = state.users().keys().filter(|id| !kept.contains(id)).count();
    let allowed = usize::from(fault == Fault::PowerLoss && !refused.is_empty());
    assert!(unexpected <= allowed, "{fault:?} at {operation}: {unexpected} came back");
    add_user(&catalog).unwrap();
}

#[test]
fn limits_hold() {
    let disk = SimDisk::from_seed(3);
    let limits = Limits { users_max: 2, sessions_max: 2, ..Limits::default() };
    let catalog = Catalog::open(Arc::new(disk), Path::new(FOLDER), limits).unwrap();
    add_user(&catalog).unwrap();
    add_user(&catalog).unwrap();
    assert!(matches!(add_user(&catalog), Err(CatalogError::TooMany { max: 2, .. })));
    for id in 10..15 {
        let change = Change::Session(session(id, 1));
        catalog.change::<_, CatalogError>(|_| Ok((vec![change], ()))).unwrap();
    }
    let state = catalog.state();
    let left: Vec<u64> = state.sessions().keys().copied().collect();
    assert_eq!(left, [13, 14], "the oldest ended");
    let long = Change::Preferences {
        owner: "org".into(),
        preferences: Preferences { theme: "x".repeat(2 << 20), ..Preferences::default() },
    };
    let refused = catalog.change::<_, CatalogError>(|_| Ok((vec![long], ())));
    assert!(matches!(refused, Err(CatalogError::TooLarge { .. })));
}
