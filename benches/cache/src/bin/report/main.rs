//! Makes the report: reads figures as scripts/bench.sh collects them, "name<TAB>value", and
//! writes report.md and its plots: report FIGURES DIRECTORY.

mod figures;
mod goals;
mod svg;
mod tables;

use std::fs;
use std::path::Path;

use figures::Figures;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [figures, directory] = &arguments[..] else {
        eprintln!("usage: report FIGURES DIRECTORY");
        std::process::exit(2);
    };
    let figures = Figures::parse(&fs::read_to_string(figures)?);
    let directory = Path::new(directory);
    let plots = directory.join("performance");
    fs::create_dir_all(&plots)?;
    let mut report = goals::table(&figures);
    report += &tables::all(&figures);
    for (name, title, operation) in [
        ("hit", "A session found and taken", "hit"),
        ("miss", "A session not found", "miss"),
        ("store", "A session stored, another one dropped", "store"),
        ("threads", "Found and taken, while another thread does the same", "hit2"),
    ] {
        let lines = figures.series(&format!("cache.{operation}."));
        if !lines.is_empty() {
            fs::write(plots.join(format!("{name}.svg")), svg::lines(title, &lines))?;
            report += &format!("\n![{title}](performance/{name}.svg)\n");
        }
    }
    let bars = tables::times(&figures);
    if !bars.is_empty() {
        let title = "A connection, client and server in one thread (µs)";
        fs::write(plots.join("connections.svg"), svg::bars(title, &bars))?;
        report += &format!("\n![{title}](performance/connections.svg)\n");
    }
    report += &tables::made_with(&figures);
    fs::write(directory.join("report.md"), report)
}
