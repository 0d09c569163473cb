//! mbox: messages one after the other in one file, in the "mboxrd" way of RFC 4155's relatives: every line of a
//! message that is `From ` behind any number of `>` gets one `>` more, and loses it when it is read.
//!
//! What an mbox cannot say by itself:
//!
//! - Flags and keywords stand in three lines on top of each exported message, always all three and in this order:
//!   `Status:`, `X-Status:`, `X-Keywords:`. Reading takes exactly such three lines off again. The same fields
//!   anywhere else in a header are honoured, but they are bytes of the message, and stay (P19).
//! - Proofs (see `proofs`) stand above these three lines, and reading takes them off with them. The same fields below
//!   the three lines, or without them, are the message's.
//! - Line ends: a `From ` line that ends in CRLF says that its message is there as it is; one that ends in LF says
//!   that LF stands for CRLF (see `line_ends`).
//! - The end of a message: an empty line behind it belongs to the mbox. A message that does not end in CRLF gets
//!   two LF behind it instead.

mod from_line;
mod reader;
mod writer;

pub use reader::{BadMbox, Reader, Start};
pub use writer::Writer;

#[cfg(test)]
mod tests;
