//! The configuration of the keys' source.

use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use claims::same_issuer;
use egress::{ClientConfig, Url};
use jose::KeySet;
use middleware::config::{given, in_range};
use middleware::{ConfigError, Host, SecretRef};

use super::RawOptions;
use crate::KeysLogin;

/// Where the keys come from.
#[derive(Debug, Clone)]
pub enum KeyOptions {
    /// Keys in the configuration: `jwksFile`, `publicKey`, or `signingSecret`.
    Static(Rc<KeySet>),
    /// Keys published at `jwksUrl` or by `trustedIssuers`.
    Remote(Box<RemoteKeyOptions>),
}

/// How to fetch and cache published keys.
#[derive(Debug, Clone)]
pub struct RemoteKeyOptions {
    /// Where the keys are published. There is at least one entry.
    pub urls: Vec<KeyUrl>,
    /// `clientConfig`.
    pub client: ClientConfig,
    /// `maxStaleSeconds`: how much longer keys may be used while they cannot be renewed.
    pub max_stale: Duration,
    /// `refetchIntervalSeconds`: the minimum time between two fetches that tokens with unknown keys cause.
    pub refetch_interval: Option<Duration>,
    /// `stateDirectory`: where instances share keys. The default is the first mount.
    pub state_directory: Option<String>,
}

/// The place where an issuer publishes its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUrl {
    /// The issuer that the keys belong to. `None` means any issuer that no other entry names.
    pub issuer: Option<String>,
    /// The option that the URL comes from.
    pub option: String,
    /// The URL of the key set.
    pub url: Url,
    /// `jwksAuth`: how to get a token for a protected key set.
    pub login: Option<KeysLogin>,
}

impl RawOptions {
    /// Reads the single source of keys. The empty string counts as missing, as in Traefik Hub.
    pub(super) fn keys(&self, host: &dyn Host) -> Result<KeyOptions, ConfigError> {
        let is_given = |reference: &Option<SecretRef>| given(reference.as_ref()).is_some();
        let sources = [
            ("jwksUrl", !self.jwks_url.is_empty()),
            ("trustedIssuers", !self.trusted_issuers.is_empty()),
            ("jwksFile", is_given(&self.jwks_file)),
            ("publicKey", is_given(&self.public_key)),
            ("signingSecret", is_given(&self.signing_secret)),
        ];
        if self.signing_secret_base64_encoded && !is_given(&self.signing_secret) {
            return Err(ConfigError::new(
                "signingSecretBase64Encoded",
                "says how signingSecret is written, but there is no signingSecret",
            ));
        }
        let given: Vec<&str> = sources
            .iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| *name)
            .collect();
        match (
            given.as_slice(),
            &self.jwks_file,
            &self.public_key,
            &self.signing_secret,
        ) {
            (["jwksUrl"], ..) => self.remote(self.published(host)?),
            (["trustedIssuers"], ..) => self.remote(self.trusted(host)?),
            ([_], ..) if self.jwks_auth.is_given() => Err(ConfigError::new(
                "jwksAuth",
                "opens the key set at jwksUrl, but there is no jwksUrl",
            )),
            (["jwksFile"], Some(jwks), ..) => jwks_file(jwks, host),
            (["publicKey"], _, Some(pem), _) => public_key(pem, host),
            (["signingSecret"], .., Some(secret)) => self.secret(secret, host),
            ([.., last], ..) => Err(ConfigError::new(
                *last,
                format!(
                    "cannot be combined: {} are given; keep exactly one of them",
                    given.join(" and ")
                ),
            )),
            ([], ..) => Err(ConfigError::new(
                "jwksUrl",
                "is required: give exactly one source of keys, that is one of jwksUrl, trustedIssuers, jwksFile, \
                 publicKey and signingSecret",
            )),
        }
    }

    /// Reads `jwksUrl`: a URL, or a path that is joined to each issuer's URL.
    ///
    /// A path requires a list of issuers. Tokens name their issuer themselves, so without the list anyone could act as
    /// their own issuer.
    fn published(&self, host: &dyn Host) -> Result<Vec<KeyUrl>, ConfigError> {
        const FIELD: &str = "jwksUrl";
        let path = &self.jwks_url;
        let login = self.jwks_auth.check("jwksAuth", host)?;
        if !path.starts_with('/') {
            return Ok(vec![KeyUrl::parse(None, FIELD, path, login)?]);
        }
        let issuers = self.issuers.as_deref().unwrap_or_default();
        if issuers.is_empty() {
            return Err(ConfigError::new(
                FIELD,
                "is a path, which is joined to the token's issuer: list in issuers which ones are trusted, or any \
                 caller could name a server of his own",
            ));
        }
        if login.is_some() && issuers.len() > 1 {
            return Err(ConfigError::new(
                "jwksAuth",
                "gets a token of one identity domain, which the other issuers must not see: use trustedIssuers, with a \
                 jwksAuth in each entry that needs one",
            ));
        }
        let url = |issuer: &String| KeyUrl::parse(Some(issuer), FIELD, path, login.clone());
        issuers.iter().map(url).collect()
    }

    fn trusted(&self, host: &dyn Host) -> Result<Vec<KeyUrl>, ConfigError> {
        const FIELD: &str = "trustedIssuers";
        const MOST: usize = 100;
        let mut urls: Vec<KeyUrl> = Vec::new();
        if self.jwks_auth.is_given() {
            return Err(ConfigError::new(
                "jwksAuth",
                "opens the key set at jwksUrl: write it into the entry of trustedIssuers that needs it",
            ));
        }
        if self.trusted_issuers.len() > MOST {
            return Err(ConfigError::new(FIELD, format!("has more than {MOST} entries")));
        }
        for (index, entry) in self.trusted_issuers.iter().enumerate() {
            let issuer = entry.issuer.as_deref();
            // An empty issuer may be left over from a template. It would let the keys of this entry verify tokens of
            // any issuer.
            if issuer.is_some_and(|issuer| issuer.trim().is_empty()) {
                return Err(ConfigError::new(
                    format!("{FIELD}[{index}].issuer"),
                    "is empty: name the issuer, or leave the option out in the one entry that serves all others",
                ));
            }
            let same = |other: &KeyUrl| match (&other.issuer, issuer) {
                (Some(other), Some(issuer)) => same_issuer(other, issuer),
                (None, None) => true,
                _ => false,
            };
            if urls.iter().any(same) {
                let problem = match issuer {
                    Some(_) => "is there twice",
                    None => "is missing in more than one entry: only one can serve all other issuers",
                };
                return Err(ConfigError::new(format!("{FIELD}[{index}].issuer"), problem));
            }
            urls.push(KeyUrl::parse(
                issuer,
                &format!("{FIELD}[{index}].jwksUrl"),
                &entry.jwks_url,
                entry
                    .jwks_auth
                    .check(&format!("{FIELD}[{index}].jwksAuth"), host)?,
            )?);
        }
        Ok(urls)
    }

    fn remote(&self, urls: Vec<KeyUrl>) -> Result<KeyOptions, ConfigError> {
        const WEEK: u64 = 7 * 24 * 3600;
        const DAY: u64 = 24 * 3600;
        let state_directory = self.state_directory.clone().filter(|path| !path.is_empty());
        if state_directory
            .as_ref()
            .is_some_and(|path| !path.starts_with('/'))
        {
            return Err(ConfigError::new(
                "stateDirectory",
                "must be an absolute path inside of one of the mounts",
            ));
        }
        let max_stale = in_range("maxStaleSeconds", self.max_stale_seconds, 0, WEEK)?;
        let refetch_interval = match self.refetch_interval_seconds {
            Some(seconds) => Some(in_range("refetchIntervalSeconds", seconds, 1, DAY)?),
            None => None,
        };
        Ok(KeyOptions::Remote(Box::new(RemoteKeyOptions {
            urls,
            client: self.client_config.clone(),
            max_stale: Duration::from_secs(max_stale),
            refetch_interval: refetch_interval.map(Duration::from_secs),
            state_directory,
        })))
    }

    fn secret(&self, reference: &SecretRef, host: &dyn Host) -> Result<KeyOptions, ConfigError> {
        const FIELD: &str = "signingSecret";
        let secret = reference.resolve(FIELD, host)?;
        let bytes = if self.signing_secret_base64_encoded {
            from_base64(secret.expose().trim()).ok_or_else(|| {
                ConfigError::new(FIELD, "is not base64, but signingSecretBase64Encoded is true")
            })?
        } else {
            secret.expose().as_bytes().to_vec()
        };
        static_keys(FIELD, KeySet::from_secret(&bytes))
    }
}

