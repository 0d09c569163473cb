//! Line ends: CRLF in the store, LF in Maildir and mbox files by custom (Dovecot writes LF too, unless it is told
//! `mail_save_crlf = yes`).
//!
//! A message is written with LF when reading can give it back byte for byte; any other (bare LF, `CR CR LF`) is
//! written as it is, and marked so. Reading turns LF into CRLF, unless the file itself is in CRLF: then the bytes
//! stay what they are.

const CR: u8 = b'\r';
const LF: u8 = b'\n';

/// How a message lies in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Lines end at LF; the message has CRLF there.
    Unix,
    /// The bytes of the message, untouched.
    AsIs,
}

/// Looks at a message in pieces and says in which form it can be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shape {
    before: [u8; 2],
    is_odd: bool,
    is_begun: bool,
}

impl Shape {
    /// The next bytes of the message.
    pub fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            // Without its CR a line must end in a bare LF, or reading would take the rest for a CRLF of its own.
            self.is_odd |= *byte == LF && (self.before[1] != CR || self.before[0] == CR);
            self.before = [self.before[1], *byte];
        }
        self.is_begun |= !bytes.is_empty();
    }

    /// For a file of its own.
    pub(super) fn form(&self) -> Form {
        if self.is_odd { Form::AsIs } else { Form::Unix }
    }

    /// For an mbox, where a message without a final line end cannot be in the Unix form: the line end that
    /// separates it from the next would become its own.
    pub(super) fn form_in_mbox(&self) -> Form {
        if self.ends_in_crlf() || !self.is_begun { self.form() } else { Form::AsIs }
    }

    pub(super) fn ends_in_crlf(&self) -> bool {
        self.before == [CR, LF]
    }
}

/// From the file to the message.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToWire {
    form: Option<Form>,
    after_cr: bool,
}

impl ToWire {
    /// The form is known.
    pub(super) fn from(form: Form) -> Self {
        ToWire { form: Some(form), after_cr: false }
    }

    /// The first line end tells: a file in CRLF is as it is.
    pub(super) fn by_first_line() -> Self {
        ToWire { form: None, after_cr: false }
    }

    pub(super) fn push(&mut self, bytes: &[u8], message: &mut Vec<u8>) {
        if self.form == Some(Form::AsIs) {
            message.extend_from_slice(bytes);
            return;
        }
        for line in bytes.split_inclusive(|byte| *byte == LF) {
            let Some(text) = line.strip_suffix(&[LF]) else {
                message.extend_from_slice(line);
                self.after_cr = line.last() == Some(&CR);
                continue;
            };
            let has_cr = text.last().map_or(self.after_cr, |byte| *byte == CR);
            let form = *self.form.get_or_insert(if has_cr { Form::AsIs } else { Form::Unix });
            message.extend_from_slice(text);
            if form == Form::Unix && !has_cr {
                message.push(CR);
            }
            message.push(LF);
            self.after_cr = false;
        }
    }
}

/// From the message to the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToFile {
    form: Form,
    holds_cr: bool,
}

impl ToFile {
    pub(super) fn new(form: Form) -> Self {
        ToFile { form, holds_cr: false }
    }

    pub(super) fn push(&mut self, bytes: &[u8], file: &mut Vec<u8>) {
        if self.form == Form::AsIs {
            file.extend_from_slice(bytes);
            return;
        }
        for line in bytes.split_inclusive(|byte| *byte == LF) {
            if std::mem::take(&mut self.holds_cr) && line != [LF] {
                file.push(CR);
            }
            if let Some(text) = line.strip_suffix(&[LF]) {
                file.extend_from_slice(text.strip_suffix(&[CR]).unwrap_or(text));
                file.push(LF);
            } else if let Some(text) = line.strip_suffix(&[CR]) {
                file.extend_from_slice(text);
                self.holds_cr = true;
            } else {
                file.extend_from_slice(line);
            }
        }
    }

    pub(super) fn finish(self, file: &mut Vec<u8>) {
        if self.holds_cr {
            file.push(CR);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    fn read(file: &[u8], mut wire: ToWire, piece: usize) -> Vec<u8> {
        let mut message = Vec::new();
        file.chunks(piece).for_each(|bytes| wire.push(bytes, &mut message));
        message
    }

    #[test_case(b"a\nb\n", b"a\r\nb\r\n"; "lf becomes crlf")]
    #[test_case(b"a\r\nb\r\n", b"a\r\nb\r\n"; "crlf stays")]
    #[test_case(b"a\r\nb\nc", b"a\r\nb\nc"; "a file in crlf is left alone altogether")]
    #[test_case(b"a\nb\r\nc", b"a\r\nb\r\nc"; "a line in crlf among others stays")]
    #[test_case(b"no line", b"no line"; "no line end")]
    fn the_first_line_end_tells_the_form(file: &[u8], message: &[u8]) {
        for piece in 1..=file.len() {
            assert_eq!(read(file, ToWire::by_first_line(), piece), message);
        }
    }

    #[test_case(b"a\r\nb\r\n" => (Form::Unix, Form::Unix); "the usual message")]
    #[test_case(b"a\r\nb" => (Form::Unix, Form::AsIs); "no final line end")]
    #[test_case(b"" => (Form::Unix, Form::Unix); "nothing")]
    #[test_case(b"a\nb\r\n" => (Form::AsIs, Form::AsIs); "a bare lf")]
    #[test_case(b"a\r\r\n" => (Form::AsIs, Form::AsIs); "a cr before the crlf")]
    #[test_case(b"a\rb\r\n" => (Form::Unix, Form::Unix); "a bare cr")]
    fn what_lf_cannot_say_is_written_as_it_is(message: &[u8]) -> (Form, Form) {
        let mut shape = Shape::default();
        message.chunks(1).for_each(|byte| shape.push(byte));
        (shape.form(), shape.form_in_mbox())
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(message in "[a\r\n]{0,12}", written in 1_usize..5, taken in 1_usize..5) {
            let mut shape = Shape::default();
            shape.push(message.as_bytes());
            let (mut out, mut file) = (ToFile::new(shape.form()), Vec::new());
            message.as_bytes().chunks(written).for_each(|piece| out.push(piece, &mut file));
            out.finish(&mut file);
            prop_assert_eq!(read(&file, ToWire::from(shape.form()), taken), message.as_bytes());
        }
    }
}
