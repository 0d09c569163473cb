//! One connection's bytes on their way out: collected up to 64 KiB, then written, so that a slow client holds
//! up its own session and nothing else.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::server::tls::{Tls, Wire};

/// Bytes collected before they are written, and the size of the pieces in which bodies are read.
pub(super) const CHUNK: usize = 64 << 10;

/// What an idle session keeps for its next answer, bytes.
const IDLE_BUFFER: usize = 1 << 10;

/// The connection, and what is not written yet.
#[derive(Debug)]
pub(super) struct Output {
    wire: Wire,
    buffer: Vec<u8>,
    limit: Duration,
}

impl Output {
    /// Nothing is written yet; a client has `limit` to take each piece.
    pub(super) fn new(wire: Wire, limit: Duration) -> Self {
        Output { wire, buffer: Vec::new(), limit }
    }

    /// Where responses are written. Call [`Output::ease`] after each.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes what was collected if that is enough for a piece.
    pub(super) async fn ease(&mut self) -> io::Result<()> {
        if self.buffer.len() >= CHUNK { self.write_out().await } else { Ok(()) }
    }

    /// Appends bytes, writing whenever a piece is full.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(CHUNK) {
            self.buffer.extend_from_slice(piece);
            self.ease().await?;
        }
        Ok(())
    }

    /// Writes everything and sees that it leaves.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.write_out().await?;
        }
        // One large answer must not keep its buffer for the rest of an idle session.
        self.buffer.shrink_to(IDLE_BUFFER);
        tokio::time::timeout(self.limit, self.wire.flush()).await?
    }

    /// Reads what the client sent, appending to `input`; zero means that it closed. Safe to cancel.
    pub(super) async fn read(&mut self, input: &mut bytes::BytesMut) -> io::Result<usize> {
        self.wire.read_buf(input).await
    }

    /// Whether the connection is inside TLS.
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.wire, Wire::Tls(_))
    }

    /// Goes over to TLS; what was collected must be written before.
    pub(super) async fn upgrade(self, tls: &Tls) -> io::Result<Self> {
        let wire = self.wire.upgrade(tls).await?;
        Ok(Output { wire, buffer: Vec::new(), limit: self.limit })
    }

    /// Says the last words and closes.
    pub(super) async fn close(mut self) {
        let goodbye = async {
            self.flush().await?;
            self.wire.shutdown().await
        };
        // The client may be gone already; there is nobody left to tell.
        let _ = tokio::time::timeout(Duration::from_secs(2), goodbye).await;
    }

    async fn write_out(&mut self) -> io::Result<()> {
        for piece in self.buffer.chunks(CHUNK) {
            tokio::time::timeout(self.limit, self.wire.write_all(piece)).await??;
        }
        self.buffer.clear();
        Ok(())
    }
}
