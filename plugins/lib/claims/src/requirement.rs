//! Requirements for single claims: `verifyClaims`, as in OCI API Gateway.

use jose::{Claims, Value};

use crate::path::text;

/// A claim that must exist, or must have one of several values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRequirement {
    /// The claim's name, taken literally: a dot is part of the name.
    pub name: String,
    /// Accepted values. If empty, every value is accepted.
    pub values: Vec<String>,
    /// Whether a token without the claim is refused.
    pub is_required: bool,
}

impl ClaimRequirement {
    /// Whether the claims meet the requirement. A string, a number or a boolean is compared as text, as in an
    /// [`Expression`](crate::Expression). A list or an object never equals a value, and `null` never
    /// meets a requirement.
    pub fn is_met(&self, claims: &Claims) -> bool {
        match claims.get(&self.name) {
            None => !self.is_required,
            Some(Value::Null) => false,
            Some(_) if self.values.is_empty() => true,
            Some(claim) => text(claim).is_some_and(|text| self.values.contains(&text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_must_be_there_or_have_one_of_the_values_or_both() {
        let claims =
            br#"{"team":"hr","level":3,"id":12345678901234567890123,"on":true,"none":null,"list":["hr"],"a.b":"x","a":{"c":"y"}}"#;
        let claims = Claims::parse(claims).unwrap();
        for (name, values, required, optional) in [
            ("team", &["hr", "it"][..], true, true),
            ("team", &["it"], false, false),
            ("team", &["HR"], false, false),
            ("team", &[], true, true),
            ("level", &["3"], true, true),
            ("level", &["3.0"], false, false),
            ("id", &["12345678901234567890123"], true, true),
            (
                "id",
                &["12345678901234567890124", "1.2345678901234568e+22"],
                false,
                false,
            ),
            ("on", &["true"], true, true),
            ("none", &[], false, false),
            ("none", &["null"], false, false),
            ("list", &["hr"], false, false),
            ("list", &[], true, true),
            ("a.b", &["x"], true, true),
            ("a.c", &["y"], false, true),
            ("missing", &["x"], false, true),
            ("missing", &[], false, true),
        ] {
            for (is_required, expected) in [(true, required), (false, optional)] {
                let requirement = ClaimRequirement {
                    name: name.to_owned(),
                    values: values.iter().map(|&value| value.to_owned()).collect(),
                    is_required,
                };
                assert_eq!(requirement.is_met(&claims), expected, "{requirement:?}");
            }
        }
    }
}
