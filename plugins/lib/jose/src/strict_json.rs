//! JSON objects read strictly: no duplicate member at any depth, bounded nesting, nothing after the object.
//!
//! serde_json keeps the last of two equal members, where another reader may keep the first: a token could
//! then mean one thing to the gateway and another to the backend.

use std::cell::Cell;
use std::fmt;

use middleware::work;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Why bytes are not accepted as a JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JsonError {
    #[error("is not JSON")]
    Malformed,
    #[error("is JSON but no object")]
    NotAnObject,
    #[error("holds a member twice")]
    DuplicateMember,
    #[error("is nested too deeply")]
    TooDeep,
    #[error("holds more than {MAX_VALUES} values")]
    TooManyValues,
}

/// The most values in a document, lists and objects included. Dropping them takes time too, in one piece. A token of the
/// default `maxTokenBytes` holds less than a third of that.
const MAX_VALUES: usize = 20_000;
/// What reading a value takes, in units of [`work`].
const WORK_PER_VALUE: usize = 75;

/// Reads one JSON object whose nesting (the object itself counts as one) is at most `max_depth`.
pub(crate) fn object(json: &[u8], max_depth: usize) -> Result<Map<String, Value>, JsonError> {
    let fault = Cell::new(JsonError::Malformed);
    let values_left = Cell::new(MAX_VALUES);
    work(json.len());
    let mut reader = serde_json::Deserializer::from_slice(json);
    let seed = Strict {
        levels_left: max_depth,
        fault: &fault,
        values_left: &values_left,
    };
    let value = seed.deserialize(&mut reader).map_err(|_| fault.get())?;
    reader.end().map_err(|_| JsonError::Malformed)?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(JsonError::NotAnObject),
    }
}

/// Reads one value. serde's errors are texts, so the kind of fault is left in `fault`.
#[derive(Clone, Copy)]
struct Strict<'a> {
    levels_left: usize,
    fault: &'a Cell<JsonError>,
    values_left: &'a Cell<usize>,
}

impl Strict<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.levels_left.checked_sub(1) {
            Some(levels_left) => Ok(Self { levels_left, ..self }),
            None => Err(self.fail(JsonError::TooDeep)),
        }
    }

    fn fail<E: Error>(self, fault: JsonError) -> E {
        self.fault.set(fault);
        E::custom(fault)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        work(WORK_PER_VALUE);
        let Some(left) = self.values_left.get().checked_sub(1) else {
            return Err(self.fail(JsonError::TooManyValues));
        };
        self.values_left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if object.insert(name, value).is_some() {
                return Err(self.fail(JsonError::DuplicateMember));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use middleware::pace::{STRETCH, watch};

    #[test]
    fn reads_what_serde_json_reads() {
        let json = r#"{"a":[1,-2,2.5,"x",true,null,{"b":{}}],"é":"\u00e9"}"#;
        assert_eq!(
            Value::Object(object(json.as_bytes(), 4).unwrap()),
            serde_json::from_str::<Value>(json).unwrap()
        );
    }

    #[test]
    fn anything_but_one_strict_object_is_refused() {
        for (json, expected) in [
            ("", JsonError::Malformed),
            ("{", JsonError::Malformed),
            ("{} {}", JsonError::Malformed),
            (r#"{"a":1,}"#, JsonError::Malformed),
            (r#"{"a":1e999}"#, JsonError::Malformed),
            (r#"{"a":NaN}"#, JsonError::Malformed),
            (r#"{"a":"\ud800"}"#, JsonError::Malformed),
            ("[]", JsonError::NotAnObject),
            ("null", JsonError::NotAnObject),
            (r#"{"a":1,"a":1}"#, JsonError::DuplicateMember),
            (r#"{"a":1,"\u0061":2}"#, JsonError::DuplicateMember),
            (r#"{"o":{"a":1,"a":2}}"#, JsonError::DuplicateMember),
            (r#"{"a":{"b":{}}}"#, JsonError::TooDeep),
            (r#"{"a":[[]]}"#, JsonError::TooDeep),
        ] {
            assert_eq!(object(json.as_bytes(), 2), Err(expected), "{json}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}", 2), Err(JsonError::Malformed));
    }

    #[test]
    fn many_values_are_read_in_pieces_and_too_many_refused() {
        let list = |values: usize| format!("{{\"a\":[1{}]}}", ",1".repeat(values - 1));
        // The object and the list are values, too.
        let most = list(MAX_VALUES - 2);
        let (read, pace) = watch(|| object(most.as_bytes(), 2));
        assert!(read.is_ok());
        assert!(pace.safe_points >= 10, "{pace:?}");
        assert!(pace.longest_stretch <= STRETCH, "{pace:?}");
        let more = list(MAX_VALUES - 1);
        assert_eq!(object(more.as_bytes(), 2), Err(JsonError::TooManyValues));
        let deep = format!("{{\"a\":[{}{{}}]}}", "[{\"b\":[]}],".repeat(MAX_VALUES));
        assert_eq!(object(deep.as_bytes(), 8), Err(JsonError::TooManyValues));
    }

    #[test]
    fn a_bottomless_pit_is_left_at_the_limit() {
        let pit = format!("{{\"a\":{}", "[".repeat(100_000));
        assert_eq!(object(pit.as_bytes(), 16), Err(JsonError::TooDeep));
    }
}
