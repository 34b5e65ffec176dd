//! Functions that read forms and headers of a request.

use std::collections::BTreeMap;

use http::HeaderMap;

use super::errors::OAuthError;

/// The fields of a form. Each may occur only once (RFC 6749 section 3.2).
pub(super) type Form = BTreeMap<String, String>;

/// Reads the body as a form. A repeated field is an error.
pub(super) fn read_form(body: &[u8]) -> Result<Form, OAuthError> {
    let mut form = Form::new();
    for (name, value) in form_urlencoded::parse(body) {
        if form
            .insert(name.clone().into_owned(), value.into_owned())
            .is_some()
        {
            return Err(OAuthError::new(
                "invalid_request",
                format!("Repeated parameter: {name}"),
            ));
        }
    }
    Ok(form)
}

/// Like [`read_form`], and requires the content type of a form.
pub(super) fn read_typed_form(headers: &HeaderMap, body: &[u8]) -> Result<Form, OAuthError> {
    let content_type = header(headers, "content-type").unwrap_or_default();
    if !content_type.starts_with("application/x-www-form-urlencoded") {
        return Err(OAuthError::new(
            "invalid_request",
            "Content type is not application/x-www-form-urlencoded.",
        ));
    }
    read_form(body)
}

/// Returns the first header of this name as text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
