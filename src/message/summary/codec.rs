//! The layout of a summary: one function that writes and one that reads, for each thing, side by side.

use crate::message::envelope::{AddressEntry, Envelope};
use crate::message::scanner::MAX_DEPTH;
use crate::message::structure::{Content, Disposition, Nested, Param, Part};

use super::BadSummary;

/// Texts that are one byte. The order is part of the format: append only, at most [`TABLE_ROOM`].
const TABLE: &[&str] = &[
    "",
    "text",
    "plain",
    "html",
    "charset",
    "utf-8",
    "us-ascii",
    "multipart",
    "mixed",
    "alternative",
    "related",
    "boundary",
    "application",
    "octet-stream",
    "pdf",
    "image",
    "png",
    "jpeg",
    "gif",
    "message",
    "rfc822",
    "7bit",
    "8bit",
    "base64",
    "quoted-printable",
    "binary",
    "attachment",
    "inline",
    "filename",
    "name",
    "format",
    "flowed",
    "UTF-8",
    "utf8",
    "koi8-r",
    "windows-1251",
    "iso-8859-1",
    "report",
    "report-type",
    "delivery-status",
    "signed",
    "protocol",
    "micalg",
    "pgp-signature",
    "pkcs7-signature",
    "x-pkcs7-signature",
    "zip",
    "digest",
    "filename*",
    "name*",
    "type",
    "size",
    "calendar",
    "global",
    "rfc822-headers",
    "x-unknown",
    "kk",
    "ru",
    "en",
    "delsp",
    "encrypted",
    "method",
    "audio",
    "video",
];

/// A number below says a place in the table, others a length.
const TABLE_ROOM: u64 = 64;

const HAS_ID: u8 = 1;
const HAS_DESCRIPTION: u8 = 1 << 1;
const HAS_ENCODING: u8 = 1 << 2;
const HAS_MD5: u8 = 1 << 3;
const HAS_DISPOSITION: u8 = 1 << 4;
const HAS_LANGUAGE: u8 = 1 << 5;
const HAS_LOCATION: u8 = 1 << 6;
const HAS_PARAMS: u8 = 1 << 7;

const LEAF: u8 = 0;
const MULTIPART: u8 = 1;
const MESSAGE: u8 = 2;

const GROUP_END: u8 = 0;
const GROUP_START: u8 = 1;
const MAILBOX: u8 = 4;
const WITH_NAME: u8 = 1;
const WITH_ROUTE: u8 = 2;

