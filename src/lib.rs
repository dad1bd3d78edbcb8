//! A client-side TLS session cache with the C ABI of libwebsockets' session module.
//!
//! C programs use `include/lws-tls-sessions.h`, which is generated from [`capi`]. From there
//! inwards:
//!
//! - [`capi`]: exported functions, in the order of the header; no logic
//! - [`handles`]: what C holds of a vhost and of a connection
//! - [`vhost`]: one vhost: what it was made with, its cache, its counters
//! - [`connection`], [`handshake`]: one connection, from its handshake's start to its close
//! - [`terms`]: all that the report of a full handshake depends on
//! - [`offer`]: may this session serve this connection: the one rule, in one place
//! - [`keep`]: may what a handshake leaves be kept
//! - [`poll`]: looking at connections of TLS libraries that do not call back
//! - [`cache`]: bounded, most recently used first, with a time to live; no TLS
//! - [`stored`], [`dump`]: a session in the cache, and in storage
//! - [`session_store`]: what may lie behind the cache, as the core sees it
//! - [`store`]: sealed records in files, which implement that
//! - [`backend`]: the TLS library, behind one trait
//! - [`lifetime`]: how long the protocols let a session live
//! - [`code`]: where functions lie, in words that other processes understand
//! - [`fork`], [`cancel`]: locks that a forked child can use, threads that are cancelled
//! - [`endpoint`], [`clock`], [`log`], [`outcome`]: small things all of them use

pub mod backend;
pub mod cache;
pub mod cancel;
pub mod capi;
pub mod clock;
pub mod code;
pub mod connection;
pub mod dump;
pub mod endpoint;
pub mod fork;
pub mod handles;
pub mod handshake;
pub mod keep;
pub mod lifetime;
pub mod log;
pub mod offer;
pub mod outcome;
pub mod poll;
pub mod session_store;
pub mod store;
pub mod stored;
pub mod terms;
pub mod vhost;

#[cfg(all(test, any(feature = "openssl", feature = "mbedtls")))]
mod testing;
