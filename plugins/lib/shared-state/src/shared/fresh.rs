//! Requests that a provider accepts only once, because they hold an assertion with a unique id.

use http::{Request, Response, StatusCode};

use egress::Repeated;

use super::fetch_error::FetchError;
use super::resource::Exchange;

/// Sends the request that `make` makes. The provider may have used up an attempt whose answer got lost. So if it
/// refuses a request that was sent repeatedly, this makes and sends one more.
///
/// # Errors
/// The errors of `make` and of the exchange.
pub fn send_fresh(
    send: &mut Exchange<'_>,
    mut make: impl FnMut() -> Result<Request<Vec<u8>>, FetchError>,
) -> Result<Response<Vec<u8>>, FetchError> {
    let response = send(&make()?)?;
    let is_refusal = matches!(
        response.status(),
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED
    );
    if is_refusal && response.extensions().get::<Repeated>().is_some() {
        return Ok(send(&make()?)?);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_may_be_used_up_is_made_anew_once() {
        for (status, repeated, expected) in [
            (200, false, 1),
            (200, true, 1),
            (401, false, 1),
            (400, true, 2),
            (401, true, 2),
            (503, true, 1),
        ] {
            let mut made = 0;
            let response = send_fresh(
                &mut |_| {
                    let mut response = Response::builder().status(status).body(Vec::new()).unwrap();
                    if repeated {
                        response.extensions_mut().insert(Repeated);
                    }
                    Ok(response)
                },
                || {
                    made += 1;
                    Ok(Request::new(Vec::new()))
                },
            );
            assert_eq!(response.unwrap().status(), status);
            assert_eq!(made, expected, "{status} {repeated}");
        }
    }
}
