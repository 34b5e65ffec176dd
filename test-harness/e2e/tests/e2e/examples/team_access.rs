//! `examples/team-access`: two teams that use one OIC instance.

use harness::certificates::CertificateAuthority;
use harness::client::Client;
use harness::idcs::{Application, Idcs, Resource};
use http::Method;

use crate::support::example::{Example, ExampleBuilder};

const FLOWS: &str = "/ic/api/integration/v2/flows/rest/project";

/// Returns the teams' API as it is registered in the domain.
fn api() -> Resource {
    let scopes = ["oic_api_HR", "oic_api_IT", "oic_api_payroll"];
    Resource::new("https://api.example.com/", &scopes)
}

/// Returns the token that the domain issues to the application of a team for all its granted scopes.
fn token_of(example: &Example, team: &str, scopes: &[&str]) -> String {
    let full: Vec<String> = scopes.iter().map(|scope| api().full_scope(scope)).collect();
    let application = Application::new(team, "s3cret");
    let granted = full
        .iter()
        .fold(application, |team, scope| team.granted_scope(scope));
    example.idcs.register(granted);
    let client = Client::trusting(&CertificateAuthority::shared().ca_pem());
    let answer = client
        .post(&example.idcs.token_url())
        .client_basic(team, "s3cret")
        .form(&[("grant_type", "client_credentials"), ("scope", &full.join(" "))])
        .send()
        .unwrap();
    let token = answer.json()["access_token"].as_str().map(str::to_owned);
    token.unwrap_or_else(|| panic!("{}", answer.text()))
}

#[test]
fn each_team_reaches_its_own_integrations_and_nothing_else() {
    let idcs = Idcs::builder().resource(api()).start();
    let example = ExampleBuilder::of("team-access", idcs).start();
    let hr = token_of(&example, "people", &["oic_api_HR"]);
    let it = token_of(&example, "machines", &["oic_api_IT"]);
    let payroll = token_of(&example, "salaries", &["oic_api_HR", "oic_api_payroll"]);
    let (get, post, put, delete) = (&Method::GET, &Method::POST, &Method::PUT, &Method::DELETE);
    let call = |method: &Method, path: &str, token: &str| {
        let request = example.request(method.clone(), path);
        request.bearer(token).send().unwrap()
    };

    for (token, method, path, integration) in [
        (&hr, get, "/hr", "HR/PEOPLE/1.0"),
        (&hr, get, "/hr/people/7?x=1", "HR/PEOPLE/1.0/people/7"),
        (&hr, post, "/hr/people", "HR/PEOPLE/1.0/people"),
        (&hr, get, "/calendar", "SHARED/CALENDAR/1.0"),
        (&it, delete, "/it/servers/7", "IT/ASSETS/1.0/servers/7"),
        (&it, get, "/calendar/", "SHARED/CALENDAR/1.0"),
        (&payroll, put, "/hr/payroll/7", "HR/PEOPLE/1.0/payroll/7"),
        (&payroll, get, "/hr/people", "HR/PEOPLE/1.0/people"),
    ] {
        let answer = call(method, path, token);
        let log = example.traefik.log();
        assert_eq!(answer.status, 200, "{method} {path}: {}\n{log}", answer.text());
        let seen = example.oic.last_request().unwrap();
        assert_eq!(seen.path, format!("{FLOWS}/{integration}"), "{method} {path}");
    }

    let served = example.oic.requests_count();
    for (who, token, method, path, status, reason) in [
        ("IT", &it, get, "/hr/people", 404, "not_found"),
        ("IT", &it, get, "/hr", 404, "not_found"),
        ("IT", &it, get, "/hr/payroll", 403, "insufficient_scope"),
        ("HR", &hr, get, "/it/servers", 404, "not_found"),
        ("HR", &hr, put, "/hr/people", 404, "not_found"),
        ("HR", &hr, post, "/hr/payroll/7", 403, "insufficient_scope"),
        ("HR", &hr, get, "/hr/Payroll/7", 403, "forbidden"),
        ("HR", &hr, post, "/calendar", 404, "not_found"),
        ("HR", &hr, get, "/calendar/2026", 404, "not_found"),
        ("HR", &hr, get, "/", 404, "not_found"),
        ("HR", &hr, get, "/hrx", 404, "not_found"),
        ("HR", &hr, get, "/HR/people", 404, "not_found"),
        ("HR", &hr, get, "/hr/a%2Fb", 400, "invalid_path"),
        ("HR", &hr, get, FLOWS, 404, "not_found"),
    ] {
        let answer = call(method, path, token);
        let body = answer.json();
        let got = (answer.status, body["reason"].as_str());
        assert_eq!(got, (status, Some(reason)), "{who}: {method} {path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
    // Without a valid token, a caller does not learn that access rules exist.
    let forged = example.idcs.client_token().scope("oic_api_HR");
    let forged = forged.signed_by_another_key().mint();
    for path in ["/hr", "/it", "/other", "/hr/a%2Fb"] {
        let answer = call(get, path, &forged);
        assert_eq!(answer.json()["reason"], "invalid_token", "{path}");
        assert_eq!(
            example.get(path).send().unwrap().json()["reason"],
            "missing_token"
        );
    }
    assert_eq!(example.oic.requests_count(), served);
}
