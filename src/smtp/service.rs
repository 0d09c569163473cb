//! What the driver asks of the services behind it. One implementation is the real one; the other is the double
//! of the driver's tests.

use std::future::Future;
use std::net::IpAddr;

use crate::address::{Address, ReversePath};
use crate::auth::{AuthError, Authenticator, Door, Hold, Identity, Secret};
use crate::ids::ItemId;
use crate::intake::{Envelope, Intake, Origin, Recipient, Refusal, Submission};
use crate::message::{Caps, Scanner};
use crate::store::{self, BodyWriter};

/// Checks, logins and acceptance.
pub(super) trait Service: Send + Sync + 'static {
    /// Takes the bytes of one message.
    type Sink: Sink;

    fn check_sender(
        &self,
        origin: &Origin,
        reverse_path: &ReversePath,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    fn check_recipient(
        &self,
        origin: &Origin,
        accepted: &[Recipient],
        recipient: &Address,
        announced_bytes: Option<u64>,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    fn login(
        &self,
        name: &str,
        password: &Secret,
        from: IpAddr,
    ) -> impl Future<Output = Result<Identity, AuthError>> + Send;

    /// Watches what somebody logged in with; a double has nothing that could change.
    fn hold(&self, identity: &Identity) -> Option<Hold>;

    fn open(&self) -> Self::Sink;

    fn accept(
        &self,
        origin: Origin,
        envelope: Envelope,
        content: Self::Sink,
    ) -> impl Future<Output = Result<ItemId, Refusal>> + Send;
}

/// The bytes of one message on their way to the store. Dropping it leaves nothing behind.
pub(super) trait Sink: Send + 'static {
    /// Appends a piece; may block for a write to a file.
    fn write(&mut self, piece: &[u8]) -> Result<(), Refusal>;
}

/// The services of the running server.
#[derive(Debug)]
pub(super) struct Services {
    pub(super) intake: Intake,
    pub(super) authenticator: Authenticator,
    pub(super) caps: Caps,
}

/// Larger letters are finished where a slow disk stops nobody else.
const INLINE_BYTES: u64 = 64 << 10;

/// A letter that is arriving: its bytes, and what the scanner sees of them.
#[derive(Debug)]
pub(super) struct Letter {
    body: BodyWriter,
    scanner: Scanner,
}

impl Sink for Letter {
    fn write(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        self.body.write(piece)?;
        self.scanner.push(piece);
        Ok(())
    }
}

impl Service for Services {
    type Sink = Letter;

    async fn check_sender(&self, origin: &Origin, reverse_path: &ReversePath) -> Result<(), Refusal> {
        self.intake.check_sender(origin, reverse_path).await
    }

    async fn check_recipient(
        &self,
        origin: &Origin,
        accepted: &[Recipient],
        recipient: &Address,
        announced_bytes: Option<u64>,
    ) -> Result<(), Refusal> {
        self.intake.check_room(origin, accepted, recipient, announced_bytes).await.map(drop)
    }

    async fn login(&self, name: &str, password: &Secret, from: IpAddr) -> Result<Identity, AuthError> {
        self.authenticator.login(name, password, from, Door::Submission).await
    }

    fn hold(&self, identity: &Identity) -> Option<Hold> {
        Some(self.authenticator.hold(identity))
    }

    fn open(&self) -> Letter {
        Letter { body: self.intake.stage(), scanner: Scanner::new(self.caps.clone()) }
    }

    async fn accept(&self, origin: Origin, envelope: Envelope, content: Letter) -> Result<ItemId, Refusal> {
        let is_large = content.body.len() > INLINE_BYTES;
        let finish = move || {
            let structure = content.scanner.finish();
            Ok::<_, store::Error>((content.body.finish()?, structure))
        };
        // The last write and the hash of a large body are no work for the threads that serve everybody.
        let finished = if is_large { tokio::task::spawn_blocking(finish).await } else { Ok(finish()) };
        let (body, structure) = finished.map_err(|error| Refusal::Temporary(error.to_string()))??;
        let receipt = self.intake.accept(Submission { origin, envelope, body, structure }).await?;
        Ok(receipt.item)
    }
}
