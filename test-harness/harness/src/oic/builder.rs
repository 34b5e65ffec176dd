//! Settings that are chosen before a mock OIC starts.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::callers::BasicUser;
use super::handle::Oic;
use super::instance::Instance;
use super::switches::Switches;
use crate::certificates::CertificateAuthority;
use crate::idcs::{Application, Idcs, IdcsHandle, Resource};
use crate::server::{Server, Tls};

/// The settings of a mock OIC.
pub struct OicBuilder {
    idcs: IdcsHandle,
    authority: Option<&'static CertificateAuthority>,
    resource: Resource,
    invokers: HashSet<String>,
    users: Vec<BasicUser>,
    integrations: Option<HashSet<String>>,
    switches: Switches,
    address: SocketAddr,
}

impl Oic {
    /// Starts the instance of [`Resource::oic`] with TLS. It trusts the tokens of this domain.
    pub fn start(idcs: &Idcs) -> Self {
        Self::builder(idcs).start()
    }

    /// Returns the settings, to change them before the mock starts.
    pub fn builder(idcs: &IdcsHandle) -> OicBuilder {
        OicBuilder::new(idcs)
    }
}

impl OicBuilder {
    fn new(idcs: &IdcsHandle) -> Self {
        Self {
            idcs: idcs.clone(),
            authority: Some(CertificateAuthority::shared()),
            resource: Resource::oic(),
            invokers: HashSet::from([Application::GATEWAY_ID.to_owned()]),
            users: Vec::new(),
            integrations: None,
            switches: Switches::default(),
            address: (Ipv4Addr::LOCALHOST, 0).into(),
        }
    }

    /// Listens at this address instead of a free port of 127.0.0.1.
    pub fn at(self, address: SocketAddr) -> Self {
        Self { address, ..self }
    }

    /// Serves plain HTTP instead of HTTPS.
    pub fn plain_http(mut self) -> Self {
        self.authority = None;
        self
    }

    /// Takes the server certificate from this authority instead of [`CertificateAuthority::shared`].
    pub fn authority(mut self, authority: &'static CertificateAuthority) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Sets another instance than [`Resource::oic`]. Its primary audience is `https://<host>:443`.
    pub fn resource(self, resource: Resource) -> Self {
        Self { resource, ..self }
    }

    /// Gives the role ServiceInvoker to a client (by its ID) or to a user (by name). The default gateway has this role.
    pub fn service_invoker(mut self, sub: &str) -> Self {
        self.invokers.insert(sub.to_owned());
        self
    }

    /// Adds a user with the role ServiceInvoker. The user can use Basic authentication unless `mfa` is set.
    pub fn basic_user(mut self, name: &str, password: &str, mfa: bool) -> Self {
        self.users.push(BasicUser {
            name: name.to_owned(),
            password: password.to_owned(),
            mfa,
        });
        self.service_invoker(name)
    }

    /// Activates only these integrations (by ID). All others answer 404. By default all integrations are active.
    pub fn integrations(self, ids: &[&str]) -> Self {
        Self {
            integrations: Some(ids.iter().map(|id| (*id).to_owned()).collect()),
            ..self
        }
    }

    /// Sets whether host, token and role are checked; see [`Switches::strict`].
    pub fn strict(self, strict: bool) -> Self {
        self.set(|switches| switches.strict = strict)
    }

    /// Sets switches before the first request.
    pub fn set(mut self, change: impl FnOnce(&mut Switches)) -> Self {
        change(&mut self.switches);
        self
    }

    /// Starts serving on a free port.
    pub fn start(self) -> Oic {
        let audience = self.resource.primary_audience;
        let host = audience
            .trim_start_matches("https://")
            .trim_end_matches(":443")
            .to_ascii_lowercase();
        let instance = Instance::new(self.idcs, host, audience)
            .with_access(self.invokers, self.users)
            .with_integrations(self.integrations);
        let instance = Arc::new(instance);
        let own = self.address.ip().to_string();
        let names = ["localhost", "127.0.0.1", own.as_str(), instance.host.as_str()];
        let tls = self.authority.map(|authority| Tls {
            trusted: authority.issue(&names).server_config(),
            untrusted: CertificateAuthority::unrelated().issue(&names).server_config(),
        });
        let scheme = if tls.is_some() { "https" } else { "http" };
        let server = Server::start_at(self.address, Arc::clone(&instance), tls);
        let oic = Oic::new(instance, server, scheme);
        oic.set(|switches| *switches = self.switches);
        oic
    }
}
