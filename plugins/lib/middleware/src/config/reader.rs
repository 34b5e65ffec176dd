//! The deserialiser that reads an option block into a plugin's options.
//!
//! serde compiles a type's code again for each deserialiser, and serde_json's own one offers every type more forms than
//! options have. This one is the only one that plugins use for options, and it calls only what their types need, which
//! keeps modules small. It also remembers which value it has handed out last, so an error leads to its option.

use std::cell::Cell;
use std::fmt::Display;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, Expected, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;
use serde_json::map;

/// Why a type cannot be read from an option block. The texts never contain a value, because it may be a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Mistake {
    /// A block has an option that its type does not know.
    #[error("unknown field `{name}`")]
    Unknown {
        name: String,
        known: &'static [&'static str],
    },
    /// A block lacks an option.
    #[error("missing field `{0}`")]
    Missing(&'static str),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// A [`Mistake`] behind a pointer, because each step of reading moves it, and all of them are in the module.
type Fault = Box<Mistake>;

/// Reads `options`. An error comes with the path of the value that it is about, such as `clientConfig.tls` or
/// `rules[2]`. The path is empty if the error is about the block as a whole.
pub(super) fn read<T: DeserializeOwned>(options: &Value) -> Result<T, (String, Mistake)> {
    let latest = Cell::new(options);
    let reader = Reader {
        value: options,
        latest: &latest,
        is_entry: false,
    };
    T::deserialize(reader).map_err(|fault| (path(options, latest.get()).unwrap_or_default(), *fault))
}

/// Returns the path from `options` to `wanted`, which lies inside them.
fn path(options: &Value, wanted: &Value) -> Option<String> {
    if std::ptr::eq(options, wanted) {
        return Some(String::new());
    }
    match options {
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            let rest = path(member, wanted)?;
            let dot = if rest.is_empty() || rest.starts_with('[') {
                ""
            } else {
                "."
            };
            Some(format!("{name}{dot}{rest}"))
        }),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            let rest = path(item, wanted)?;
            let dot = if rest.is_empty() || rest.starts_with('[') {
                ""
            } else {
                "."
            };
            Some(format!("[{index}]{dot}{rest}"))
        }),
        _ => None,
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Reader<'r, 'de> {
    value: &'de Value,
    /// The value that was handed out last.
    latest: &'r Cell<&'de Value>,
    /// Whether the value is an entry of a list.
    is_entry: bool,
}

impl<'r, 'de> Reader<'r, 'de> {
    /// The members, if this is a block. Traefik's file provider turns an empty block (`tls: {}`) into an empty text.
    /// It leaves lists alone, so an empty text in a list is a mistake.
    #[inline(never)]
    fn block(self) -> Result<Block<'r, 'de>, Fault> {
        let members = match self.value {
            Value::Object(members) => Some(members.iter()),
            Value::String(text) if text.is_empty() && !self.is_entry => None,
            _ => return Err(self.unexpected(&"a block of options (key: value)")),
        };
        Ok(Block {
            block: self.value,
            members,
            member: self.value,
            latest: self.latest,
        })
    }

    #[cold]
    fn unexpected(self, expected: &dyn Expected) -> Fault {
        let found = match self.value {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Number(number) if number.is_f64() => Unexpected::Float(0.0), // the value is not shown
            Value::Number(_) => Unexpected::Unsigned(0),
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        Fault::invalid_type(found, expected)
    }
}

impl<'de> Deserializer<'de> for Reader<'_, 'de> {
    type Error = Fault;

    /// For types that accept several forms.
    #[inline(never)]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => {
                if let Some(value) = number.as_u64() {
                    visitor.visit_u64(value)
                } else if let Some(value) = number.as_i64() {
                    visitor.visit_i64(value)
                } else {
                    visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
                }
            }
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    #[inline(never)]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::String(text) => visitor.visit_borrowed_str(text),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    #[inline(never)]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    #[inline(never)]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Array(items) => visitor.visit_seq(List {
                items: items.iter(),
                latest: self.latest,
            }),
            _ => Err(self.unexpected(&visitor)),
        }
    }

    #[inline(never)]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(self.block()?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum
        identifier
    }
}

/// The members of a block.
struct Block<'r, 'de> {
    block: &'de Value,
    members: Option<map::Iter<'de>>,
    /// The value that belongs to the latest name.
    member: &'de Value,
    latest: &'r Cell<&'de Value>,
}

impl<'de> Block<'_, 'de> {
    /// Goes to the next member and returns its name.
    #[inline(never)]
    fn next_name(&mut self) -> Option<&'de str> {
        // The type complains about the block if it does not know the name, or if it misses one after the last.
        self.latest.set(self.block);
        let (name, member) = self.members.as_mut()?.next()?;
        self.member = member;
        Some(name)
    }
}

impl<'de> MapAccess<'de> for Block<'_, 'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        match self.next_name() {
            Some(name) => seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        self.latest.set(self.member);
        seed.deserialize(Reader {
            value: self.member,
            latest: self.latest,
            is_entry: false,
        })
    }
}

/// The entries of a list.
struct List<'r, 'de> {
    items: std::slice::Iter<'de, Value>,
    latest: &'r Cell<&'de Value>,
}

