//! path-rewrite
