//! Connects the plugin to Traefik. `cargo plugins` builds it.

guest::main!(guest::Start::<path_rewrite_plugin::PathRewrite> {
    services: || std::rc::Rc::new(guest::PlainHost),
    files: middleware::FileWatch::NONE,
    recover: || {},
    // In Traefik's plain WASI each instance has a system of its own, so a start disturbs nobody.
    eager: true,
});
