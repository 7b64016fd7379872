//! The objects that are known, and which of them changed.

use std::collections::{BTreeMap, BTreeSet};

use super::object::{Kind, Metadata, Node, Object, Pod, Service};
use crate::config::KubernetesAttachMetadata;

/// Keys of objects that came, changed or went, by kind.
pub(super) type Changes = BTreeMap<Kind, BTreeSet<String>>;

/// The objects that are known.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    objects: BTreeMap<Kind, BTreeMap<String, Object>>,
}

/// What targets are made from: the objects, and what of them to attach.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) attach: &'a KubernetesAttachMetadata,
}

impl Cluster {
    /// Puts an object in the place of the one of its name.
    pub(super) fn put(&mut self, kind: Kind, object: Object, changes: &mut Changes) {
        let key = object.metadata().key();
        let known = self.objects.entry(kind).or_default();
        if known.get(&key) == Some(&object) {
            return;
        }
        known.insert(key.clone(), object);
        changes.entry(kind).or_default().insert(key);
    }

    /// Removes an object.
    pub(super) fn remove(&mut self, kind: Kind, key: String, changes: &mut Changes) {
        if self.objects.get_mut(&kind).is_some_and(|known| known.remove(&key).is_some()) {
            changes.entry(kind).or_default().insert(key);
        }
    }

    /// Puts objects in the place of all of `namespace`, or of all.
    pub(super) fn replace(
        &mut self,
        kind: Kind,
        namespace: Option<&str>,
        objects: Vec<Object>,
        changes: &mut Changes,
    ) {
        let keep: BTreeSet<String> = objects.iter().map(|object| object.metadata().key()).collect();
        for key in self.keys(kind, namespace) {
            if !keep.contains(&key) {
                self.remove(kind, key, changes);
            }
        }
        for object in objects {
            self.put(kind, object, changes);
        }
    }

    /// Keys of all objects of `namespace`, or of all.
    pub(super) fn keys(&self, kind: Kind, namespace: Option<&str>) -> Vec<String> {
        self.of_kind(kind)
            .filter(|(_, object)| namespace.is_none_or(|name| object.metadata().namespace == name))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// All objects of a kind.
    pub(super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (&String, &Object)> {
        self.objects.get(&kind).into_iter().flatten()
    }

    /// An object.
    pub(super) fn get(&self, kind: Kind, key: &str) -> Option<&Object> {
        self.objects.get(&kind)?.get(key)
    }

    /// What an object is called and labelled.
    pub(super) fn metadata(&self, kind: Kind, key: &str) -> Option<&Metadata> {
        self.get(kind, key).map(Object::metadata)
    }

    /// A node.
    pub(super) fn node(&self, name: &str) -> Option<&Node> {
        match self.get(Kind::Node, name)? {
            Object::Node(node) => Some(node),
            _ => None,
        }
    }

    /// A pod.
    pub(super) fn pod(&self, key: &str) -> Option<&Pod> {
        match self.get(Kind::Pod, key)? {
            Object::Pod(pod) => Some(pod),
            _ => None,
        }
    }

    /// A service.
    pub(super) fn service(&self, key: &str) -> Option<&Service> {
        match self.get(Kind::Service, key)? {
            Object::Service(service) => Some(service),
            _ => None,
        }
    }
}
