//! Client authentication at the token endpoint (RFC 6749 section 2.3, RFC 7523 section 2.2, RFC 8705 section 2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::applications::Application;
use super::assertions;
use super::domain::Domain;
use super::errors::OAuthError;
use super::request::Form;
use crate::server::PeerCertificate;

/// The credentials that a client presents, before they are checked.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) client_id: String,
    secret: String,
}

/// Authenticates the client.
pub(super) fn authenticate(
    domain: &Domain,
    authorization: Option<&str>,
    certificate: Option<&PeerCertificate>,
    form: &Form,
) -> Result<Application, OAuthError> {
    let in_body = form.contains_key("client_secret");
    if let Some(assertion) = form.get("client_assertion") {
        return match authorization.is_some() || in_body {
            true => Err(several_methods()),
            false => by_assertion(domain, assertion, form),
        };
    }
    let credentials = match authorization {
        Some(_) if in_body => return Err(several_methods()),
        Some(authorization) => from_basic(authorization),
        None if in_body && domain.switches().post_body_auth => from_form(form),
        None => return by_name_or_certificate(domain, certificate, form),
    };
    let credentials = credentials.ok_or_else(OAuthError::invalid_client)?;
    let application = domain
        .application(&credentials.client_id)
        .ok_or_else(OAuthError::invalid_client)?;
    if application.is_public {
        return Err(OAuthError::invalid_client());
    }
    // A mock does not need to compare secrets in constant time.
    let other = application.other_secrets.contains(&credentials.secret);
    if application.client_secret != credentials.secret && !other {
        return Err(OAuthError::invalid_client());
    }
    Ok(application)
}

fn several_methods() -> OAuthError {
    OAuthError::new("invalid_request", "Multiple client authentication methods.")
}

/// Authenticates by `client_secret_jwt` or `private_key_jwt`.
fn by_assertion(domain: &Domain, assertion: &str, form: &Form) -> Result<Application, OAuthError> {
    if form.get("client_assertion_type").map(String::as_str) != Some(CLIENT_ASSERTION_TYPE) {
        return Err(OAuthError::new(
            "invalid_request",
            "Unknown client_assertion_type.",
        ));
    }
    let subject = assertions::claimed_subject(assertion).ok_or_else(OAuthError::invalid_client)?;
    let is_the_same = form.get("client_id").is_none_or(|id| *id == subject);
    let application = domain
        .application(&subject)
        .filter(|_| is_the_same)
        .ok_or_else(OAuthError::invalid_client)?;
    match assertions::verify(domain, &application, assertion) {
        Ok(_) => Ok(application),
        Err(why) => Err(OAuthError::bad_client_assertion(why)),
    }
}

/// Authenticates without credentials. A public client sends only its ID; any other client needs a certificate.
fn by_name_or_certificate(
    domain: &Domain,
    certificate: Option<&PeerCertificate>,
    form: &Form,
) -> Result<Application, OAuthError> {
    let named = form.get("client_id").and_then(|id| domain.application(id));
    match named.filter(|application| application.is_public) {
        Some(public) => Ok(public),
        None => by_certificate(domain, certificate, form),
    }
}

/// Authenticates by `tls_client_auth`: the certificate of the connection must be the one registered for the client that
/// the body names.
fn by_certificate(
    domain: &Domain,
    certificate: Option<&PeerCertificate>,
    form: &Form,
) -> Result<Application, OAuthError> {
    form.get("client_id")
        .and_then(|id| domain.application(id))
        .filter(|application| application.certificate.is_some())
        .filter(|application| application.certificate.as_ref() == certificate.map(|shown| &shown.0))
        .ok_or_else(OAuthError::invalid_client)
}

const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Returns the client ID that a request claims, for the records.
pub(super) fn claimed_client_id(authorization: Option<&str>, form: &Form) -> Option<String> {
    authorization
        .and_then(from_basic)
        .map(|claimed| claimed.client_id)
        .or_else(|| form.get("client_id").cloned())
}

/// Parses `Basic base64(form(id) ":" form(secret))`. Both parts are form-encoded before they are joined.
fn from_basic(authorization: &str) -> Option<Credentials> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client_id, secret) = decoded.split_once(':')?;
    Some(Credentials {
        client_id: form_decode(client_id),
        secret: form_decode(secret),
    })
}

fn from_form(form: &Form) -> Option<Credentials> {
    Some(Credentials {
        client_id: form.get("client_id")?.clone(),
        secret: form.get("client_secret")?.clone(),
    })
}

fn form_decode(part: &str) -> String {
    // Parse the part as a name without a value. Characters that are not encoded stay as they are.
    form_urlencoded::parse(part.replace('=', "%3D").replace('&', "%26").as_bytes())
        .next()
        .map(|(decoded, _)| decoded.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::client::basic;
    use crate::idcs::switches::Switches;

    const SECRET: &str = "p:ä ss+&=%";

    fn outcome(
        post_body_auth: bool,
        authorization: Option<&str>,
        form: &[(&str, &str)],
    ) -> Result<String, &'static str> {
        let switches = Switches {
            post_body_auth,
            ..Switches::default()
        };
        let domain = Domain::new(0, vec![Application::new("i d", SECRET)], Vec::new(), switches);
        let form = form
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let found = authenticate(&domain, authorization, None, &form);
        found
            .map(|application| application.client_id)
            .map_err(|error| error.error)
    }

    #[test]
    fn basic_and_body_are_taken_but_not_both() {
        let (right, wrong) = (basic("i d", SECRET), basic("i d", "wrong"));
        let not_encoded = format!("Basic {}", STANDARD.encode("i d:plus+"));
        let body = [("client_id", "i d"), ("client_secret", SECRET)];
        let table = [
            (true, Some(right.as_str()), &[][..], Ok("i d")),
            (true, Some(wrong.as_str()), &[], Err("invalid_client")),
            (true, Some(not_encoded.as_str()), &[], Err("invalid_client")),
            (true, Some("Bearer abc"), &[], Err("invalid_client")),
            (true, Some("Basic ???"), &[], Err("invalid_client")),
            (true, None, &[], Err("invalid_client")),
            (true, None, &body, Ok("i d")),
            (
                true,
                None,
                &[("client_id", "i d"), ("client_secret", "wrong")],
                Err("invalid_client"),
            ),
            (
                true,
                None,
                &[("client_id", "nobody"), ("client_secret", SECRET)],
                Err("invalid_client"),
            ),
            (true, Some(right.as_str()), &body, Err("invalid_request")),
            (false, None, &body, Err("invalid_client")),
            (false, Some(right.as_str()), &[("client_id", "i d")], Ok("i d")),
        ];
        for (place, (post_body_auth, authorization, form, expected)) in table.into_iter().enumerate() {
            assert_eq!(
                outcome(post_body_auth, authorization, form),
                expected.map(str::to_owned),
                "row {place}"
            );
        }
    }
}
