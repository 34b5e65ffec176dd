//! Connects the plugin to Traefik. `cargo plugins` builds it.

guest::main!(guest::Start::<basic_credentials_plugin::BasicCredentials> {
    services: || std::rc::Rc::new(guest::FileHost),
    files: guest::FILES,
    recover: || {},
    // Each instance has its own plain WASI in Traefik, so an early start does not disturb other requests.
    eager: true,
});
