#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lws_tls_sessions_fuzz::blob::run(data));
