//! Address lists as they stand in header fields (RFC 5322 §3.4, with its obsolete forms): whatever the text
//! is, something that IMAP can show comes out.

mod authors;

pub use authors::{Unclear, authors};

use super::envelope::AddressEntry;

/// Reads an unfolded address list.
#[must_use]
pub fn address_list(text: &str) -> Vec<AddressEntry> {
    let mut reader = Reader { entries: Vec::new(), gathered: Gathered::default(), in_group: false };
    let mut lexer = Lexer::new(text);
    while let Some(token) = lexer.next() {
        reader.take(token);
    }
    reader.end_mailbox();
    if reader.in_group {
        reader.entries.push(AddressEntry::GroupEnd);
    }
    reader.entries
}

/// Characters in which the closing bracket of an address is looked for (RFC 5321 §4.5.3.1.3: a path has 256 octets).
/// Looking no further keeps a list of brackets that are never closed linear.
const MAX_ANGLE: usize = 1000;

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(Word),
    /// What stands between `<` and `>`.
    Angle(String),
    Comment(String),
    Comma,
    Colon,
    Semicolon,
}

#[derive(Debug, PartialEq, Eq)]
struct Word {
    text: String,
    /// It stood in quotes.
    quoted: bool,
    /// White space or a comment stood before it.
    gap: bool,
}

/// The tokens of one mailbox.
#[derive(Default)]
struct Gathered {
    words: Vec<Word>,
    angle: Option<String>,
    comment: Option<String>,
}

struct Reader {
    entries: Vec<AddressEntry>,
    gathered: Gathered,
    in_group: bool,
}

impl Reader {
    fn take(&mut self, token: Token) {
        match token {
            Token::Word(word) => self.gathered.words.push(word),
            Token::Angle(inner) => self.gathered.angle = Some(inner),
            Token::Comment(text) => self.gathered.comment = Some(text),
            Token::Comma => self.end_mailbox(),
            Token::Colon => {
                let name = join(&std::mem::take(&mut self.gathered).words);
                if !self.in_group && !name.is_empty() {
                    self.in_group = true;
                    self.entries.push(AddressEntry::GroupStart(name));
                }
            }
            Token::Semicolon => {
                self.end_mailbox();
                if std::mem::take(&mut self.in_group) {
                    self.entries.push(AddressEntry::GroupEnd);
                }
            }
        }
    }

    fn end_mailbox(&mut self) {
        let Gathered { words, angle, comment } = std::mem::take(&mut self.gathered);
        let entry = match angle {
            Some(inner) => {
                let phrase = Some(join(&words)).filter(|phrase| !phrase.is_empty());
                mailbox(phrase.or(comment), &inner)
            }
            None if words.is_empty() => return,
            None => bare(&words, comment),
        };
        self.entries.push(entry);
    }
}

/// An addr-spec without angle brackets, perhaps with a name before it that somebody forgot to quote.
fn bare(words: &[Word], comment: Option<String>) -> AddressEntry {
    let is_address =
        |text: &str| text.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    let address = words.iter().rposition(|word| !word.quoted && is_address(&word.text));
    if let (Some(at), true) = (address, words.len() > 1) {
        let (before, from) = words.split_at(at);
        if let Some((word, after)) = from.split_first()
            && word.gap
            && after.is_empty()
            && is_phrase(before)
        {
            return mailbox(Some(join(before)), &word.text);
        }
    }
    // RFC 5322 §4.4: obsolete addresses have white space around "." and "@".
    let has_at = words.iter().any(|word| !word.quoted && word.text.contains('@'));
    if !has_at {
        return AddressEntry::Mailbox { name: comment, route: None, local: join(words), domain: String::new() };
    }
    mailbox(comment, &words.iter().map(spelled).collect::<String>())
}

/// None of the words may belong to an obsolete address.
fn is_phrase(words: &[Word]) -> bool {
    words.iter().all(|word| !word.text.starts_with(['.', '@']) && !word.text.ends_with(['.', '@']))
}

