//! `poshta facility closing`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::postal::{Closing, MarksFile, check_chain};
use crate::server::control::{Request, WantedClosings};

use super::target::Target;
use super::{Outcome, WrongUse, facility, output};

#[derive(Debug, Subcommand)]
pub(super) enum ClosingCommand {
    /// The daily closings there are, by device and day. With `--json` each as it was signed.
    List {
        /// Only those of this device.
        #[arg(long)]
        device: Option<String>,
        /// Only those of this facility's devices.
        #[arg(long)]
        facility: Option<String>,
        /// From this day on, such as 2026-11-22.
        #[arg(long)]
        from: Option<String>,
        /// Up to this day.
        #[arg(long)]
        to: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// One daily closing. With `--json` as it was signed.
    Show {
        /// The device.
        device: String,
        /// The day, such as 2026-11-22.
        day: String,
        #[command(flatten)]
        target: Target,
    },
    /// Are closings what they say they are? Signatures, instants, numbers, and that they follow each other without a
    /// gap; status 1 when something does not fit. Needs nothing but the published keys.
    Verify {
        /// Files with closings, each one or a list of them; `-` is the standard input.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The published marks of the operators (poshta-marks.json). Without it those of the configuration.
        #[arg(long, value_name = "FILE")]
        keys: Option<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) fn run(command: &ClosingCommand) -> Outcome {
    match command {
        ClosingCommand::List { device, facility, from, to, target } => {
            let wanted = WantedClosings {
                device: device.clone(),
                facility: facility.clone(),
                from: from.clone(),
                to: to.clone(),
                after: None,
            };
            let closings = all(target, wanted)?;
            let rows: Value = if target.json { closings.into() } else { rows(closings.into())? };
            output::list(&rows, &["device", "day", "issued to", "impressions", "numbers", "closed"], target.json)?;
            Ok(ExitCode::SUCCESS)
        }
        ClosingCommand::Show { device, day, target } => {
            let request = Request::ClosingShow { device: device.clone(), day: day.clone() };
            output::thing(&target.ask(request)?, target.json)?;
            Ok(ExitCode::SUCCESS)
        }
        ClosingCommand::Verify { files, keys, target } => verify(files, keys.as_deref(), target),
    }
}

/// Every closing that is wanted: the server gives some at a time.
fn all(target: &Target, mut wanted: WantedClosings) -> anyhow::Result<Vec<Value>> {
    let mut closings: Vec<Value> = Vec::new();
    loop {
        let mut page = target.ask(Request::ClosingList(wanted.clone()))?;
        let more = page.get("more") == Some(&Value::Bool(true));
        if let Some(some) = page.get_mut("closings").and_then(Value::as_array_mut) {
            closings.append(some);
        }
        let text = |name: &str| Some(closings.last()?.get(name)?.as_str()?.to_owned());
        match text("device").zip(text("day")) {
            Some(last) if more => wanted.after = Some(last),
            _ => return Ok(closings),
        }
    }
}

fn rows(closings: Value) -> anyhow::Result<Value> {
    let closings: Vec<Closing> = serde_json::from_value(closings)?;
    let row = |closing: &Closing| {
        let issued = closing.issued.as_ref();
        let numbers = closing.first.zip(closing.last).map(|(first, last)| format!("{first}-{last}"));
        json!({
            "device": closing.device, "day": closing.day,
            "issued to": issued.map(|issued| issued.holder.clone().unwrap_or_else(|| issued.node.clone())),
            "impressions": closing.total, "numbers": numbers, "closed": closing.closed,
        })
    };
    Ok(closings.iter().map(row).collect())
}

fn verify(files: &[PathBuf], keys: Option<&Path>, target: &Target) -> Outcome {
    let marks = match keys {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            let parsed = serde_json::from_str::<MarksFile>(&text);
            parsed.map_err(|error| WrongUse(format!("{}: no file of published marks: {error}", file.display())))?
        }
        None => facility::published(target)?,
    };
    let mut closings = Vec::new();
    for file in files {
        closings.extend(read(file)?);
    }
    closings.sort_by(|a, b| (&a.operator, &a.device, &a.day).cmp(&(&b.operator, &b.device, &b.day)));
    let mut faults = Vec::new();
    for chain in closings.chunk_by(|a, b| (&a.operator, &a.device) == (&b.operator, &b.device)) {
        for (at, fault) in check_chain(chain, &marks) {
            let of = chain.get(at);
            faults.push(json!({
                "device": of.map(|closing| &closing.device), "day": of.map(|closing| &closing.day),
                "fault": fault.to_string(),
            }));
        }
    }
    let is_sound = faults.is_empty();
    let verdict = if is_sound { "valid" } else { "invalid" };
    output::thing(&json!({ "verdict": verdict, "closings": closings.len(), "faults": faults }), target.json)?;
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// One closing, a list of them, or a page of a list as the server answers it over HTTP.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<Closing>> {
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).context("cannot read the standard input")?
    } else {
        std::fs::read_to_string(file).with_context(|| file.display().to_string())?
    };
    let mut value: Value = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
    let values = match value.get_mut("closings").map(Value::take).unwrap_or(value) {
        Value::Array(values) => values,
        one => vec![one],
    };
    let parse = |value: &Value| Closing::parse(&value.to_string()).with_context(|| file.display().to_string());
    values.iter().map(parse).collect()
}
