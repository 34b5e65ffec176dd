//! A file as paerser sees it first: a tree of texts, ordered by name.

use crate::check::place::{Fault, Place};
use crate::check::raw::{Member, Raw, RawValue};

/// A setting whose type is not known yet.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) name: String,
    /// The place of its name.
    pub(super) key: Place,
    /// The place of its value.
    pub(super) place: Place,
    pub(super) value: Value,
    pub(super) children: Vec<Element>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// An empty block or list. Traefik represents it as an empty text.
    Empty,
    Text(String),
    /// A list of values without parts. All items share one type.
    List(ItemKind, Vec<(String, Place)>),
}

/// The types of an item, by rank. The list has the type of the item with the highest rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ItemKind {
    #[default]
    Nothing,
    Bool,
    Int,
    Unsigned,
    Float,
    Block,
    Text,
}

impl ItemKind {
    /// The number of this type in Go's `reflect` package.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Bool => 1,
            Self::Int => 2,
            Self::Unsigned => 11,
            Self::Float => 14,
            Self::Block => 21,
            Self::Text => 24,
        }
    }
}

/// Traefik marks a list within a text with this character, so a text must not contain it.
pub(super) const MARK: char = '║';

pub(super) fn document(raw: &Raw) -> Result<Element, Fault> {
    let children = match &raw.value {
        RawValue::Null => Vec::new(),
        RawValue::Block(members) => children(members)?,
        _ => return Err(Fault::new(raw.place, "the document is not a block of settings")),
    };
    Ok(Element {
        name: "traefik".to_owned(),
        key: raw.place,
        place: raw.place,
        value: Value::Empty,
        children,
    })
}

fn children(members: &[Member]) -> Result<Vec<Element>, Fault> {
    let mut sorted: Vec<&Member> = members.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let given = sorted
        .into_iter()
        .filter(|member| member.value.value != RawValue::Null);
    given.map(element).collect()
}

fn element(member: &Member) -> Result<Element, Fault> {
    let Member {
        name,
        place: key,
        value,
    } = member;
    if name.is_empty() {
        return Err(Fault::new(
            *key,
            "a name is empty; Traefik cannot read such a file",
        ));
    }
    let mut element = Element {
        name: name.clone(),
        key: *key,
        place: value.place,
        value: Value::Empty,
        children: Vec::new(),
    };
    match &value.value {
        RawValue::List(items) => {
            let (mut kind, mut texts) = (ItemKind::default(), Vec::new());
            for (index, item) in items.iter().enumerate() {
                kind = kind.max(item_kind(item)?);
                if let RawValue::Block(members) = &item.value {
                    element.children.push(Element {
                        name: format!("[{index}]"),
                        key: item.place,
                        place: item.place,
                        value: Value::Empty,
                        children: children(members)?,
                    });
                } else {
                    texts.push((text(item)?, item.place));
                }
            }
            if !texts.is_empty() {
                element.value = Value::List(kind, texts);
            }
        }
        RawValue::Block(members) => element.children = children(members)?,
        RawValue::Time(text) => return Err(time(value.place, text)),
        _ => element.value = Value::Text(text(value)?),
    }
    Ok(element)
}

fn item_kind(item: &Raw) -> Result<ItemKind, Fault> {
    match &item.value {
        RawValue::Bool(_) => Ok(ItemKind::Bool),
        RawValue::Int(_) => Ok(ItemKind::Int),
        RawValue::Unsigned(_) => Ok(ItemKind::Unsigned),
        RawValue::Float(_) => Ok(ItemKind::Float),
        RawValue::Text(_) => Ok(ItemKind::Text),
        RawValue::Block(_) => Ok(ItemKind::Block),
        RawValue::Time(text) => Err(time(item.place, text)),
        RawValue::Null => Err(Fault::new(
            item.place,
            "a list has an item without a value; Traefik cannot read it",
        )),
        RawValue::List(_) => Err(Fault::new(
            item.place,
            "a list stands directly within a list; Traefik cannot read it",
        )),
    }
}

fn time(place: Place, text: &str) -> Fault {
    Fault::new(
        place,
        format!("{text} is a point in time for Traefik, which no setting takes; put it in quotes"),
    )
}

fn text(raw: &Raw) -> Result<String, Fault> {
    let text = match &raw.value {
        RawValue::Bool(value) => value.to_string(),
        RawValue::Int(number) => number.to_string(),
        RawValue::Unsigned(number) => number.to_string(),
        RawValue::Float(number) if number.is_nan() => "NaN".to_owned(),
        RawValue::Float(number) if number.is_infinite() && *number > 0.0 => "+Inf".to_owned(),
        RawValue::Float(number) if number.is_infinite() => "-Inf".to_owned(),
        RawValue::Float(number) => {
            let text = format!("{number:.6}");
            text.strip_suffix(".000000").map(str::to_owned).unwrap_or(text)
        }
        RawValue::Text(text) => text.clone(),
        _ => String::new(),
    };
    if text.contains(MARK) {
        return Err(Fault::new(
            raw.place,
            format!(
                "holds {MARK}, which Traefik uses for marks of its own: what it makes of it is not known here"
            ),
        ));
    }
    Ok(text)
}