/// A word as an address has it.
fn spelled(word: &Word) -> String {
    if word.quoted {
        format!("\"{}\"", word.text.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        word.text.clone()
    }
}

/// `[route:]local@domain`
fn mailbox(name: Option<String>, spec: &str) -> AddressEntry {
    let spec = spec.trim();
    let (route, spec) = match spec.strip_prefix('@').and_then(|_| spec.split_once(':')) {
        Some((route, spec)) => (Some(route.trim().to_owned()), spec.trim()),
        None => (None, spec),
    };
    let (local, domain) = split_at_sign(spec);
    let local: String = local.chars().filter(|c| !c.is_control()).collect();
    let domain: String = domain.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    AddressEntry::Mailbox { name, route, local, domain }
}

/// Splits at the `@` behind the local part and unquotes that.
fn split_at_sign(spec: &str) -> (String, &str) {
    let Some(quoted) = spec.strip_prefix('"') else {
        let (local, domain) = spec.rsplit_once('@').unwrap_or((spec, ""));
        return (local.trim().to_owned(), domain);
    };
    let mut local = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => local.extend(chars.next().map(|(_, c)| c)),
            '"' => {
                let rest = quoted.get(at + 1..).unwrap_or_default().trim_start();
                if let Some(domain) = rest.strip_prefix('@') {
                    return (local, domain);
                }
                // RFC 5322 §4.4: an obsolete local part may be quoted in pieces.
                let (all, domain) = spec.rsplit_once('@').unwrap_or((spec, ""));
                return (all.replace('"', ""), domain);
            }
            _ => local.push(c),
        }
    }
    (local, "")
}

/// A phrase: words as written, with one space where there was white space.
fn join(words: &[Word]) -> String {
    let mut out = String::new();
    for Word { text, gap, .. } in words {
        if *gap && !out.is_empty() {
            out.push(' ');
        }
        out.push_str(text);
    }
    out
}

