//! What is registered in the domain: resource servers with their audiences and scopes, and confidential clients.

use std::fmt;

use rustls::pki_types::CertificateDer;

use crate::certificates::ServerCertificate;
use crate::keys::SigningKey;

/// A resource server: who its tokens are for and what they may allow.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The audience that tokens for it have, and with which its scopes are asked for.
    pub primary_audience: String,
    /// Further audiences of its tokens.
    pub secondary_audiences: Vec<String>,
    /// Scope names as they stand in tokens. A request concatenates primary audience and name without a separator.
    pub scopes: Vec<String>,
}

impl Resource {
    /// A resource server without secondary audiences.
    pub fn new(primary_audience: &str, scopes: &[&str]) -> Self {
        Self {
            primary_audience: primary_audience.to_owned(),
            secondary_audiences: Vec::new(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        }
    }

    /// The OIC instance that the default clients know.
    pub fn oic() -> Self {
        Self::new(OIC_AUDIENCE, &["urn:opc:resource:consumer::all", "/ic/api/"])
    }

    /// The API of the gateway's own callers.
    pub fn gateway_api() -> Self {
        Self::new(API_AUDIENCE, &["echo", "orders.read", "orders.write"])
    }

    /// How a client asks for one of its scopes.
    pub fn full_scope(&self, scope: &str) -> String {
        format!("{}{scope}", self.primary_audience)
    }
}

/// An application: confidential, and may use client credentials; or public, and may ask users.
#[derive(Clone)]
pub struct Application {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
    /// Secrets that it may use instead, as while a secret is rotated.
    pub other_secrets: Vec<String>,
    /// The name shown in tokens.
    pub name: String,
    /// The scopes it was granted, audience and name concatenated.
    pub granted_scopes: Vec<String>,
    /// Whether "Introspect" is among its allowed operations.
    pub may_introspect: bool,
    /// Has no secret ("Client type: Public").
    pub is_public: bool,
    /// The keys whose certificates were imported, each under its key id as the alias: they sign its assertions.
    pub keys: Vec<SigningKey>,
    /// The certificate that it shows where it proves itself by mutual TLS.
    pub certificate: Option<CertificateDer<'static>>,
}

impl Application {
    /// An application without scopes, named after its id.
    pub fn new(client_id: &str, client_secret: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            other_secrets: Vec::new(),
            name: client_id.to_owned(),
            granted_scopes: Vec::new(),
            may_introspect: false,
            is_public: false,
            keys: Vec::new(),
            certificate: None,
        }
    }

    /// A public application, named after its id.
    pub fn public(client_id: &str) -> Self {
        Self {
            is_public: true,
            ..Self::new(client_id, "")
        }
    }

    /// Knows it by these secrets, of which the first is the current one.
    pub fn secrets(self, secrets: &[&str]) -> Self {
        let mut secrets = secrets.iter().map(|&secret| secret.to_owned());
        Self {
            client_secret: secrets.next().unwrap_or_default(),
            other_secrets: secrets.collect(),
            ..self
        }
    }

    /// Imports the certificate of a key under the key's id.
    pub fn key(mut self, key: &SigningKey) -> Self {
        self.keys.push(key.clone());
        self
    }

    /// Lets it prove itself by this certificate (RFC 8705 section 2).
    pub fn known_by(self, certificate: &ServerCertificate) -> Self {
        Self {
            certificate: Some(certificate.der()),
            ..self
        }
    }

    /// Grants every scope of a resource server.
    pub fn granted(mut self, resource: &Resource) -> Self {
        self.granted_scopes
            .extend(resource.scopes.iter().map(|scope| resource.full_scope(scope)));
        self
    }

    /// Grants one scope in the form it is asked for.
    pub fn granted_scope(mut self, scope: &str) -> Self {
        self.granted_scopes.push(scope.to_owned());
        self
    }

    /// Lets it ask about tokens (RFC 7662).
    pub fn introspecting(self) -> Self {
        Self {
            may_introspect: true,
            ..self
        }
    }

    /// The gateway, which asks for OIC tokens. Its secret holds characters that need form encoding.
    pub fn gateway() -> Self {
        let application = Self::new(Self::GATEWAY_ID, "gateway secret:+%/ü");
        application
            .granted(&Resource::oic())
            .granted_scope("urn:opc:resource:consumer::all")
    }

    /// The gateway as a public client, which asks a user for OIC tokens by the device flow.
    pub fn device() -> Self {
        Self::public(Self::DEVICE_ID).granted(&Resource::oic())
    }

    /// A caller of the gateway, which asks for tokens for the gateway's API.
    pub fn caller() -> Self {
        Self::new(Self::CALLER_ID, "caller-secret").granted(&Resource::gateway_api())
    }

    /// The client id of [`Self::gateway`].
    pub const GATEWAY_ID: &str = "6b173c40d8314c0586beaf8faa5efc5c";
    /// The client id of [`Self::device`].
    pub const DEVICE_ID: &str = "c0ffee5e0b1d4f6c8a7b6c5d4e3f2a1b";
    /// The client id of [`Self::caller`].
    pub const CALLER_ID: &str = "9f2b1d7a4c5e4b0fa1d2c3e4f5061728";
}

impl fmt::Debug for Application {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Application")
            .field("client_id", &self.client_id)
            .field("granted_scopes", &self.granted_scopes)
            .finish_non_exhaustive()
    }
}

/// The primary audience of [`Resource::oic`].
const OIC_AUDIENCE: &str =
    "https://20D53C8E1F4A4B6C9D0E7F8A9B0C1D2E.integration.eu-frankfurt-1.ocp.oraclecloud.com:443";

/// The primary audience of [`Resource::gateway_api`].
const API_AUDIENCE: &str = "https://api.example.com/";
