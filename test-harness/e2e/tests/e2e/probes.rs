//! Runs guests that are not plugins inside a real Traefik (crate `host-probes`).

use std::path::Path;

use harness::client::Client;
use harness::traefik::{LocalPlugin, Traefik};
use harness_build::guests;
use serde_json::json;

/// A Traefik with one route `/<name>` per probe. A probe runs either lowered, like a plugin, or as linked.
pub(crate) struct Probes {
    pub(crate) traefik: Traefik,
    pub(crate) client: Client,
    _folder: tempfile::TempDir,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Form {
    AsLinked,
    Lowered,
}

impl Probes {
    pub(crate) fn start(probes: &[(&'static str, &str, Form)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut builder = Traefik::builder().plugins_from(folder.path());
        let (mut routers, mut middlewares) = (json!({}), json!({}));
        for &(name, probe, form) in probes {
            lay_out(folder.path(), name, probe, form);
            builder = builder.plugin(LocalPlugin::new(name, guests::probe_module(name)));
            routers[name] = json!({
                "rule": format!("PathPrefix(`/{name}`)"),
                "entryPoints": ["web"],
                "middlewares": [name],
                "service": "noop@internal",
            });
            middlewares[name] = json!({ "plugin": { name: {} } });
        }
        let dynamic = json!({ "http": { "routers": routers, "middlewares": middlewares } });
        let traefik = builder
            .dynamic(dynamic.to_string())
            .start()
            .unwrap_or_else(|error| panic!("{error}"));
        Self {
            traefik,
            client: Client::plain(),
            _folder: folder,
        }
    }

    pub(crate) fn ask(&self, path: &str) -> (u16, String) {
        let answer = self
            .client
            .get(&format!("{}{path}", self.traefik.url()))
            .send()
            .unwrap();
        (answer.status, answer.text())
    }
}

/// The probe that is written in the WebAssembly text format.
pub(crate) const COPIES: &str = "copies.wat";

pub(crate) fn lay_out(root: &Path, name: &str, probe: &str, form: Form) {
    let mut wasm = if probe == COPIES {
        wat::parse_str(include_str!("../data/copies.wat")).unwrap()
    } else {
        guests::build_probe(probe).unwrap()
    };
    if form == Form::Lowered {
        wasm = guests::lower(&wasm, false).unwrap().wasm;
    }
    guests::lay_out_probe(root, name, &wasm).unwrap();
}
