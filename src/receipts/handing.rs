//! P6: order 57 cl. 4 ¶2 (c), «табыс ету». A letter is handed over when its addressee first fetches its body over IMAP,
//! not peeking. The home facility's device makes the impression beside the fetch, which neither waits for it nor fails
//! because of it. While the device is locked or the store refuses it is tried again; what a crash takes between the two
//! comes with a later fetch.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::Receipts;
use super::material::{Shown, marks_of};
use crate::address::Address;
use crate::clock::Timestamp;
use crate::devices;
use crate::ids::{AccountId, ImpressionId, ItemId};
use crate::message::headers;
use crate::postal::{
    BodyHash, Contents, Details, FacilityId, Handover, HeaderInput, Impression, Kind, Occasion, RecipientTag,
    SignedImpression,
};
use crate::store::mailboxes::{Message, Origin};
use crate::store::queue::milliseconds;
use crate::store::receipts::{self, Awaited, Consent, Party, Place, Places, ReceiptId, Stage};
use crate::store::{self, Batch, DataKey};

/// A header that is longer is signed by no mark.
const MAX_HEADER_BYTES: usize = 1 << 20;

/// Bytes that are read of a message at a time, until its header is there.
const PIECE: usize = 64 << 10;

/// How often it is tried to note what could not be noted.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// How many of them at a time.
const AT_ONCE: usize = 100;

const HANDED: Kind = Kind::Deliver(Handover::Handed);

/// Where sessions say what was fetched. Clones share it.
#[derive(Clone, Debug)]
pub struct Fetches {
    said: mpsc::Sender<Fetched>,
}

/// What sessions said.
#[derive(Clone, Debug)]
pub struct FetchesQueue {
    said: Arc<Mutex<mpsc::Receiver<Fetched>>>,
}

/// A letter whose body its addressee has fetched.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    account: AccountId,
    item: ItemId,
    message: Message,
}

impl Fetches {
    /// Both ends; `limit` letters may wait between them.
    #[must_use]
    pub fn channel(limit: usize) -> (Fetches, FetchesQueue) {
        let (said, heard) = mpsc::channel(limit.max(1));
        (Fetches { said }, FetchesQueue { said: Arc::new(Mutex::new(heard)) })
    }

    /// Says that the owner of the account has fetched the body of a message. What was not sent to it by post, but
    /// deposited by itself, is not handed over (P19). Never waits.
    pub fn note(&self, account: AccountId, message: &Message) {
        if let (Origin::Transmitted, Some(item)) = (message.origin, message.item) {
            // When there is no room, a later fetch says it again.
            drop(self.said.try_send(Fetched { account, item, message: message.clone() }));
        }
    }
}

/// Why a handing over is not noted now.
#[derive(Debug, thiserror::Error)]
enum NotNoted {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Device(#[from] devices::Error),
    #[error("{0}")]
    Message(&'static str),
    #[error("{0}")]
    Mark(String),
}

impl NotNoted {
    /// A device that is locked or not issued, a clock that went back, a full disk: all of them come right.
    fn is_for_now(&self) -> bool {
        match self {
            NotNoted::Device(_) => true,
            NotNoted::Store(error) => !matches!(error, store::Error::Damaged(_)),
            NotNoted::Message(_) | NotNoted::Mark(_) => false,
        }
    }
}

/// What is known of a letter before it is marked.
struct Delivered {
    header: Vec<u8>,
    /// The mark of its delivery here.
    mark: Shown,
    /// The address that it was delivered to.
    recipient: Address,
    key: Option<DataKey>,
    /// The sender is to hear of it.
    awaited: Option<Awaited>,
}

impl Receipts {
    /// Notes what sessions say until the token is cancelled, and then what they have said.
    pub(super) async fn note_until(&self, stop: &CancellationToken) {
        let mut said = self.inner.parts.fetched.said.lock().await;
        let mut again = tokio::time::interval(TRY_AGAIN);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = again.tick() => self.note_kept().await,
                Some(fetched) = said.recv() => self.note_or_keep(fetched).await,
            }
        }
        while let Ok(fetched) = said.try_recv() {
            self.note_or_keep(fetched).await;
        }
        self.note_kept().await;
        let left = self.inner.unnoted.lock().len();
        if left > 0 {
            tracing::warn!(left, "handings over are not noted; later fetches note them");
        }
    }

    /// Notes what sessions have said so far.
    #[cfg(test)]
    pub(super) async fn note_said(&self) {
        let mut said = self.inner.parts.fetched.said.lock().await;
        while let Ok(fetched) = said.try_recv() {
            self.note_or_keep(fetched).await;
        }
    }

