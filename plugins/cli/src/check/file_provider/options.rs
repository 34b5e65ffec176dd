//! Plugin options. Traefik passes them on as texts, and lists as lists of one type.

use serde_json::Value as Json;

use super::element::{Element, ItemKind, MARK, Value};
use crate::check::document::{Content, Node, json_number};
use crate::check::place::{Fault, Place};

/// Returns the options that the plugin receives.
pub(super) fn options(plugin: &Element) -> Result<Node, Fault> {
    let mut members = Vec::new();
    let mut put = |name: &str, key: Place, node: Node| {
        // The last value counts, as in a Go map.
        members.retain(|(known, ..): &(String, Place, Node)| known != name);
        members.push((name.to_owned(), key, node));
    };
    for option in &plugin.children {
        let is_block = !option.children.is_empty() && !is_list(option);
        if is_block && option.children.iter().any(|child| child.name == option.name) {
            // If a block has a member of the same name, its members move up to its parent.
            for child in &option.children {
                put(&child.name, child.key, value(child)?);
            }
        } else {
            put(&option.name, option.key, value(option)?);
        }
    }
    Ok(Node {
        place: plugin.place,
        content: Content::Block(members),
    })
}

fn is_list(element: &Element) -> bool {
    let first = element.children.first();
    first.is_some_and(|child| child.name.starts_with('[') && child.name.ends_with(']'))
}

fn value(element: &Element) -> Result<Node, Fault> {
    let place = element.place;
    if element.children.is_empty() {
        return match &element.value {
            Value::Empty => Ok(Node::text_at(place, "")),
            Value::Text(text) => Ok(Node::text_at(place, text)),
            Value::List(kind, items) => {
                let items = items.iter().map(|(text, place)| item(*kind, text, *place));
                Ok(Node {
                    place,
                    content: Content::List(items.collect::<Result<_, _>>()?),
                })
            }
        };
    }
    let content = if is_list(element) {
        let items = element.children.iter().map(value);
        Content::List(items.collect::<Result<_, _>>()?)
    } else {
        let members = element.children.iter();
        let members = members.map(|child| Ok((child.name.clone(), child.key, value(child)?)));
        Content::Block(members.collect::<Result<_, Fault>>()?)
    };
    Ok(Node { place, content })
}

/// Returns the text that Traefik uses for a list until it knows the type.
pub(super) fn marked(kind: ItemKind, items: &[(String, Place)]) -> String {
    let mut text = format!("{MARK}{}", kind.number());
    for (item, _) in items {
        text.push(MARK);
        text.push_str(item);
    }
    text
}

fn item(kind: ItemKind, text: &str, place: Place) -> Result<Node, Fault> {
    let value = match kind {
        ItemKind::Text => Some(Json::from(text)),
        ItemKind::Bool => text.parse().ok().map(Json::Bool),
        ItemKind::Int => text.parse::<i64>().ok().map(Json::from),
        ItemKind::Unsigned => text.parse::<u64>().ok().map(Json::from),
        ItemKind::Float => text.parse().ok().map(json_number),
        ItemKind::Nothing | ItemKind::Block => None,
    };
    let value = value.ok_or_else(|| {
        Fault::new(
            place,
            format!("the list has items of several types, and Traefik cannot read {text} as one of the other; put them in quotes"),
        )
    })?;
    Ok(Node {
        place,
        content: Content::Scalar(value),
    })
}
