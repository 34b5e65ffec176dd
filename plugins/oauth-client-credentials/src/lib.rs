//! oauth-client-credentials
