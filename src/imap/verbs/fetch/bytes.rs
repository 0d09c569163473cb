//! What FETCH answers from the packs: sections by range, in pieces.
//!
//! Everything that can be refused is found before the first byte of a message's answer is written; from then
//! on only a broken store or connection stops it, and both end the session, because a literal cannot be taken
//! back.

use std::ops::Range;

use bytes::Bytes;

use crate::imap::desk::Desk;
use crate::imap::fault::Fault;
use crate::imap::output::{CHUNK, Output};
use crate::imap::proto::command::{FetchItem, PartPath, Partial, Section, SectionText};
use crate::imap::proto::response::{FetchWriter, SectionName};
use crate::imap::rows::{Need, Row};
use crate::message::decode::{Decode, TransferDecoder};
use crate::message::{Keep, Piece, Scanner, Structure, Summary, filter_header};
use crate::store;
use crate::store::mailboxes::MessageBytes;

use super::Plan;
use super::rows::Rendering;

/// Where the answer to one item comes from.
enum Source<'a> {
    /// Rows answer it.
    Rows,
    /// There is no such part.
    Nil,
    /// A range of the message, as it stands; its beginning, as far as it was read already.
    Range(Range<u64>, Bytes),
    /// Some fields of a header block.
    Fields(Fields<'a>),
    /// A range of the message, with its transfer encoding undone.
    Decoded(Decoded),
}

impl Source<'_> {
    fn range(range: Range<u64>) -> Self {
        Source::Range(range, Bytes::new())
    }

    /// What BINARY.SIZE answers; header fields are nothing it can ask for.
    fn binary_size(&self) -> u64 {
        match self {
            Source::Rows | Source::Nil | Source::Fields(_) => 0,
            Source::Range(range, _) => range.end - range.start,
            Source::Decoded(decoded) => decoded.wanted.end - decoded.wanted.start,
        }
    }
}

/// A header block to be filtered on its way out: one command can ask for it a thousand times, so what is filtered
/// is in memory only while it is written.
struct Fields<'a> {
    header: Range<u64>,
    names: &'a [String],
    keep: Keep,
    partial: Option<Partial>,
}

impl Fields<'_> {
    async fn read(self, content: &MessageBytes) -> Result<Vec<u8>, Fault> {
        let header = read_all(content, self.header).await?;
        let mut text = filter_header(&header, self.names, self.keep);
        let wanted = cut(0..text.len() as u64, self.partial);
        text.truncate(usize::try_from(wanted.end).unwrap_or(usize::MAX));
        text.drain(..usize::try_from(wanted.start).unwrap_or(usize::MAX).min(text.len()));
        Ok(text)
    }
}

/// A part to be decoded on its way out.
struct Decoded {
    /// Where the encoded bytes stand.
    from: Range<u64>,
    decoder: TransferDecoder,
    /// Which of the decoded bytes are wanted.
    wanted: Range<u64>,
}

/// The answer for one message.
pub(super) async fn answer(desk: &mut Desk, plan: &Plan, row: &Row, tell_flags: bool) -> Result<(), Fault> {
    let summary = summary_of(desk, plan, row).await?;
    let content = desk.services.store.message_bytes(&row.message);
    let max_header_bytes = desk.services.settings.max_header_bytes;
    let reader = Reader { content: &content, structure: &summary.structure, max_header_bytes };
    let mut sources = Vec::with_capacity(plan.items.len());
    for item in plan.items.iter() {
        sources.push(reader.source(item).await?);
    }
    check_readable(&content, &mut sources).await?;
    let rendering = Rendering::new(desk, plan)?;
    let mut writer = FetchWriter::new(row.place.seq, desk.dialect);
    for (item, source) in plan.items.iter().zip(sources) {
        match source {
            Source::Rows => rendering.write_item(item, row, &summary, &mut writer),
            source => write(&mut desk.output, &content, (item, source), &mut writer).await?,
        }
    }
    if tell_flags {
        rendering.write_item(&FetchItem::Flags, row, &summary, &mut writer);
    }
    desk.output.send(&writer.finish()).await?;
    Ok(())
}

/// The message's envelope and structure; scanned again if the row cannot be read.
async fn summary_of(desk: &Desk, plan: &Plan, row: &Row) -> Result<Summary, Fault> {
    match plan.need {
        Need::Hot => Ok(Summary::default()),
        Need::Summaries => match Summary::decode(&row.summary) {
            Ok(summary) => Ok(summary),
            Err(_) => scan_again(desk, row).await,
        },
    }
}

