//! End-to-end tests: every one against a real Traefik, with mocks of IDCS and OIC of its own.

mod basic_credentials;
mod callers;
mod configuration;
mod example_files;
mod examples;
mod gateway;
mod host_facts;
mod jwt;
mod kubernetes;
mod oauth_client_credentials;
mod oauth_introspection;
mod observability;
mod one_module;
mod path_rewrite;
mod probes;
mod reloads;
mod resilience;
mod rsa_speed;
mod shared_state;
mod state_directory;
mod store;
mod streaming;
mod support;
mod traps;
mod user_context;
mod wycheproof;
