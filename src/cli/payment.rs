//! `poshta payment`. Codes of payment signs are as good as money: they are read from files or the standard input, never
//! from arguments, and only their hashes go on.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::payment::{Imported, TermsChange, read_signs};
use crate::postal::{SignHash, Tiyn};
use crate::server::control::Request;

use super::target::Target;
use super::{Outcome, WrongUse, output};

/// Signs that go into the store at once.
const AT_ONCE: usize = 2_000;

#[derive(Debug, Subcommand)]
pub(super) enum PaymentCommand {
    /// Take in payment signs that were issued: CSV with the columns code,kind,issuer,value_tiyn,valid_from,valid_to.
    Import {
        /// The file; `-` is the standard input.
        file: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// Payment signs by their hashes (tag ps of the marks that cancel them).
    List {
        /// Begin behind this sign.
        #[arg(long, value_name = "SIGN")]
        after: Option<String>,
        /// Rows at most.
        #[arg(long, default_value_t = 1000)]
        limit: usize,
        #[command(flatten)]
        target: Target,
    },
    /// One payment sign.
    Show(SignArgs),
    /// Take payment signs out of circulation: they pay for nothing from now on.
    Withdraw {
        #[command(flatten)]
        signs: SignArgs,
        /// Why, for the audit.
        #[arg(long)]
        reason: String,
    },
    /// On what terms an account pays for letters on paper.
    Account {
        /// Its login or address.
        name: String,
        /// It pays everything afterwards, by the contract with this number.
        #[arg(long, value_name = "NUMBER", conflicts_with_all = ["prepaid", "deposit"])]
        contract: Option<String>,
        /// It pays in advance: by signs or from its balance.
        #[arg(long, conflicts_with = "deposit")]
        prepaid: bool,
        /// It pays in so many tiyn.
        #[arg(long, value_name = "TIYN")]
        deposit: Option<u64>,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Args)]
pub(super) struct SignArgs {
    /// The sign, as the tag ps of its mark names it.
    #[arg(required_unless_present = "codes")]
    sign: Option<String>,
    /// A file with codes instead, one a line or in the first column; `-` is the standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "sign")]
    codes: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

const COLUMNS: &[&str] = &["sign", "kind", "issuer", "value_tiyn", "valid_from", "valid_to", "state", "item"];

pub(super) fn run(command: PaymentCommand) -> Outcome {
    match command {
        PaymentCommand::Import { file, target } => import(&file, &target)?,
        PaymentCommand::List { after, limit, target } => {
            let rows = target.ask(Request::PaymentList { after, limit })?;
            output::list(&rows, COLUMNS, target.json)?;
        }
        PaymentCommand::Show(args) => {
            let signs = args.signs()?;
            let [sign] = signs.as_slice() else { return Err(WrongUse("show takes one sign".into()).into()) };
            let shown = args.target.ask(Request::PaymentShow { sign: sign.clone() })?;
            output::thing(&shown, args.target.json)?;
        }
        PaymentCommand::Withdraw { signs: args, reason } => {
            let signs = args.signs()?;
            let done = args.target.ask(Request::PaymentWithdraw { signs, reason })?;
            output::thing(&done, args.target.json)?;
        }
        PaymentCommand::Account { name, contract, prepaid, deposit, target } => {
            let change = match (contract, prepaid, deposit) {
                (Some(number), _, _) => Some(TermsChange::Contract(number)),
                (_, true, _) => Some(TermsChange::Prepaid),
                (_, _, Some(tiyn)) => Some(TermsChange::Deposit(Tiyn(tiyn))),
                (None, false, None) => None,
            };
            output::thing(&target.ask(Request::PaymentTerms { name, change })?, target.json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The file is read and every code hashed here; the server never sees a code that was not used.
fn import(file: &Path, target: &Target) -> anyhow::Result<()> {
    let signs = read_signs(&read(file)?).with_context(|| file.display().to_string())?;
    let mut session = target.open()?;
    let mut sum = Imported::default();
    for part in signs.chunks(AT_ONCE) {
        let answer = session.ask(Request::PaymentImport { signs: part.to_vec() })?;
        let imported: Imported = serde_json::from_value(answer)?;
        sum.new += imported.new;
        sum.known += imported.known;
    }
    output::thing(&json!(sum), target.json)?;
    Ok(())
}

impl SignArgs {
    fn signs(&self) -> anyhow::Result<Vec<String>> {
        let Some(file) = &self.codes else { return Ok(self.sign.clone().into_iter().collect()) };
        let text = read(file)?;
        let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty() && !line.starts_with("code,"));
        let hashed = lines.map(|(line, number)| {
            let code = line.split(',').next().unwrap_or_default();
            let hash = SignHash::of_code(code).with_context(|| format!("{}: line {number}", file.display()))?;
            Ok(hash.to_string())
        });
        hashed.collect()
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file != Path::new("-") {
        return std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()));
    }
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).context("cannot read the standard input")?;
    Ok(text)
}
