//! Connects the plugin to Traefik. `cargo plugins` builds it.

guest::main!({
    use egress::platform::{FILES, Wasi, enter_system, recover};

    guest::Start::<gateway_plugin::Gateway> {
        services: || || std::rc::Rc::new(Wasi::new(guest::log)),
        files: FILES,
        recover,
        eager: enter_system(),
    }
});
