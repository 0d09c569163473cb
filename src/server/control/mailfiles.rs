//! Requests about Maildir and mbox.

use crate::mailfiles::{self, Job};
use crate::server::Services;

use super::accounts::find;
use super::execute::json;
use super::{Answer, Direction, Failure, MailFiles, Meter};

/// Who did it, in the audit.
const ACTOR: &str = "command line";

/// Imports or exports.
///
/// # Errors
/// A negative answer, in words.
pub async fn mail_files(services: &Services, direction: Direction, asked: MailFiles, meter: Meter) -> Answer {
    if !asked.path.is_absolute() {
        return Err(Failure { message: format!("{}: the path must be absolute", asked.path.display()) });
    }
    let account = find(services, &asked.account).await?.id;
    let job = Job { format: asked.format, path: asked.path, account, folder: asked.folder, actor: ACTOR.to_owned() };
    let log = match (asked.with_proofs, services.publisher.view()) {
        (false, _) => None,
        (true, Some(log)) => Some(log),
        (true, None) => return Err(Failure { message: "there is no log yet; export without --proofs".into() }),
    };
    let parts = mailfiles::Services {
        log,
        pages: services.config.receipts.public_url(&services.config.server.hostname),
        store: services.store.clone(),
        world: services.world.clone(),
        caps: services.config.message.clone(),
        max_message_bytes: services.config.imap.protocol.max_message_bytes,
        quota: services.config.quota.clone(),
        runtime: tokio::runtime::Handle::current(),
    };
    let work = tokio::task::spawn_blocking(move || {
        let mut tell = |done| meter.note(done);
        match direction {
            Direction::Import => mailfiles::import(&parts, &job, &mut tell).map(json),
            Direction::Export => mailfiles::export(&parts, &job, &mut tell).map(json),
        }
    });
    let done = work.await.map_err(|error| Failure::from_error(&error))?;
    done.map_err(|error| Failure::from_error(&error))?
}
