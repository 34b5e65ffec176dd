//! Starts an example for the file provider between mocks, without changes.

use std::fs;
use std::path::{Path, PathBuf};

use harness::certificates::CertificateAuthority;
use harness::client::{Client, Request};
use harness::idcs::{Application, Idcs, IdcsHandle, Resource};
use harness::oic::{Oic, OicBuilder, OicHandle};
use harness::traefik::Traefik;
use harness_build::tools::workspace_root;
use http::Method;
use serde_json::{Value, json};

/// The host name of the API in the examples.
pub(crate) const HOST: &str = "api.example.com";

/// Returns the text of a file below `examples/`.
pub(crate) fn text_of(file: &str) -> String {
    let path: PathBuf = workspace_root().join("examples").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The placeholders of an example and their replacements.
pub(crate) struct Names(Vec<(String, String)>);

impl Names {
    /// Returns the replacements for the placeholders that all examples use.
    pub(crate) fn of(idcs: &IdcsHandle, oic: &OicHandle) -> Self {
        let scope = Resource::oic().full_scope("urn:opc:resource:consumer::all");
        let common = [
            (
                "idcs-YOUR_DOMAIN.identity.oraclecloud.com",
                idcs.address().to_string(),
            ),
            ("idcs-YOUR_DOMAIN", idcs.tenant().to_owned()),
            (
                "https://YOUR_INSTANCE.integration.YOUR_REGION.ocp.oraclecloud.com:443urn:opc:resource:consumer::all",
                scope,
            ),
            ("YOUR_OIC_HOST", oic.address().to_string()),
            ("YOUR_PROJECT/YOUR_INTEGRATION", "DEMO/ECHO".to_owned()),
        ];
        Self(common.map(|(from, to)| (from.to_owned(), to)).into())
    }

    /// Appends the replacements of `others`.
    fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Adds one replacement.
    pub(crate) fn with(mut self, from: &str, to: impl Into<String>) -> Self {
        self.0.push((from.to_owned(), to.into()));
        self
    }

    /// Applies all replacements to `text`, in order.
    pub(crate) fn put_into(&self, text: &str) -> String {
        let put = |text: String, (from, to): &(String, String)| text.replace(from, to);
        self.0.iter().fold(text.to_owned(), put)
    }
}

/// The settings of an example.
pub(crate) struct ExampleBuilder {
    folder: String,
    idcs: IdcsHandle,
    oic: OicHandle,
    /// The mocks, if this example owns them.
    mocks: Option<(Idcs, Oic)>,
    own: Vec<(String, String)>,
    env: Vec<(String, String)>,
}

/// A running example. Everything stops when it is dropped.
pub(crate) struct Example {
    pub(crate) traefik: Traefik,
    pub(crate) idcs: IdcsHandle,
    pub(crate) oic: OicHandle,
    client: Client,
    files: tempfile::TempDir,
    _mocks: Option<(Idcs, Oic)>,
}

impl ExampleBuilder {
    /// Uses `dynamic.yml` and `traefik.yml` of this folder, between this mock of IDCS and a mock of OIC. If the folder
    /// has no `traefik.yml`, the one of `oic-gateway-file` is used.
    pub(crate) fn of(folder: &str, idcs: Idcs) -> Self {
        Self::with_oic(folder, idcs, |oic| oic)
    }

    /// Like [`Self::of`], with other settings of OIC.
    pub(crate) fn with_oic(folder: &str, idcs: Idcs, change: impl FnOnce(OicBuilder) -> OicBuilder) -> Self {
        let oic = change(Oic::builder(&idcs)).start();
        let builder = Self::beside(folder, &idcs, &oic);
        Self {
            mocks: Some((idcs, oic)),
            ..builder
        }
    }

    /// Like [`Self::of`], with mocks that are shared with others.
    pub(crate) fn beside(folder: &str, idcs: &IdcsHandle, oic: &OicHandle) -> Self {
        let gateway = Application::gateway();
        Self {
            folder: folder.to_owned(),
            idcs: idcs.clone(),
            oic: oic.clone(),
            mocks: None,
            own: Vec::new(),
            env: vec![
                ("OIC_CLIENT_ID".to_owned(), gateway.client_id),
                ("OIC_CLIENT_SECRET".to_owned(), gateway.client_secret),
            ],
        }
    }

    /// Replaces a placeholder of this example. It must be present. It takes precedence over the common placeholders.
    pub(crate) fn name(mut self, from: &str, to: impl Into<String>) -> Self {
        self.own.push((from.to_owned(), to.into()));
        self
    }

    /// Sets an environment variable of Traefik. By default, `OIC_CLIENT_ID` and `OIC_CLIENT_SECRET` are those of the
    /// mock's application.
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Starts both files. Like a reader, it changes only names and paths. In addition, every plugin with a mount gets
    /// the mocks' authority through `SSL_CERT_FILE`.
    pub(crate) fn start(self) -> Example {
        let authority = CertificateAuthority::shared();
        let files = tempfile::tempdir().unwrap();
        let ca = authority.write_ca_pem(files.path()).unwrap();
        let (certificate, key) = authority
            .issue(&[HOST, "localhost"])
            .write(files.path(), HOST)
            .unwrap();
        let (static_yaml, dynamic) = (
            text_of(&static_file(&self.folder)),
            text_of(&format!("{}/dynamic.yml", self.folder)),
        );
        for (name, _) in &self.own {
            let says = static_yaml.contains(name) || dynamic.contains(name);
            assert!(says, "{} no longer contains {name}", self.folder);
        }
        let (pem, key_file) = (
            "/etc/traefik/api.example.com.pem",
            "/etc/traefik/api.example.com.key",
        );
        let names = Names(self.own)
            .and(Names::of(&self.idcs, &self.oic))
            .with("/var/lib/traefik-oic", files.path().display().to_string())
            // The authority's certificate is in the same directory.
            .with("file:/etc/oic-ca", format!("file:{}", files.path().display()))
            .with(pem, certificate.display().to_string())
            .with(key_file, key.display().to_string());
        let builder = Traefik::builder()
            .static_yaml(with_the_authority(&names.put_into(&static_yaml)))
            .dynamic(names.put_into(&dynamic))
            .root_ca(&ca)
            .env("SSL_CERT_FILE", ca.display().to_string());
        let builder = self
            .env
            .into_iter()
            .fold(builder, |builder, (name, value)| builder.env(name, value));
        let traefik = builder.start().unwrap();
        let address = traefik.address("websecure").unwrap();
        let root = reqwest::Certificate::from_pem(authority.ca_pem().as_bytes()).unwrap();
        let has_certificate = dynamic.contains(pem);
        let client = Client::with(|builder| match has_certificate {
            true => builder.tls_certs_only([root]).resolve(HOST, address),
            // Traefik's own certificate is not signed by an authority.
            false => builder.danger_accept_invalid_certs(true).resolve(HOST, address),
        });
        Example {
            traefik,
            idcs: self.idcs,
            oic: self.oic,
            client,
            files,
            _mocks: self.mocks,
        }
    }
}

/// Returns the static configuration for an example.
fn static_file(folder: &str) -> String {
    let own = format!("{folder}/traefik.yml");
    match workspace_root().join("examples").join(&own).exists() {
        true => own,
        false => "oic-gateway-file/traefik.yml".to_owned(),
    }
}

impl Example {
    /// Starts a GET request to the example's entry point `websecure`.
    pub(crate) fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    /// Starts a request to the example's entry point `websecure`.
    pub(crate) fn request(&self, method: Method, path: &str) -> Request {
        let port = self.port();
        self.client
            .request(method, &format!("https://{HOST}:{port}{path}"))
    }

    /// Returns the port of the entry point `websecure`.
    pub(crate) fn port(&self) -> u16 {
        self.traefik.address("websecure").unwrap().port()
    }

    /// Returns the state directory.
    pub(crate) fn state(&self) -> &Path {
        self.files.path()
    }
}

/// Adds `SSL_CERT_FILE` to the static configuration for every plugin that can read files.
fn with_the_authority(yaml: &str) -> String {
    let mut settings: Value = serde_saphyr::from_str(yaml).unwrap();
    let plugins = settings["experimental"]["localPlugins"].as_object_mut().unwrap();
    for plugin in plugins.values_mut() {
        if let Some(own) = plugin.get_mut("settings").and_then(Value::as_object_mut) {
            let envs = own.entry("envs").or_insert_with(|| json!([]));
            envs.as_array_mut().unwrap().push(json!("SSL_CERT_FILE"));
        }
    }
    settings.to_string()
}
