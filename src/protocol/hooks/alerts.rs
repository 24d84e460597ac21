//! Alerts of Alertmanager and of Grafana, which sends the same with a title.

use serde_json::Value;

use super::value::{first, join, list, pair, scalar, text};

/// Alerts of a group that are shown one by one, and labels of each.
const MOST: usize = 10;
/// Labels that are in the title, or say nothing to people.
const NOT_SHOWN: [&str; 4] = ["alertname", "grafana_folder", "prometheus", "__name__"];

/// What a group of alerts says; `None` if it is none.
pub fn words(value: &Value) -> Option<String> {
    let alerts = list(value, "alerts").iter();
    let alerts: Vec<&Value> = alerts.filter(|it| it.is_object()).collect();
    let firing = alerts.iter().filter(|it| is_firing(it)).count();
    let status = match text(value, &["status"]) {
        status if !status.is_empty() => status,
        _ if firing > 0 => "firing".to_owned(),
        _ if alerts.iter().any(|it| is_resolved(it)) => "resolved".to_owned(),
        status => status,
    };
    if status.is_empty() || value.get("alerts").is_none() {
        return of_older_grafana(value);
    }
    let mut lines = vec![heading(value, &status, firing, alerts.len())];
    lines.extend(alerts.iter().take(MOST).filter_map(|it| line(it, &status)));
    let told = text(value, &["truncatedAlerts"]).parse().unwrap_or(0);
    let more = alerts.len().saturating_sub(MOST) + told;
    if more > 0 {
        lines.push(format!("- and {more} more"));
    }
    lines.push(text(value, &["externalURL"]));
    lines.retain(|line| !line.is_empty());
    Some(lines.join("\n"))
}

/// The alerts of Grafana before its version 8, which it still can send.
fn of_older_grafana(value: &Value) -> Option<String> {
    value.get("ruleName").or_else(|| value.get("ruleUrl"))?;
    let title = first(value, &[&["title"], &["ruleName"]]);
    let message = value.get("message").and_then(Value::as_str).unwrap_or("");
    let lines = [title.as_str(), message, &text(value, &["ruleUrl"])];
    let lines: Vec<&str> = lines.into_iter().filter(|it| !it.is_empty()).collect();
    Some(lines.join("\n"))
}

fn is_firing(alert: &Value) -> bool {
    text(alert, &["status"]) == "firing"
}

fn is_resolved(alert: &Value) -> bool {
    text(alert, &["status"]) == "resolved"
}

fn heading(value: &Value, status: &str, firing: usize, all: usize) -> String {
    let title = text(value, &["title"]);
    if !title.is_empty() {
        return title;
    }
    let name = first(
        value,
        &[
            &["groupLabels", "alertname"],
            &["commonLabels", "alertname"],
            &["receiver"],
        ],
    );
    let count = match status {
        "firing" => firing,
        _ => all,
    };
    join(&[&format!("[{}:{count}]", status.to_uppercase()), &name])
}

/// A line about an alert, if anything is known of it.
fn line(alert: &Value, of_group: &str) -> Option<String> {
    let said = first(
        alert,
        &[
            &["annotations", "summary"],
            &["annotations", "description"],
            &["annotations", "message"],
            &["labels", "alertname"],
        ],
    );
    let labels = alert.get("labels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten().filter_map(|(name, value)| {
        let is_shown = !NOT_SHOWN.contains(&name.as_str());
        is_shown.then(|| Some(format!("{name}={}", scalar(value)?)))?
    });
    let labels: Vec<String> = labels.take(MOST).collect();
    let labels = match labels.is_empty() {
        true => String::new(),
        false => format!("({})", labels.join(", ")),
    };
    let status = text(alert, &["status"]);
    let status = if status == of_group { "" } else { &status };
    let line = pair(status, &join(&[&said, &labels]));
    (!line.is_empty()).then(|| format!("- {line}"))
}
