//! Settings that are written as paths, in labels and arguments: `http.routers.r.rule`, `rules[0].path`.

use std::collections::BTreeMap;

use super::place::Place;
use super::raw::{Member, Raw, RawValue};

/// A setting with its path.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    pub(super) path: String,
    pub(super) value: String,
    pub(super) place: Place,
}

/// Nested blocks, built from settings.
#[derive(Debug)]
pub(super) struct Tree {
    place: Place,
    /// The value as a whole. If it is set, there are no parts.
    value: Option<RawValue>,
    members: BTreeMap<String, (Place, Tree)>,
    items: BTreeMap<usize, Tree>,
}

impl Tree {
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            value: None,
            members: BTreeMap::new(),
            items: BTreeMap::new(),
        }
    }

    /// Adds a setting. If a path occurs twice, the later setting counts.
    pub(super) fn put(&mut self, setting: &Setting) {
        let value = Raw {
            place: setting.place,
            value: RawValue::Text(setting.value.clone()),
        };
        self.put_at(&setting.path, &value);
    }

    /// Sets the value at a path. Members of a block are added to existing ones.
    pub(super) fn put_at(&mut self, path: &str, value: &Raw) {
        let mut tree = self;
        for segment in path.split('.') {
            let (name, index) = match segment.split_once('[') {
                Some((name, rest)) => (name, rest.trim_end_matches(']').parse().ok()),
                None => (segment, None),
            };
            tree = tree.member(name, value.place);
            if let Some(index) = index {
                let place = value.place;
                tree = tree.items.entry(index).or_insert_with(|| Self::new(place));
            }
        }
        tree.fill(value);
    }

    fn fill(&mut self, raw: &Raw) {
        match &raw.value {
            RawValue::Block(members) if !members.is_empty() => {
                for member in members {
                    self.member(&member.name, member.place).fill(&member.value);
                }
            }
            value => {
                *self = Self {
                    value: Some(value.clone()),
                    ..Self::new(raw.place)
                }
            }
        }
    }

    fn member(&mut self, name: &str, place: Place) -> &mut Self {
        self.value = None;
        let member = self.members.entry(name.to_owned());
        &mut member.or_insert_with(|| (place, Self::new(place))).1
    }
}

impl From<Tree> for Raw {
    fn from(tree: Tree) -> Self {
        let value = match tree.value {
            Some(value) => value,
            None if !tree.items.is_empty() => {
                RawValue::List(tree.items.into_values().map(Self::from).collect())
            }
            None => {
                let members = tree.members.into_iter();
                let members = members.map(|(name, (place, member))| Member {
                    name,
                    place,
                    value: member.into(),
                });
                RawValue::Block(members.collect())
            }
        };
        Self {
            place: tree.place,
            value,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::document::Node;
    use super::*;

    #[test]
    fn paths_become_blocks_and_lists() {
        let place = Place { line: 1, column: 1 };
        let mut tree = Tree::new(place);
        for (path, value) in [
            ("a.b", "1"),
            ("a.c[1].d", "x"),
            ("a.c[0].d", "y"),
            ("a.c[0].e", "z"),
            ("a.b", "2"),
            ("f", ""),
        ] {
            tree.put(&Setting {
                path: path.to_owned(),
                value: value.to_owned(),
                place,
            });
        }
        assert_eq!(
            Node::from(Raw::from(tree)).to_json(),
            json!({ "a": { "b": "2", "c": [{ "d": "y", "e": "z" }, { "d": "x" }] }, "f": "" })
        );
    }
}
