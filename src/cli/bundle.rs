//! `poshta print unseal` and `poshta print new-key`: what a print centre does with sealed bundles (P9). They need neither
//! a server nor its data.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use crate::age::Identity;
use crate::hybrid::bundles::{Opened, unseal};
use crate::postal::MarksFile;

use super::{Outcome, WrongUse, output};

#[derive(Debug, Args)]
pub(super) struct UnsealArgs {
    /// The sealed bundle.
    file: PathBuf,
    /// The centre's secret key.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The published marks of the operator (poshta-marks.json), with which the seal is checked.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// The directory that manifest and documents are put into.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct NewKeyArgs {
    /// The file that the secret key is written to; it must not be there yet.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Opens a bundle; status 1, and nothing is left behind, where it is not what was sealed.
pub(super) fn open(args: &UnsealArgs) -> Outcome {
    let key = read(&args.key)?;
    let identity = Identity::from_file(&key).map_err(|error| WrongUse(format!("{}: {error}", args.key.display())))?;
    let keys = serde_json::from_str::<MarksFile>(&read(&args.keys)?);
    let wrong = |error| WrongUse(format!("{}: no file of published marks: {error}", args.keys.display()));
    let keys = keys.map_err(wrong)?;
    let file = File::open(&args.file).with_context(|| args.file.display().to_string())?;
    let opened = unseal(BufReader::new(file), &identity, &keys, &args.out);
    let Opened { manifest, report, files } = opened.with_context(|| args.file.display().to_string())?;
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let said = json!({
        "seal": manifest.seal, "centre": manifest.centre, "insurance_seal": manifest.insurance_seal,
        "sealed_at": manifest.sealed_at, "letters": manifest.letters.len(), "verdict": report.verdict, "files": files,
    });
    output::thing(&said, args.json)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes a key; the public part is printed, for `hybrid.bundle_keys` of the operator.
pub(super) fn new_key(args: &NewKeyArgs) -> Outcome {
    let identity = Identity::generate();
    let public = identity.recipient().to_string();
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.file);
    let mut file = file.with_context(|| args.file.display().to_string())?;
    writeln!(file, "# public key: {public}\n{}", *identity.expose())?;
    file.sync_all()?;
    output::thing(&json!({ "public_key": public, "file": args.file.display().to_string() }), args.json)?;
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| file.display().to_string())
}
