//! Facilities and their devices (P4, P31): what is engraved, where each is, whether the clock is right.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::visitor::Staff;
use super::super::{Asked, Frame, show as show_in};

#[derive(Template)]
#[template(path = "admin/devices.html")]
struct DevicesPage {
    frame: Frame,
    clock: Vec<(String, String)>,
    /// What is wrong with it.
    problem: Option<String>,
    rows: Vec<Row>,
}

struct Row {
    device: String,
    engraving: String,
    issued: String,
    /// Locked or revoked, and why or when.
    trouble: String,
}

/// `GET /admin/devices`
pub(super) async fn show(State(api): State<Api>, asked: Asked, _: Staff) -> Result<Response, Fault> {
    let shown = api.devices().shown();
    let fields = |key: &str| shown.get(key).and_then(Value::as_object).into_iter().flatten();
    let frame = Frame::new(asked, "admin-devices");
    let row = |(device, facts): (&String, &Value)| Row {
        device: device.clone(),
        engraving: words(facts.get("engraving")),
        issued: words(facts.get("issued")),
        trouble: ["locked", "revoked_at"]
            .into_iter()
            .filter_map(|name| facts.get(name).filter(|fact| !fact.is_null()))
            .map(|fact| words(Some(fact)))
            .collect::<Vec<_>>()
            .join("; "),
    };
    let page = DevicesPage {
        clock: fields("clock").map(|(name, fact)| (name.replace('_', " "), words(Some(fact)))).collect(),
        problem: api.devices().clock_problem(),
        rows: fields("devices").map(row).collect(),
        frame: frame.clone(),
    };
    Ok(show_in(&frame, &page))
}

/// A value in a cell.
fn words(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "—".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| words(Some(item))).collect::<Vec<_>>().join(" · "),
        Some(Value::Object(fields)) => {
            let known = fields.iter().filter(|(_, fact)| !fact.is_null());
            known.map(|(_, fact)| words(Some(fact))).collect::<Vec<_>>().join(" · ")
        }
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::words;

    #[test]
    fn a_value_is_shown_without_braces() {
        assert_eq!(words(None), "—");
        assert_eq!(words(Some(&json!({ "node": "mx-1", "holder": null, "since": 5 }))), "mx-1 · 5");
        assert_eq!(words(Some(&json!(["a", "b"]))), "a · b");
    }
}
