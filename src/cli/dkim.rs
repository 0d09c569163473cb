//! `poshta dkim`: the keys that sign letters to other domains.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::address::Domain;
use crate::config::Config;
use crate::outbound::dkim::{self, BadKey, Dkim, Record, Standing};
use crate::postal;
use crate::trust::{Dns, DnsError};

use super::target::Target;
use super::{Outcome, WrongUse, output};

#[derive(Debug, Subcommand)]
pub(super) enum DkimCommand {
    /// Make a key, and print its record for the DNS and its line for the configuration.
    ///
    /// Nothing signs with it before the configuration names it and the server was started anew. A key that was made
    /// elsewhere does as well: PKCS#8 in PEM, RSA of 2048 to 4096 bits or Ed25519, such as
    /// `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out a2026.pem`; `poshta dkim show` prints its record.
    New(NewArgs),
    /// The records that belong into the DNS for the configured keys.
    Show {
        #[command(flatten)]
        target: Target,
    },
    /// Ask the DNS whether it has the records of the configured keys; status 1 when one is missing or does not fit.
    Check {
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// The name of the key in the DNS, such as a2026. A new key has a new one.
    selector: String,
    /// The directory that gets the file SELECTOR.pem, for the server's user only; one that is there is not overwritten.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// How the key signs. Everybody who checks DKIM knows rsa, not everybody ed25519; a letter can have both signatures.
    #[arg(long, value_enum, default_value = "rsa")]
    algorithm: Algorithm,
    /// The configuration, whose domains the record is for; without it the record has no domain.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Algorithm {
    Rsa,
    Ed25519,
}

impl From<Algorithm> for postal::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Rsa => postal::Algorithm::RsaSha256,
            Algorithm::Ed25519 => postal::Algorithm::Ed25519Sha256,
        }
    }
}

pub(super) fn run(command: &DkimCommand) -> Outcome {
    match command {
        DkimCommand::New(args) => new(args),
        DkimCommand::Show { target } => show(target),
        DkimCommand::Check { target } => check(target),
    }
}

fn new(args: &NewArgs) -> Outcome {
    let domains = match &args.config {
        Some(file) => Config::load(file)?.accounts.parsed_domains()?,
        None => Vec::new(),
    };
    let dir = std::path::absolute(&args.dir)?;
    let (key, file) = dkim::write(&dir, &args.selector, args.algorithm.into()).map_err(|error| match error {
        error @ BadKey::Selector(_) => WrongUse(in_words(&error)).into(),
        error => anyhow::anyhow!(in_words(&error)),
    })?;
    let records = Record::of(&args.selector, &domains, &key.public());
    if args.json {
        let said = json!({ "file": file.display().to_string(), "records": json_of(&records) });
        output::line(&said.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!("The key is in {}. For the DNS:\n", file.display()))?;
    print(&records)?;
    output::line("\nFor the configuration; try it with `poshta dkim check`, and then start the server anew:\n")?;
    output::line(&format!("[outbound.dkim]\nkeys = [{}]", entry(&args.selector, &file)))?;
    Ok(ExitCode::SUCCESS)
}

/// A key as the configuration names it.
fn entry(selector: &str, file: &Path) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    format!("{{ selector = {}, file = {} }}", quoted(selector), quoted(&file.display().to_string()))
}

fn show(target: &Target) -> Outcome {
    let records = opened(&target.configuration()?)?.records();
    if target.json {
        output::list(&json_of(&records), &[], true)?;
    } else {
        print(&records)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check(target: &Target) -> Outcome {
    let config = target.configuration()?;
    let records = opened(&config)?.records();
    let runtime = Runtime::new().context("cannot start")?;
    let dns = {
        let _inside = runtime.enter();
        Dns::new(&config.trust)?
    };
    let standings = runtime.block_on(async {
        let mut standings = Vec::with_capacity(records.len());
        for record in &records {
            standings.push(standing(&dns, record).await);
        }
        standings
    });
    let row = |(record, standing): (&Record, &Result<Standing, DnsError>)| {
        let said = standing.as_ref().map_or_else(ToString::to_string, ToString::to_string);
        json!({ "name": record.name, "algorithm": record.algorithm().tag(), "dns": said })
    };
    let rows: Vec<Value> = records.iter().zip(&standings).map(row).collect();
    output::list(&Value::Array(rows), &["name", "algorithm", "dns"], target.json)?;
    let is_well = standings.iter().all(|standing| *standing == Ok(Standing::Published));
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn standing(dns: &Dns, record: &Record) -> Result<Standing, DnsError> {
    let name = Domain::new(&record.name).map_err(|error| DnsError::Setup(format!("{}: {error}", record.name)))?;
    Ok(record.standing(&dns.texts(&name).await?))
}

/// The configured keys.
fn opened(config: &Config) -> anyhow::Result<Dkim> {
    let settings = &config.outbound.dkim;
    anyhow::ensure!(!settings.keys.is_empty(), "outbound.dkim.keys names no key; make one with `poshta dkim new`");
    let keys = Dkim::open(settings, &config.accounts.parsed_domains()?);
    keys.map_err(|error| anyhow::anyhow!("outbound.dkim.keys: {}", in_words(&error)))
}

fn in_words(error: &BadKey) -> String {
    format!("{error}; {}", error.remedy())
}

fn print(records: &[Record]) -> std::io::Result<()> {
    records.iter().try_for_each(|record| output::line(&record.zone_line()))
}

fn json_of(records: &[Record]) -> Value {
    let record = |record: &Record| {
        json!({
            "name": record.name, "type": "TXT", "text": record.text(), "algorithm": record.algorithm().tag(),
        })
    };
    records.iter().map(record).collect()
}
