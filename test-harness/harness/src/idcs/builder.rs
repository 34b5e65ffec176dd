//! Settings that are chosen before a mock IDCS starts.

use std::sync::Arc;

use super::applications::{Application, Resource};
use super::domain::Domain;
use super::handle::Idcs;
use super::switches::Switches;
use crate::certificates::CertificateAuthority;
use crate::entra::{Entra, EntraHandle};
use crate::server::{Server, Tls};

/// The settings of a mock IDCS.
pub struct IdcsBuilder {
    tenant: usize,
    authority: Option<&'static CertificateAuthority>,
    clients_of: Option<&'static CertificateAuthority>,
    asks_for_certificates: bool,
    applications: Vec<Application>,
    users: Vec<String>,
    trusted: Vec<EntraHandle>,
    resources: Vec<Resource>,
    switches: Switches,
}

impl Idcs {
    /// Starts tenant 0 with TLS and the default applications.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Returns the settings, to change them before the mock starts.
    pub fn builder() -> IdcsBuilder {
        IdcsBuilder::default()
    }
}

impl Default for IdcsBuilder {
    fn default() -> Self {
        Self {
            tenant: 0,
            authority: Some(CertificateAuthority::shared()),
            clients_of: None,
            asks_for_certificates: false,
            applications: vec![
                Application::gateway(),
                Application::device(),
                Application::caller(),
            ],
            users: Vec::new(),
            trusted: Vec::new(),
            resources: vec![Resource::oic(), Resource::gateway_api()],
            switches: Switches::default(),
        }
    }
}

impl IdcsBuilder {
    /// Sets another tenant. It has another name and other keys, but the same issuer and the same key ID, as in IDCS.
    pub fn tenant(self, number: usize) -> Self {
        Self {
            tenant: number,
            ..self
        }
    }

    /// Takes the server certificate from this authority instead of [`CertificateAuthority::shared`].
    pub fn authority(mut self, authority: &'static CertificateAuthority) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Requires a client certificate from this authority.
    pub fn only_clients_of(self, authority: &'static CertificateAuthority) -> Self {
        Self {
            clients_of: Some(authority),
            ..self
        }
    }

    /// Requests a client certificate from [`CertificateAuthority::shared`], but also accepts clients without one.
    pub fn asks_for_certificates(self) -> Self {
        Self {
            asks_for_certificates: true,
            ..self
        }
    }

    /// Serves plain HTTP instead of HTTPS.
    pub fn plain_http(mut self) -> Self {
        self.authority = None;
        self
    }

    /// Registers an additional application.
    pub fn application(mut self, application: Application) -> Self {
        self.applications.push(application);
        self
    }

    /// Adds a user with this name.
    pub fn user(mut self, name: &str) -> Self {
        self.users.push(name.to_owned());
        self
    }

    /// Trusts this provider: its tokens can be exchanged for tokens of users with the same name.
    pub fn trusting(mut self, entra: &Entra) -> Self {
        self.trusted.push(entra.handle());
        self
    }

    /// Registers an additional resource server.
    pub fn resource(mut self, resource: Resource) -> Self {
        self.resources.push(resource);
        self
    }

    /// Sets switches before the first request.
    pub fn set(mut self, change: impl FnOnce(&mut Switches)) -> Self {
        change(&mut self.switches);
        self
    }

    /// Starts serving on a free port.
    pub fn start(self) -> Idcs {
        let domain = Domain::new(self.tenant, self.applications, self.resources, self.switches);
        let domain = Arc::new(domain.trusting(self.trusted));
        self.users.iter().for_each(|name| domain.add_user(name));
        let host = domain.host();
        let names = ["localhost", "127.0.0.1", host.as_str()];
        let tls = self.authority.map(|authority| Tls {
            trusted: match self.asks_for_certificates {
                true => authority
                    .issue(&names)
                    .server_config_asking(CertificateAuthority::shared()),
                false => authority.issue(&names).server_config_for(self.clients_of),
            },
            untrusted: CertificateAuthority::unrelated().issue(&names).server_config(),
        });
        let scheme = if tls.is_some() { "https" } else { "http" };
        let server = Server::start(Arc::clone(&domain), tls);
        domain.set_url(format!("{scheme}://{}", server.control().address()));
        Idcs::new(domain, server, scheme)
    }
}
