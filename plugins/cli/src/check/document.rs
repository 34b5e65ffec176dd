//! The contents of a file as its reader sees them, with the place of every value.

use serde_json::{Map, Number, Value};

use super::place::Place;
use super::raw::{Raw, RawValue};

/// A value and its place in the file.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) content: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    /// A value without parts.
    Scalar(Value),
    List(Vec<Node>),
    /// Keys with their places, in the order of the file.
    Block(Vec<(String, Place, Node)>),
}

impl Node {
    pub(super) fn text_at(place: Place, text: impl Into<String>) -> Self {
        Self {
            place,
            content: Content::Scalar(Value::String(text.into())),
        }
    }

    pub(super) fn block_at(place: Place) -> Self {
        Self {
            place,
            content: Content::Block(Vec::new()),
        }
    }

    /// Returns the member of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.entry(name).map(|(_, node)| node)
    }

    /// Returns the member of this name, unless it is null or an empty text, which count as missing.
    pub(super) fn given(&self, name: &str) -> Option<&Self> {
        let is_missing = |node: &Self| match &node.content {
            Content::Scalar(value) => value.is_null() || value == "",
            _ => false,
        };
        self.get(name).filter(|node| !is_missing(node))
    }

    /// Returns the member of this name, and the place of its key.
    pub(super) fn entry(&self, name: &str) -> Option<(Place, &Self)> {
        let found = self.members().find(|(key, ..)| *key == name)?;
        Some((found.1, found.2))
    }

    /// Returns the member of this name, for changes.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        let Content::Block(members) = &mut self.content else {
            return None;
        };
        let found = members.iter_mut().find(|(known, ..)| known == name)?;
        Some(&mut found.2)
    }

    /// Adds a member to a block. It replaces a member of the same name.
    pub(super) fn set(&mut self, name: &str, member: Self) {
        if let Content::Block(members) = &mut self.content {
            members.retain(|(known, ..)| known != name);
            members.push((name.to_owned(), member.place, member));
        }
    }

    /// Returns the member at the end of a path of names.
    pub(super) fn at(&self, way: &[&str]) -> Option<&Self> {
        way.iter().try_fold(self, |node, name| node.get(name))
    }

    /// Returns all members of the block at the end of a path of names.
    pub(super) fn members_at<'n>(
        &'n self,
        way: &[&str],
    ) -> impl Iterator<Item = (&'n str, Place, &'n Self)> + use<'n> {
        self.at(way).into_iter().flat_map(Self::members)
    }

    /// Returns all items of the list of this name.
    pub(super) fn items_of(&self, name: &str) -> &[Self] {
        self.get(name).map(Self::items).unwrap_or_default()
    }

    /// Returns the text of the member of this name.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name)?.text()
    }

    /// Returns all members of a block.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, Place, &Self)> {
        let members = match &self.content {
            Content::Block(members) => members.as_slice(),
            _ => &[],
        };
        members
            .iter()
            .map(|(name, place, node)| (name.as_str(), *place, node))
    }

    /// Returns all items of a list.
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

    /// Returns whether the value is true, in any of the forms that readers produce.
    pub(super) fn is_true(&self) -> bool {
        match &self.content {
            Content::Scalar(Value::Bool(value)) => *value,
            Content::Scalar(Value::String(text)) => text.trim() == "true",
            _ => false,
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

    /// Visits every text in the node, with its place and the name of its member.
    pub(super) fn each_text<'n>(&'n self, name: &'n str, each: &mut impl FnMut(&'n str, &'n str, Place)) {
        match &self.content {
            Content::Scalar(Value::String(text)) => each(name, text, self.place),
            Content::Scalar(_) => {}
            Content::List(items) => items.iter().for_each(|item| item.each_text(name, each)),
            Content::Block(members) => members
                .iter()
                .for_each(|(name, _, member)| member.each_text(name, each)),
        }
    }

    /// Visits the names of all members, at every depth, with their places.
    pub(super) fn each_name(&self, each: &mut impl FnMut(&str, Place)) {
        match &self.content {
            Content::Scalar(_) => {}
            Content::List(items) => items.iter().for_each(|item| item.each_name(each)),
            Content::Block(members) => {
                for (name, place, member) in members {
                    each(name, *place);
                    member.each_name(each);
                }
            }
        }
    }

    /// Moves all places down, for a document that was parsed on its own.
    pub(super) fn move_down(&mut self, lines: u64) {
        self.place.line += lines;
        match &mut self.content {
            Content::Scalar(_) => {}
            Content::List(items) => items.iter_mut().for_each(|item| item.move_down(lines)),
            Content::Block(members) => {
                for (_, place, member) in members {
                    place.line += lines;
                    member.move_down(lines);
                }
            }
        }
    }

    /// Finds the option that an error calls `field`, such as `clientConfig.tls.ca` or `scopes[1]`. If the file does not
    /// contain it, the place is that of the closest option that it does contain.
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
            // A name may contain a dot, so take the longest name that matches.
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

/// Converts to JSON, as kubectl sends it.
impl From<Raw> for Node {
    fn from(raw: Raw) -> Self {
        let scalar = Content::Scalar;
        let content = match raw.value {
            RawValue::Null => scalar(Value::Null),
            RawValue::Bool(value) => scalar(value.into()),
            // Traefik reads all numbers in a plugin's options as floating-point numbers.
            RawValue::Int(number) if number.unsigned_abs() <= EXACT => scalar(number.into()),
            RawValue::Int(number) => scalar(json_number(number as f64)),
            RawValue::Unsigned(number) => scalar(json_number(number as f64)),
            RawValue::Float(number) => scalar(json_number(number)),
            RawValue::Text(text) | RawValue::Time(text) => scalar(text.into()),
            RawValue::List(items) => Content::List(items.into_iter().map(Self::from).collect()),
            RawValue::Block(members) => {
                let members = members.into_iter();
                let members = members.map(|member| (member.name, member.place, Self::from(member.value)));
                Content::Block(members.collect())
            }
        };
        Self {
            place: raw.place,
            content,
        }
    }
}

/// Up to this limit, every integer has an exact floating-point number.
const EXACT: u64 = 1 << 53;

/// Writes a number like Go's JSON encoder: integers have no decimal point.
pub(super) fn json_number(number: f64) -> Value {
    const WITHOUT_EXPONENT: f64 = 1e19;
    if number.fract() == 0.0 && number.abs() < WITHOUT_EXPONENT {
        // The check above keeps the number in the range of both types.
        return if number < 0.0 {
            (number as i64).into()
        } else {
            (number as u64).into()
        };
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::yaml::decode::decode;
    use crate::check::yaml::dialect::Dialect;
    use crate::check::yaml::syntax::read;
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

    fn documents(text: &str) -> Vec<Node> {
        let (documents, fault) = read(text);
        assert_eq!(fault, None);
        let node = |document| Node::from(decode(document, Dialect::Kubectl).unwrap().0);
        documents.iter().map(node).collect()
    }

    #[test]
    fn places_are_those_of_the_file() {
        let documents = documents(TEXT);
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
            // If the option does not exist, the place is where it should be.
            ("b[1].missing", 4, 5),
            ("b[7]", 2, 1),
            ("", 1, 1),
        ] {
            assert_eq!(documents[0].place_of(field), Place { line, column }, "{field}");
        }
        assert_eq!(documents[1].to_json(), json!([null]));
    }

    #[test]
    fn what_comes_by_an_alias_or_a_merge_is_placed_at_its_source() {
        let text = "base: &base\n  one: {two: 2}\ntop:\n  <<: *base\nlist: [*base]\n";
        let documents = documents(text);
        for field in ["top.one.two", "list[0].one.two"] {
            assert_eq!(
                documents[0].place_of(field),
                Place { line: 2, column: 9 },
                "{field}"
            );
        }
    }

    #[test]
    fn what_is_not_yaml_is_told_with_its_place() {
        let (_, fault) = read("a: 1\nb: [1, 2\nc: 3\n");
        let fault = fault.unwrap();
        assert!(fault.place.line >= 2 && !fault.what.is_empty(), "{fault:?}");
    }
}
