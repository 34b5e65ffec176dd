//! Connects the plugin to Traefik. `cargo plugins` builds it.

guest::main!({
    use egress::platform::{FILES, Wasi, enter_system, recover};

    guest::Start::<oauth_token_exchange_plugin::OAuthTokenExchange> {
        services: || || std::rc::Rc::new(Wasi::new(guest::log)),
        files: FILES,
        recover,
        eager: enter_system(),
    }
});
