//! TOML, which Traefik's file provider also reads.

use super::place::{Fault, Place};
use super::raw::{Member, Raw, RawValue};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reads a document.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn read(text: &str) -> Result<Raw, Fault> {
    let places = Places(text);
    match DeTable::parse(text) {
        Ok(table) => Ok(Raw {
            place: Place { line: 1, column: 1 },
            value: places.table(table.get_ref())?,
        }),
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start);
            Err(Fault::new(places.at(start), error.message()))
        }
    }
}

struct Places<'t>(&'t str);

impl Places<'_> {
    fn at(&self, offset: usize) -> Place {
        let before = self.0.get(..offset).unwrap_or(self.0);
        let last = before.rsplit('\n').next().unwrap_or_default();
        Place {
            line: before.matches('\n').count() as u64 + 1,
            column: last.chars().count() as u64 + 1,
        }
    }

    fn table(&self, table: &DeTable<'_>) -> Result<RawValue, Fault> {
        let members = table.iter().map(|(name, value)| {
            Ok(Member {
                name: name.get_ref().to_string(),
                place: self.at(name.span().start),
                value: self.value(value)?,
            })
        });
        Ok(RawValue::Block(members.collect::<Result<_, Fault>>()?))
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Result<Raw, Fault> {
        let place = self.at(value.span().start);
        let value = match value.get_ref() {
            DeValue::String(text) => RawValue::Text(text.to_string()),
            DeValue::Boolean(value) => RawValue::Bool(*value),
            DeValue::Integer(number) => {
                let parsed = i64::from_str_radix(number.as_str(), number.radix());
                RawValue::Int(parsed.map_err(|_| Fault::new(place, "the number is too large"))?)
            }
            DeValue::Float(number) => {
                let parsed = number.as_str().parse();
                RawValue::Float(parsed.map_err(|_| Fault::new(place, "is not a number"))?)
            }
            DeValue::Datetime(time) => RawValue::Time(time.to_string()),
            DeValue::Array(items) => {
                let items = items.iter().map(|item| self.value(item));
                RawValue::List(items.collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => self.table(table)?,
        };
        Ok(Raw { place, value })
    }
}
