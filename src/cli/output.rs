//! Tables for people, JSON for scripts.

use std::collections::BTreeSet;

use serde_json::Value;

/// Prints one thing: as JSON, or as lines `name  value`; what is a list of things becomes a table below them.
pub(super) fn thing(value: &Value, json: bool) {
    if json {
        println!("{value}");
        return;
    }
    let Value::Object(fields) = value else {
        println!("{}", text(value));
        return;
    };
    let (tables, lines): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, value)| is_table(value));
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in lines {
        println!("{}", format!("{:width$}  {}", name.replace('_', " "), text(value)).trim_end());
    }
    for (name, value) in tables {
        println!("\n{}", name.replace('_', " "));
        inner_table(value);
    }
}

fn is_table(value: &Value) -> bool {
    value.as_array().is_some_and(|rows| !rows.is_empty() && rows.iter().all(Value::is_object))
}

/// Every name that a row has is a column.
fn inner_table(value: &Value) {
    let rows = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let names: BTreeSet<&str> =
        rows.iter().filter_map(Value::as_object).flatten().map(|(name, _)| name.as_str()).collect();
    let columns: Vec<&str> = names.into_iter().collect();
    list(value, &columns, false);
}

/// Prints a list: as JSON, or as a table of these columns.
pub(super) fn list(value: &Value, columns: &[&str], json: bool) {
    if json {
        println!("{value}");
        return;
    }
    let rows: Vec<Vec<String>> = value.as_array().into_iter().flatten().map(|row| cells(row, columns)).collect();
    let head: Vec<String> = columns.iter().map(|name| name.replace('_', " ")).collect();
    table(&head, &rows);
}

/// Prints lines with aligned columns.
pub(super) fn table(head: &[String], rows: &[Vec<String>]) {
    let lines = || std::iter::once(head).chain(rows.iter().map(Vec::as_slice));
    let widths: Vec<usize> = (0..head.len())
        .map(|column| lines().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    for line in lines() {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

fn cells(row: &Value, columns: &[&str]) -> Vec<String> {
    columns.iter().map(|name| row.get(name).map(text).unwrap_or_default()).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => match fields.values().collect::<Vec<_>>().as_slice() {
            [only] => text(only),
            _ => fields.iter().map(|(name, value)| format!("{name}={}", inner(value))).collect::<Vec<_>>().join(" "),
        },
        other => other.to_string(),
    }
}

/// A value inside a line: things keep their braces.
fn inner(value: &Value) -> String {
    if value.is_object() { format!("({})", text(value)) } else { text(value) }
}
