//! APPEND (RFC 9051 §6.3.12): the message streams into the store while the scanner looks at it; its bytes are
//! kept as they are, unmarked (DESIGN 8).

use smallvec::SmallVec;

use crate::clock::Timestamp;
use crate::ids::{EmailId, ThreadId};
use crate::imap::desk::{Answer, Desk};
use crate::imap::fault::Fault;
use crate::imap::proto::command::Append;
use crate::imap::proto::response::{Code, Status};
use crate::message::ids::{message_id_hash, reference_hashes};
use crate::message::{Scanner, Summary};
use crate::store::mailboxes::{Flags, Folder, NewMessage, Origin, Prefix};
use crate::store::quota::{Allowance, Usage};
use crate::store::{self, BodyWriter, StagedBody};

use super::flags;

/// A message on its way in.
#[derive(Debug)]
pub(crate) struct Incoming {
    folder: Folder,
    flags: Flags,
    keywords: Vec<String>,
    internal_date: Option<Timestamp>,
    allowance: Allowance,
    writer: BodyWriter,
    scanner: Scanner,
}

/// Looks at everything that can be refused before the client sends the message.
pub(crate) async fn begin(desk: &Desk, command: &Append) -> Result<Incoming, Fault> {
    let limit = desk.services.settings.protocol.max_message_bytes;
    if command.size > limit {
        return Err(Fault::TooBig(limit));
    }
    let folder = desk.target(&command.mailbox).await?;
    desk.services.store.check_space()?;
    let (allowance, held) = desk.quota().await?;
    if !allowance.has_room(held, Usage { bytes: command.size, messages: 1 }) {
        return Err(over_quota(desk));
    }
    let (flags, keywords) = flags::split(&command.flags);
    Ok(Incoming {
        folder,
        flags,
        keywords,
        internal_date: command.internal_date,
        allowance,
        writer: desk.services.store.stage(),
        scanner: Scanner::new(desk.services.caps.clone()),
    })
}

impl Incoming {
    /// The next bytes of the message.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.scanner.push(bytes);
        Ok(self.writer.write(bytes)?)
    }

    /// The message is complete: stores it.
    pub(crate) async fn finish(self, desk: &mut Desk) -> Answer {
        let body = self.writer.finish()?;
        let structure = self.scanner.finish();
        let header = read_head(&body, structure.facts.header_bytes, desk.services.caps.max_header_bytes)?;
        let summary = Summary::of(&[], &structure, &header);
        let account = desk.identity.account;
        let message_id = message_id_hash(&header);
        // A message that is here already is a member of its own thread.
        let family: Vec<_> = message_id.into_iter().chain(reference_hashes(&header)).collect();
        let thread = desk.services.store.read(move |view| view.thread_of(account, &family)).await?;
        let world = &desk.services.world;
        let now = world.now();
        let none = Prefix { record: None, len: 0 };
        let message = NewMessage {
            account,
            folder: self.folder.id,
            flags: self.flags,
            keywords: SmallVec::new(),
            internal_date: self.internal_date.unwrap_or(now),
            save_date: now,
            item: None,
            email: EmailId::generate(world),
            thread: thread.unwrap_or_else(|| ThreadId::generate(world)),
            message_id,
            origin: Origin::Deposited,
            recipient_prefix: none,
            item_prefix: none,
            body: body.id(),
            body_bytes: body.len(),
            summary: summary.encode(),
        };
        let appended = desk.services.store.append(message, body, self.keywords, &self.allowance).await;
        let (uid_validity, uid) = appended.map_err(Fault::of_target)?;
        Ok(Status::ok("appended").with(Code::AppendUid { uid_validity: uid_validity.0.get(), uid: uid.get() }))
    }
}

/// The account has no room for what the command brings.
pub(super) fn over_quota(desk: &Desk) -> Fault {
    Fault::Store(store::Error::OverQuota(desk.identity.account))
}

/// The header block of a staged message, up to `most` bytes of it: it can be as long as the message.
fn read_head(body: &StagedBody, header_bytes: u64, most: usize) -> Result<Vec<u8>, Fault> {
    let wanted = usize::try_from(header_bytes).unwrap_or(usize::MAX).min(most);
    let mut header = Vec::with_capacity(wanted.min(64 << 10));
    while header.len() < wanted {
        let piece = body.read_at(header.len() as u64, wanted - header.len())?;
        if piece.is_empty() {
            break;
        }
        header.extend_from_slice(&piece);
    }
    Ok(header)
}
