//! Connects the plugin to Traefik. `cargo plugins` builds it.

guest::main!(guest::Start::<basic_credentials_plugin::BasicCredentials> {
    services: || std::rc::Rc::new(guest::FileHost),
    files: guest::FILES,
    recover: || {},
    // In Traefik's plain WASI each instance has a system of its own, so a start disturbs nobody.
    eager: true,
});
