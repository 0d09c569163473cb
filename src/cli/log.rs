//! `poshta log`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::clock::{Clock as _, SystemClock};
use crate::identity::eds::{self, Certificate};
use crate::server::control::Request;
use crate::tlog::monitor::{Alarm, Look, Seen, look};
use crate::tlog::note::Verifier;
use crate::tlog::stamps::{Days, Stamped, Wanted, look_at_days};

use super::fetch::{Prefix, SYSTEM_AUTHORITIES};
use super::target::Target;
use super::{Outcome, WrongUse, output};

#[derive(Debug, Subcommand)]
pub(super) enum LogCommand {
    /// What the log is: its name, its key, its newest checkpoint.
    Show(LogArgs),
    /// The proof that an impression is in the log, as a `*.tlog-proof`; status 1 when it is not, or not yet.
    Proof {
        /// Tag `i` of the mark.
        impression: String,
        #[command(flatten)]
        target: Target,
    },
    /// Read all of the log, compute it anew and compare it with the journal; status 1 when something does not fit.
    Check(LogArgs),
    /// Go on publishing after a restore from a backup.
    ///
    /// A log must never be published shorter than it was. Name the newest checkpoint that anybody has seen, such as
    /// the one that a monitor keeps; or say that nothing was published after the backup.
    Resume {
        /// A file with the newest checkpoint.
        #[arg(long, value_name = "FILE", required_unless_present = "nothing_later", conflicts_with = "nothing_later")]
        checkpoint: Option<PathBuf>,
        /// Nothing was published after the backup.
        #[arg(long)]
        nothing_later: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Look at a log from outside: is it signed, did it only grow, has it the entries that it says it has?
    ///
    /// What was seen is kept in a file for the next time. Status 1 when the log contradicts itself, with a sentence;
    /// also when it cannot be read, which says nothing of it. Run it again and again from a machine that is not the
    /// operator's.
    Monitor(MonitorArgs),
}

#[derive(Debug, Args)]
pub(super) struct LogArgs {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct MonitorArgs {
    /// Where the log is, such as https://poshta.example/log.
    #[arg(long)]
    url: String,
    /// Its public key as `poshta log show` prints it, or a file with that.
    #[arg(long)]
    key: String,
    /// The file in which is kept what was seen.
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    /// Certificates of the authorities that are trusted for https.
    #[arg(long, value_name = "FILE", default_value = SYSTEM_AUTHORITIES)]
    ca: PathBuf,
    /// Certificates of time-stamping authorities, or of those that issued theirs: then the stamps of the last days
    /// are checked too.
    #[arg(long, value_name = "FILE")]
    stamp_authorities: Option<PathBuf>,
    /// How many days before today are looked at for stamps.
    #[arg(long, value_name = "N", default_value_t = 7, requires = "stamp_authorities")]
    stamp_days: u8,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &LogCommand) -> Outcome {
    match command {
        LogCommand::Show(args) => {
            output::thing(&args.target.ask(Request::LogShow)?, args.target.json)?;
            Ok(ExitCode::SUCCESS)
        }
        LogCommand::Proof { impression, target } => {
            let proof = target.ask(Request::LogProof { impression: impression.clone() })?;
            match proof.get("proof").and_then(Value::as_str).filter(|_| !target.json) {
                Some(text) => output::line(text.trim_end_matches('\n'))?,
                None => output::thing(&proof, true)?,
            }
            Ok(ExitCode::SUCCESS)
        }
        LogCommand::Check(args) => {
            let checked = args.target.ask(Request::LogCheck)?;
            output::thing(&checked, args.target.json)?;
            let is_sound = checked.get("problems").and_then(Value::as_array).is_none_or(Vec::is_empty);
            Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        LogCommand::Resume { checkpoint, target, .. } => {
            let read = |file: &PathBuf| fs::read_to_string(file).with_context(|| file.display().to_string());
            let checkpoint = checkpoint.as_ref().map(read).transpose()?;
            output::thing(&target.ask(Request::LogResume { checkpoint })?, target.json)?;
            Ok(ExitCode::SUCCESS)
        }
        LogCommand::Monitor(args) => monitor(args),
    }
}

fn monitor(args: &MonitorArgs) -> Outcome {
    let key = key(&args.key)?;
    let seen = seen(&args.state)?;
    let authorities = args.stamp_authorities.as_deref().map(authorities).transpose()?.unwrap_or_default();
    let mut source = Prefix::new(&args.url, &args.ca)?;
    let looked = look(&mut source, &key, seen.as_ref())
        .and_then(|look| Ok((days(args, &authorities, &mut source, &key, &look)?, look)));
    match looked {
        Ok((days, look)) => {
            keep(&args.state, &serde_json::to_vec_pretty(&look.seen)?)?;
            let mut shown = json!({
                "verdict": "consistent",
                "origin": key.name(),
                "leaves": look.head.size,
                "new_leaves": look.head.size - look.from,
                "root": look.head.root.to_string(),
            });
            if let (Some(days), Some(fields)) = (days, shown.as_object_mut()) {
                fields.insert("stamped_days".into(), days.stamped.iter().map(stamp_of_day).collect());
                fields.insert("unstamped_days".into(), days.unstamped.iter().map(ToString::to_string).collect());
            }
            output::thing(&shown, args.json)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(alarm) => sound(args, &mut source, seen.as_ref(), &alarm),
    }
}

/// The certificates in a file.
pub(super) fn authorities(file: &Path) -> anyhow::Result<Vec<Certificate>> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    Ok(eds::certificates(&bytes).map_err(|error| WrongUse(format!("{}: {error}", file.display())))?)
}

/// The last days and their stamps, when that is asked for.
fn days(
    args: &MonitorArgs,
    authorities: &[Certificate],
    source: &mut Prefix,
    key: &Verifier,
    look: &Look,
) -> Result<Option<Days>, Alarm> {
    if args.stamp_authorities.is_none() {
        return Ok(None);
    }
    let now = SystemClock.now();
    let today = now.to_zoned(TimeZone::UTC).date();
    let days = (1..=i64::from(args.stamp_days)).filter_map(|back| today.checked_sub(back.days()).ok());
    let wanted = Wanted { authorities, policy: None, nonce: None };
    look_at_days(source, (key, look.head), days, &wanted, now).map(Some)
}

fn stamp_of_day((day, stamped): &(Date, Stamped)) -> Value {
    json!({ "day": day.to_string(), "time": stamped.time.to_string(), "authority": stamped.authority })
}

/// Tells what is wrong; what was seen before stays as it is, and what contradicts it is put beside it.
fn sound(args: &MonitorArgs, source: &mut Prefix, seen: Option<&Seen>, alarm: &Alarm) -> Outcome {
    use crate::tlog::monitor::Source as _;
    let verdict = if alarm.is_contradiction() { "contradiction" } else { "unknown" };
    let mut sentence = alarm.to_string();
    if alarm.is_contradiction() {
        let now = source.get("checkpoint").map(|note| String::from_utf8_lossy(&note).into_owned()).unwrap_or_default();
        let before = seen.map_or("", |seen| seen.checkpoint.as_str());
        let evidence = args.state.with_extension("evidence");
        keep(&evidence, format!("{sentence}\n\nbefore:\n{before}\nnow:\n{now}").as_bytes())?;
        sentence = format!("{sentence}; both checkpoints are in {}", evidence.display());
    }
    if args.json {
        output::thing(&json!({ "verdict": verdict, "problem": sentence }), true)?;
        return Ok(ExitCode::from(1));
    }
    anyhow::bail!("{sentence}")
}

/// The public key of a log, or a file with it.
pub(super) fn key(text: &str) -> anyhow::Result<Verifier> {
    let is_file = !text.contains('+') || Path::new(text).is_file();
    let read = if is_file { fs::read_to_string(text).with_context(|| text.to_owned())? } else { text.to_owned() };
    Ok(read.parse::<Verifier>().map_err(|error| WrongUse(error.to_string()))?)
}

fn seen(state: &Path) -> anyhow::Result<Option<Seen>> {
    let text = match fs::read(state) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| state.display().to_string())?,
    };
    let seen = serde_json::from_slice(&text);
    Ok(Some(seen.with_context(|| format!("{}: not what a monitor has kept", state.display()))?))
}

/// Writes a file in the place of the one before.
fn keep(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let fresh = file.with_extension("new");
    let write = || {
        fs::write(&fresh, bytes)?;
        fs::File::open(&fresh)?.sync_all()?;
        fs::rename(&fresh, file)
    };
    write().with_context(|| file.display().to_string())
}
