//! Connects the plugin to Traefik. `cargo plugins` builds it.

guest::main!(guest::Start::<path_rewrite_plugin::PathRewrite> {
    services: || std::rc::Rc::new(guest::PlainHost),
    files: middleware::FileWatch::NONE,
    recover: || {},
    // Each instance has its own plain WASI in Traefik, so an early start does not disturb other requests.
    eager: true,
});
