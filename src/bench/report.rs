//! The figures of one scenario, as a table and as JSON.

use std::fmt;

use serde_json::{Map, Value, json};

use super::options::Bench;
use crate::config::Setting;

/// The figures of one scenario.
pub(super) struct Report {
    scenario: &'static str,
    /// `None` where there is no server.
    protocol: Option<&'static str>,
    tls: bool,
    server: String,
    server_config: Option<Value>,
    settings: Vec<(&'static str, u64)>,
    figures: Vec<Figure>,
}

struct Figure {
    key: String,
    label: String,
    value: f64,
    unit: &'static str,
}

impl Report {
    /// No figures yet.
    pub(super) fn new(options: &Bench, server: String) -> Report {
        Report {
            scenario: options.scenario.name(),
            protocol: options.has_server().then(|| options.protocol.name()),
            tls: options.is_secure(),
            server,
            server_config: options.server_config.as_ref().map(|it| shown(it, "")),
            settings: options.settings(),
            figures: Vec::new(),
        }
    }

    /// Adds a figure: its name in JSON, for people, its value and unit.
    pub(super) fn add(
        &mut self,
        key: &str,
        label: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) {
        // Nothing divided by nothing is not worth reporting.
        if value.is_finite() {
            self.figures.push(Figure {
                key: key.to_owned(),
                label: label.into(),
                value,
                unit,
            });
        }
    }

    /// As JSON.
    pub(super) fn json(&self) -> String {
        let settings: Map<String, Value> = self
            .settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        let figures: Map<String, Value> = self
            .figures
            .iter()
            .map(|figure| (figure.key.clone(), json!(figure.value)))
            .collect();
        let report = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "scenario": self.scenario,
            "protocol": self.protocol,
            "tls": self.tls,
            "server": self.server,
            "server_config": self.server_config,
            "settings": settings,
            "figures": figures,
        });
        format!("{report:#}\n")
    }
}

/// The table.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = if self.tls { " over TLS" } else { "" };
        write!(f, "{}", self.scenario)?;
        if let Some(protocol) = self.protocol {
            write!(f, " by {protocol}{tls}")?;
        }
        write!(f, ", {}", self.server)?;
        if let Some(settings) = &self.server_config {
            write!(f, " with {settings}")?;
        }
        write!(f, ":")?;
        for (at, (name, value)) in self.settings.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let (name, value) = (name.replace('_', " "), readable(*value as f64));
            write!(f, "{comma} {name} {value}")?;
        }
        writeln!(f)?;
        for figure in &self.figures {
            let value = readable(figure.value);
            writeln!(f, "  {:<38}{value:>14}  {}", figure.label, figure.unit)?;
        }
        Ok(())
    }
}

/// Settings as they may be shown: without secrets.
fn shown(value: &Value, path: &str) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let path = match path {
                    "" => name.clone(),
                    _ => format!("{path}.{name}"),
                };
                (name.clone(), shown(value, &path))
            })
            .collect(),
        _ if Setting::find(path).is_some_and(Setting::is_secret) => json!("(set)"),
        _ => value.clone(),
    }
}

/// Three significant digits, with a separator for thousands.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_passed_on() {
        let given = json!({
            "admin": { "token": "0123456789abcdef" },
            "history": "off",
            "limits": { "connections": 7 },
        });
        let mut expected = given.clone();
        expected["admin"]["token"] = "(set)".into();
        assert_eq!(shown(&given, ""), expected);
    }

    #[test]
    fn numbers_can_be_read() {
        for (value, text) in [
            (0.0, "0"),
            (0.01234, "0.0123"),
            (12.345, "12.35"),
            (999.4, "999"),
            (1000.0, "1,000"),
            (-1_234_567.0, "-1,234,567"),
        ] {
            assert_eq!(readable(value), text);
        }
    }
}
