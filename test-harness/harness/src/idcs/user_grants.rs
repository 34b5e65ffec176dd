//! The grants that users give to clients: device codes that wait for a decision, and the refresh tokens that result
//! from them.

use super::errors::OAuthError;
use crate::hex;

/// The device codes and refresh tokens of a domain.
#[derive(Default)]
pub(super) struct UserGrants {
    devices: Vec<Device>,
    refresh_tokens: Vec<RefreshToken>,
    /// The number of grants so far. Each refresh token belongs to one grant.
    grants: usize,
}

/// A device authorization request (RFC 8628 section 3.1).
pub(super) struct Device {
    pub(super) device_code: String,
    pub(super) user_code: String,
    pub(super) client_id: String,
    pub(super) scope: String,
    /// In Unix milliseconds.
    pub(super) expires_at: i64,
    pub(super) interval_millis: i64,
    last_poll: Option<i64>,
    decision: Decision,
}

#[derive(Clone, PartialEq, Eq)]
enum Decision {
    Pending,
    Allowed(String),
    Denied,
    Redeemed,
}

struct RefreshToken {
    value: String,
    grant: usize,
    of: Allowed,
    expires_at: i64,
    used: bool,
    revoked: bool,
}

/// The consent of a user: the client and the scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) user: String,
    pub(super) client_id: String,
    pub(super) scope: String,
}

impl Device {
    pub(super) fn new(client_id: &str, scope: &str, expires_at: i64, interval_millis: i64) -> Self {
        Self {
            device_code: hex::random(),
            user_code: hex::random()
                .bytes()
                .take(8)
                .map(|digit| char::from(b'A' + digit % 26))
                .collect(),
            client_id: client_id.to_owned(),
            scope: scope.to_owned(),
            expires_at,
            interval_millis,
            last_poll: None,
            decision: Decision::Pending,
        }
    }
}

impl UserGrants {
    pub(super) fn ask(&mut self, device: Device) {
        self.devices.push(device);
    }

    /// Records the user's decision about a code. Returns false if no such code is waiting.
    pub(super) fn decide(&mut self, user_code: &str, user: Option<&str>, now: i64) -> bool {
        let code = user_code.to_uppercase();
        let waiting = self.devices.iter_mut().find(|device| {
            device.user_code == code && device.decision == Decision::Pending && now < device.expires_at
        });
        let Some(device) = waiting else {
            return false;
        };
        device.decision = user.map_or(Decision::Denied, |user| Decision::Allowed(user.to_owned()));
        true
    }

    /// Answers a device that asks whether its user has decided (RFC 8628 section 3.5).
    pub(super) fn poll(
        &mut self,
        device_code: &str,
        client_id: &str,
        now: i64,
    ) -> Result<Allowed, OAuthError> {
        let device = self
            .devices
            .iter_mut()
            .find(|device| device.device_code == device_code && device.client_id == client_id)
            .ok_or_else(|| OAuthError::new("invalid_grant", "Unknown device code."))?;
        if device.expires_at <= now {
            return Err(OAuthError::new("expired_token", "The device code has expired."));
        }
        let too_soon = device
            .last_poll
            .is_some_and(|last| now - last < device.interval_millis);
        device.last_poll = Some(now);
        if too_soon {
            device.interval_millis += 5000;
            return Err(OAuthError::new("slow_down", "Polling too often."));
        }
        match std::mem::replace(&mut device.decision, Decision::Redeemed) {
            Decision::Allowed(user) => Ok(Allowed {
                user,
                client_id: device.client_id.clone(),
                scope: device.scope.clone(),
            }),
            Decision::Denied => Err(OAuthError::new("access_denied", "The user said no.")),
            Decision::Redeemed => Err(OAuthError::new(
                "invalid_grant",
                "The device code was redeemed already.",
            )),
            Decision::Pending => {
                device.decision = Decision::Pending;
                Err(OAuthError::new(
                    "authorization_pending",
                    "The user has not decided yet.",
                ))
            }
        }
    }

    /// Issues the first refresh token of a new grant.
    pub(super) fn first_refresh_token(&mut self, of: Allowed, expires_at: i64) -> String {
        self.grants += 1;
        self.issue(self.grants, of, expires_at)
    }

    /// Uses a refresh token. With `rotation` it can be used once, and a second use revokes its whole grant. Returns
    /// what the user allowed, and the next refresh token if there is one.
    pub(super) fn refresh(
        &mut self,
        value: &str,
        client_id: &str,
        now: i64,
        rotation: bool,
    ) -> Result<(Allowed, Option<String>), OAuthError> {
        let invalid = || OAuthError::new("invalid_grant", "The refresh token is invalid.");
        let known = self
            .refresh_tokens
            .iter_mut()
            .find(|token| token.value == value && token.of.client_id == client_id)
            .ok_or_else(invalid)?;
        if known.used {
            let grant = known.grant;
            let family = self.refresh_tokens.iter_mut();
            family
                .filter(|token| token.grant == grant)
                .for_each(|token| token.revoked = true);
            return Err(invalid());
        }
        if known.revoked || known.expires_at <= now {
            return Err(invalid());
        }
        known.used = rotation;
        let (grant, of, expires_at) = (known.grant, known.of.clone(), known.expires_at);
        let next = rotation.then(|| self.issue(grant, of.clone(), expires_at));
        Ok((of, next))
    }

    /// Revokes all grants of all users.
    pub(super) fn revoke_all(&mut self) {
        self.refresh_tokens
            .iter_mut()
            .for_each(|token| token.revoked = true);
    }

    /// Returns the number of revoked refresh tokens.
    pub(super) fn revoked(&self) -> usize {
        self.refresh_tokens.iter().filter(|token| token.revoked).count()
    }

    fn issue(&mut self, grant: usize, of: Allowed, expires_at: i64) -> String {
        let value = format!("{}{}", hex::random(), hex::random());
        self.refresh_tokens.push(RefreshToken {
            value: value.clone(),
            grant,
            of,
            expires_at,
            used: false,
            revoked: false,
        });
        value
    }
}
