//! The readable text of a message, streamed past the texts that are looked for: header fields with their
//! encoded words undone, and every text part with its transfer encoding and charset undone.

use std::ops::Range;

use encoding_rs::{Decoder, Encoding, UTF_8};

use crate::imap::fault::Fault;
use crate::imap::output::CHUNK;
use crate::imap::verbs::fetch::bytes::{Pieces, read_all};
use crate::message::decode::TransferDecoder;
use crate::message::headers::fields;
use crate::message::{Content, Part, Structure};
use crate::store::mailboxes::MessageBytes;

use super::needles::Needles;

/// One message to look through.
pub(super) struct Reading<'a> {
    pub(super) content: &'a MessageBytes,
    pub(super) structure: &'a Structure,
    /// Longest header block that is read, bytes.
    pub(super) max_header_bytes: u64,
    /// What may still be read of this message, bytes.
    pub(super) left: u64,
}

/// What is looked for in one message.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// BODY: everything but the message's own header.
    pub(super) body: Needles,
    /// TEXT: everything.
    pub(super) text: Needles,
}

impl Wanted {
    fn all_found(&self) -> bool {
        self.body.all_found() && self.text.all_found()
    }

    fn push(&mut self, text: &str) {
        self.body.push(text);
        self.text.push(text);
    }

    fn cut(&mut self) {
        self.body.cut();
        self.text.cut();
    }
}

impl Reading<'_> {
    /// The message's own header block.
    pub(super) async fn header(&mut self) -> Result<Vec<u8>, Fault> {
        self.block(self.structure.root.header.clone()).await
    }

    /// Looks through the message until everything is found or its end is reached.
    pub(super) async fn look(&mut self, wanted: &mut Wanted) -> Result<(), Fault> {
        let header = self.header().await?;
        each_field(&header, |text| {
            wanted.text.push(text);
            wanted.text.cut();
        });
        let root = &self.structure.root;
        let mut parts = vec![root];
        while let Some(part) = parts.pop() {
            if wanted.all_found() {
                return Ok(());
            }
            if !std::ptr::eq(part, root) {
                let header = self.block(part.header.clone()).await?;
                each_field(&header, |text| {
                    wanted.push(text);
                    wanted.cut();
                });
            }
            if part.kind == "text" && matches!(part.content, Content::Leaf) {
                self.text_part(part, wanted).await?;
            }
            parts.extend(part.children().iter().rev());
        }
        Ok(())
    }

    async fn text_part(&mut self, part: &Part, wanted: &mut Wanted) -> Result<(), Fault> {
        // A part whose encoding nobody knows cannot be read, so nothing is found in it.
        let Ok(decoder) = TransferDecoder::new(part.encoding.as_deref()) else { return Ok(()) };
        let mut charset = charset(part);
        let mut pieces = Pieces::new(self.content, self.take(part.body.clone()), decoder);
        let mut text = String::with_capacity(CHUNK);
        wanted.cut();
        while let Some(piece) = pieces.next().await? {
            let mut rest = piece.as_slice();
            while !rest.is_empty() && !wanted.all_found() {
                text.clear();
                let (_, read, _) = charset.decode_to_string(rest, &mut text, false);
                wanted.push(&text);
                rest = rest.get(read..).unwrap_or_default();
            }
        }
        wanted.cut();
        Ok(())
    }

    async fn block(&mut self, mut range: Range<u64>) -> Result<Vec<u8>, Fault> {
        range.end = range.end.min(range.start.saturating_add(self.max_header_bytes));
        let range = self.take(range);
        read_all(self.content, range).await
    }

    /// As much of a range as may still be read.
    fn take(&mut self, range: Range<u64>) -> Range<u64> {
        let end = range.end.min(range.start.saturating_add(self.left));
        self.left -= end - range.start;
        range.start..end
    }
}

fn charset(part: &Part) -> Decoder {
    let label = part.param("charset").unwrap_or("utf-8");
    Encoding::for_label(label.trim().as_bytes()).unwrap_or(UTF_8).new_decoder()
}

/// Each field as people read it, and as it is written if that differs.
fn each_field(header: &[u8], mut each: impl FnMut(&str)) {
    for field in fields(header) {
        let name = String::from_utf8_lossy(field.name);
        let (written, decoded) = (field.text(), field.decoded());
        each(&format!("{name}: {decoded}"));
        if written != decoded {
            each(&format!("{name}: {written}"));
        }
    }
}