struct Lexer<'a> {
    rest: &'a str,
    gap: bool,
    /// A bracket, a quotation or a comment had no end.
    is_unclosed: bool,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Self {
        Lexer { rest: text, gap: false, is_unclosed: false }
    }

    fn next(&mut self) -> Option<Token> {
        let trimmed = self.rest.trim_start();
        self.gap |= trimmed.len() < self.rest.len();
        self.rest = trimmed;
        let first = self.rest.chars().next()?;
        let token = match first {
            '"' => Token::Word(Word { gap: std::mem::take(&mut self.gap), quoted: true, text: self.delimited('"') }),
            '<' => Token::Angle(self.angle()),
            '(' => Token::Comment(self.delimited(')')),
            ',' | ':' | ';' => {
                self.skip(1);
                match first {
                    ',' => Token::Comma,
                    ':' => Token::Colon,
                    _ => Token::Semicolon,
                }
            }
            _ => Token::Word(Word { gap: std::mem::take(&mut self.gap), quoted: false, text: self.atom() }),
        };
        if matches!(token, Token::Comment(_)) {
            self.gap = true;
        }
        Some(token)
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// A quoted string or a comment: escapes undone, inner comments kept with their brackets.
    fn delimited(&mut self, close: char) -> String {
        let mut out = String::new();
        let mut depth = 0_u32;
        let mut chars = self.rest.char_indices();
        chars.next();
        let mut end = None;
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => out.extend(chars.next().map(|(_, c)| c)),
                c if c == close && depth == 0 => {
                    end = Some(at + 1);
                    break;
                }
                c => {
                    match c {
                        '(' if close == ')' => depth += 1,
                        ')' if close == ')' => depth -= 1,
                        _ => {}
                    }
                    out.push(c);
                }
            }
        }
        self.is_unclosed |= end.is_none();
        self.skip(end.unwrap_or(self.rest.len()));
        out
    }

    /// What stands between angle brackets; a bracket that is not closed soon ends at a comma.
    fn angle(&mut self) -> String {
        let mut quoted = false;
        let mut escaped = false;
        let mut close = None;
        for (at, c) in self.rest.char_indices().skip(1).take(MAX_ANGLE) {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                '>' if !quoted => {
                    close = Some(at);
                    break;
                }
                _ => {}
            }
        }
        self.is_unclosed |= close.is_none();
        let (end, next) = match close {
            Some(at) => (at, at + 1),
            None => self.rest.find(',').map_or((self.rest.len(), self.rest.len()), |at| (at, at)),
        };
        let inner = self.rest.get(1..end).unwrap_or_default().to_owned();
        self.skip(next);
        inner
    }

    /// Characters up to a special one; a domain literal in brackets belongs to it.
    fn atom(&mut self) -> String {
        let mut in_literal = false;
        let end = self.rest.char_indices().find_map(|(at, c)| {
            match c {
                '[' => in_literal = true,
                ']' => in_literal = false,
                _ => {}
            }
            let special = c.is_whitespace() || "\"<(,;".contains(c) || (c == ':' && !in_literal);
            (special && at > 0).then_some(at)
        });
        let end = end.unwrap_or(self.rest.len());
        let text = self.rest.get(..end).unwrap_or_default().to_owned();
        self.skip(end.max(1));
        text
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    /// `name|route|local|domain`, `group:` and `;`.
    fn shown(text: &str) -> String {
        let show = |entry: AddressEntry| match entry {
            AddressEntry::Mailbox { name, route, local, domain } => {
                format!("{}|{}|{local}|{domain}", name.unwrap_or_default(), route.unwrap_or_default())
            }
            AddressEntry::GroupStart(name) => format!("{name}:"),
            AddressEntry::GroupEnd => ";".to_owned(),
        };
        address_list(text).into_iter().map(show).collect::<Vec<_>>().join(" , ")
    }

    #[test_case("a@x.kz" => "||a|x.kz"; "addr-spec")]
    #[test_case("<a@x.kz>" => "||a|x.kz"; "angle-addr")]
    #[test_case("Abai K. <a@x.kz>" => "Abai K.||a|x.kz"; "obsolete phrase with a dot")]
    #[test_case("\"K, \\\"Abai\\\"\" <a@x.kz>, b@y" => "K, \"Abai\"||a|x.kz , ||b|y"; "quoted name with a comma")]
    #[test_case("\"a b\"@x.kz" => "||a b|x.kz"; "quoted local part")]
    #[test_case("<\"a@b\"@x.kz>" => "||a@b|x.kz"; "at sign in a quoted local part")]
    #[test_case("a@x.kz (Abai (K))" => "Abai (K)||a|x.kz"; "name in a comment")]
    #[test_case("<@r1,@r2:a@x.kz>" => "|@r1,@r2|a|x.kz"; "source route")]
    #[test_case("A Group: a@x, B <b@y>;, c@z" => "A Group: , ||a|x , B||b|y , ; , ||c|z"; "group")]
    #[test_case("undisclosed-recipients:;" => "undisclosed-recipients: , ;"; "empty group")]
    #[test_case("Open: a@x" => "Open: , ||a|x , ;"; "group that is never closed")]
    #[test_case("=?utf-8?Q?=D0=90?= =?utf-8?Q?=D0=91?= <a@x>" => "=?utf-8?Q?=D0=90?= =?utf-8?Q?=D0=91?=||a|x"; "encoded words stay")]
    #[test_case("айгүл@пошта.қаз" => "||айгүл|пошта.қаз"; "rfc6532 address")]
    #[test_case("a@[IPv6:2001:db8::1]" => "||a|[IPv6:2001:db8::1]"; "address literal")]
    #[test_case("john . smith @ example . com" => "||john.smith|example.com"; "obsolete white space")]
    #[test_case("John Smith john@x.kz" => "John Smith||john|x.kz"; "forgotten brackets")]
    #[test_case("root" => "||root|"; "no domain")]
    #[test_case(",, ,a@x,," => "||a|x"; "empty elements")]
    #[test_case("Broken <a@x.kz" => "Broken||a|x.kz"; "bracket never closed")]
    #[test_case("\"never closed" => "||never closed|"; "quote never closed")]
    #[test_case("" => ""; "nothing")]
    fn rfc5322_3_4_address_list(text: &str) -> String {
        shown(text)
    }

    #[test]
    fn brackets_without_end_cost_linear_time() {
        let begun = std::time::Instant::now();
        assert_eq!(address_list(&"<a@x,".repeat(1 << 14)).len(), 1 << 14);
        assert!(begun.elapsed().as_secs() < 20, "quadratic work takes minutes");
    }
}
