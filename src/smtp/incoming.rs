//! The bytes of a message from the session to the sink: gathered into pieces worth a write, and written where
//! a slow disk stops nobody else.

use crate::intake::Refusal;

use super::service::Sink;

/// The sinks make one buffered write of a piece of this size.
const PIECE_BYTES: usize = 64 << 10;
/// Up to here a body stays in memory, so that writing does not block.
const INLINE_BYTES: u64 = 256 << 10;

/// One message under way.
#[derive(Debug)]
pub(super) struct Incoming<K> {
    sink: K,
    written: u64,
    gathered: Vec<u8>,
}

impl<K: Sink> Incoming<K> {
    pub(super) fn new(sink: K) -> Self {
        Incoming { sink, written: 0, gathered: Vec::new() }
    }

    /// Takes a piece. When this fails the message is gone.
    pub(super) async fn write(mut self, piece: Vec<u8>) -> Result<Self, Refusal> {
        if self.gathered.is_empty() {
            self.gathered = piece;
        } else {
            self.gathered.extend_from_slice(&piece);
        }
        if self.gathered.len() < PIECE_BYTES { Ok(self) } else { self.flush().await }
    }

    /// Ends the message.
    pub(super) async fn finish(self) -> Result<K, Refusal> {
        Ok(self.flush().await?.sink)
    }

    async fn flush(mut self) -> Result<Self, Refusal> {
        self.written += self.gathered.len() as u64;
        if self.written <= INLINE_BYTES {
            return self.flush_here();
        }
        match tokio::task::spawn_blocking(move || self.flush_here()).await {
            Ok(result) => result,
            Err(error) => Err(Refusal::Temporary(error.to_string())),
        }
    }

    fn flush_here(mut self) -> Result<Self, Refusal> {
        self.sink.write(&self.gathered)?;
        self.gathered.clear();
        Ok(self)
    }
}
