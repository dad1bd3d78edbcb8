//! Fuzz targets: what each does with an input, whoever makes the inputs up. libFuzzer does (see
//! `fuzz_targets`), and so does the replay, which needs no nightly toolchain.

pub mod api;
pub mod blob;
mod input;
pub mod server;
mod tls;

/// What is done with an input.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: [(&str, Target); 3] =
    [("blob", blob::run), ("api", api::run), ("server", server::run)];
