//! The figures of one scenario, as a table and as JSON.

use serde_json::json;

/// The figures of one scenario.
pub struct Report {
    scenario: String,
    figures: Vec<Figure>,
}

struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
}

impl Report {
    /// No figures yet.
    pub fn new(scenario: String) -> Report {
        Report {
            scenario,
            figures: Vec::new(),
        }
    }

    /// Adds a figure.
    pub fn add(&mut self, name: &str, value: f64, unit: &'static str) {
        self.figures.push(Figure {
            name: name.to_owned(),
            value,
            unit,
        });
    }

    /// Prints the table.
    pub fn print(&self) {
        println!("\n{}", self.scenario);
        for figure in &self.figures {
            let value = readable(figure.value);
            println!("  {:<40}{value:>14}  {}", figure.name, figure.unit);
        }
    }
}

/// All reports as JSON.
pub fn json(reports: &[Report]) -> String {
    let reports: Vec<_> = reports
        .iter()
        .map(|report| {
            let figures = report.figures.iter().map(
                |figure| json!({ "name": figure.name, "value": figure.value, "unit": figure.unit }),
            );
            json!({ "scenario": report.scenario, "figures": figures.collect::<Vec<_>>() })
        })
        .collect();
    format!("{:#}\n", json!(reports))
}

/// Three digits that matter, thousands kept apart.
fn readable(value: f64) -> String {
    if value.abs() < 1.0 && value != 0.0 {
        return format!("{value:.4}");
    }
    if value.abs() < 100.0 && value.fract() != 0.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match value < 0.0 {
        true => format!("-{grouped}"),
        false => grouped,
    }
}