/// Envelope and structure from the bytes, for a row that is damaged or of a later version.
pub(crate) async fn scan_again(desk: &Desk, row: &Row) -> Result<Summary, Fault> {
    tracing::warn!(uid = row.place.uid.get(), "summary unreadable, message scanned again");
    let content = desk.services.store.message_bytes(&row.message);
    let mut scanner = Scanner::new(desk.services.caps.clone());
    let mut at = 0;
    while at < content.len() {
        let piece = read_piece(&content, at..content.len()).await?;
        scanner.push(&piece);
        at += piece.len() as u64;
    }
    let structure = scanner.finish();
    let header_bytes = structure.facts.header_bytes.min(desk.services.caps.max_header_bytes as u64);
    let header = read_all(&content, 0..header_bytes).await?;
    Ok(Summary::of(&[], &structure, &header))
}

/// Finds the bytes that items name.
struct Reader<'a> {
    content: &'a MessageBytes,
    structure: &'a Structure,
    max_header_bytes: usize,
}

impl Reader<'_> {
    async fn source<'a>(&self, item: &'a FetchItem) -> Result<Source<'a>, Fault> {
        let whole = 0..self.content.len();
        Ok(match item {
            FetchItem::Rfc822 => Source::range(whole),
            FetchItem::Rfc822Header => self.range(&[], Piece::Header, None),
            FetchItem::Rfc822Text => self.range(&[], Piece::Text, None),
            FetchItem::Section { section, partial, .. } if *section == Section::default() => {
                Source::range(cut(whole, *partial))
            }
            FetchItem::Section { section, partial, .. } => self.section(section, *partial),
            FetchItem::Binary { part, partial, .. } => self.binary(part, *partial).await?,
            FetchItem::BinarySize(part) => self.binary(part, None).await?,
            _ => Source::Rows,
        })
    }

    fn range(&self, part: &[u32], piece: Piece, partial: Option<Partial>) -> Source<'static> {
        match self.structure.resolve(part, piece) {
            Some(range) => Source::range(cut(range, partial)),
            None => Source::Nil,
        }
    }

    fn section<'a>(&self, section: &'a Section, partial: Option<Partial>) -> Source<'a> {
        let part = numbers(&section.part);
        let (names, keep) = match &section.text {
            None => return self.range(&part, Piece::Whole, partial),
            Some(SectionText::Header) => return self.range(&part, Piece::Header, partial),
            Some(SectionText::Text) => return self.range(&part, Piece::Text, partial),
            Some(SectionText::Mime) => return self.range(&part, Piece::Mime, partial),
            Some(SectionText::HeaderFields(names)) => (names, Keep::Named),
            Some(SectionText::HeaderFieldsNot(names)) => (names, Keep::NotNamed),
        };
        let Some(mut header) = self.structure.resolve(&part, Piece::Header) else { return Source::Nil };
        header.end = header.end.min(header.start.saturating_add(self.max_header_bytes as u64));
        Source::Fields(Fields { header, names, keep, partial })
    }

    /// RFC 3516 §4.3: the length of what is decoded must be known before the first byte of it, so the part is
    /// read twice rather than kept.
    async fn binary(&self, part: &PartPath, partial: Option<Partial>) -> Result<Source<'static>, Fault> {
        let path = numbers(part);
        let (Some(found), Some(from)) = (self.structure.part(&path), self.structure.resolve(&path, Piece::Whole))
        else {
            return Ok(Source::Nil);
        };
        if path.is_empty() {
            // RFC 3516 §4.2: without a part number it is the whole message, which has no encoding to undo.
            return Ok(Source::range(cut(from, partial)));
        }
        let decoder = TransferDecoder::new(found.encoding.as_deref()).map_err(|_| Fault::UnknownEncoding)?;
        if matches!(decoder, TransferDecoder::Identity) {
            return Ok(Source::range(cut(from, partial)));
        }
        let mut length = 0;
        let mut pieces = Pieces::new(self.content, from.clone(), decoder.clone());
        while let Some(piece) = pieces.next().await? {
            length += piece.len() as u64;
        }
        Ok(Source::Decoded(Decoded { from, decoder, wanted: cut(0..length, partial) }))
    }
}

/// `<offset.length>` of a range; beyond the end there is nothing.
fn cut(range: Range<u64>, partial: Option<Partial>) -> Range<u64> {
    let Some(partial) = partial else { return range };
    let start = range.start.saturating_add(partial.offset).min(range.end);
    start..start.saturating_add(partial.length).min(range.end)
}

fn numbers(part: &PartPath) -> Vec<u32> {
    part.iter().map(|number| number.get()).collect()
}