impl<'de> SeqAccess<'de> for List<'_, 'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some(value) = self.items.next() else {
            return Ok(None);
        };
        self.latest.set(value);
        let reader = Reader {
            value,
            latest: self.latest,
            is_entry: true,
        };
        seed.deserialize(reader).map(Some)
    }
}

impl Error for Fault {
    #[cold]
    fn custom<T: Display>(message: T) -> Self {
        Box::new(Mistake::Other(message.to_string()))
    }

    #[cold]
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Box::new(Mistake::Other(format!(
            "invalid type: {}, expected {expected}",
            kind(found)
        )))
    }

    #[cold]
    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Box::new(Mistake::Other(format!(
            "invalid value: {}, expected {expected}",
            kind(found)
        )))
    }

    #[cold]
    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Box::new(Mistake::Unknown {
            name: name.to_owned(),
            known,
        })
    }

    /// Unlike serde's own text, this one does not contain the value.
    #[cold]
    fn unknown_variant(_value: &str, known: &'static [&'static str]) -> Self {
        Box::new(Mistake::Other(format!(
            "unknown value, expected one of {}",
            known.join(", ")
        )))
    }

    #[cold]
    fn missing_field(name: &'static str) -> Self {
        Box::new(Mistake::Missing(name))
    }
}

/// Names the kind of a value without the value.
fn kind(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "integer",
        Unexpected::Float(_) => "floating point",
        Unexpected::Str(_) => "string",
        Unexpected::Unit => "null",
        Unexpected::Seq => "sequence",
        Unexpected::Map => "map",
        _ => "value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Outer {
        inner: Inner,
        given: Option<Inner>,
        list: Vec<Inner>,
        table: std::collections::BTreeMap<String, String>,
        other: Option<Value>,
        text: Option<String>,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Inner {
        #[serde(alias = "n")]
        number: u64,
    }

    #[derive(Debug, Deserialize)]
    struct Strict {
        #[allow(dead_code)]
        name: String,
    }

    fn fails<T: DeserializeOwned>(options: Value) -> (String, Mistake) {
        read::<T>(&options).map(|_| ()).unwrap_err()
    }

    #[test]
    fn every_form_of_options_is_read() {
        let options = json!({
            "inner": {"number": 1}, "given": {}, "list": [{"n": 2}, {}], "table": {"a": "b"},
            "other": {"a": [1, -1, 0.5, "x", null, true]}, "text": "t",
        });
        let read: Outer = read(&options).unwrap();
        assert_eq!(read.inner, Inner { number: 1 });
        assert_eq!(read.given, Some(Inner::default()));
        assert_eq!(read.list, [Inner { number: 2 }, Inner::default()]);
        assert_eq!(read.table["a"], "b");
        assert_eq!(read.other.as_ref(), options.get("other"));
        assert_eq!(read.text.as_deref(), Some("t"));
    }

    #[test]
    fn an_empty_text_is_an_empty_block_but_not_in_a_list() {
        let read: Outer = read(&json!({"inner": "", "given": "", "table": "", "text": ""})).unwrap();
        assert_eq!(read.given, Some(Inner::default()));
        assert_eq!(read.text.as_deref(), Some(""));
        for (options, at) in [
            (json!({"list": [{}, ""]}), "list[1]"),
            (json!({"inner": " "}), "inner"),
            (json!({"table": 1}), "table"),
        ] {
            let (path, mistake) = fails::<Outer>(options);
            assert_eq!(path, at);
            assert!(
                mistake
                    .to_string()
                    .ends_with("expected a block of options (key: value)"),
                "{mistake}"
            );
        }
    }

    #[test]
    fn the_path_leads_to_the_value_that_is_wrong() {
        for (options, at) in [
            (json!({"inner": {"number": "x"}}), "inner.number"),
            (json!({"given": {"number": []}}), "given.number"),
            (json!({"list": [{"n": 1}, {"n": -1}]}), "list[1].n"),
            (json!({"list": [{"n": 1, "number": 1}]}), "list[0]"),
            (json!({"list": {}}), "list"),
            (json!({"table": {"a": "b", "c": 1}}), "table.c"),
            (json!({"text": null, "inner": null}), "inner"),
            (json!([]), ""),
        ] {
            assert_eq!(fails::<Outer>(options.clone()).0, at, "{options}");
        }
    }

    #[test]
    fn an_unknown_and_a_missing_option_belong_to_their_block() {
        let unknown = |name: &str, known| Mistake::Unknown {
            name: name.to_owned(),
            known,
        };
        assert_eq!(
            fails::<Outer>(json!({"inner": {"number": 1, "x": 1}})),
            ("inner".to_owned(), unknown("x", &["n", "number"]))
        );
        assert_eq!(
            fails::<Vec<Strict>>(json!([{"name": "a"}, {"other": {"name": "b"}}])),
            ("[1]".to_owned(), Mistake::Missing("name"))
        );
    }

    #[test]
    fn a_mistake_never_contains_a_value() {
        #[derive(Debug, Deserialize)]
        enum Choice {
            One,
        }
        for mistake in [
            fails::<Choice>(json!("hunter2")),
            fails::<u64>(json!("hunter2")),
            fails::<Vec<u8>>(json!([1042])),
            fails::<Vec<String>>(json!([1042.5])),
        ] {
            let text = format!("{mistake:?}");
            assert!(!text.contains("hunter2") && !text.contains("1042"), "{text}");
        }
    }
}
