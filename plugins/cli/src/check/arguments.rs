//! Traefik's arguments, which are static configuration: `--experimental.localPlugins.jwt.moduleName=oic-gateway/jwt`.

use super::place::Place;
use super::tree::Setting;

/// Returns the settings of a command line. Arguments that are not options are ignored.
pub(super) fn settings<'t>(arguments: impl IntoIterator<Item = (&'t str, Place)>) -> Vec<Setting> {
    let mut arguments = arguments.into_iter().peekable();
    let mut found = Vec::new();
    while let Some((argument, place)) = arguments.next() {
        let Some(option) = argument.trim().strip_prefix("--") else {
            continue;
        };
        let (path, value) = match option.split_once('=') {
            Some((path, value)) => (path, value.to_owned()),
            // The value may be a separate argument. Without a value, the option is a switch.
            None => match arguments.next_if(|(next, _)| !next.starts_with('-')) {
                Some((value, _)) => (option, value.to_owned()),
                None => (option, "true".to_owned()),
            },
        };
        found.push(Setting {
            path: path.to_owned(),
            value,
            place,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_an_equals_sign_or_stand_alone() {
        let place = Place::default();
        let arguments = ["traefik", "--a.b=c=d", "--e", "--f.g", "h", " --i=j"];
        let found = settings(arguments.map(|argument| (argument, place)));
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|it| (it.path.as_str(), it.value.as_str()))
            .collect();
        assert_eq!(found, [("a.b", "c=d"), ("e", "true"), ("f.g", "h"), ("i", "j")]);
    }
}
