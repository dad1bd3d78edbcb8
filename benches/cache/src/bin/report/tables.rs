//! Where the figures come from, in tables.

use std::fmt::Write;

use crate::figures::Figures;

const KEYS: [(&str, &str); 2] = [("p256", "P-256"), ("rsa", "RSA-2048")];

pub fn all(figures: &Figures) -> String {
    connections(figures)
        + &times_table(figures)
        + &store(figures)
        + &memory(figures)
        + &sizes(figures)
}

fn connections(figures: &Figures) -> String {
    let mut out = String::from(
        "\n### Instructions of the client, per connection\n\n\
         | | all | libcrypto | libssl | libc | the library's own |\n\
         | --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let mut rows = 0;
    for tls in ["1.2", "1.3"] {
        for (key, key_name) in KEYS {
            for (mode, name) in [
                ("full", "full handshake"),
                ("hand", "resumed by hand"),
                ("copies", "by hand, copied in and out"),
                ("attached", "resumed by the library"),
                ("first", "the first after a full handshake"),
            ] {
                let get =
                    |object: &str| figures.number(&format!("client.{tls}.{key}.{mode}.{object}"));
                let Some(all) = get("all") else { continue };
                let cell = |object| get(object).map_or_else(String::new, grouped);
                rows += 1;
                let _ = writeln!(
                    out,
                    "| TLS {tls}, {key_name}, {name} | {} | {} | {} | {} | {} |",
                    grouped(all),
                    cell("libcrypto"),
                    cell("libssl"),
                    cell("libc"),
                    cell("liblws_tls_sessions"),
                );
            }
        }
    }
    if rows > 0 { out } else { String::new() }
}

/// Bars of a plot: a name, and what it has of each kind.
pub type Bars = Vec<(String, [(&'static str, f64); 3])>;

pub fn times(figures: &Figures) -> Bars {
    let mut bars = Vec::new();
    for tls in ["1.2", "1.3"] {
        for (key, name) in KEYS {
            let get = |mode: &str| figures.number(&format!("time.{tls}.{key}.{mode}"));
            if let (Some(full), Some(hand), Some(attached)) =
                (get("full"), get("hand"), get("attached"))
            {
                let times = [("full", full), ("by hand", hand), ("attached", attached)];
                bars.push((format!("TLS {tls}, {name}"), times));
            }
        }
    }
    bars
}

fn times_table(figures: &Figures) -> String {
    let bars = times(figures);
    if bars.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "\n### Time of a connection, client and server in one thread (µs)\n\n\
         | | full | by hand | attached | saved |\n| --- | ---: | ---: | ---: | ---: |\n",
    );
    for (name, [(_, full), (_, hand), (_, attached)]) in bars {
        let saved = 100.0 * (1.0 - attached / full);
        let _ = writeln!(out, "| {name} | {full:.0} | {hand:.0} | {attached:.0} | {saved:.0} % |");
    }
    out
}

fn store(figures: &Figures) -> String {
    let mut out = String::new();
    let columns = ["hand", "10", "100000"];
    if columns.iter().any(|column| figures.number(&format!("store.hit.{column}")).is_some()) {
        out += "\n### Time of a store of files (µs), by endpoints\n\n\
                | | by hand | 10 | 100,000 |\n| --- | ---: | ---: | ---: |\n";
        for (operation, name) in [("hit", "found and taken"), ("put", "put"), ("miss", "not found")]
        {
            let _ = write!(out, "| {name} |");
            for column in columns {
                let time = figures.number(&format!("store.{operation}.{column}"));
                let _ = write!(out, " {:.1} |", time.unwrap_or(f64::NAN));
            }
            out.push('\n');
        }
    }
    for (prefix, suffix, unit) in
        [("stored", "", "time of both ends, µs"), ("client", ".all", "instructions of the client")]
    {
        let before = out.len();
        for tls in ["1.2", "1.3"] {
            for (key, name) in KEYS {
                let get =
                    |mode: &str| figures.number(&format!("{prefix}.{tls}.{key}.{mode}{suffix}"));
                let (Some(full), Some(cached), Some(stored)) =
                    (get("full"), get("attached"), get("stored"))
                else {
                    continue;
                };
                if out.len() == before {
                    let _ = write!(
                        out,
                        "\n### The first connection of a process: {unit}\n\n| | full | from the store \
                         | from the cache | the store costs | of what it saves |\n\
                         | --- | ---: | ---: | ---: | ---: | ---: |\n"
                    );
                }
                let costs = stored - cached;
                let share = 100.0 * costs / (full - cached);
                let _ = writeln!(
                    out,
                    "| TLS {tls}, {name} | {} | {} | {} | {} | {share:.0} % |",
                    grouped(full),
                    grouped(stored),
                    grouped(cached),
                    grouped(costs),
                );
            }
        }
    }
    out
}

fn memory(figures: &Figures) -> String {
    let rows = [
        ("loaded and unused (the blob included)", "1.2", "loaded"),
        ("loaded and unused (the blob included)", "1.3", "loaded"),
        ("loaded, then used", "1.2", "used"),
        ("loaded, then used", "1.3", "used"),
        ("a bare copy and its chain", "1.2", "copies.1"),
        ("in the cache", "1.2", "attached.1"),
        ("in the cache, used once", "1.2", "reused"),
        ("a bare copy and its chain", "1.3", "copies.1"),
        ("1 ticket in the cache", "1.3", "attached.1"),
        ("4 bare copies, one chain", "1.3", "copies.4"),
        ("4 tickets in the cache", "1.3", "attached.4"),
        ("1 ticket and the one that its use brought", "1.3", "reused"),
    ];
    let mut out = String::from(
        "\n### Bytes of heap per endpoint\n\n| | TLS | bytes |\n| --- | --- | ---: |\n",
    );
    let before = out.len();
    for (name, tls, figure) in rows {
        if let Some(bytes) = figures.number(&format!("memory.{tls}.{figure}")) {
            let _ = writeln!(out, "| {name} | {tls} | {} |", grouped(bytes));
        }
    }
    if out.len() > before { out } else { String::new() }
}

fn sizes(figures: &Figures) -> String {
    let mut out = String::new();
    for (operation, title) in [
        ("hit", "found and taken"),
        ("miss", "not found"),
        ("store", "stored, another one dropped"),
        ("hit2", "found and taken, while another thread does the same"),
        ("expiry", "all expired and dropped"),
    ] {
        let series = figures.series(&format!("cache.{operation}."));
        let Some((_, longest)) = series.iter().max_by_key(|(_, points)| points.len()) else {
            continue;
        };
        let _ = write!(out, "\n### Time by endpoints (ns): {title}\n\n| |");
        for (x, _) in longest {
            let _ = write!(out, " {} |", grouped(*x));
        }
        let _ = writeln!(out, "\n| --- |{}", " ---: |".repeat(longest.len()));
        for (name, points) in &series {
            let _ = write!(out, "| {name} |");
            for (x, _) in longest {
                let y = points.iter().find(|point| point.0 == *x);
                let _ = write!(out, " {} |", y.map_or_else(String::new, |(_, y)| grouped(*y)));
            }
            out.push('\n');
        }
    }
    out
}

pub fn made_with(figures: &Figures) -> String {
    let mut out = String::from("\n### Made with\n\n");
    for name in ["command", "date", "machine", "system", "openssl", "rustc", "valgrind", "load"] {
        if let Some(text) = figures.text(&format!("meta.{name}")) {
            let _ = writeln!(out, "- {name}: {text}");
        }
    }
    out
}

/// A number rounded, with commas.
pub fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if number < 0.0 { format!("-{out}") } else { out }
}
