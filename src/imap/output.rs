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

    /// Acknowledges what was read, now. Clients like Python's imaplib send the end of an APPEND in a packet of its
    /// own, and Nagle's algorithm (RFC 896) keeps it back until then: with a delayed acknowledgement for 40 ms.
    pub(super) fn acknowledge(&self) {
        #[cfg(target_os = "linux")]
        {
            let stream = match &self.wire {
                Wire::Plain(stream) => stream,
                Wire::Tls(stream) => stream.get_ref().0,
            };
            // A failure costs time, nothing else.
            let _ = stream.set_quickack(true);
        }
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
        // Taken out before: a client that took a part and then stalled must not get that part a second time with
        // the last words.
        let mut buffer = std::mem::take(&mut self.buffer);
        for piece in buffer.chunks(CHUNK) {
            tokio::time::timeout(self.limit, self.wire.write_all(piece)).await??;
        }
        buffer.clear();
        self.buffer = buffer;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn what_a_stalled_client_took_is_not_sent_again_with_the_last_words() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let mut output = Output::new(Wire::Plain(stream), Duration::from_millis(50));
        let mut counter = 0_u64;
        let failed = loop {
            let piece: Vec<u8> = (counter..counter + 5000).flat_map(u64::to_be_bytes).collect();
            counter += 5000;
            if let Err(error) = output.send(&piece).await {
                break error;
            }
        };
        assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
        let mut received = Vec::new();
        let ((), read) = tokio::join!(output.close(), client.read_to_end(&mut received));
        read.unwrap();
        for (number, bytes) in (0_u64..).zip(received.chunks_exact(8)) {
            assert_eq!(bytes, number.to_be_bytes());
        }
    }
}
