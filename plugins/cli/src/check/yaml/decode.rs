//! Decodes a document as its reader does: scalars get their meaning, and merges are applied.

use std::rc::Rc;

use super::dialect::Dialect;
use super::resolve::{Scalar, resolve};
use super::syntax::{Kind, Syntax};
use crate::check::place::{Fault, Place};
use crate::check::raw::{Member, Raw, RawValue};

/// Decodes a document in a dialect. Also returns what the reader ignores silently.
///
/// # Errors
/// What the reader refuses.
pub(in crate::check) fn decode(syntax: &Rc<Syntax>, dialect: Dialect) -> Result<(Raw, Vec<Fault>), Fault> {
    let mut decoder = Decoder {
        dialect,
        left: MOST,
        remarks: Vec::new(),
    };
    let raw = decoder.node(syntax)?;
    Ok((raw, decoder.remarks))
}

/// The maximum number of values. No configuration needs as many, but aliases of aliases could exhaust the memory.
const MOST: usize = 500_000;

struct Decoder {
    dialect: Dialect,
    left: usize,
    remarks: Vec<Fault>,
}

impl Decoder {
    fn node(&mut self, syntax: &Rc<Syntax>) -> Result<Raw, Fault> {
        let place = syntax.place;
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| Fault::new(place, "document contains excessive aliasing"))?;
        let value = match &syntax.kind {
            Kind::Scalar { text, plain } => self.scalar(syntax, text, *plain)?.into(),
            Kind::List(items) => {
                let items = items.iter().map(|item| self.node(item));
                RawValue::List(items.collect::<Result<_, _>>()?)
            }
            Kind::Block(members) => match self.dialect {
                Dialect::Traefik => {
                    let mut found = Vec::new();
                    self.later_merges(members, &mut found)?;
                    RawValue::Block(found)
                }
                Dialect::Kubectl => {
                    let mut found = Vec::new();
                    self.merges_in_order(members, &mut found)?;
                    RawValue::Block(found)
                }
            },
        };
        Ok(Raw { place, value })
    }

    fn scalar(&self, syntax: &Syntax, text: &str, plain: bool) -> Result<Scalar, Fault> {
        resolve(self.dialect, syntax.place, syntax.tag.as_deref(), text, plain)
    }

    /// Merges like yaml.v3: a name may occur only once. Written values take precedence over merged ones, and earlier
    /// merged values over later ones.
    fn later_merges(
        &mut self,
        members: &[(Rc<Syntax>, Rc<Syntax>)],
        found: &mut Vec<Member>,
    ) -> Result<(), Fault> {
        let mut given: Vec<(&str, Place)> = Vec::new();
        let mut merge = None;
        for (key, value) in members {
            if let Kind::Scalar { text, .. } = &key.kind {
                if let Some((_, first)) = given.iter().find(|(name, _)| name == text) {
                    let what = format!("mapping key {text:?} already defined at line {}", first.line);
                    return Err(Fault::new(key.place, what));
                }
                given.push((text, key.place));
            }
            if is_merge(key) {
                merge = Some(value);
                continue;
            }
            if let Some(name) = self.key(key)? {
                let value = self.node(value)?;
                if !found.iter().any(|member| member.name == name) {
                    found.push(Member {
                        name,
                        place: key.place,
                        value,
                    });
                }
            }
        }
        match merge {
            Some(merge) => self.each_merged(merge, false, |decoder, members| {
                decoder.later_merges(members, found)
            }),
            None => Ok(()),
        }
    }

    /// Merges like yaml.v2: the last value counts.
    fn merges_in_order(
        &mut self,
        members: &[(Rc<Syntax>, Rc<Syntax>)],
        found: &mut Vec<Member>,
    ) -> Result<(), Fault> {
        let mut given: Vec<String> = Vec::new();
        for (key, value) in members {
            if is_merge(key) {
                self.each_merged(value, true, |decoder, members| {
                    decoder.merges_in_order(members, found)
                })?;
                continue;
            }
            let Some(name) = self.key(key)? else { continue };
            if given.contains(&name) {
                let what = format!("{name} is given twice in this block; kubectl takes the last one");
                self.remarks.push(Fault::new(key.place, what));
            }
            given.push(name.clone());
            let member = Member {
                place: key.place,
                value: self.node(value)?,
                name,
            };
            match found.iter_mut().find(|known| known.name == member.name) {
                Some(known) => *known = member,
                None => found.push(member),
            }
        }
        Ok(())
    }

    fn each_merged(
        &mut self,
        merge: &Rc<Syntax>,
        reversed: bool,
        mut each: impl FnMut(&mut Self, &[(Rc<Syntax>, Rc<Syntax>)]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let want_map = |place| Fault::new(place, "map merge requires map or sequence of maps as the value");
        match &merge.kind {
            Kind::Block(members) => each(self, members),
            Kind::List(items) => {
                let mut items: Vec<_> = items.iter().collect();
                if reversed {
                    items.reverse();
                }
                for item in items {
                    let Kind::Block(members) = &item.kind else {
                        return Err(want_map(item.place));
                    };
                    each(self, members)?;
                }
                Ok(())
            }
            Kind::Scalar { .. } => Err(want_map(merge.place)),
        }
    }

    /// Returns the name that a key has for its reader, or `None` if the reader drops the key.
    fn key(&mut self, key: &Rc<Syntax>) -> Result<Option<String>, Fault> {
        let Kind::Scalar { text, plain } = &key.kind else {
            return Err(Fault::new(key.place, "invalid map key"));
        };
        let scalar = self.scalar(key, text, *plain)?;
        let unsupported = |what: &str| {
            Err(Fault::new(
                key.place,
                format!("unsupported map key of type {what}"),
            ))
        };
        match (self.dialect, scalar) {
            (_, Scalar::Text(text)) => Ok(Some(text)),
            // Traefik drops a null key, because Go has no text for it.
            (Dialect::Traefik, Scalar::Null) => Ok(None),
            (Dialect::Traefik, scalar) => {
                let kind = match scalar {
                    Scalar::Bool(_) => "bool",
                    Scalar::Int(_) => "int",
                    Scalar::Unsigned(_) => "uint64",
                    Scalar::Float(_) => "float64",
                    _ => "time.Time",
                };
                Ok(Some(format!("<{kind} Value>")))
            }
            (Dialect::Kubectl, Scalar::Bool(value)) => Ok(Some(value.to_string())),
            (Dialect::Kubectl, Scalar::Int(number)) => Ok(Some(number.to_string())),
            (Dialect::Kubectl, Scalar::Float(number)) => Ok(Some((number as f32).to_string())),
            (Dialect::Kubectl, Scalar::Time(text)) => Ok(Some(text)),
            (Dialect::Kubectl, Scalar::Null) => unsupported("null"),
            (Dialect::Kubectl, Scalar::Unsigned(_)) => unsupported("uint64"),
        }
    }
}

impl From<Scalar> for RawValue {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Null => Self::Null,
            Scalar::Bool(value) => Self::Bool(value),
            Scalar::Int(number) => Self::Int(number),
            Scalar::Unsigned(number) => Self::Unsigned(number),
            Scalar::Float(number) => Self::Float(number),
            Scalar::Text(text) => Self::Text(text),
            Scalar::Time(text) => Self::Time(text),
        }
    }
}

fn is_merge(key: &Syntax) -> bool {
    let Kind::Scalar { text, plain } = &key.kind else {
        return false;
    };
    match key.tag.as_deref() {
        None => text == "<<" && *plain,
        Some(tag) => text == "<<" && tag == "!!merge",
    }
}
