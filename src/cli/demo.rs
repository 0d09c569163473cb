//! `poshta demo`.

use std::path::PathBuf;

use clap::Args;

use crate::clock::World;
use crate::config::{LogFormat, LogSettings};
use crate::server::demo::{Demo, Options};
use crate::server::{Signals, observe};

use super::{Outcome, output};

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Keep data and passwords in this directory; without it everything is gone at the end.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Ports are this plus 525, 587, 465, 143, 993, 443 and 980; 0 lets the system choose.
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u16).range(0..=64_500))]
    port_base: u16,
    /// How many users: user001, user002 …
    #[arg(long, value_name = "N", default_value_t = 2)]
    users: u32,
    /// Allow passwords without TLS.
    #[arg(long)]
    plaintext_auth: bool,
    /// Hand every letter for another domain to this server instead of asking the demo's own DNS.
    #[arg(long, value_name = "HOST:PORT")]
    next_hop: Option<String>,
    /// Where pages look for the program that signs (NCALayer), on the user's own computer.
    #[arg(long, value_name = "PORT")]
    signer_port: Option<u16>,
    /// At the counter a second clerk confirms what the first has seen to.
    #[arg(long)]
    four_eyes: bool,
    /// The state registers tell of a person only with the code of that person's consent, which is this one.
    #[arg(long, value_name = "CODE")]
    consent_code: Option<String>,
    /// Print one line of JSON when everything listens.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &DemoArgs) -> Outcome {
    observe::log(&LogSettings { level: "warn".into(), format: LogFormat::Text });
    let options = Options {
        dir: args.dir.clone(),
        port_base: args.port_base,
        users: args.users,
        plaintext_auth: args.plaintext_auth,
        four_eyes: args.four_eyes,
        next_hop: args.next_hop.clone(),
        signer_port: args.signer_port,
        consent_code: args.consent_code.clone(),
    };
    super::write_for_owner_only();
    let runtime = tokio::runtime::Runtime::new()?;
    let served = runtime.block_on(async {
        let mut signals = Signals::catch()?;
        let demo = tokio::select! {
            started = Demo::start(&options, World::system()) => started?,
            () = signals.stop() => return anyhow::Ok(None),
        };
        if args.json {
            output::line(&serde_json::to_string(&demo.facts)?)?;
        } else {
            output::line(&demo.welcome())?;
        }
        Ok(Some(demo.until_stopped(signals).await))
    });
    super::end(runtime, served?)
}
