//! Gives settings their types.

use serde_json::Value as Json;

use super::element::{Element, Value};
use super::options::{marked, options};
use super::shape::{Fields, Shape};
use crate::check::document::{Content, Node};
use crate::check::place::Fault;

pub(super) fn fill(shape: Shape, element: Element) -> Result<Node, Fault> {
    fill_over(shape, element, None)
}

/// Fills a setting. A block that occurs twice, for example in capitals and in lower case, is filled twice.
fn fill_over(shape: Shape, element: Element, before: Option<Node>) -> Result<Node, Fault> {
    let place = element.place;
    let scalar = |value: Json| Node {
        place,
        content: Content::Scalar(value),
    };
    match shape {
        Shape::Any => Ok(Node::block_at(place)),
        Shape::Text => Ok(scalar(text(&element)?.into())),
        Shape::Int => {
            let text = text(&element)?;
            match text.parse::<i64>() {
                Ok(number) => Ok(scalar(number.into())),
                Err(_) => Err(Fault::new(
                    place,
                    format!("{} must be a whole number", element.name),
                )),
            }
        }
        Shape::Bool => {
            let text = text(&element)?;
            match text.as_str() {
                "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(scalar(true.into())),
                "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(scalar(false.into())),
                _ => Err(Fault::new(
                    place,
                    format!("{} must be true or false", element.name),
                )),
            }
        }
        Shape::Texts => texts(&element),
        Shape::Block(fields) => block(fields, true, element, before),
        Shape::Part(fields) | Shape::Switch(fields) => block(fields, false, element, before),
        Shape::Blocks(fields) => {
            let items = element.children.into_iter();
            let items = items.map(|item| block(fields, true, item, None));
            Ok(Node {
                place,
                content: Content::List(items.collect::<Result<_, _>>()?),
            })
        }
        Shape::Map(inner) => {
            let mut members = members_of(before);
            for child in element.children {
                let (name, key) = (child.name.clone(), child.key);
                // Replaces an earlier entry of this name completely.
                members.retain(|(known, ..)| *known != name);
                members.push((name, key, fill(*inner, child)?));
            }
            Ok(Node {
                place,
                content: Content::Block(members),
            })
        }
        Shape::Plugins => {
            let mut members = members_of(before);
            for child in &element.children {
                members.retain(|(known, ..)| *known != child.name);
                members.push((child.name.clone(), child.key, options(child)?));
            }
            Ok(Node {
                place,
                content: Content::Block(members),
            })
        }
    }
}

fn block(fields: Fields, is_closed: bool, element: Element, before: Option<Node>) -> Result<Node, Fault> {
    let mut members = members_of(before);
    for child in element.children {
        let known = fields
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&child.name));
        let Some((name, shape)) = known else {
            if is_closed {
                return Err(Fault::new(
                    child.key,
                    format!("{} is not a setting that Traefik knows here", child.name),
                ));
            }
            continue;
        };
        let needs_members = matches!(
            shape,
            Shape::Block(_) | Shape::Part(_) | Shape::Map(_) | Shape::Plugins
        );
        if needs_members && child.children.is_empty() {
            return Err(Fault::new(
                child.key,
                format!("{} has nothing in it that Traefik can read", child.name),
            ));
        }
        let key = child.key;
        let before = members
            .iter()
            .position(|(known, ..)| known == name)
            .map(|index| members.remove(index).2);
        let filled = fill_over(*shape, child, before)?;
        members.push(((*name).to_owned(), key, filled));
    }
    Ok(Node {
        place: element.place,
        content: Content::Block(members),
    })
}

fn members_of(node: Option<Node>) -> Vec<(String, crate::check::place::Place, Node)> {
    match node.map(|node| node.content) {
        Some(Content::Block(members)) => members,
        _ => Vec::new(),
    }
}

fn text(element: &Element) -> Result<String, Fault> {
    if !element.children.is_empty() {
        return Err(Fault::new(
            element.key,
            format!("{} must be one value", element.name),
        ));
    }
    Ok(match &element.value {
        Value::Empty => String::new(),
        Value::Text(text) => text.clone(),
        Value::List(kind, items) => marked(*kind, items),
    })
}

/// Reads a list of texts, or one text with commas. A block gives an empty list.
fn texts(element: &Element) -> Result<Node, Fault> {
    if let Some(inner) = element.children.iter().find_map(|child| child.children.first()) {
        return Err(Fault::new(
            inner.key,
            format!("{} must be a list of texts", element.name),
        ));
    }
    let items = match &element.value {
        Value::Text(text) if !text.is_empty() => text
            .split(',')
            .map(|item| Node::text_at(element.place, item.trim()))
            .collect(),
        Value::List(_, items) => items
            .iter()
            .map(|(text, place)| Node::text_at(*place, text.trim()))
            .collect(),
        _ => Vec::new(),
    };
    Ok(Node {
        place: element.place,
        content: Content::List(items),
    })
}