#[derive(Default)]
pub(super) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub(super) fn done(self) -> Vec<u8> {
        self.out
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    pub(super) fn number(&mut self, mut number: u64) {
        while number > 0x7f {
            self.out.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }

    fn text(&mut self, text: &str) {
        match TABLE.iter().position(|known| *known == text) {
            Some(place) => self.number(place as u64),
            None => {
                self.number(text.len() as u64 + TABLE_ROOM);
                self.out.extend_from_slice(text.as_bytes());
            }
        }
    }

    fn params(&mut self, params: &[Param]) {
        self.number(params.len() as u64);
        for param in params {
            self.text(&param.name);
            self.text(&param.value);
        }
    }

    pub(super) fn envelope(&mut self, envelope: &Envelope) {
        let texts = [&envelope.date, &envelope.subject, &envelope.in_reply_to, &envelope.message_id];
        let lists = envelope.lists();
        let present = texts.iter().map(|text| text.is_some()).chain(lists.iter().map(|list| !list.is_empty()));
        self.number(present.enumerate().map(|(bit, present)| u64::from(present) << bit).sum());
        for text in texts.into_iter().flatten() {
            self.text(text);
        }
        for list in envelope.lists().into_iter().filter(|list| !list.is_empty()) {
            self.number(list.len() as u64);
            list.iter().for_each(|entry| self.entry(entry));
        }
    }

    fn entry(&mut self, entry: &AddressEntry) {
        match entry {
            AddressEntry::GroupEnd => self.byte(GROUP_END),
            AddressEntry::GroupStart(name) => {
                self.byte(GROUP_START);
                self.text(name);
            }
            AddressEntry::Mailbox { name, route, local, domain } => {
                let with_name = if name.is_some() { WITH_NAME } else { 0 };
                let with_route = if route.is_some() { WITH_ROUTE } else { 0 };
                self.byte(MAILBOX | with_name | with_route);
                [name, route].into_iter().flatten().for_each(|text| self.text(text));
                self.text(local);
                self.text(domain);
            }
        }
    }

    /// A part; `after` is where the bytes end that were told before it.
    pub(super) fn part(&mut self, part: &Part, after: u64) {
        self.number(part.header.start.saturating_sub(after));
        self.number(part.header.end.saturating_sub(part.header.start));
        self.number(part.body.end.saturating_sub(part.body.start));
        self.number(part.lines);
        self.text(&part.kind);
        self.text(&part.subtype);
        self.byte(presence(part));
        if !part.params.is_empty() {
            self.params(&part.params);
        }
        for text in [&part.id, &part.description, &part.encoding, &part.md5, &part.location].into_iter().flatten() {
            self.text(text);
        }
        if let Some(disposition) = &part.disposition {
            self.text(&disposition.kind);
            self.params(&disposition.params);
        }
        if !part.language.is_empty() {
            self.number(part.language.len() as u64);
            part.language.iter().for_each(|tag| self.text(tag));
        }
        self.content(part);
    }

    fn content(&mut self, part: &Part) {
        match &part.content {
            Content::Leaf => self.byte(LEAF),
            Content::Multipart(parts) => {
                self.byte(MULTIPART);
                self.number(parts.len() as u64);
                let mut after = part.body.start;
                for inner in parts {
                    self.part(inner, after);
                    after = inner.body.end;
                }
            }
            Content::Message(nested) => {
                self.byte(MESSAGE);
                self.envelope(&nested.envelope);
                self.part(&nested.part, part.body.start);
            }
        }
    }
}

fn presence(part: &Part) -> u8 {
    let flags = [
        (part.id.is_some(), HAS_ID),
        (part.description.is_some(), HAS_DESCRIPTION),
        (part.encoding.is_some(), HAS_ENCODING),
        (part.md5.is_some(), HAS_MD5),
        (part.disposition.is_some(), HAS_DISPOSITION),
        (!part.language.is_empty(), HAS_LANGUAGE),
        (part.location.is_some(), HAS_LOCATION),
        (!part.params.is_empty(), HAS_PARAMS),
    ];
    flags.into_iter().filter(|(present, _)| *present).fold(0, |bits, (_, flag)| bits | flag)
}

pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

type Read<T> = Result<T, BadSummary>;

impl<'a> Reader<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Reader { rest }
    }

    pub(super) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn byte(&mut self) -> Read<u8> {
        let (first, rest) = self.rest.split_first().ok_or(BadSummary)?;
        self.rest = rest;
        Ok(*first)
    }

    pub(super) fn number(&mut self) -> Read<u64> {
        let mut number = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(BadSummary)
    }

    fn text(&mut self) -> Read<String> {
        let number = self.number()?;
        if number < TABLE_ROOM {
            let place = usize::try_from(number).map_err(|_| BadSummary)?;
            return TABLE.get(place).map(|text| (*text).to_owned()).ok_or(BadSummary);
        }
        let len = usize::try_from(number - TABLE_ROOM).map_err(|_| BadSummary)?;
        let (text, rest) = self.rest.split_at_checked(len).ok_or(BadSummary)?;
        self.rest = rest;
        String::from_utf8(text.to_vec()).map_err(|_| BadSummary)
    }

    fn optional(&mut self, present: bool) -> Read<Option<String>> {
        if present { self.text().map(Some) } else { Ok(None) }
    }

    /// A list with its length; every element is at least one byte, so a false length ends by itself.
    fn list<T>(&mut self, mut element: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count = self.number()?;
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(element(self)?);
        }
        Ok(list)
    }

    fn params(&mut self) -> Read<Vec<Param>> {
        self.list(|reader| Ok(Param { name: reader.text()?, value: reader.text()? }))
    }

    pub(super) fn envelope(&mut self) -> Read<Envelope> {
        let present = self.number()?;
        let has = |bit: u32| present & (1 << bit) != 0;
        let mut envelope = Envelope {
            date: self.optional(has(0))?,
            subject: self.optional(has(1))?,
            in_reply_to: self.optional(has(2))?,
            message_id: self.optional(has(3))?,
            ..Envelope::default()
        };
        let lists = [
            &mut envelope.from,
            &mut envelope.sender,
            &mut envelope.reply_to,
            &mut envelope.to,
            &mut envelope.cc,
            &mut envelope.bcc,
        ];
        for (bit, list) in (4..).zip(lists) {
            if has(bit) {
                *list = self.list(Reader::entry)?;
            }
        }
        Ok(envelope)
    }

    fn entry(&mut self) -> Read<AddressEntry> {
        match self.byte()? {
            GROUP_END => Ok(AddressEntry::GroupEnd),
            GROUP_START => Ok(AddressEntry::GroupStart(self.text()?)),
            tag if tag & !(WITH_NAME | WITH_ROUTE) == MAILBOX => Ok(AddressEntry::Mailbox {
                name: self.optional(tag & WITH_NAME != 0)?,
                route: self.optional(tag & WITH_ROUTE != 0)?,
                local: self.text()?,
                domain: self.text()?,
            }),
            _ => Err(BadSummary),
        }
    }

    /// A part whose bytes lie behind `after`.
    pub(super) fn part(&mut self, after: u64, depth: usize) -> Read<Part> {
        // The scanner opens at most MAX_DEPTH levels; what stands in for a missing part is one more.
        if depth > MAX_DEPTH + 2 {
            return Err(BadSummary);
        }
        let mut step = |from: u64| self.number().and_then(|len| from.checked_add(len).ok_or(BadSummary));
        let header = step(after)?;
        let body = step(header)?;
        let end = step(body)?;
        let mut part = Part { header: header..body, body: body..end, lines: self.number()?, ..Part::default() };
        part.kind = self.text()?;
        part.subtype = self.text()?;
        let present = self.byte()?;
        if present & HAS_PARAMS != 0 {
            part.params = self.params()?;
        }
        part.id = self.optional(present & HAS_ID != 0)?;
        part.description = self.optional(present & HAS_DESCRIPTION != 0)?;
        part.encoding = self.optional(present & HAS_ENCODING != 0)?;
        part.md5 = self.optional(present & HAS_MD5 != 0)?;
        part.location = self.optional(present & HAS_LOCATION != 0)?;
        if present & HAS_DISPOSITION != 0 {
            part.disposition = Some(Disposition { kind: self.text()?, params: self.params()? });
        }
        if present & HAS_LANGUAGE != 0 {
            part.language = self.list(Reader::text)?;
        }
        part.content = self.content(&part, depth)?;
        Ok(part)
    }

    fn content(&mut self, part: &Part, depth: usize) -> Read<Content> {
        let mut after = part.body.start;
        let content = match self.byte()? {
            LEAF => return Ok(Content::Leaf),
            MULTIPART => Content::Multipart(self.list(|reader| {
                let inner = reader.part(after, depth + 1)?;
                after = inner.body.end;
                Ok(inner)
            })?),
            MESSAGE => {
                let envelope = self.envelope()?;
                let inner = self.part(after, depth + 1)?;
                after = inner.body.end;
                Content::Message(Box::new(Nested { envelope, part: inner }))
            }
            _ => return Err(BadSummary),
        };
        let empty = matches!(&content, Content::Multipart(parts) if parts.is_empty());
        if after > part.body.end || empty { Err(BadSummary) } else { Ok(content) }
    }
}
