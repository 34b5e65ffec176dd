//! Resolves the meaning of a scalar: `yes`, `0x10`, `2024-01-01`. The rules are those of Go's yaml.v3 and yaml.v2.

use super::dialect::Dialect;
use crate::check::place::{Fault, Place};

/// A scalar as Go represents it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer above the largest signed one.
    Unsigned(u64),
    Float(f64),
    Text(String),
    Time(String),
}

impl Scalar {
    fn tag(&self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Unsigned(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Text(_) => "!!str",
            Self::Time(_) => "!!timestamp",
        }
    }
}

pub(super) fn resolve(
    dialect: Dialect,
    place: Place,
    tag: Option<&str>,
    text: &str,
    plain: bool,
) -> Result<Scalar, Fault> {
    let as_text = || Scalar::Text(text.to_owned());
    let tag = tag.unwrap_or_default();
    let scalar = match tag {
        "" if !plain => return Ok(as_text()),
        "" => untagged(dialect, text, true),
        "!!bool" | "!!int" | "!!float" | "!!null" => untagged(dialect, text, false),
        "!!timestamp" => untagged(dialect, text, true),
        "!!binary" => return binary(place, text),
        // An unknown tag leaves the text unchanged.
        _ => return Ok(as_text()),
    };
    match (tag, scalar) {
        // JSON cannot represent this number.
        ("" | "!!float", Scalar::Float(number)) if dialect == Dialect::Kubectl && !number.is_finite() => {
            Err(Fault::new(place, format!("unsupported value: {text}")))
        }
        ("", scalar) => Ok(scalar),
        ("!!float", Scalar::Int(number)) => Ok(Scalar::Float(number as f64)),
        (tag, scalar) if tag == scalar.tag() => Ok(scalar),
        (tag, scalar) => Err(Fault::new(
            place,
            format!("cannot decode {} `{text}` as a {tag}", scalar.tag()),
        )),
    }
}

fn binary(place: Place, text: &str) -> Result<Scalar, Fault> {
    use base64::Engine as _;
    let text: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text);
    match bytes.map(String::from_utf8) {
        Ok(Ok(text)) => Ok(Scalar::Text(text)),
        _ => Err(Fault::new(place, "!!binary value contains invalid base64 data")),
    }
}

fn untagged(dialect: Dialect, text: &str, may_be_time: bool) -> Scalar {
    match text {
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if dialect == Dialect::Kubectl {
        match text {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Scalar::Bool(true),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Scalar::Bool(false),
            _ => {}
        }
    }
    let number = match text.as_bytes().first() {
        Some(b'.') => float(text),
        Some(b'+' | b'-' | b'0'..=b'9') if may_be_time && is_time(text) => {
            Some(Scalar::Time(text.to_owned()))
        }
        Some(b'+' | b'-' | b'0'..=b'9') => number(&text.replace('_', "")),
        _ => None,
    };
    number.unwrap_or_else(|| Scalar::Text(text.to_owned()))
}

fn number(text: &str) -> Option<Scalar> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(magnitude) = magnitude(digits) {
        let signed = if is_negative {
            -i128::from(magnitude)
        } else {
            i128::from(magnitude)
        };
        if let Ok(number) = i64::try_from(signed) {
            return Some(Scalar::Int(number));
        }
        // Go reads an unsigned number only if there is no sign.
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(Scalar::Unsigned(magnitude));
        }
    }
    float(text)
}

/// Parses `12`, `0x1F`, `0o17`, `017`, or `0b11`.
fn magnitude(digits: &str) -> Option<u64> {
    let prefixed = |lower, upper| digits.strip_prefix(lower).or_else(|| digits.strip_prefix(upper));
    let (digits, radix) = if let Some(rest) = prefixed("0x", "0X") {
        (rest, 16)
    } else if let Some(rest) = prefixed("0o", "0O") {
        (rest, 8)
    } else if let Some(rest) = prefixed("0b", "0B") {
        (rest, 2)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (digits, 8)
    } else {
        (digits, 10)
    };
    // Rust would accept a second sign.
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// Parses `1.5`, `.5`, `1.`, or `1e3`.
fn float(text: &str) -> Option<Scalar> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !whole.is_empty() || !part.is_empty();
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && is_digits(digits)
    });
    if !has_digits || !is_digits(whole) || !is_digits(part) || !exponent_fits {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    number.is_finite().then_some(Scalar::Float(number))
}

/// Matches `2006-1-2`, with or without a time.
fn is_time(text: &str) -> bool {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4, 4), digits(month, 1, 2), digits(day, 1, 2))
    else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return false,
    };
    if day == 0 || day > days {
        return false;
    }
    let Some(time) = time else { return true };
    if text.contains(' ') {
        return is_clock(time);
    }
    if let Some(clock) = time.strip_suffix('Z') {
        return is_clock(clock);
    }
    let Some(at) = time.rfind(['+', '-']) else {
        return false;
    };
    let (clock, zone) = time.split_at(at);
    let zone = zone.get(1..).and_then(|zone| zone.split_once(':'));
    let zone_fits = zone.is_some_and(|(hours, minutes)| {
        digits(hours, 2, 2).is_some_and(|it| it <= 24) && digits(minutes, 2, 2).is_some_and(|it| it < 60)
    });
    is_clock(clock) && zone_fits
}

fn is_clock(text: &str) -> bool {
    let mut parts = text.splitn(3, ':');
    let (Some(hours), Some(minutes), Some(seconds)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let (seconds, fraction) = seconds.split_once(['.', ',']).unwrap_or((seconds, "0"));
    digits(hours, 1, 2).is_some_and(|it| it < 24)
        && digits(minutes, 1, 2).is_some_and(|it| it < 60)
        && digits(seconds, 1, 2).is_some_and(|it| it < 60)
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

fn digits(text: &str, least: usize, most: usize) -> Option<u32> {
    let fits = (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}
