//! Tables for people, JSON for scripts, on the standard output. Its reader may go away, as `head` does.

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use serde_json::Value;

/// Prints one thing: as JSON, or as lines `name  value`; what is a list of things becomes a table below them.
pub(super) fn thing(value: &Value, json: bool) -> io::Result<()> {
    if json {
        return line(&value.to_string());
    }
    let Value::Object(fields) = value else { return line(&text(value)) };
    let (tables, lines): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, value)| is_table(value));
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in lines {
        line(format!("{:width$}  {}", name.replace('_', " "), text(value)).trim_end())?;
    }
    for (name, value) in tables {
        line(&format!("\n{}", name.replace('_', " ")))?;
        inner_table(value)?;
    }
    Ok(())
}

/// Prints a list: as JSON, or as a table of these columns.
pub(super) fn list(value: &Value, columns: &[&str], json: bool) -> io::Result<()> {
    if json {
        return line(&value.to_string());
    }
    let rows: Vec<Vec<String>> = value.as_array().into_iter().flatten().map(|row| cells(row, columns)).collect();
    let head: Vec<String> = columns.iter().map(|name| name.replace('_', " ")).collect();
    table(&head, &rows)
}

/// Prints a line.
pub(super) fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

fn is_table(value: &Value) -> bool {
    value.as_array().is_some_and(|rows| !rows.is_empty() && rows.iter().all(Value::is_object))
}

/// Every name that a row has is a column.
fn inner_table(value: &Value) -> io::Result<()> {
    let rows = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let names: BTreeSet<&str> =
        rows.iter().filter_map(Value::as_object).flatten().map(|(name, _)| name.as_str()).collect();
    let columns: Vec<&str> = names.into_iter().collect();
    list(value, &columns, false)
}

/// Prints lines with aligned columns.
fn table(head: &[String], rows: &[Vec<String>]) -> io::Result<()> {
    let lines = || std::iter::once(head).chain(rows.iter().map(Vec::as_slice));
    let widths: Vec<usize> = (0..head.len())
        .map(|column| lines().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    for row in lines() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
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
