//! The kinds of documents that letters carry and scan centres send, told by their first bytes, never by name
//! or by what the sender claims.

use serde::{Deserialize, Serialize};

/// What a document is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum DocumentKind {
    /// ISO 32000.
    Pdf,
    /// TIFF, either byte order.
    Tiff,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
}

/// What a worker saw when it opened a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DocumentFacts {
    /// Pages; images other than TIFF have one.
    pub pages: u32,
    /// Every page is A4, upright or lying, within 2 mm (FACTS C2).
    pub a4: bool,
}

impl DocumentKind {
    /// Tells the kind by the first bytes.
    #[must_use]
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        const MAGIC: [(&[u8], DocumentKind); 5] = [
            (b"%PDF-", DocumentKind::Pdf),
            (b"II*\0", DocumentKind::Tiff),
            (b"MM\0*", DocumentKind::Tiff),
            (b"\x89PNG\r\n\x1a\n", DocumentKind::Png),
            (b"\xff\xd8\xff", DocumentKind::Jpeg),
        ];
        MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, kind)| *kind)
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            DocumentKind::Pdf => "application/pdf",
            DocumentKind::Tiff => "image/tiff",
            DocumentKind::Png => "image/png",
            DocumentKind::Jpeg => "image/jpeg",
        }
    }

    /// The usual ending of its file name.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            DocumentKind::Pdf => "pdf",
            DocumentKind::Tiff => "tiff",
            DocumentKind::Png => "png",
            DocumentKind::Jpeg => "jpg",
        }
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(b"%PDF-1.7\n" => Some(DocumentKind::Pdf))]
    #[test_case(b"II*\0rest" => Some(DocumentKind::Tiff))]
    #[test_case(b"MM\0*rest" => Some(DocumentKind::Tiff))]
    #[test_case(b"\x89PNG\r\n\x1a\n...." => Some(DocumentKind::Png))]
    #[test_case(b"\xff\xd8\xff\xe0" => Some(DocumentKind::Jpeg))]
    #[test_case(b"GIF89a" => None)]
    #[test_case(b"" => None)]
    fn kind_is_told_by_content(bytes: &[u8]) -> Option<DocumentKind> {
        DocumentKind::sniff(bytes)
    }
}
