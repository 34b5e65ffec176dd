//! JSON objects read strictly: no duplicate member at any depth, bounded nesting, nothing after the object, and numbers
//! with their digits as they are written.
//!
//! serde_json keeps the last of two equal members, while another reader may keep the first. A token could then mean one
//! thing to the gateway and another to the backend.

use std::cell::Cell;
use std::fmt;

use middleware::work;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::json::{Members, Number, Value};

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

/// The most values in a document, including lists and objects. Dropping them takes time too, and cannot be divided. A
/// token of the default `maxTokenBytes` holds less than a third of that.
const MAX_VALUES: usize = 20_000;
/// The cost of reading a value, in units of [`work`].
const WORK_PER_VALUE: usize = 75;

/// Reads one JSON object whose nesting (the object itself counts as one) is at most `max_depth`.
pub(crate) fn object(json: &[u8], max_depth: usize) -> Result<Members, JsonError> {
    let fault = Cell::new(JsonError::Malformed);
    let values_left = Cell::new(MAX_VALUES);
    work(json.len());
    let mut reader = serde_json::Deserializer::from_slice(json);
    let seed = Strict {
        levels_left: max_depth,
        fault: &fault,
        numerals: &Numerals(Cell::new(json)),
        values_left: &values_left,
    };
    let value = seed.deserialize(&mut reader).map_err(|_| fault.get())?;
    reader.end().map_err(|_| JsonError::Malformed)?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(JsonError::NotAnObject),
    }
}

/// Reads one value. serde's errors are texts, so the kind of fault is stored in `fault`.
#[derive(Clone, Copy)]
struct Strict<'a> {
    levels_left: usize,
    fault: &'a Cell<JsonError>,
    numerals: &'a Numerals<'a>,
    values_left: &'a Cell<usize>,
}

/// The rest of the document, in which to look for numbers. serde passes on a number's value and not its text. But it
/// reads the document from start to end, so the texts come in the same order.
struct Numerals<'j>(Cell<&'j [u8]>);

impl<'j> Numerals<'j> {
    /// Returns the text of the next number. Everything before it is known to be JSON.
    fn next(&self) -> Option<&'j str> {
        let mut rest = self.0.get();
        loop {
            rest = match rest.split_first()? {
                (b'"', after) => behind_string(after)?,
                (b'-' | b'0'..=b'9', _) => break,
                (_, after) => after,
            };
        }
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.iter().take_while(|byte| is_part(byte)).count();
        let (numeral, rest) = rest.split_at_checked(length)?;
        self.0.set(rest);
        std::str::from_utf8(numeral).ok()
    }
}

/// Returns what follows a string. The opening quote has been read.
fn behind_string(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        rest = match rest.split_first()? {
            (b'"', after) => return Some(after),
            (b'\\', after) => after.split_first()?.1,
            (_, after) => after,
        };
    }
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

    /// Returns the number that serde has just read, as it is written. `is_it` compares the text with serde's value.
    fn number<E: Error>(self, is_it: impl FnOnce(&str) -> bool) -> Result<Value, E> {
        match self.numerals.next() {
            Some(numeral) if is_it(numeral) => Ok(Value::Number(Number::new(numeral))),
            _ => Err(self.fail(JsonError::Malformed)),
        }
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
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.number(|numeral| numeral.parse() == Ok(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.number(|numeral| numeral.parse() == Ok(value))
    }

    /// serde_json reads a fraction, an exponent, `-0` and whole numbers beyond 64 bits as a float.
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.number(|numeral| serde_json::from_str::<f64>(numeral).is_ok_and(|read| read == value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Members::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if object.insert(name, value).is_some() {
                return Err(self.fail(JsonError::DuplicateMember));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use middleware::pace::{STRETCH, watch};

    #[test]
    fn reads_what_serde_json_reads() {
        let json = r#"{"a":[1,-2,2.5,"x",true,null,{"b":{}}],"é":"\u00e9"}"#;
        let read = Value::Object(object(json.as_bytes(), 4).unwrap());
        let expected: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(read.to_string(), expected.to_string());
    }

    #[test]
    fn every_number_keeps_its_own_digits() {
        let json = r#" { "1" : 18446744073709551616 , "2\"3\\" : [ -0 , "-4" , 1e2,1E+2 ,100.0,{"5":100,"6":"\\\"7"} ],
            "8" : true , "9":-9223372036854775809,"é1":0.10, "z":12345678901234567890123 } "#;
        let read = Value::Object(object(json.as_bytes(), 4).unwrap());
        assert_eq!(
            read.to_string(),
            r#"{"1":18446744073709551616,"2\"3\\":[-0,"-4",1e2,1E+2,100.0,{"5":100,"6":"\\\"7"}],"8":true,"#
                .to_owned()
                + r#""9":-9223372036854775809,"z":12345678901234567890123,"é1":0.10}"#
        );
    }

    /// Numbers drawn at random, with signs, fractions and exponents, among strings that look like numbers.
    #[test]
    fn two_numbers_that_are_written_differently_never_give_the_same_text() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut draw = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let mut texts = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let mut numerals = Vec::new();
            for _ in 0..20 {
                let mut numeral = String::new();
                if draw(3) == 0 {
                    numeral.push('-');
                }
                match draw(4) {
                    0 => numeral.push('0'),
                    _ => {
                        numeral.push_str(&(1 + draw(9)).to_string());
                        // Many share a long beginning, so that a float could not tell them apart.
                        numeral.push_str(if draw(2) == 0 { "234567890123456789012" } else { "" });
                        numeral.push_str(&draw(100).to_string());
                    }
                }
                if draw(3) == 0 {
                    numeral.push_str(&format!(".{}", draw(1000)));
                }
                if draw(3) == 0 {
                    numeral.push_str(["e", "E", "e+", "E-"][usize::try_from(draw(4)).unwrap()]);
                    numeral.push_str(&draw(30).to_string());
                }
                numerals.push(numeral);
            }
            let items: Vec<String> = numerals.iter().map(|it| format!("{it},\"{it}\"")).collect();
            let json = format!("{{\"a\":[{}]}}", items.join(" , "));
            let Some(Value::Array(read)) = object(json.as_bytes(), 2).unwrap().remove("a") else {
                panic!("{json}");
            };
            let read: Vec<String> = read.iter().step_by(2).map(Value::to_string).collect();
            assert_eq!(read, numerals, "{json}");
            texts.extend(read);
        }
        assert!(
            texts.len() > 5_000,
            "only {} different numbers were drawn",
            texts.len()
        );
    }

    #[test]
    fn what_is_no_number_in_json_is_refused() {
        for numeral in [
            "01", "-", "+1", ".5", "1.", "1e", "0x1", "1_0", "--1", "Infinity", "-01",
        ] {
            let json = format!("{{\"a\":{numeral}}}");
            assert_eq!(object(json.as_bytes(), 2), Err(JsonError::Malformed), "{json}");
        }
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