/// Looks at every range: a message whose record is damaged is refused while it can be. The first range, which mostly
/// is the only one, keeps what was read of it.
async fn check_readable(content: &MessageBytes, sources: &mut [Source<'_>]) -> Result<(), Fault> {
    let mut wanted = CHUNK;
    for source in sources {
        match source {
            Source::Range(range, beginning) if !range.is_empty() => {
                let read = content.look_at(range.clone(), wanted).await?;
                if std::mem::replace(&mut wanted, 1) == CHUNK {
                    *beginning = read;
                }
            }
            Source::Fields(Fields { header, .. }) if !header.is_empty() => {
                content.look_at(header.clone(), 1).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Writes one item that comes from the packs.
async fn write(
    output: &mut Output,
    content: &MessageBytes,
    (item, source): (&FetchItem, Source<'_>),
    writer: &mut FetchWriter,
) -> Result<(), Fault> {
    if let FetchItem::BinarySize(part) = item {
        writer.binary_size(part, source.binary_size());
        return Ok(());
    }
    let Some((name, origin)) = label(item) else { return Ok(()) };
    match source {
        Source::Nil | Source::Rows => writer.section_nil(name),
        Source::Fields(fields) => {
            let text = fields.read(content).await.map_err(broken_off)?;
            writer.section(name, origin, &text);
            output.send(&writer.take()).await?;
        }
        Source::Range(range, beginning) => {
            writer.section_literal(name, origin, range.end - range.start);
            output.send(&writer.take()).await?;
            output.send(&beginning).await?;
            let rest = range.start + beginning.len() as u64..range.end;
            send_range(output, content, rest).await.map_err(broken_off)?;
        }
        Source::Decoded(decoded) => {
            writer.section_literal(name, origin, decoded.wanted.end - decoded.wanted.start);
            output.send(&writer.take()).await?;
            send_decoded(output, content, decoded).await.map_err(broken_off)?;
        }
    }
    Ok(())
}

/// How a section is called in the answer, with the origin of a partial one.
fn label(item: &FetchItem) -> Option<(SectionName<'_>, Option<u64>)> {
    let origin = |partial: &Option<Partial>| partial.map(|partial| partial.offset);
    match item {
        FetchItem::Rfc822 => Some((SectionName::Rfc822, None)),
        FetchItem::Rfc822Header => Some((SectionName::Rfc822Header, None)),
        FetchItem::Rfc822Text => Some((SectionName::Rfc822Text, None)),
        FetchItem::Section { section, partial, .. } => Some((SectionName::Body(section), origin(partial))),
        FetchItem::Binary { part, partial, .. } => Some((SectionName::Binary(part), origin(partial))),
        _ => None,
    }
}

async fn send_range(output: &mut Output, content: &MessageBytes, range: Range<u64>) -> Result<(), Fault> {
    let mut at = range.start;
    while at < range.end {
        let piece = read_piece(content, at..range.end).await?;
        at += piece.len() as u64;
        output.send(&piece).await?;
    }
    Ok(())
}

async fn send_decoded(output: &mut Output, content: &MessageBytes, decoded: Decoded) -> Result<(), Fault> {
    let Decoded { from, decoder, wanted } = decoded;
    let mut pieces = Pieces::new(content, from, decoder);
    let mut at = 0;
    while at < wanted.end {
        let Some(piece) = pieces.next().await? else { return Err(short()) };
        let end = at + piece.len() as u64;
        let (start, stop) = (wanted.start.clamp(at, end) - at, wanted.end.clamp(at, end) - at);
        let inside = usize::try_from(start).ok().zip(usize::try_from(stop).ok());
        let inside = inside.and_then(|(start, stop)| piece.get(start..stop)).unwrap_or_default();
        output.send(inside).await?;
        at = end;
    }
    Ok(())
}

/// A part, decoded piece by piece.
pub(crate) struct Pieces<'a> {
    content: &'a MessageBytes,
    left: Range<u64>,
    decoder: TransferDecoder,
    finished: bool,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(content: &'a MessageBytes, left: Range<u64>, decoder: TransferDecoder) -> Self {
        Pieces { content, left, decoder, finished: false }
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let mut decoded = Vec::new();
        if self.left.is_empty() {
            if std::mem::replace(&mut self.finished, true) {
                return Ok(None);
            }
            self.decoder.finish(&mut decoded);
        } else {
            let piece = read_piece(self.content, self.left.clone()).await?;
            self.left.start += piece.len() as u64;
            self.decoder.push(&piece, &mut decoded);
        }
        Ok(Some(decoded))
    }
}

/// The first piece of a range that is not empty.
async fn read_piece(content: &MessageBytes, range: Range<u64>) -> Result<Bytes, Fault> {
    let wanted = usize::try_from(range.end - range.start).unwrap_or(CHUNK).min(CHUNK);
    let piece = content.read_at(range.start, wanted).await?;
    if piece.is_empty() { Err(short()) } else { Ok(piece) }
}

/// A small range as a whole.
pub(crate) async fn read_all(content: &MessageBytes, range: Range<u64>) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let piece = read_piece(content, at..range.end).await?;
        at += piece.len() as u64;
        text.extend_from_slice(&piece);
    }
    Ok(text)
}

fn short() -> Fault {
    Fault::Store(store::Error::Damaged("a message is shorter than its row says".to_owned()))
}

/// Inside a literal there is no way back: the session has to end.
fn broken_off(fault: Fault) -> Fault {
    match fault {
        Fault::Store(error) => {
            tracing::error!(%error, "the store failed within an answer");
            Fault::Lost(std::io::Error::other(error))
        }
        other => other,
    }
}
