//! Times of the caches, by size: `cargo bench`. What becomes of them: scripts/bench.sh.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use lws_tls_sessions::clock::Moment;
use lws_tls_sessions_benches::{LwsList, Ours, PlainMap, Rustls, SessionCache, filled, host};

const SIZES: [usize; 6] = [10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// Hosts that are in the cache, all over it.
fn some_hosts(size: usize) -> Vec<String> {
    (0..size.min(4096)).map(|turn| host(turn * 7919 % size)).collect()
}

fn one_cache<C: SessionCache>(criterion: &mut Criterion, name: &str, most: usize) {
    for size in SIZES.into_iter().filter(|&size| size <= most) {
        let cache: C = filled(size);
        let turn = Cell::new(0);
        let next = |most: usize| {
            turn.set(turn.get() + 1);
            turn.get() % most
        };
        let there = some_hosts(size);
        criterion.benchmark_group("hit").bench_function(BenchmarkId::new(name, size), |bencher| {
            bencher.iter(|| black_box(cache.find(&there[next(there.len())])));
        });
        let not_there: Vec<String> = (0..4096).map(|turn| host(90_000_000 + turn)).collect();
        criterion.benchmark_group("miss").bench_function(BenchmarkId::new(name, size), |bencher| {
            bencher.iter(|| black_box(cache.find(&not_there[next(not_there.len())])));
        });
        two_threads(criterion, name, size, &cache, &there);
        criterion.benchmark_group("store").bench_function(
            BenchmarkId::new(name, size),
            |bencher| {
                bencher.iter_batched(
                    || host(size + next(80_000_000)),
                    |host| cache.store(&host),
                    BatchSize::SmallInput,
                );
            },
        );
    }
}

/// The time of one hit, where another thread does the same at the same time.
fn two_threads<C: SessionCache>(
    criterion: &mut Criterion,
    name: &str,
    size: usize,
    cache: &C,
    there: &[String],
) {
    criterion.benchmark_group("hit2").bench_function(BenchmarkId::new(name, size), |bencher| {
        bencher.iter_custom(|count| {
            let barrier = Barrier::new(2);
            let work = || {
                barrier.wait();
                let begun = Instant::now();
                for turn in 0..count as usize {
                    black_box(cache.find(&there[turn % there.len()]));
                }
                begun.elapsed()
            };
            std::thread::scope(|scope| {
                let other = scope.spawn(work);
                let mine = work();
                (mine + other.join().unwrap()) / 2
            })
        });
    });
}

/// Dropping what is over: the time for all of a cache of that size.
fn expiry(criterion: &mut Criterion) {
    for size in SIZES.into_iter().filter(|&size| size <= 100_000) {
        let id = BenchmarkId::new("lws-tls-sessions", size);
        criterion.benchmark_group("expiry").bench_function(id, |bencher| {
            bencher.iter_batched(
                || {
                    let cache = Ours::new(size);
                    for number in 0..size {
                        cache.store_for(&host(number), 1000);
                    }
                    cache
                },
                |cache| {
                    assert_eq!(cache.expire(Moment::now().plus(2000)), size);
                    cache
                },
                BatchSize::PerIteration,
            );
        });
    }
}

fn caches(criterion: &mut Criterion) {
    one_cache::<Ours>(criterion, "lws-tls-sessions", 1_000_000);
    one_cache::<LwsList>(criterion, "lws-list", 10_000);
    one_cache::<Rustls>(criterion, "rustls", 1_000_000);
    one_cache::<PlainMap>(criterion, "mutex-hashmap", 1_000_000);
    expiry(criterion);
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
        .sample_size(10)
        .without_plots();
    targets = caches
}
criterion_main!(all);
