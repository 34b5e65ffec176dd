//! An example's two files, started with nothing changed but what a reader changes too.

use std::path::Path;

use test_harness::certificates::CertificateAuthority;
use test_harness::client::{Client, Request};
use test_harness::tools::workspace_root;
use test_harness::traefik::Traefik;

/// The gateway of an example.
pub(crate) struct ExampleFiles {
    pub(crate) traefik: Traefik,
    client: Client,
}

/// The name that all examples serve.
pub(crate) const HOST: &str = "api.example.com";

impl ExampleFiles {
    /// Starts the files in `examples/<name>` with these texts replaced and in this environment. `folder` takes what the
    /// files name: the certificate, and what `changes` lead there.
    pub(crate) fn start(
        name: &str,
        folder: &Path,
        changes: &[(&str, String)],
        environment: &[(&str, &str)],
    ) -> Self {
        let read = |file: &str| {
            let path = workspace_root().join("examples").join(name).join(file);
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let authority = CertificateAuthority::shared();
        let ca = authority.write_ca_pem(folder).unwrap();
        let (certificate, key) = authority.issue(&[HOST, "localhost"]).write(folder, HOST).unwrap();
        let mut all = vec![
            (
                "/etc/traefik/api.example.com.pem",
                certificate.display().to_string(),
            ),
            ("/etc/traefik/api.example.com.key", key.display().to_string()),
        ];
        all.extend(changes.iter().map(|(from, to)| (*from, to.clone())));
        let (static_yaml, dynamic) = (read("traefik.yml"), read("dynamic.yml"));
        for (from, _) in &all {
            assert!(
                format!("{static_yaml}{dynamic}").contains(from),
                "the example no longer says {from}"
            );
        }
        let changed = |text: String| all.iter().fold(text, |text, (from, to)| text.replace(from, to));
        let builder = Traefik::builder()
            .static_yaml(changed(static_yaml))
            .dynamic(changed(dynamic))
            .plugins_from(&test_harness::guests::artifacts().unwrap().root)
            .root_ca(ca);
        let builder = environment
            .iter()
            .fold(builder, |builder, (name, value)| builder.env(*name, *value));
        let traefik = builder.start().unwrap();
        let address = traefik.address("websecure").unwrap();
        let authority = reqwest::Certificate::from_pem(authority.ca_pem().as_bytes()).unwrap();
        let client = Client::with(|builder| builder.tls_certs_only([authority]).resolve(HOST, address));
        Self { traefik, client }
    }

    /// The entry point's URL.
    pub(crate) fn url(&self) -> String {
        let port = self.traefik.address("websecure").unwrap().port();
        format!("https://{HOST}:{port}")
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        self.client.get(&format!("{}{path}", self.url()))
    }
}
