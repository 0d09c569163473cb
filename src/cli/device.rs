//! `poshta facility device`.

use std::path::PathBuf;

use clap::Subcommand;

use crate::devices::Handling;
use crate::server::control::Request;

use super::output;
use super::target::Target;

#[derive(Clone, Debug, Subcommand)]
pub(super) enum DeviceCommand {
    /// Give the device a new key. Marks that it made before stay valid; the new key is published at once, and belongs
    /// into the DNS too (`poshta facility dns`).
    Rotate {
        /// The device.
        device: String,
        /// A key that was made elsewhere: Ed25519, or RSA of at least 2048 bits, in PKCS#8. Without it an Ed25519 key
        /// is made.
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
    /// Issue the device to a workplace. A device that nobody issued is at the node that uses it.
    Issue {
        /// The device.
        device: String,
        /// Who gets it.
        #[arg(long)]
        holder: String,
        /// As what, such as "operator".
        #[arg(long)]
        role: Option<String>,
        /// The node (`server.hostname`) at which it stamps; without it this one.
        #[arg(long)]
        node: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Take the device back. It stamps nothing until it is issued again; another one of its facility takes over.
    Return {
        /// The device.
        device: String,
        /// Why, if there is more to say.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Revoke the device: it was lost or compromised, and never stamps again. Marks that show a later instant are not
    /// valid for anybody.
    Revoke {
        /// The device.
        device: String,
        /// What happened.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        target: Target,
    },
    /// Let the device stamp for some time (`clock.unlock_s`) although the clock was found wrong.
    Unlock {
        /// The device.
        device: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) fn run(command: &DeviceCommand) -> anyhow::Result<()> {
    let (request, target) = match command.clone() {
        DeviceCommand::Rotate { device, key, target } => {
            let key_file = key.map(std::path::absolute).transpose()?;
            (Request::DeviceRotate { device, key_file }, target)
        }
        DeviceCommand::Issue { device, holder, role, node, target } => {
            (Request::DeviceHandle { device, handling: Handling::Issue { node, holder, role, reason: None } }, target)
        }
        DeviceCommand::Return { device, reason, target } => {
            (Request::DeviceHandle { device, handling: Handling::Return { reason } }, target)
        }
        DeviceCommand::Revoke { device, reason, target } => {
            (Request::DeviceHandle { device, handling: Handling::Revoke { reason } }, target)
        }
        DeviceCommand::Unlock { device, reason, target } => (Request::DeviceUnlock { device, reason }, target),
    };
    output::thing(&target.ask(request)?, target.json)?;
    Ok(())
}
