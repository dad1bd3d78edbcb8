//! Figures by name.

use std::collections::BTreeMap;

pub struct Figures(BTreeMap<String, String>);

/// A line of a plot: its name, and (x, y).
pub type Series = (String, Vec<(f64, f64)>);

impl Figures {
    pub fn parse(text: &str) -> Figures {
        let pair = |line: &str| line.split_once('\t').map(|(a, b)| (a.to_owned(), b.to_owned()));
        Figures(text.lines().filter_map(pair).collect())
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok()
    }

    pub fn ratio(&self, name: &str, to: &str) -> Option<f64> {
        Some(self.number(name)? / self.number(to)?)
    }

    /// What is named PREFIX, a name and a number, by name.
    pub fn series(&self, prefix: &str) -> Vec<Series> {
        let mut series: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (name, value) in &self.0 {
            let Some((line, x)) = name.strip_prefix(prefix).and_then(|rest| rest.rsplit_once('.'))
            else {
                continue;
            };
            if let (Ok(x), Ok(y)) = (x.parse(), value.parse()) {
                series.entry(line.to_owned()).or_default().push((x, y));
            }
        }
        for points in series.values_mut() {
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        series.into_iter().collect()
    }
}
