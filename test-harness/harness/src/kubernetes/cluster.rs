//! The objects of the cluster, their versions, and the watches.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use kube_core::watch::{Bookmark, BookmarkMeta};
use kube_core::{DynamicObject, ResourceExt as _, TypeMeta, WatchEvent};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::kinds::Kind;
use super::manifest::Manifest;

/// The objects that a request selects.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    pub(super) kind: &'static Kind,
    /// `None` selects all namespaces.
    pub(super) namespace: Option<String>,
    pub(super) labels: Vec<LabelRule>,
}

/// One condition of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LabelRule {
    name: String,
    value: String,
    /// Whether the rule is `name=value`. Otherwise it is `name!=value`, which an object without the label also
    /// satisfies.
    is_equal: bool,
}

impl LabelRule {
    /// Parses `a=b`, `a==b` or `a!=b`. Returns `None` for everything else, which this mock does not support.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (name, value, is_equal) = match text.split_once("!=") {
            Some((name, value)) => (name, value, false),
            None => {
                let (name, value) = text.split_once('=')?;
                (name, value.strip_prefix('=').unwrap_or(value), true)
            }
        };
        Some(Self {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            is_equal,
        })
    }
}

impl Selection {
    fn has(&self, kind: &'static Kind, object: &DynamicObject) -> bool {
        let named = |rule: &LabelRule| object.labels().get(&rule.name) == Some(&rule.value);
        kind == self.kind
            && (self.namespace.is_none() || self.namespace == object.namespace())
            && self.labels.iter().all(|rule| named(rule) == rule.is_equal)
    }
}

/// A change of an object, as a watch reports it.
pub(super) type Event = WatchEvent<DynamicObject>;

/// All objects of the cluster.
pub(super) struct Cluster(Mutex<State>);

struct State {
    /// The version before the first change. Versions start from the clock, so that they never repeat those of an
    /// earlier server.
    first: u64,
    version: u64,
    objects: BTreeMap<(&'static Kind, Option<String>, String), DynamicObject>,
    /// All changes: the version, and the object before and after.
    history: Vec<Change>,
    watchers: Vec<(Selection, UnboundedSender<Event>)>,
}

struct Change {
    version: u64,
    kind: &'static Kind,
    before: Option<DynamicObject>,
    after: Option<DynamicObject>,
}

/// The version is older than this server, so the client must list again.
#[derive(Debug)]
pub(super) struct Expired;

impl Cluster {
    pub(super) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let first = u64::try_from(now.as_millis()).unwrap_or_default() * 1000;
        Self(Mutex::new(State {
            first,
            version: first,
            objects: BTreeMap::new(),
            history: Vec::new(),
            watchers: Vec::new(),
        }))
    }

    pub(super) fn put(&self, Manifest { kind, object }: Manifest) {
        let place = (kind, object.namespace(), object.name_any());
        self.state().change(place, Some(object));
    }

    pub(super) fn delete(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.replace(kind, namespace, name, |_| None)
    }

    pub(super) fn edit(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> bool {
        self.replace(kind, namespace, name, |object| {
            let mut document = serde_json::to_value(object).ok()?;
            change(&mut document);
            let changed =
                Manifest::new(document).unwrap_or_else(|error| panic!("the change is wrong: {error}"));
            Some(changed.object)
        })
    }

    fn replace(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&DynamicObject) -> Option<DynamicObject>,
    ) -> bool {
        let Some(kind) = Kind::named(kind) else {
            return false;
        };
        let namespace = kind.is_namespaced.then(|| namespace.to_owned());
        let place = (kind, namespace, name.to_owned());
        let mut state = self.state();
        match state.objects.get(&place).cloned() {
            Some(object) => {
                state.change(place, change(&object));
                true
            }
            None => false,
        }
    }

    /// Returns the selected objects, and the version of this state.
    pub(super) fn list(&self, selection: &Selection) -> (Vec<DynamicObject>, u64) {
        let state = self.state();
        (state.selected(selection), state.version)
    }

    /// Sends the selected objects as events, then a bookmark, then all later changes.
    pub(super) fn watch_with_state(&self, selection: Selection) -> UnboundedReceiver<Event> {
        let mut state = self.state();
        let (sender, receiver) = unbounded_channel();
        for object in state.selected(&selection) {
            let _ = sender.send(WatchEvent::Added(object));
        }
        let _ = sender.send(WatchEvent::Bookmark(bookmark(selection.kind, state.version)));
        state.watchers.push((selection, sender));
        receiver
    }

    /// Sends all changes after `version`.
    pub(super) fn watch_from(
        &self,
        selection: Selection,
        version: u64,
    ) -> Result<UnboundedReceiver<Event>, Expired> {
        let mut state = self.state();
        if version < state.first {
            return Err(Expired);
        }
        let (sender, receiver) = unbounded_channel();
        for change in state.history.iter().filter(|change| change.version > version) {
            if let Some(event) = change.event(&selection) {
                let _ = sender.send(event);
            }
        }
        state.watchers.push((selection, sender));
        Ok(receiver)
    }

    pub(super) fn watches(&self) -> usize {
        let mut state = self.state();
        state.watchers.retain(|(_, sender)| !sender.is_closed());
        state.watchers.len()
    }

    pub(super) fn end_watches(&self) {
        self.state().watchers.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn selected(&self, selection: &Selection) -> Vec<DynamicObject> {
        let there = self.objects.iter();
        there
            .filter(|((kind, ..), object)| selection.has(kind, object))
            .map(|(_, object)| object.clone())
            .collect()
    }

    fn change(&mut self, place: (&'static Kind, Option<String>, String), mut after: Option<DynamicObject>) {
        self.version += 1;
        let version = Some(self.version.to_string());
        let kind = place.0;
        let mut before = match &mut after {
            Some(object) => {
                object.metadata.resource_version = version.clone();
                self.objects.insert(place, object.clone())
            }
            None => self.objects.remove(&place),
        };
        if let (Some(gone), None) = (&mut before, &after) {
            gone.metadata.resource_version = version;
        }
        let change = Change {
            version: self.version,
            kind,
            before,
            after,
        };
        self.watchers
            .retain(|(selection, sender)| match change.event(selection) {
                Some(event) => sender.send(event).is_ok(),
                None => !sender.is_closed(),
            });
        self.history.push(change);
    }
}

impl Change {
    /// Returns the event that a watch with this selection sees. An object that no longer matches the selection is
    /// reported as deleted.
    fn event(&self, selection: &Selection) -> Option<Event> {
        let selected = |object: &Option<DynamicObject>| {
            let object = object.as_ref()?;
            selection.has(self.kind, object).then(|| object.clone())
        };
        match (selected(&self.before), selected(&self.after)) {
            (None, None) => None,
            (None, Some(after)) => Some(WatchEvent::Added(after)),
            (Some(_), Some(after)) => Some(WatchEvent::Modified(after)),
            (Some(before), None) => Some(WatchEvent::Deleted(before)),
        }
    }
}

fn bookmark(kind: &Kind, version: u64) -> Bookmark {
    let resource = kind.resource();
    Bookmark {
        types: TypeMeta {
            api_version: resource.api_version,
            kind: resource.kind,
        },
        metadata: BookmarkMeta {
            resource_version: version.to_string(),
            annotations: BTreeMap::from([("k8s.io/initial-events-end".to_owned(), "true".to_owned())]),
        },
    }
}
