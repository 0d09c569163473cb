//! `poshta account`.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use crate::auth::Secret;
use crate::server::control::{AccountAdd, Letters, Name, Page, Password, QuotaChange, Request};
use crate::store::accounts::Kind;
use crate::store::receipts::Consent;

use super::target::Target;
use super::{Outcome, output, size};

/// Accounts of one request of a list.
const PAGE: usize = 1000;

#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Create an account; the password is asked for, or read from the standard input.
    Add(AddArgs),
    /// All accounts.
    List {
        #[command(flatten)]
        target: Target,
    },
    /// One account.
    Show(NameArgs),
    /// Set the password of an account; it is asked for, or read from the standard input.
    Password(NameArgs),
    /// What an account may hold: show it, or set it for this account.
    Quota(QuotaArgs),
    /// Whether senders may hear that the user has fetched their letters: show it, or set it to on or off. Senders of
    /// registered and official letters hear it in any case.
    Receipts(ReceiptsArgs),
    /// Close an account for ever. Its login and address are never given to anybody again; its letters stay as long as
    /// `retention.closed_days` says.
    Close(CloseArgs),
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The login.
    login: String,
    /// The address, if it is not the login in the main domain.
    #[arg(long)]
    address: Option<String>,
    /// The name for people.
    #[arg(long, default_value = "")]
    name: String,
    /// A company or body, not a person.
    #[arg(long)]
    legal: bool,
    /// The postal index of the user's home.
    #[arg(long, value_name = "INDEX")]
    postal_index: Option<String>,
    /// The next line of the standard input, after the password, is the IIN or BIN.
    #[arg(long)]
    with_number: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct QuotaArgs {
    /// Login or address.
    name: String,
    /// Bytes, also as 500M or 20G; 0 is without a limit.
    #[arg(long, value_name = "N", value_parser = size::parse)]
    bytes: Option<u64>,
    /// Messages; 0 is without a limit.
    #[arg(long, value_name = "N")]
    messages: Option<u64>,
    /// What all accounts get (`[quota]` of the configuration).
    #[arg(long, conflicts_with_all = ["bytes", "messages"])]
    default: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct ReceiptsArgs {
    /// Login or address.
    name: String,
    /// What the user decided.
    #[arg(value_enum)]
    decision: Option<Decision>,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Decision {
    On,
    Off,
}

#[derive(Debug, Args)]
pub(super) struct CloseArgs {
    /// Destroy its letters, and the key of those that are encrypted, at once, however long `retention.closed_days` lets
    /// them stay: nobody can read them again. Closes an account that is open, and destroys the letters of one that was
    /// closed before.
    #[arg(long)]
    destroy: bool,
    /// Login or address.
    name: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct NameArgs {
    /// Login or address.
    name: String,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(command: AccountCommand) -> Outcome {
    match command {
        AccountCommand::Add(args) => add(args),
        AccountCommand::List { target } => list(&target),
        AccountCommand::Show(args) => {
            let shown = args.target.ask(Request::AccountShow(Name { name: args.name }))?;
            show(shown, &args.target)
        }
        AccountCommand::Quota(args) => quota(args),
        AccountCommand::Password(args) => {
            let password = secret("New password: ")?;
            let request = Request::AccountPassword { name: args.name, password };
            output::thing(&args.target.ask(request)?, args.target.json)?;
            Ok(ExitCode::SUCCESS)
        }
        AccountCommand::Receipts(args) => {
            let consent = args.decision.map(|decision| match decision {
                Decision::On => Consent::Given,
                Decision::Off => Consent::Withheld,
            });
            let answer = args.target.ask(Request::AccountReceipts { name: args.name, consent })?;
            output::thing(&answer, args.target.json)?;
            Ok(ExitCode::SUCCESS)
        }
        AccountCommand::Close(args) => {
            let letters = if args.destroy { Letters::Destroyed } else { Letters::AsConfigured };
            let answer = args.target.ask(Request::AccountClose { name: args.name, letters })?;
            output::thing(&answer, args.target.json)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn add(args: AddArgs) -> Outcome {
    let password = secret("Password: ")?;
    let person = if args.with_number { Some(secret("IIN or BIN: ")?) } else { None };
    let request = Request::AccountAdd(AccountAdd {
        login: args.login,
        address: args.address,
        kind: if args.legal { Kind::Legal } else { Kind::Individual },
        display_name: args.name,
        person,
        postal_index: args.postal_index,
        password,
    });
    output::thing(&args.target.ask(request)?, args.target.json)?;
    Ok(ExitCode::SUCCESS)
}

fn quota(args: QuotaArgs) -> Outcome {
    let QuotaArgs { name, bytes, messages, default, target } = args;
    let request = match (default, bytes, messages) {
        (false, None, None) => Request::AccountShow(Name { name }),
        (true, ..) => Request::AccountQuota { name, change: QuotaChange::Default },
        (false, ..) => Request::AccountQuota { name, change: QuotaChange::Set { bytes, messages } },
    };
    show(target.ask(request)?, &target)
}

/// Prints an account; for people, what it holds stands beside what it may hold, in units.
fn show(mut account: Value, target: &Target) -> Outcome {
    if let (false, Value::Object(fields)) = (target.json, &mut account) {
        let quota = fields.remove("quota").unwrap_or_default();
        let number = |of: Option<&Value>| of.and_then(Value::as_u64);
        for (name, own, written) in
            [("bytes", "own_bytes", size::write as fn(u64) -> String), ("messages", "own_messages", |n| n.to_string())]
        {
            let Some(held) = number(fields.get(name)) else { continue };
            let own = quota.get(own).and_then(Value::as_bool).unwrap_or(false);
            let whose = if own { "set for this account" } else { "as all accounts" };
            let limit = match number(quota.get(name)) {
                Some(most) => format!("of {}", written(most)),
                None => "without a limit".to_owned(),
            };
            fields.insert(name.to_owned(), Value::String(format!("{} {limit} ({whose})", written(held))));
        }
    }
    output::thing(&account, target.json)?;
    Ok(ExitCode::SUCCESS)
}

/// Asks page by page: no answer is larger than a line of the control socket, however many accounts there are.
fn list(target: &Target) -> Outcome {
    let mut session = target.open()?;
    let mut all = Vec::new();
    loop {
        let after = all.last().and_then(|account: &Value| account.get("id")).and_then(Value::as_u64);
        let page = session.ask(Request::AccountList(Page { after, limit: PAGE }))?;
        let Value::Array(mut accounts) = page else { break };
        let full = accounts.len() == PAGE;
        all.append(&mut accounts);
        if !full {
            break;
        }
    }
    output::list(&Value::Array(all), &["id", "login", "address", "name", "state"], target.json)?;
    Ok(ExitCode::SUCCESS)
}

/// A secret from the terminal, not shown, or one line of the standard input.
fn secret(prompt: &str) -> anyhow::Result<Password> {
    if std::io::stdin().is_terminal() {
        let text = rpassword::prompt_password(prompt).context("cannot ask for it")?;
        return Ok(Password(Secret::new(text)));
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read it from the standard input")?;
    let text = line.trim_end_matches(['\r', '\n']).to_owned();
    Ok(Password(Secret::new(text)))
}
