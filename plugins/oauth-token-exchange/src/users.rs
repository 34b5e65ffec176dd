//! Which issuer may name which users: the options `jwtBearer.subjectClaim` and `jwtBearer.users`.
//!
//! `jane` of one issuer is not `jane` of another (RFC 7519 section 4.1.2), but the token endpoint knows only one
//! `jane`. So either only one issuer may name users, or the operator says which issuer may name which users.

use claims::same_issuer;
use jose::Claims;
use jwt_plugin::AcceptedIssuers;
use middleware::ConfigError;

use crate::config::{JwtBearerOptions, UsersOptions};
use crate::name_pattern::NamePattern;
use crate::user_claims::UserClaims;

/// The issuers, and the users that they may name.
#[derive(Debug)]
pub(crate) struct Users(Vec<Group>);

/// Issuers that name the same users.
#[derive(Debug)]
struct Group {
    issuers: Vec<String>,
    claims: UserClaims,
    /// Patterns of the users' names. Empty means all names.
    names: Vec<NamePattern>,
}

/// A user's name at the token endpoint, and the issuer that named the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// The issuer, as the options spell it.
    pub(crate) issuer: String,
    pub(crate) name: String,
}

/// Why a valid token does not identify a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoUser {
    /// Its issuer may not name users.
    Issuer,
    /// None of the claims exists, or the first one is not a name.
    Claim,
    /// Its issuer may not name this user.
    Name,
}

const USERS: &str = "jwtBearer.users";
const SUBJECT_CLAIM: &str = "jwtBearer.subjectClaim";

impl Users {
    /// Reads the options. `accepted` are the issuers of the tokens to exchange.
    ///
    /// # Errors
    /// [`ConfigError`] if two issuers could name the same user.
    pub(crate) fn new(options: &JwtBearerOptions, accepted: &AcceptedIssuers) -> Result<Self, ConfigError> {
        if options.users.is_empty() {
            return Self::of_one_issuer(options, accepted);
        }
        let mut groups: Vec<Group> = Vec::new();
        for (index, entry) in options.users.iter().enumerate() {
            let field = |name: &str| format!("{USERS}[{index}].{name}");
            let group = Group::new(options, entry, &field)?;
            for issuer in &group.issuers {
                if groups.iter().any(|other| other.is_of(issuer)) {
                    return Err(ConfigError::new(
                        field("issuers"),
                        format!("has {issuer}, which another entry has already"),
                    ));
                }
                if let AcceptedIssuers::Only(accepted) = accepted
                    && !accepted.iter().any(|known| same_issuer(known, issuer))
                {
                    return Err(ConfigError::new(
                        field("issuers"),
                        format!("has {issuer}, whose tokens the block jwt does not accept"),
                    ));
                }
            }
            if options.users.len() > 1 && group.names.is_empty() {
                return Err(ConfigError::new(
                    field("names"),
                    "is required where there are several entries: which users these issuers may name, such as \
                     \"*@example.com\"",
                ));
            }
            for other in &groups {
                if let Some((one, two)) = group.overlap(other) {
                    return Err(ConfigError::new(
                        field("names"),
                        format!(
                            "has {one}, and another entry has {two}: a user could belong to both, so any of their issuers \
                             could name him"
                        ),
                    ));
                }
            }
            groups.push(group);
        }
        if let AcceptedIssuers::Only(accepted) = accepted {
            let missing = accepted
                .iter()
                .find(|issuer| !groups.iter().any(|group| group.is_of(issuer)));
            if let Some(issuer) = missing {
                return Err(ConfigError::new(
                    USERS,
                    format!(
                        "says nothing about {issuer}, whose tokens the block jwt accepts: add it, or take it out there"
                    ),
                ));
            }
        }
        Ok(Self(groups))
    }

    fn of_one_issuer(options: &JwtBearerOptions, accepted: &AcceptedIssuers) -> Result<Self, ConfigError> {
        let claims = UserClaims::new(SUBJECT_CLAIM, &options.subject_claim)?;
        let AcceptedIssuers::Only(issuers) = accepted else {
            return Err(ConfigError::new(
                "jwt.issuers",
                "is required with method jwtBearer: anyone who signs with one of the keys could name any user. Name the issuer, \
                 or say in jwtBearer.users which issuers may name which users",
            ));
        };
        if issuers.len() != 1 {
            return Err(ConfigError::new(
                USERS,
                format!(
                    "is required: the block jwt accepts tokens of {} issuers, each of which could name any user. Say which \
                     of them may name whom; issuers of one organisation, such as versions 1 and 2 of one Entra ID tenant, \
                     go into one entry",
                    issuers.len()
                ),
            ));
        }
        Ok(Self(vec![Group {
            issuers: issuers.clone(),
            claims,
            names: Vec::new(),
        }]))
    }

    /// Returns the user of a verified token.
    ///
    /// # Errors
    /// [`NoUser`] if the token does not identify a user.
    pub(crate) fn user(&self, token: &[u8]) -> Result<User, NoUser> {
        let claims = Claims::of_trusted(token).ok_or(NoUser::Claim)?;
        let named = claims.get("iss").and_then(|issuer| issuer.as_str());
        let named = named.ok_or(NoUser::Issuer)?;
        let found = self
            .0
            .iter()
            .find_map(|group| Some((group, group.issuer(named)?)));
        let (group, issuer) = found.ok_or(NoUser::Issuer)?;
        let name = group.claims.user(&claims).ok_or(NoUser::Claim)?;
        if !group.names.is_empty() && !group.names.iter().any(|names| names.fits(&name)) {
            return Err(NoUser::Name);
        }
        Ok(User {
            issuer: issuer.clone(),
            name,
        })
    }
}

impl Group {
    fn new(
        options: &JwtBearerOptions,
        entry: &UsersOptions,
        field: &dyn Fn(&str) -> String,
    ) -> Result<Self, ConfigError> {
        if entry.issuers.is_empty() || entry.issuers.iter().any(|issuer| issuer.trim().is_empty()) {
            return Err(ConfigError::new(
                field("issuers"),
                "is required: the issuers (iss) that may name these users",
            ));
        }
        let claims = match entry.subject_claim.as_slice() {
            [] => UserClaims::new(SUBJECT_CLAIM, &options.subject_claim)?,
            names => UserClaims::new(&field("subjectClaim"), names)?,
        };
        let pattern = |text: &String| {
            NamePattern::parse(text).ok_or_else(|| {
                ConfigError::new(
                    field("names"),
                    "must hold names, each with at most one *, such as \"*@example.com\"",
                )
            })
        };
        Ok(Self {
            issuers: entry.issuers.clone(),
            claims,
            names: entry.names.iter().map(pattern).collect::<Result<_, _>>()?,
        })
    }

    /// Returns the issuer as the options spell it, if it belongs to this group.
    fn issuer(&self, named: &str) -> Option<&String> {
        self.issuers.iter().find(|issuer| same_issuer(issuer, named))
    }

    fn is_of(&self, issuer: &str) -> bool {
        self.issuer(issuer).is_some()
    }

    fn overlap<'a>(&'a self, other: &'a Self) -> Option<(&'a NamePattern, &'a NamePattern)> {
        self.names.iter().find_map(|one| {
            let two = other.names.iter().find(|two| one.overlaps(two))?;
            Some((one, two))
        })
    }
}

impl NoUser {
    /// Returns a stable code for the log.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Claim => "claim",
            Self::Name => "name",
        }
    }
}

#[cfg(test)]
mod tests;
