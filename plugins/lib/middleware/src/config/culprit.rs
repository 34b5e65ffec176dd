//! Finds the option that a serde error is about.
//!
//! serde says what is wrong, but not where. A deserialiser that tracks its position is compiled again for every type,
//! and would make up a fifteenth of a plugin. Instead, the options are read again and again with fewer and fewer
//! members, as long as the error persists.

use serde_json::{Map, Value};

/// Returns the path of the option in `options` that makes `judge` return `error`, such as `clientConfig.tls` or
/// `rules[2]`. Empty if it is the block as a whole.
pub(super) fn culprit(options: &Value, error: &str, judge: &dyn Fn(&Value) -> Option<String>) -> String {
    let blames = |path: &[Step], value: Value| judge(&wrapped(path, value)).as_deref() == Some(error);
    // Only a block or a list can lack something.
    let may_blame =
        |child: &Value| !error.starts_with("missing field") || child.is_object() || child.is_array();
    let mut path: Vec<Step> = Vec::new();
    let mut value = options;
    // If an empty block or list causes the same error, its content is not the cause.
    while !blames(&path, emptied(value)) {
        let found = children(value).find(|(step, child)| {
            path.push(step.clone());
            let found = may_blame(child) && blames(&path, (*child).clone());
            path.pop();
            found
        });
        let Some((step, child)) = found else {
            break;
        };
        path.push(step);
        value = child;
    }
    path.iter().fold(String::new(), |text, step| match step {
        Step::Member(name) if text.is_empty() => name.clone(),
        Step::Member(name) => format!("{text}.{name}"),
        Step::Item(index) => format!("{text}[{index}]"),
    })
}

#[derive(Clone)]
enum Step {
    Member(String),
    Item(usize),
}

fn children(value: &Value) -> Box<dyn Iterator<Item = (Step, &Value)> + '_> {
    match value {
        Value::Object(members) => Box::new(
            members
                .iter()
                .map(|(name, member)| (Step::Member(name.clone()), member)),
        ),
        Value::Array(items) => Box::new(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| (Step::Item(index), item)),
        ),
        _ => Box::new(std::iter::empty()),
    }
}

fn emptied(value: &Value) -> Value {
    match value {
        Value::Object(_) => Value::Object(Map::new()),
        Value::Array(_) => Value::Array(Vec::new()),
        value => value.clone(),
    }
}

/// Options that contain nothing but `value` at `path`.
fn wrapped(path: &[Step], value: Value) -> Value {
    path.iter().rev().fold(value, |value, step| match step {
        Step::Member(name) => Value::Object(Map::from_iter([(name.clone(), value)])),
        Step::Item(_) => Value::Array(vec![value]),
    })
}