impl KeyUrl {
    /// Parses a URL, or a path that is joined to the issuer's URL.
    fn parse(
        issuer: Option<&str>,
        option: &str,
        url: &str,
        login: Option<KeysLogin>,
    ) -> Result<Self, ConfigError> {
        let joined = match (url.starts_with('/'), issuer) {
            (true, Some(issuer)) => format!("{}{url}", issuer.trim_end_matches('/')),
            _ => url.to_owned(),
        };
        let url = Url::parse(&joined).map_err(|error| match joined == url {
            true => ConfigError::new(option, error.to_string()),
            false => ConfigError::new(
                option,
                format!(
                    "is a path, and joined to the issuer {} it {error}",
                    issuer.unwrap_or_default()
                ),
            ),
        })?;
        Ok(Self {
            issuer: issuer.map(str::to_owned),
            option: option.to_owned(),
            url,
            login,
        })
    }
}

/// Reads a JWK Set or a JWK: in place, or at an absolute path, `file:/path`, or `env:NAME`.
fn jwks_file(reference: &SecretRef, host: &dyn Host) -> Result<KeyOptions, ConfigError> {
    const FIELD: &str = "jwksFile";
    let value = reference.resolve_document(FIELD, host)?;
    let value = value.expose().trim_start_matches('\u{feff}').trim();
    let document = if value.starts_with('{') {
        value.as_bytes().to_vec()
    } else if value.starts_with('/') {
        host.read_file(value)
            .map_err(|error| ConfigError::of_file(FIELD, value, &error))?
    } else {
        return Err(ConfigError::new(
            FIELD,
            "must be a JWK Set ({\"keys\": […]}), a single JWK, or the absolute path of one",
        ));
    };
    static_keys(FIELD, KeySet::from_configured_jwks(&document))
}

/// Reads a public key in PEM: in place, or at `file:/path` or `env:NAME`.
fn public_key(reference: &SecretRef, host: &dyn Host) -> Result<KeyOptions, ConfigError> {
    const FIELD: &str = "publicKey";
    let pem = reference.resolve_document(FIELD, host)?;
    static_keys(FIELD, KeySet::from_pem(pem.expose()))
}

fn static_keys(field: &str, keys: Result<KeySet, jose::KeySetError>) -> Result<KeyOptions, ConfigError> {
    keys.map(|keys| KeyOptions::Static(Rc::new(keys)))
        .map_err(|error| ConfigError::new(field, error.to_string()))
}

/// Decodes standard or URL-safe base64, with or without padding.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let forgiving = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, forgiving).decode(text).ok())
}
