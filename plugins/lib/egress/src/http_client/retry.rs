//! Which attempts to repeat.

use http::{Response, StatusCode};

use crate::platform::SocketError;
use crate::wire::{Progress, WireError};

/// Whether to repeat the attempt that came to `outcome`. `once` is true for a request that must not arrive twice.
pub(super) fn is_to_be_repeated<B>(outcome: &Result<Response<B>, WireError>, once: bool) -> bool {
    match outcome {
        Ok(response) => !once && is_temporary(response.status()),
        Err(error) => may_be_sent_again(error, once) && is_worth_repeating(error),
    }
}

/// Whether the attempt failed because its time was over. Such a failure says less than that of an earlier attempt.
pub(super) fn is_lack_of_time(error: &WireError) -> bool {
    matches!(
        error,
        WireError::Socket {
            source: SocketError::Busy | SocketError::TimedOut,
            ..
        }
    )
}

/// Whether sending the request again is safe.
fn may_be_sent_again(error: &WireError, once: bool) -> bool {
    match error.progress() {
        Progress::NotSent => true,
        Progress::MaybeSent => !once,
    }
}

/// Whether another attempt may succeed.
fn is_worth_repeating(error: &WireError) -> bool {
    match error {
        WireError::Socket { source, .. } => !matches!(
            source,
            SocketError::Busy | SocketError::TimedOut | SocketError::NoLock
        ),
        WireError::Tls(_) | WireError::ClosedInHandshake | WireError::Closed | WireError::Protocol(_) => true,
        WireError::HostName
        | WireError::Request(_)
        | WireError::TooLarge(_)
        | WireError::Excess(_)
        | WireError::NoTls(_)
        | WireError::NoHttp(_)
        | WireError::Redirect(_) => false,
    }
}

fn is_temporary(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Protocol, Step};

    use Progress::{MaybeSent, NotSent};

    fn socket(step: Step, source: SocketError) -> WireError {
        WireError::Socket { step, source }
    }

    /// Each kind of failure: how far the request got, whether an ordinary request is sent again, and whether a request
    /// is that must not arrive twice, such as one with a refresh token for single use.
    #[test]
    fn a_request_for_single_use_is_sent_again_only_after_failures_that_prove_it_was_not_sent() {
        const REFUSED: SocketError = SocketError::Refused(14);
        const BROKEN: SocketError = SocketError::Broken(15);
        const TIMED_OUT: SocketError = SocketError::TimedOut;
        for (failure, progress, ordinary, once) in [
            // Before there is a connection.
            (
                socket(Step::WaitForNetwork, SocketError::Busy),
                NotSent,
                false,
                false,
            ),
            (
                socket(Step::WaitForNetwork, SocketError::NoLock),
                NotSent,
                false,
                false,
            ),
            (socket(Step::LookUp, SocketError::NotFound), NotSent, true, true),
            (socket(Step::Connect, REFUSED), NotSent, true, true),
            (socket(Step::Connect, TIMED_OUT), NotSent, false, false),
            // In the TLS handshake, which a request for single use completes before it is sent.
            (socket(Step::Connect, BROKEN), NotSent, true, true),
            (socket(Step::Handshake, TIMED_OUT), NotSent, false, false),
            (WireError::Tls("expired".to_owned()), MaybeSent, true, false),
            (WireError::ClosedInHandshake, MaybeSent, true, false),
            (WireError::NoTls(Protocol::Http), MaybeSent, false, false),
            // Once the first write began.
            (socket(Step::Send, BROKEN), MaybeSent, true, false),
            (socket(Step::Send, TIMED_OUT), MaybeSent, false, false),
            // While waiting for the answer, and within the answer.
            (socket(Step::Receive, TIMED_OUT), MaybeSent, false, false),
            (socket(Step::Receive, BROKEN), MaybeSent, true, false),
            (WireError::Closed, MaybeSent, true, false),
            // Answers that are not what was asked for.
            (WireError::Protocol("garbage".to_owned()), MaybeSent, true, false),
            (WireError::NoHttp(Protocol::Tls), MaybeSent, false, false),
            (WireError::Excess("head"), MaybeSent, false, false),
            (WireError::TooLarge(1), MaybeSent, false, false),
            (WireError::Redirect(302), MaybeSent, false, false),
            // Requests that cannot be sent at all.
            (WireError::HostName, MaybeSent, false, false),
            (WireError::Request("no host".to_owned()), MaybeSent, false, false),
        ] {
            assert_eq!(failure.progress(), progress, "{failure:?}");
            let outcome: Result<Response<()>, WireError> = Err(failure);
            let decisions = [false, true].map(|once| is_to_be_repeated(&outcome, once));
            assert_eq!(decisions, [ordinary, once], "{outcome:?}");
        }
        for (status, ordinary) in [
            (200, false),
            (400, false),
            (429, false),
            (500, false),
            (502, true),
            (503, true),
            (504, true),
        ] {
            let outcome = Ok(Response::builder().status(status).body(()).unwrap());
            let decisions = [false, true].map(|once| is_to_be_repeated(&outcome, once));
            assert_eq!(decisions, [ordinary, false], "{status}");
        }
    }
}
