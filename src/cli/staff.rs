//! `poshta staff`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::server::control::{Request, StaffChange};

use super::target::Target;
use super::{Outcome, output};

#[derive(Debug, Subcommand)]
pub(super) enum StaffCommand {
    /// Give an account a role: clerk, facility_head, controller or administrator.
    Grant {
        #[command(flatten)]
        whose: RoleArgs,
        /// The facility for which a clerk or a head works.
        #[arg(long, value_name = "ID")]
        facility: Option<String>,
    },
    /// Take a role back.
    Revoke(RoleArgs),
    /// Who is staff.
    List {
        /// Accounts at most.
        #[arg(long, default_value_t = 1000)]
        limit: usize,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Args)]
pub(super) struct RoleArgs {
    /// The login or address.
    login: String,
    /// The role.
    role: String,
    #[command(flatten)]
    target: Target,
}

const COLUMNS: &[&str] = &["login", "role", "facility", "granted", "by"];

pub(super) fn run(command: StaffCommand) -> Outcome {
    let (name, role, target, change) = match command {
        StaffCommand::Grant { whose: RoleArgs { login, role, target }, facility } => {
            (login, role, target, StaffChange::Grant { facility })
        }
        StaffCommand::Revoke(RoleArgs { login, role, target }) => (login, role, target, StaffChange::Revoke),
        StaffCommand::List { limit, target } => {
            output::list(&target.ask(Request::StaffList { limit })?, COLUMNS, target.json)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    output::list(&target.ask(Request::StaffChange { name, role, change })?, COLUMNS, target.json)?;
    Ok(ExitCode::SUCCESS)
}
