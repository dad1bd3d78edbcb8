//! Operations of the library's cache, for callgrind to count: OPERATION ENDPOINTS COUNT.
//!
//! It is told to collect only in `measured_...`, from `bench_begin` on.

use std::hint::black_box;

use lws_tls_sessions_benches::{Ours, SessionCache, filled, host};

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn bench_begin() {
    black_box(());
}

#[inline(never)]
#[unsafe(no_mangle)]
fn measured_find(cache: &Ours, host: &str) -> bool {
    black_box(cache.find(black_box(host)))
}

#[inline(never)]
#[unsafe(no_mangle)]
fn measured_store(cache: &Ours, host: &str) {
    black_box(cache).store(black_box(host));
}

fn main() {
    let usage = "usage: counts hit|miss|store ENDPOINTS COUNT";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [operation, endpoints, count] = &arguments[..] else { panic!("{usage}") };
    let number = |text: &String| text.parse::<usize>().expect(usage);
    let (endpoints, count) = (number(endpoints), number(count));
    let cache: Ours = filled(endpoints);
    for turn in 0..count * 2 {
        if turn == count {
            bench_begin();
        }
        match operation.as_str() {
            // 7919 is a prime: all over the cache.
            "hit" => assert!(measured_find(&cache, &host(turn * 7919 % endpoints))),
            "miss" => assert!(!measured_find(&cache, &host(endpoints + turn))),
            "store" => measured_store(&cache, &host(endpoints + turn)),
            _ => panic!("{usage}"),
        }
    }
}
