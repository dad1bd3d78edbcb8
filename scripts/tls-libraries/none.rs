//! Nothing: see Cargo.toml
