//! The contents of the domain: resource servers with their audiences and scopes, and the clients.

use std::fmt;

use rustls::pki_types::CertificateDer;

use crate::certificates::ServerCertificate;
use crate::keys::SigningKey;

/// A resource server, with the audiences and scopes of its tokens.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The audience of its tokens. Requests for its scopes begin with it.
    pub primary_audience: String,
    /// Additional audiences of its tokens.
    pub secondary_audiences: Vec<String>,
    /// The scope names as they appear in tokens. A request concatenates the primary audience and the name without a
    /// separator.
    pub scopes: Vec<String>,
}

impl Resource {
    /// Creates a resource server without secondary audiences.
    pub fn new(primary_audience: &str, scopes: &[&str]) -> Self {
        Self {
            primary_audience: primary_audience.to_owned(),
            secondary_audiences: Vec::new(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        }
    }

    /// Returns the OIC instance that the default clients use.
    pub fn oic() -> Self {
        Self::new(OIC_AUDIENCE, &["urn:opc:resource:consumer::all", "/ic/api/"])
    }

    /// Returns the API that the gateway offers to its own callers.
    pub fn gateway_api() -> Self {
        Self::new(API_AUDIENCE, &["echo", "orders.read", "orders.write"])
    }

    /// Returns the form in which a client requests one of its scopes.
    pub fn full_scope(&self, scope: &str) -> String {
        format!("{}{scope}", self.primary_audience)
    }
}

/// An application. A confidential one can use client credentials; a public one can ask users.
#[derive(Clone)]
pub struct Application {
    /// The client ID.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
    /// Other secrets that are valid too, for example while a secret is rotated.
    pub other_secrets: Vec<String>,
    /// The name that tokens contain.
    pub name: String,
    /// The granted scopes, each as the concatenation of audience and name.
    pub granted_scopes: Vec<String>,
    /// Whether "Introspect" is one of its allowed operations.
    pub may_introspect: bool,
    /// Whether it has no secret ("Client type: Public").
    pub is_public: bool,
    /// The keys that sign its assertions. Their certificates are imported with the key ID as the alias.
    pub keys: Vec<SigningKey>,
    /// The certificate that it authenticates with by mutual TLS.
    pub certificate: Option<CertificateDer<'static>>,
}

impl Application {
    /// Creates an application without scopes. Its name is its ID.
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

    /// Creates a public application. Its name is its ID.
    pub fn public(client_id: &str) -> Self {
        Self {
            is_public: true,
            ..Self::new(client_id, "")
        }
    }

    /// Sets its secrets. The first one is the current one.
    pub fn secrets(self, secrets: &[&str]) -> Self {
        let mut secrets = secrets.iter().map(|&secret| secret.to_owned());
        Self {
            client_secret: secrets.next().unwrap_or_default(),
            other_secrets: secrets.collect(),
            ..self
        }
    }

    /// Imports the certificate of a key, with the key ID as the alias.
    pub fn key(mut self, key: &SigningKey) -> Self {
        self.keys.push(key.clone());
        self
    }

    /// Lets it authenticate with this certificate (RFC 8705 section 2).
    pub fn known_by(self, certificate: &ServerCertificate) -> Self {
        Self {
            certificate: Some(certificate.der()),
            ..self
        }
    }

    /// Grants all scopes of a resource server.
    pub fn granted(mut self, resource: &Resource) -> Self {
        self.granted_scopes
            .extend(resource.scopes.iter().map(|scope| resource.full_scope(scope)));
        self
    }

    /// Grants one scope, in the form in which it is requested.
    pub fn granted_scope(mut self, scope: &str) -> Self {
        self.granted_scopes.push(scope.to_owned());
        self
    }

    /// Allows token introspection (RFC 7662).
    pub fn introspecting(self) -> Self {
        Self {
            may_introspect: true,
            ..self
        }
    }

    /// Returns the gateway, which requests OIC tokens. Its secret contains characters that need form encoding.
    pub fn gateway() -> Self {
        let application = Self::new(Self::GATEWAY_ID, "gateway secret:+%/ü");
        application
            .granted(&Resource::oic())
            .granted_scope("urn:opc:resource:consumer::all")
    }

    /// Returns the gateway as a public client. It asks a user for OIC tokens in the device flow.
    pub fn device() -> Self {
        Self::public(Self::DEVICE_ID).granted(&Resource::oic())
    }

    /// Returns a caller of the gateway. It requests tokens for the gateway's API.
    pub fn caller() -> Self {
        Self::new(Self::CALLER_ID, "caller-secret").granted(&Resource::gateway_api())
    }

    /// The client ID of [`Self::gateway`].
    pub const GATEWAY_ID: &str = "6b173c40d8314c0586beaf8faa5efc5c";
    /// The client ID of [`Self::device`].
    pub const DEVICE_ID: &str = "c0ffee5e0b1d4f6c8a7b6c5d4e3f2a1b";
    /// The client ID of [`Self::caller`].
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
