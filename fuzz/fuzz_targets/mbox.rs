//! mbox files: any file is read or refused, the sizes in which it arrives change nothing, and any message that is
//! written comes back byte for byte.

#![no_main]

use std::io::{self, BufReader};

use libfuzzer_sys::fuzz_target;
use poshta::mailfiles::mbox::{Reader, Start, Writer};
use poshta::mailfiles::{Labels, Shape};
use poshta::store::mailboxes::Flags;

type Message = (Start, Option<Labels>, Vec<u8>);

fuzz_target!(|input: &[u8]| {
    // The first byte says how the rest is cut into pieces, and which flags there are.
    let Some((first, input)) = input.split_first() else { return };
    let piece = usize::from(*first).max(1);
    assert_eq!(read(input, piece), read(input, 1 << 16), "depends on the pieces");
    let labels = Labels { flags: Flags(first % 32), keywords: vec!["$work".to_owned()] };
    let mut file = Vec::new();
    let messages: Vec<&[u8]> = input.chunks(input.len() / 2 + 1).collect();
    for message in &messages {
        write(&mut file, message, &labels, piece).unwrap_or_default();
    }
    let back = read(&file, piece);
    assert_eq!(back.len(), messages.len());
    for ((_, found, bytes), message) in back.iter().zip(messages) {
        assert_eq!((found.as_ref(), bytes.as_slice()), (Some(&labels), message));
    }
});

fn read(file: &[u8], piece: usize) -> Vec<Message> {
    let mut reader = Reader::new(BufReader::with_capacity(piece, file));
    let mut messages = Vec::new();
    while let Ok(Some(start)) = reader.start() {
        let mut bytes = Vec::new();
        let take = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok::<(), io::Error>(())
        };
        let Ok(labels) = reader.content(take) else { break };
        messages.push((start, labels, bytes));
    }
    messages
}

fn write(file: &mut Vec<u8>, message: &[u8], labels: &Labels, piece: usize) -> io::Result<()> {
    let mut shape = Shape::default();
    shape.push(message);
    let mut writer = Writer::new(file, shape);
    writer.begin(poshta::clock::Timestamp::UNIX_EPOCH, b"Postal-Mark-Proof: i=1;\r\n p=Yw==\r\n", labels)?;
    message.chunks(piece).try_for_each(|bytes| writer.content(bytes))?;
    writer.end()
}
