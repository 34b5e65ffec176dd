//! YAML that remembers where everything stands.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// A place in a file, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The character in it.
    pub column: u64,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) content: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Anything that has no parts.
    Scalar(Value),
    List(Vec<Node>),
    /// Keys with their places, in the order of the file.
    Block(Vec<(String, Place, Node)>),
}

/// Reads all documents of a file.
///
/// # Errors
/// What is wrong, in the YAML reader's words, and where.
pub(super) fn read(text: &str) -> Result<Vec<Node>, (Place, String)> {
    let documents: Vec<Spanned<Raw>> = serde_saphyr::from_multiple(text).map_err(|error| {
        let place = error
            .location()
            .map(place)
            .unwrap_or(Place { line: 1, column: 1 });
        (place, error.without_snippet().to_string())
    })?;
    Ok(documents.into_iter().map(Node::from).collect())
}

impl Node {
    /// The member of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.entry(name).map(|(_, node)| node)
    }

    /// The member of this name, and where its key stands.
    pub(super) fn entry(&self, name: &str) -> Option<(Place, &Self)> {
        let found = self.members().find(|(key, ..)| *key == name)?;
        Some((found.1, found.2))
    }

    /// The member at the end of a way of names.
    pub(super) fn at(&self, way: &[&str]) -> Option<&Self> {
        way.iter().try_fold(self, |node, name| node.get(name))
    }

    /// All members of a block.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, Place, &Self)> {
        let members = match &self.content {
            Content::Block(members) => members.as_slice(),
            _ => &[],
        };
        members
            .iter()
            .map(|(name, place, node)| (name.as_str(), *place, node))
    }

    /// All items of a list.
    pub(super) fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Block(members) => {
                let members = members
                    .iter()
                    .map(|(name, _, node)| (name.clone(), node.to_json()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// Where the option stands that an error calls `field`, such as `clientConfig.tls.ca` or `scopes[1]`: as near as
    /// the file has it.
    pub(super) fn place_of(&self, field: &str) -> Place {
        let mut node = self;
        let mut place = self.place;
        let mut rest = field;
        while !rest.is_empty() {
            rest = rest.trim_start_matches('.');
            if let Some((index, after)) = rest.strip_prefix('[').and_then(|it| it.split_once(']')) {
                let Some(item) = index
                    .parse()
                    .ok()
                    .and_then(|index: usize| node.items().get(index))
                else {
                    return place;
                };
                (node, place, rest) = (item, item.place, after);
                continue;
            }
            // A name may hold a dot itself, so the longest that is there counts.
            let named = node
                .members()
                .filter(|(name, ..)| {
                    let after = rest.strip_prefix(*name);
                    after.is_some_and(|after| after.is_empty() || after.starts_with(['.', '[']))
                })
                .max_by_key(|(name, ..)| name.len());
            let Some((name, key, member)) = named else {
                return place;
            };
            (node, place, rest) = (member, key, rest.get(name.len()..).unwrap_or_default());
        }
        place
    }
}

fn place(location: serde_saphyr::Location) -> Place {
    Place {
        line: location.line(),
        column: location.column(),
    }
}

impl From<Spanned<Raw>> for Node {
    fn from(spanned: Spanned<Raw>) -> Self {
        let place = place(spanned.referenced);
        let content = match spanned.value {
            Raw::Scalar(value) => Content::Scalar(value),
            Raw::List(items) => Content::List(items.into_iter().map(Self::from).collect()),
            Raw::Block(members) => {
                let members = members.into_iter();
                let members =
                    members.map(|(key, value)| (key.value, self::place(key.referenced), Self::from(value)));
                Content::Block(members.collect())
            }
        };
        Self { place, content }
    }
}

/// What serde sees.
enum Raw {
    Scalar(Value),
    List(Vec<Spanned<Raw>>),
    Block(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Raw;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E: Error>(self) -> Result<Raw, E> {
                Ok(Raw::Scalar(Value::Null))
            }
            fn visit_none<E: Error>(self) -> Result<Raw, E> {
                Ok(Raw::Scalar(Value::Null))
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
                Raw::deserialize(deserializer)
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw::Scalar(value.into()))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Raw, E> {
                Ok(Raw::Scalar(value.into()))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Raw, E> {
                Ok(Raw::Scalar(value.into()))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Raw, E> {
                let number = Number::from_f64(value).ok_or_else(|| E::custom("a number without a value"))?;
                Ok(Raw::Scalar(number.into()))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw::Scalar(value.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Raw::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Raw, A::Error> {
                let mut block = Vec::new();
                while let Some(member) = members.next_entry()? {
                    block.push(member);
                }
                Ok(Raw::Block(block))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEXT: &str = "\
a: 1
b:
  - x
  - c: true
    d.e: text
---
- null
";

    #[test]
    fn places_are_those_of_the_file() {
        let documents = read(TEXT).unwrap();
        assert_eq!(documents.len(), 2);
        assert_eq!(
            documents[0].to_json(),
            json!({ "a": 1, "b": ["x", { "c": true, "d.e": "text" }] })
        );
        for (field, line, column) in [
            ("a", 1, 1),
            ("b", 2, 1),
            ("b[0]", 3, 5),
            ("b[1].c", 4, 5),
            ("b[1].d.e", 5, 5),
            // What is not there is looked for where it should be.
            ("b[1].missing", 4, 5),
            ("b[7]", 2, 1),
            ("", 1, 1),
        ] {
            assert_eq!(documents[0].place_of(field), Place { line, column }, "{field}");
        }
        assert_eq!(documents[1].to_json(), json!([null]));
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_place() {
        let (place, what) = read("a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert!(place.line >= 2 && !what.is_empty(), "{place:?} {what}");
    }
}
