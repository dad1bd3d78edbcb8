//! Each goal with its figure.

use crate::figures::Figures;

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}
use Bound::{AtLeast, AtMost};

struct Goal {
    what: String,
    bound: Bound,
    reached: Option<f64>,
    digits: usize,
}

pub fn table(figures: &Figures) -> String {
    let mut out = String::from("| Goal | Bound | Reached | |\n| --- | --- | --- | --- |\n");
    for Goal { what, bound, reached, digits } in goals(figures) {
        let Some(reached) = reached else { continue };
        let (sign, limit, met) = match bound {
            AtMost(limit) => ("≤", limit, reached <= limit),
            AtLeast(limit) => ("≥", limit, reached >= limit),
        };
        let met = if met { "met" } else { "**missed**" };
        out += &format!("| {what} | {sign} {limit} | {reached:.digits$} | {met} |\n");
    }
    out
}

fn goals(figures: &Figures) -> Vec<Goal> {
    let goal =
        |what: &str, bound, reached, digits| Goal { what: what.to_owned(), bound, reached, digits };
    let count = |tls: &str, key: &str, mode: &str| {
        figures.number(&format!("client.{tls}.{key}.{mode}.all"))
    };
    let mut goals = Vec::new();
    for tls in ["1.2", "1.3"] {
        for (key, name) in [("p256", "P-256"), ("rsa", "RSA-2048")] {
            let ratio = || Some(count(tls, key, "attached")? / count(tls, key, "hand")?);
            let what = format!(
                "Overhead: instructions per resumed reconnect, to those by hand, TLS {tls}, {name}"
            );
            goals.push(Goal { what, bound: AtMost(1.010), reached: ratio(), digits: 4 });
        }
    }
    for tls in ["1.2", "1.3"] {
        for (key, name) in [("p256", "P-256"), ("rsa", "RSA-2048")] {
            let ratio = || {
                let ours = count(tls, key, "first")? - count(tls, key, "second")?;
                Some(ours / figures.number(&format!("verify.{tls}.{key}"))?)
            };
            let what = format!(
                "First reuse: instructions more than the second, to OpenSSL's own verification, \
                 TLS {tls}, {name}"
            );
            goals.push(Goal { what, bound: AtMost(1.0), reached: ratio(), digits: 2 });
        }
    }
    for (operation, name) in
        [("hit", "look-up and hand-out"), ("miss", "a miss"), ("store", "store with eviction")]
    {
        let many = format!("count.{operation}.100000.all");
        let reached = figures.ratio(&many, &format!("count.{operation}.10.all"));
        let what = format!("Flat: instructions of {name}, at 100,000 endpoints to 10");
        goals.push(Goal { what, bound: AtMost(1.1), reached, digits: 3 });
    }
    goals.push(goal(
        "A miss at 10,000 endpoints: times as fast as a list",
        AtLeast(500.0),
        figures.ratio("cache.miss.lws-list.10000", "cache.miss.lws-tls-sessions.10000"),
        0,
    ));
    let scale = |work: &str, two: &str| {
        let scale = |name: &str, two: &str| {
            figures.ratio(&format!("threads.{name}-{two}"), &format!("threads.{name}-1"))
        };
        // Where bare copies do not scale there was no second core to be had.
        let bare = scale("bare", "2-own").filter(|&bare| bare > 1.5)?;
        Some(scale(work, two)? / bare)
    };
    goals.push(goal(
        "Two threads: how they scale, to bare copies, two vhosts",
        AtLeast(0.95),
        scale("busy", "2-own"),
        2,
    ));
    goals.push(goal(
        "The same on one vhost, 90 % reuse and 10 % store",
        AtLeast(0.80),
        scale("busy", "2-shared"),
        2,
    ));
    for tls in ["1.2", "1.3"] {
        let get = |name: &str| figures.number(&format!("memory.{tls}.{name}"));
        let what = format!("Memory: bytes beyond the blob, loaded and unused, TLS {tls}");
        let reached = get("loaded.blob").and_then(|blob| Some(get("loaded")? - blob));
        goals.push(Goal { what, bound: AtMost(400.0), reached, digits: 0 });
    }
    for (tls, tickets) in [("1.2", 1), ("1.3", 1), ("1.3", 2), ("1.3", 4)] {
        let get = |name: &str| figures.number(&format!("memory.{tls}.{name}.{tickets}"));
        let what = format!(
            "Memory: bytes per ticket in use beyond a bare copy, TLS {tls}, tickets: {tickets}"
        );
        let reached =
            get("attached").and_then(|all| Some((all - get("copies")?) / f64::from(tickets)));
        goals.push(Goal { what, bound: AtMost(300.0), reached, digits: 0 });
    }
    // By the first reuse a verdict came, with TLS 1.3 another ticket too.
    for (tls, tickets) in [("1.2", 1), ("1.3", 2)] {
        let get = |name: &str| figures.number(&format!("memory.{tls}.{name}"));
        let what = format!("Memory: the same, reused once, TLS {tls}, tickets: {tickets}");
        let reached = get("reused")
            .and_then(|all| Some((all - get(&format!("copies.{tickets}"))?) / f64::from(tickets)));
        goals.push(Goal { what, bound: AtMost(300.0), reached, digits: 0 });
    }
    for (key, name) in [("p256", "P-256"), ("rsa", "RSA-2048")] {
        let time = |what: &str| format!("load.{key}.time.{what}");
        let counts = (format!("load.{key}.load.all"), format!("load.{key}.d2i.all"));
        for ((mine, bare), how) in [((time("load"), time("d2i")), "time"), (counts, "instructions")]
        {
            let what = format!("Start-up: a load to one d2i_SSL_SESSION(), {name}, {how}");
            let reached = figures.ratio(&mine, &bare);
            goals.push(Goal { what, bound: AtMost(1.05), reached, digits: 3 });
        }
        let what = format!("Start-up: time of a load at 10,000 sessions to one at 10, {name}");
        let reached = figures.ratio(&time("many"), &time("few"));
        goals.push(Goal { what, bound: AtMost(1.05), reached, digits: 2 });
    }
    for tls in ["1.2", "1.3"] {
        let what = format!("Bursts: of 64 reconnects begun at once, resumed, TLS {tls}");
        let reached = figures.number(&format!("burst.{tls}.resumed"));
        goals.push(Goal { what, bound: AtLeast(64.0), reached, digits: 0 });
    }
    for (operation, name) in [
        ("hit", "a look-up that hits, to open, read, unlink and rename by hand"),
        ("put", "a put, to write and rename by hand"),
        ("miss", "a miss, to one open() that fails"),
    ] {
        let what = format!("Store: time of {name}");
        let reached =
            figures.ratio(&format!("store.{operation}.10"), &format!("store.{operation}.hand"));
        goals.push(Goal { what, bound: AtMost(3.0), reached, digits: 2 });
    }
    for (operation, name) in [("hit", "a look-up that hits"), ("put", "a put"), ("miss", "a miss")]
    {
        let many = format!("store.{operation}.100000");
        let reached = figures.ratio(&many, &format!("store.{operation}.10"));
        let what = format!("Store: time of {name}, at 100,000 endpoints to 10");
        goals.push(Goal { what, bound: AtMost(1.2), reached, digits: 2 });
    }
    goals
}
