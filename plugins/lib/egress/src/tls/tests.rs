//! [`TlsOptions::trust`].

use middleware::SecretRef;

use super::TlsOptions;
use crate::platform::Native;

#[test]
fn trust_is_a_matter_of_the_certificates_and_not_of_where_they_lie() {
    let [one, other] = [(); 2].map(|()| {
        let names = ["idcs.example".to_owned()];
        rcgen::generate_simple_self_signed(names).unwrap().cert.pem()
    });
    let folder = tempfile::tempdir().unwrap();
    let host = Native::new(folder.path(), |_| {});
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("file:{}", path.display())
    };
    let trust = |ca: &str| {
        let options = TlsOptions {
            ca: Some(SecretRef::new(ca)),
            ..TlsOptions::default()
        };
        options.trust(&host)
    };
    let both = trust(&format!("{one}{other}"));
    for same in [
        file("a.pem", &format!("{one}{other}")),
        file("b.pem", &format!("{other}\n{one}")),
        format!("{one}{one}{other}"),
    ] {
        assert_eq!(trust(&same), both, "{same}");
    }
    let careless = TlsOptions {
        insecure_skip_verify: true,
        ca: Some(SecretRef::new(one.clone())),
        ..TlsOptions::default()
    };
    let mut all = vec![
        both,
        trust(&one),
        trust(&other),
        trust("file:/nonexistent"),
        careless.trust(&host),
        TlsOptions::default().trust(&host),
    ];
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 6);
}