    /// Tries the oldest of what could not be noted.
    pub(super) async fn note_kept(&self) {
        let oldest: Vec<Fetched> = {
            let mut unnoted = self.inner.unnoted.lock();
            let count = unnoted.len().min(AT_ONCE);
            unnoted.drain(..count).collect()
        };
        for fetched in oldest {
            match self.note_one(&fetched).await {
                // Told already, and once is enough for a lock of hours.
                Err(error) if error.is_for_now() => self.inner.unnoted.lock().push_back(fetched),
                Err(error) => tracing::warn!(item = %fetched.item, %error, "a handing over is not noted"),
                Ok(()) => {}
            }
        }
    }

    async fn note_or_keep(&self, fetched: Fetched) {
        let Err(error) = self.note_one(&fetched).await else { return };
        let item = fetched.item;
        let mut unnoted = self.inner.unnoted.lock();
        if error.is_for_now() && unnoted.len() < self.inner.parts.settings.max_fetched_waiting {
            tracing::warn!(%item, %error, "a handing over cannot be noted now; it is tried again");
            unnoted.push_back(fetched);
        } else {
            tracing::warn!(%item, %error, "a handing over is not noted; a later fetch notes it");
        }
    }

    async fn note_one(&self, fetched: &Fetched) -> Result<(), NotNoted> {
        let (account, email) = (fetched.account, fetched.message.email);
        let store = &self.inner.parts.store;
        if store.read(move |view| view.handed(account, email)).await?.is_some() {
            return Ok(());
        }
        let Some(delivered) = self.delivered(fetched).await? else { return Ok(()) };
        match self.hand_over(fetched, &delivered).await {
            // Another session fetched it at the same moment.
            Err(NotNoted::Store(store::Error::Conflict(_))) => Ok(()),
            other => other,
        }
    }

