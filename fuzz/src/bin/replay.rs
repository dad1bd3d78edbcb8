//! Runs targets over their corpus, and over what a seeded generator makes of it, on any
//! toolchain:
//!
//! `replay TARGET [ITERATIONS [SEED]]`, or `replay TARGET FILE...` for single inputs

use std::path::Path;
use std::time::Instant;

use lws_tls_sessions_fuzz::{TARGETS, Target};

/// xorshift64*: the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }
}

/// An input that resembles one of the corpus, or nothing at all.
fn make_up(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = match random.below(4) {
        0 => (0..random.below(300)).map(|_| random.next() as u8).collect(),
        _ => corpus[random.below(corpus.len())].clone(),
    };
    for _ in 0..random.below(8) {
        let at = random.below(input.len() + 1);
        match random.below(4) {
            0 => input.truncate(at),
            1 => input.insert(at, random.next() as u8),
            2 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = random.next() as u8;
                }
            }
        }
    }
    input.truncate(4096);
    input
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let files = std::fs::read_dir(&directory).unwrap_or_else(|_| panic!("{directory:?}"));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

/// Leaves the input behind where it ends the process.
fn run(name: &str, target: Target, input: &[u8]) {
    struct Failed<'a>(&'a str, &'a [u8]);
    impl Drop for Failed<'_> {
        fn drop(&mut self) {
            let path = std::env::temp_dir().join(format!("{}-failed", self.0));
            let _ = std::fs::write(&path, self.1);
            eprintln!("the input is in {}", path.display());
        }
    }
    let failed = Failed(name, input);
    target(input);
    std::mem::forget(failed);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let target = arguments.first().and_then(|name| TARGETS.iter().find(|(known, _)| known == name));
    let Some(&(name, target)) = target else {
        eprintln!("usage: replay blob|api|server [ITERATIONS [SEED]] | FILE...");
        std::process::exit(2);
    };
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<u64>().ok());
    if arguments.len() > 1 && number(1).is_none() {
        for path in &arguments[1..] {
            run(name, target, &read(Path::new(path)));
        }
        return;
    }
    let (iterations, seed) = (number(1).unwrap_or(1000), number(2).unwrap_or(1));
    let begun = Instant::now();
    let corpus = corpus(name);
    for input in &corpus {
        run(name, target, input);
    }
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..iterations {
        run(name, target, &make_up(&corpus, &mut random));
    }
    println!(
        "{name}: {} of the corpus, {iterations} made up (seed {seed}), {:.1} s",
        corpus.len(),
        begun.elapsed().as_secs_f32()
    );
}
