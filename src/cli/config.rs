//! `poshta config`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use crate::clock::World;
use crate::config::Config;
use crate::people::MailServers;
use crate::people::mail_servers::Bound;

use super::{Outcome, output};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Say what is wrong in a configuration file: file, line, key and remedy.
    Check {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the lines of the zone by which mail programs find this server (docs/mail-clients.md).
    Dns {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

pub(super) fn run(command: &ConfigCommand) -> Outcome {
    match command {
        ConfigCommand::Check { config, json } => check(config, *json),
        ConfigCommand::Dns { config } => dns(config),
    }
}

fn dns(file: &Path) -> Outcome {
    let config = Config::load(file)?;
    let port = |addresses: &[SocketAddr]| addresses.first().map(SocketAddr::port);
    let bound = Bound { imaps: port(&config.imap.listen_tls), submissions: port(&config.smtp.submissions_listen) };
    let servers = MailServers::of(&config.cabinet, &config.server.hostname, &config.accounts.domains, bound);
    for record in servers.dns_records() {
        output::line(&record)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check(config: &Path, json: bool) -> Outcome {
    let problems = match Config::check(config, World::system().now()) {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    };
    if json {
        output::line(&serde_json::json!({ "ok": problems.is_empty(), "problems": problems }).to_string())?;
    } else if problems.is_empty() {
        output::line(&format!("{}: ok", config.display()))?;
    }
    for problem in problems.iter().filter(|_| !json) {
        eprintln!("{problem}");
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