    /// `None` for a message without a delivery of ours, which nobody can hand over.
    async fn delivered(&self, fetched: &Fetched) -> Result<Option<Delivered>, NotNoted> {
        let store = &self.inner.parts.store;
        let message = &fetched.message;
        let Some(header) = header_of(store, message).await? else { return Ok(None) };
        let prefix = usize::try_from(message.recipient_prefix.len()).unwrap_or(usize::MAX);
        let own = header.get(..prefix).unwrap_or_default();
        let mark = marks_of(own).into_iter().find(|shown| matches!(shown.mark.kind, Kind::Deliver(_)));
        let recipient = headers::find(own, "Delivered-To").and_then(|field| field.text().parse::<Address>().ok());
        let (Some(mark), Some(recipient)) = (mark, recipient) else { return Ok(None) };
        let (account, item, body, wrapped) = (fetched.account, fetched.item, message.body, message.data_key);
        let read = move |view: &store::View<'_>| {
            let awaited = view.awaited(Party::Mailbox(account), item)?;
            // M7: who has changed their mind since the letter came is not asked again.
            let consent = view.consent(account)?;
            let awaited = awaited.filter(|awaited| !awaited.details.by_consent || consent == Consent::Given);
            Ok((view.data_key(body, wrapped.as_ref())?, awaited))
        };
        let (key, awaited) = store.read(read).await?;
        Ok(Some(Delivered { header, mark, recipient, key, awaited }))
    }

    async fn hand_over(&self, fetched: &Fetched, delivered: &Delivered) -> Result<(), NotNoted> {
        let devices = &self.inner.parts.devices;
        let mut strikes = devices.begin();
        let facility = self.home_of(delivered);
        let strike = strikes.strike(&facility, HANDED).await?;
        let mark = self.sign(fetched, delivered, (&facility, &strike))?;
        let at = strike.instant();
        let mut batch = Batch::new();
        batch.journal_with(|line| mark.write_journal_line(line));
        let fields = mark.fields();
        let slot = batch.record_beside(delivered.key.as_ref(), fields.into_bytes());
        let message = &fetched.message;
        let opener = (message.body, message.data_key);
        let impression = (mark.impression().id(), at);
        receipts::hand_over(&mut batch, (fetched.account, message.email), slot, opener, impression)?;
        if let Some(awaited) = &delivered.awaited {
            self.tell(&mut batch, (fetched, delivered), awaited, (Place::Written(slot), at)).await?;
        }
        strikes.commit(batch).await?;
        tracing::info!(item = %fetched.item, account = fetched.account.0, "handed over");
        metrics::counter!("poshta_handed_over_total").increment(1);
        Ok(())
    }

    /// The facility that delivered it, or, where that is no more, the one for mailboxes without a home.
    fn home_of(&self, delivered: &Delivered) -> FacilityId {
        let parts = &self.inner.parts;
        let facility = &delivered.mark.mark.facility;
        let is_there = parts.registry.workplace(facility, HANDED, parts.world.now()).is_ok();
        let other = parts.facilities.mailbox_facility.parse().ok().filter(|_| !is_there);
        other.unwrap_or_else(|| facility.clone())
    }

    /// Signs over the header and body that the delivery was signed over.
    fn sign(
        &self,
        fetched: &Fetched,
        delivered: &Delivered,
        stroke: (&FacilityId, &devices::Strike),
    ) -> Result<SignedImpression, NotNoted> {
        let parts = &self.inner.parts;
        let (facility, strike) = stroke;
        let wrong = |error: &dyn std::error::Error| NotNoted::Mark(error.to_string());
        let signature = delivered.mark.mark.signature.as_ref();
        let body = signature.and_then(|tags| <[u8; 32]>::try_from(tags.body_hash.as_slice()).ok());
        let body = BodyHash(body.ok_or(NotNoted::Message("the mark of its delivery is not signed"))?);
        let contents = Contents::new(HeaderInput::to_sign(&[&delivered.header]), body);
        let workplace = parts.registry.workplace_with(facility, strike.device(), strike.instant());
        let id = ImpressionId::generate(&parts.world);
        let occasion = Occasion { id, item: fetched.item, kind: HANDED, instant: strike.instant() };
        let recipient = Some(RecipientTag::new(parts.world.random(), &delivered.recipient));
        let details = Details { recipient, ..Details::default() };
        let impression = Impression::make(workplace.map_err(|error| wrong(&error))?, occasion, details)
            .map_err(|error| wrong(&error))?;
        let previous = Some(delivered.mark.mark.digest());
        impression.sign(&contents, &strike.signer(), previous).map_err(|error| wrong(&error))
    }

    /// Puts into the batch that the sender hears of it. What the receipt is written from is copied: the message may go
    /// before the receipt is written. Of a letter whose sender waits for it both prefixes are records of their own.
    async fn tell(
        &self,
        batch: &mut Batch,
        letter: (&Fetched, &Delivered),
        awaited: &Awaited,
        handed: (Place, Timestamp),
    ) -> Result<(), NotNoted> {
        let (Fetched { message, .. }, Delivered { header, key, .. }) = letter;
        let prefix = usize::try_from(message.recipient_prefix.len()).unwrap_or(usize::MAX);
        let (own, rest) = header.split_at_checked(prefix).unwrap_or_default();
        let item = rest.get(..usize::try_from(message.item_prefix.len()).unwrap_or(usize::MAX)).unwrap_or_default();
        let places = Places {
            recipient: Place::Written(batch.record_beside(key.as_ref(), own.to_vec())),
            item: Place::Written(batch.record_beside(key.as_ref(), item.to_vec())),
            header: Place::Nowhere,
            mark: handed.0,
        };
        let (body, key) = (message.body, key.clone());
        let store = &self.inner.parts.store;
        let opener = store.read(move |view| view.opener_for_system(body, key.as_ref())).await?;
        let happened_ms = milliseconds(handed.1);
        let id = ReceiptId { item: awaited.item, recipient: awaited.details.number, stage: Stage::Handed };
        let details = receipts::Details { happened_ms, ..awaited.details.clone() };
        receipts::owe(batch, (id, happened_ms), places, opener, &details)?;
        awaited.end(batch);
        Ok(())
    }
}

/// The header of a message with its empty line; `None` when it has no end.
async fn header_of(store: &store::Store, message: &Message) -> store::Result<Option<Vec<u8>>> {
    let bytes = store.message_bytes(message);
    let mut header: Vec<u8> = Vec::new();
    loop {
        let piece = bytes.read_at(header.len() as u64, PIECE).await?;
        // The end may stand across two pieces.
        let from = header.len().saturating_sub(3);
        header.extend_from_slice(&piece);
        if let Some(end) = headers::end(header.get(from..).unwrap_or_default()) {
            header.truncate(from + end + headers::EMPTY_LINE.len());
            return Ok(Some(header));
        }
        if piece.is_empty() {
            // A message of a header alone.
            return Ok(Some(header));
        }
        if header.len() > MAX_HEADER_BYTES {
            return Ok(None);
        }
    }
}
