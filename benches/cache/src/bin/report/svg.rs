//! Two kinds of plot.

use std::fmt::Write;

use crate::figures::Series;
use crate::tables::{Bars, grouped};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 540.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 350.0;
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

fn open(title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"28\" font-size=\"16\">{title}</text>\n"
    )
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>");
}

fn rule(out: &mut String, y: f64) {
    let _ = writeln!(
        out,
        "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>"
    );
}

/// Nanoseconds by endpoints, both axes logarithmic.
pub fn lines(title: &str, series: &[Series]) -> String {
    let mut out = open(title);
    let all = || series.iter().flat_map(|(_, points)| points);
    let span = |of: fn(&(f64, f64)) -> f64| {
        let logs = all().map(|point| of(point).log10());
        let (low, high) = logs.fold((f64::MAX, f64::MIN), |(a, b), log| (a.min(log), b.max(log)));
        (low.floor(), high.ceil().max(low.floor() + 1.0))
    };
    let (x_span, y_span) = (span(|point| point.0), span(|point| point.1));
    let place = |value: f64, span: (f64, f64), from: f64, to: f64| {
        from + (value.log10() - span.0) / (span.1 - span.0) * (to - from)
    };
    let x_of = |x: f64| place(x, x_span, LEFT, RIGHT);
    let y_of = |y: f64| place(y, y_span, BOTTOM, TOP);
    for power in y_span.0 as i32..=y_span.1 as i32 {
        let y = 10f64.powi(power);
        rule(&mut out, y_of(y));
        text(&mut out, LEFT - 8.0, y_of(y) + 4.0, "end", &format!("{} ns", grouped(y)));
    }
    for power in x_span.0 as i32..=x_span.1 as i32 {
        let x = 10f64.powi(power);
        text(&mut out, x_of(x), BOTTOM + 20.0, "middle", &grouped(x));
    }
    text(&mut out, (LEFT + RIGHT) / 2.0, BOTTOM + 40.0, "middle", "endpoints");
    for (at, (name, points)) in series.iter().enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        let path: Vec<String> =
            points.iter().map(|(x, y)| format!("{:.1},{:.1}", x_of(*x), y_of(*y))).collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        legend(&mut out, at, colour, name);
    }
    out + "</svg>\n"
}

fn legend(out: &mut String, at: usize, colour: &str, name: &str) {
    let y = TOP + 20.0 * at as f64;
    let x = RIGHT + 20.0;
    let _ =
        writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"14\" height=\"14\" fill=\"{colour}\"/>");
    text(out, x + 20.0, y + 12.0, "start", name);
}

/// Groups of bars, from zero.
pub fn bars(title: &str, groups: &Bars) -> String {
    let mut out = open(title);
    let values = groups.iter().flat_map(|(_, bars)| bars.iter().map(|(_, value)| *value));
    let most = (values.fold(0.0, f64::max) / 500.0).ceil() * 500.0;
    let y_of = |value: f64| BOTTOM - value / most * (BOTTOM - TOP);
    for step in 0..=5 {
        let value = most / 5.0 * f64::from(step);
        rule(&mut out, y_of(value));
        text(&mut out, LEFT - 8.0, y_of(value) + 4.0, "end", &grouped(value));
    }
    let room = (RIGHT - LEFT) / groups.len() as f64;
    for (at, (name, bars)) in groups.iter().enumerate() {
        let left = LEFT + room * (at as f64 + 0.1);
        let width = room * 0.8 / bars.len() as f64;
        for (bar, (_, value)) in bars.iter().enumerate() {
            let _ = writeln!(
                out,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
                left + width * bar as f64,
                y_of(*value),
                width - 2.0,
                BOTTOM - y_of(*value),
                COLOURS[bar]
            );
        }
        text(&mut out, left + room * 0.4, BOTTOM + 20.0, "middle", name);
    }
    if let Some((_, bars)) = groups.first() {
        for (at, (name, _)) in bars.iter().enumerate() {
            legend(&mut out, at, COLOURS[at], name);
        }
    }
    out + "</svg>\n"
}
