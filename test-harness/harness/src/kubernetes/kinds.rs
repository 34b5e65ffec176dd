//! The kinds of objects that Traefik watches.

use kube_core::{ApiResource, GroupVersionKind};

/// A kind and the API that serves it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    group: &'static str,
    version: &'static str,
    pub(super) name: &'static str,
    pub(super) plural: &'static str,
    pub(super) is_namespaced: bool,
}

const fn kind(group: &'static str, version: &'static str, name: &'static str, plural: &'static str) -> Kind {
    Kind {
        group,
        version,
        name,
        plural,
        is_namespaced: true,
    }
}

const TRAEFIK: &str = "traefik.io";

/// All kinds. Traefik waits for every one of them before it loads anything.
pub(super) const KINDS: [Kind; 15] = [
    kind(TRAEFIK, "v1alpha1", "IngressRoute", "ingressroutes"),
    kind(TRAEFIK, "v1alpha1", "IngressRouteTCP", "ingressroutetcps"),
    kind(TRAEFIK, "v1alpha1", "IngressRouteUDP", "ingressrouteudps"),
    kind(TRAEFIK, "v1alpha1", "Middleware", "middlewares"),
    kind(TRAEFIK, "v1alpha1", "MiddlewareTCP", "middlewaretcps"),
    kind(TRAEFIK, "v1alpha1", "TraefikService", "traefikservices"),
    kind(TRAEFIK, "v1alpha1", "TLSOption", "tlsoptions"),
    kind(TRAEFIK, "v1alpha1", "TLSStore", "tlsstores"),
    kind(TRAEFIK, "v1alpha1", "ServersTransport", "serverstransports"),
    kind(TRAEFIK, "v1alpha1", "ServersTransportTCP", "serverstransporttcps"),
    kind("", "v1", "Service", "services"),
    kind("", "v1", "Secret", "secrets"),
    kind("", "v1", "ConfigMap", "configmaps"),
    kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
    Kind {
        is_namespaced: false,
        ..kind("", "v1", "Node", "nodes")
    },
];

impl Kind {
    /// Returns the description that kube-rs uses.
    pub(super) fn resource(&self) -> ApiResource {
        let gvk = GroupVersionKind::gvk(self.group, self.version, self.name);
        ApiResource::from_gvk_with_plural(&gvk, self.plural)
    }

    /// Returns the kind of an object.
    pub(super) fn of(api_version: &str, kind: &str) -> Option<&'static Self> {
        KINDS
            .iter()
            .find(|known| known.name == kind && known.resource().api_version == api_version)
    }

    /// Returns the kind with this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|known| known.name == name)
    }

    /// Returns the kind and the namespace of a request path, such as `/api/v1/namespaces/apps/secrets`.
    pub(super) fn at(path: &str) -> Option<(&'static Self, Option<&str>)> {
        KINDS.iter().find_map(|kind| {
            let root = match kind.group {
                "" => format!("/api/{}/", kind.version),
                group => format!("/apis/{group}/{}/", kind.version),
            };
            let rest = path.strip_prefix(&root)?;
            match rest
                .strip_prefix("namespaces/")
                .and_then(|rest| rest.split_once('/'))
            {
                Some((namespace, plural)) if plural == kind.plural && kind.is_namespaced => {
                    Some((kind, Some(namespace)))
                }
                _ => (rest == kind.plural).then_some((kind, None)),
            }
        })
    }
}
