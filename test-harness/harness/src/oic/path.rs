//! The runtime paths of OIC integrations.

/// The path of an integration, and the rest of the path after its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IntegrationPath<'a> {
    /// `v1` or `v2`.
    pub(super) api: &'a str,
    pub(super) project: Option<&'a str>,
    pub(super) id: &'a str,
    pub(super) version: &'a str,
    /// Empty, or begins with a slash.
    pub(super) rest: &'a str,
}

impl<'a> IntegrationPath<'a> {
    /// Parses `/ic/api/integration/{v1,v2}/flows/rest[/project/<project>]/<id>/<version>[/...]`. Only v2 has projects.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let (api, flow) = path
            .strip_prefix("/ic/api/integration/")?
            .split_once("/flows/rest/")?;
        let (project, flow) = match (api, flow.strip_prefix("project/")) {
            ("v2", Some(flow)) => {
                let (project, flow) = flow.split_once('/')?;
                (Some(project), flow)
            }
            ("v1" | "v2", None) => (None, flow),
            _ => return None,
        };
        let (id, flow) = flow.split_once('/')?;
        let (version, rest) = flow.split_at(flow.find('/').unwrap_or(flow.len()));
        let named = !id.is_empty() && project != Some("") && is_version(version);
        named.then_some(Self {
            api,
            project,
            id,
            version,
            rest,
        })
    }

    /// Returns the first segment after the version.
    pub(super) fn operation(&self) -> &'a str {
        self.rest.split('/').nth(1).unwrap_or_default()
    }
}

/// Returns whether `text` is groups of digits between dots, such as `1.0`.
fn is_version(text: &str) -> bool {
    text.contains('.')
        && text
            .split('.')
            .all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms_are_known_and_nothing_else() {
        let path = |api, project, id, rest| {
            Some(IntegrationPath {
                api,
                project,
                id,
                version: "1.0",
                rest,
            })
        };
        let table = [
            (
                "/ic/api/integration/v1/flows/rest/ECHO/1.0",
                path("v1", None, "ECHO", ""),
            ),
            (
                "/ic/api/integration/v1/flows/rest/ECHO/1.0/",
                path("v1", None, "ECHO", "/"),
            ),
            (
                "/ic/api/integration/v2/flows/rest/ECHO/1.0/a/b",
                path("v2", None, "ECHO", "/a/b"),
            ),
            (
                "/ic/api/integration/v2/flows/rest/project/P/ECHO/1.0/a",
                path("v2", Some("P"), "ECHO", "/a"),
            ),
            ("/ic/api/integration/v1/flows/rest/project/P/ECHO/1.0/a", None),
            ("/ic/api/integration/v3/flows/rest/ECHO/1.0", None),
            ("/ic/api/integration/v2/flows/rest/project/P/ECHO", None),
            ("/ic/api/integration/v2/flows/rest/ECHO/latest", None),
            ("/ic/api/integration/v2/flows/rest//1.0", None),
            ("/ic/api/integration/v2/flows/rest/project//ECHO/1.0", None),
            ("/ic/api/integration/v2/flows/rest/ECHO", None),
            ("/echo", None),
        ];
        for (text, expected) in table {
            assert_eq!(IntegrationPath::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn the_operation_is_the_first_segment_behind_the_version() {
        let operation = |text| IntegrationPath::parse(text).unwrap().operation();
        assert_eq!(
            operation("/ic/api/integration/v1/flows/rest/ECHO/1.0/slow/x"),
            "slow"
        );
        assert_eq!(operation("/ic/api/integration/v1/flows/rest/ECHO/1.0/"), "");
        assert_eq!(operation("/ic/api/integration/v1/flows/rest/ECHO/1.0"), "");
    }
}
