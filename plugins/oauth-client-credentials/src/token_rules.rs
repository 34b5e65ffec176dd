//! Rules about the claims of the fetched token, and headers made from them: Traefik Hub's `claims`, `forwardHeaders`,
//! and `usernameClaim`.

use std::rc::Rc;

use claims::{ClaimHeaders, ClaimValues, Expression};
use jose::{Claims, Rejection};
use middleware::ConfigError;
use oauth::AccessToken;

use crate::config::Options;

/// The rules, and their verdict on the current token.
pub(crate) struct TokenRules {
    claims: Option<Expression>,
    pub(crate) headers: ClaimHeaders,
    /// The verdict on the current token. A token never changes, so it is judged only once.
    judged: Option<(Rc<AccessToken>, Result<ClaimValues, Rejection>)>,
}

impl TokenRules {
    pub(crate) fn new(options: &Options) -> Result<Self, ConfigError> {
        let username_header = options.username_header.as_deref();
        let username_header = username_header.unwrap_or(ClaimHeaders::USERNAME_HEADER);
        Ok(Self {
            claims: Expression::option("claims", &options.claims)?,
            headers: ClaimHeaders::new(&options.forward_headers, &options.username_claim, username_header)?,
            judged: None,
        })
    }

    /// Returns the values of the headers that are made from `token`.
    ///
    /// # Errors
    /// Why the token must not be used, and `true` the first time, so that it is logged only once.
    pub(crate) fn judge(&mut self, token: &Rc<AccessToken>) -> Result<ClaimValues, (Rejection, bool)> {
        if self.claims.is_none() && self.headers.is_empty() {
            return Ok(ClaimValues::default());
        }
        if let Some((_, judgement)) = self.judged.as_ref().filter(|(known, _)| Rc::ptr_eq(known, token)) {
            return judgement.clone().map_err(|rejection| (rejection, false));
        }
        let judgement = self.judgement(token);
        self.judged = Some((Rc::clone(token), judgement.clone()));
        judgement.map_err(|rejection| (rejection, true))
    }

    /// Judges the token. An opaque token has no claims, so it satisfies no expression and its headers are empty.
    fn judgement(&self, token: &AccessToken) -> Result<ClaimValues, Rejection> {
        let claims = Claims::of_trusted(token.expose().as_bytes()).unwrap_or_default();
        match &self.claims {
            Some(expression) if !expression.holds(&claims) => Err(Rejection::ClaimsNotMet),
            _ => self.headers.values(&claims),
        }
    }
}
