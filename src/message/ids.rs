//! Hashes of message ids, by which a store finds the thread of a message.

use super::headers::{fields, find};

/// Message ids of one message that are looked up at most.
const MAX_REFERENCES: usize = 100;

/// The first 16 bytes of the BLAKE3 hash of a message id without its angle brackets.
pub type MessageIdHash = [u8; 16];

/// The hash of the Message-ID in a header block.
#[must_use]
pub fn message_id_hash(header: &[u8]) -> Option<MessageIdHash> {
    let text = find(header, "Message-ID")?.text();
    message_ids(&text).next().map(hash)
}

/// The hashes of the messages that this one answers, nearest first: In-Reply-To, then References from its end
/// (RFC 5322 §3.6.4 puts the parent last). None stands twice.
#[must_use]
pub fn reference_hashes(header: &[u8]) -> Vec<MessageIdHash> {
    let mut hashes = Vec::new();
    for name in ["In-Reply-To", "References"] {
        for field in fields(header).filter(|field| field.is(name)) {
            let text = field.text();
            let ids: Vec<&str> = message_ids(&text).collect();
            for id in ids.into_iter().rev() {
                let hash = hash(id);
                if hashes.len() < MAX_REFERENCES && !hashes.contains(&hash) {
                    hashes.push(hash);
                }
            }
        }
    }
    hashes
}

/// The ids of a field without brackets; prose between them, which old mailers wrote, is skipped.
pub fn message_ids(text: &str) -> impl Iterator<Item = &str> {
    text.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(id, _)| id.trim()).filter(|id| !id.is_empty())
}

/// The hash of one id without brackets.
#[must_use]
pub fn hash(id: &str) -> MessageIdHash {
    let mut short = [0; 16];
    short.iter_mut().zip(blake3::hash(id.as_bytes()).as_bytes()).for_each(|(to, from)| *to = *from);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc5322_3_6_4_nearest_reference_first() {
        let header = b"Message-ID: <me@x>\r\nReferences: <root@x>\r\n <parent@x>\r\nIn-Reply-To: Your mail of today <parent@x>\r\n\r\n";
        assert_eq!(message_id_hash(header), Some(hash("me@x")));
        assert_eq!(reference_hashes(header), [hash("parent@x"), hash("root@x")]);
        assert_eq!(message_id_hash(b"Message-ID: nonsense\r\n\r\n"), None);
    }
}
