//! Collects samples and prints them: median, smallest, largest, and the target where there is one.

use std::collections::BTreeMap;
use std::io::{self, Write};

/// All samples, by workload and by who ran it.
#[derive(Default)]
pub struct Report {
    samples: BTreeMap<(String, String, String), Vec<f64>>,
}

impl Report {
    /// Adds one sample.
    pub fn add(&mut self, who: &str, workload: &str, unit: &str, value: f64) {
        let key = (workload.to_owned(), who.to_owned(), unit.to_owned());
        self.samples.entry(key).or_default().push(value);
    }

    /// Prints a table, and says plainly which targets are missed and by how much.
    pub fn print(mut self, targets: &[(&str, f64)]) {
        line(&format!(
            "{:<46} {:<18} {:>12} {:>12} {:>12}  {:<10} target",
            "workload", "who", "median", "min", "max", "unit"
        ));
        for ((workload, who, unit), values) in &mut self.samples {
            values.sort_by(f64::total_cmp);
            let median = values[values.len() / 2];
            let (min, max) = (values[0], values[values.len() - 1]);
            let target = targets.iter().find(|(name, _)| who == "loopbox" && name == workload);
            let verdict = match target {
                Some((_, target)) if median <= *target => format!("{target:.0}: met"),
                Some((_, target)) => format!("{target:.0}: MISSED, {:.2} times", median / target),
                None => String::new(),
            };
            line(&format!(
                "{workload:<46} {who:<18} {median:>12.1} {min:>12.1} {max:>12.1}  {unit:<10} {verdict}"
            ));
        }
    }
}

/// One line for people.
pub fn line(text: &str) {
    // Nobody to tell that nobody listens.
    let _ = writeln!(io::stdout(), "{text}");
}
