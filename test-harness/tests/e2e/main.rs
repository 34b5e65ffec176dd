//! End-to-end tests: every one against a real Traefik, with mocks of IDCS and OIC of its own.

mod gateway;
