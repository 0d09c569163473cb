//! `poshta account`.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::auth::Secret;
use crate::server::control::{AccountAdd, Letters, Name, Page, Password, Request};
use crate::store::accounts::Kind;

use super::target::Target;
use super::{Outcome, output};

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
    /// Close an account for ever. Its letters stay, its login and address are never given to anybody again.
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
pub(super) struct CloseArgs {
    /// Also destroy its letters, and the key of those that are encrypted: nobody can read them again. Closes an
    /// account that is open, and destroys the letters of one that was closed before.
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
            output::thing(&shown, args.target.json)?;
            Ok(ExitCode::SUCCESS)
        }
        AccountCommand::Password(args) => {
            let password = secret("New password: ")?;
            let request = Request::AccountPassword { name: args.name, password };
            output::thing(&args.target.ask(request)?, args.target.json)?;
            Ok(ExitCode::SUCCESS)
        }
        AccountCommand::Close(args) => {
            let letters = if args.destroy { Letters::Destroyed } else { Letters::Kept };
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
