//! HTML turned into plain text with its structure: paragraphs, lists, headings, links. For printing and for
//! SEARCH, so nothing is drawn and nothing is fetched; scripts and styles vanish.

/// Lists and quotes that are indented at most.
const MAX_INDENT: usize = 8;

/// The text of an HTML document. Lines end with `\n`; paragraphs have an empty line between them.
#[must_use]
pub fn to_text(html: &str) -> String {
    let mut writer = TextWriter::default();
    let mut rest = html;
    while !rest.is_empty() {
        let Some(open) = rest.find('<') else {
            writer.text(&decode_entities(rest));
            break;
        };
        let (text, tag) = rest.split_at(open);
        writer.text(&decode_entities(text));
        rest = match markup(tag) {
            Markup::Skip(after) => after,
            Markup::Literal(after) => {
                writer.text("<");
                after
            }
            Markup::Tag(tag, after) => {
                writer.tag(&tag);
                skip_raw(&tag, after)
            }
        };
    }
    writer.finish()
}

enum Markup<'a> {
    /// A comment or declaration; what follows it.
    Skip(&'a str),
    /// A `<` that begins nothing.
    Literal(&'a str),
    Tag(Tag<'a>, &'a str),
}

struct Tag<'a> {
    /// In lower case.
    name: String,
    closing: bool,
    attributes: &'a str,
}

/// What begins at a `<`.
fn markup(text: &str) -> Markup<'_> {
    if let Some(comment) = text.strip_prefix("<!--") {
        return Markup::Skip(comment.split_once("-->").map_or("", |(_, after)| after));
    }
    let inner = text.get(1..).unwrap_or_default();
    let closing = inner.starts_with('/');
    let named = inner.strip_prefix('/').unwrap_or(inner);
    if !named.starts_with(|c: char| c.is_ascii_alphabetic()) {
        let declaration = inner.starts_with(['!', '?', '/']);
        return if declaration {
            Markup::Skip(inner.split_once('>').map_or("", |(_, after)| after))
        } else {
            Markup::Literal(inner)
        };
    }
    let end = tag_end(named);
    let (whole, after) = named.split_at(end);
    let name_end = whole.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(whole.len());
    let (name, attributes) = whole.split_at(name_end);
    let tag = Tag { name: name.to_ascii_lowercase(), closing, attributes };
    Markup::Tag(tag, after.strip_prefix('>').unwrap_or(after))
}

/// Where the `>` of a tag stands that is in no quotes.
fn tag_end(text: &str) -> usize {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => return at,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            _ => {}
        }
    }
    // A quote that never closes must not swallow the rest of the letter.
    text.find('>').unwrap_or(text.len())
}

/// Leaves out what stands in elements that hold no text.
fn skip_raw<'a>(tag: &Tag<'_>, after: &'a str) -> &'a str {
    if tag.closing || !matches!(tag.name.as_str(), "script" | "style" | "title" | "template") {
        return after;
    }
    let mut from = 0;
    while let Some(found) = after.get(from..).and_then(|rest| rest.find("</")) {
        let at = from + found;
        let name = after.get(at + 2..at + 2 + tag.name.len());
        if name.is_some_and(|name| name.eq_ignore_ascii_case(&tag.name)) {
            return after.get(at..).unwrap_or_default();
        }
        from = at + 2;
    }
    ""
}

#[derive(Default)]
struct TextWriter {
    out: String,
    /// Line ends that are owed before the next text.
    breaks: usize,
    /// A space is owed before the next text of the same line.
    space: bool,
    /// Open lists: `None` for bullets, else the number of the last element.
    lists: Vec<Option<u32>>,
    quotes: usize,
    preformatted: usize,
    /// The target of the open link and where its text began.
    link: Option<(String, usize)>,
}

impl TextWriter {
    fn finish(mut self) -> String {
        let end = self.out.trim_end().len();
        self.out.truncate(end);
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    fn text(&mut self, text: &str) {
        if self.preformatted > 0 {
            for (number, line) in text.split('\n').enumerate() {
                if number > 0 {
                    self.breaks += 1;
                }
                if !line.trim_end_matches('\r').is_empty() {
                    self.word(line.trim_end_matches('\r'));
                }
            }
            return;
        }
        // A no-break space is text, so only the white space of HTML separates words.
        let is_space = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n' | '\x0c');
        self.space |= text.starts_with(is_space);
        let mut words = text.split(is_space).filter(|word| !word.is_empty()).peekable();
        let none = words.peek().is_none();
        for word in words {
            self.word(word);
            self.space = true;
        }
        if !none {
            self.space = text.ends_with(is_space);
        }
    }

    fn word(&mut self, word: &str) {
        if self.breaks > 0 || self.out.is_empty() {
            if !self.out.is_empty() {
                self.out.extend(std::iter::repeat_n('\n', self.breaks.min(2)));
            }
            self.breaks = 0;
            self.out.push_str(&self.margin());
        } else if self.space && !self.out.ends_with([' ', '\n']) {
            self.out.push(' ');
        }
        self.space = false;
        self.out.push_str(word);
    }

    fn margin(&self) -> String {
        let depth = self.lists.len().saturating_sub(1).min(MAX_INDENT);
        format!("{}{}", "> ".repeat(self.quotes.min(MAX_INDENT)), "  ".repeat(depth))
    }

    fn line(&mut self, breaks: usize) {
        self.breaks = self.breaks.max(breaks);
        self.space = false;
    }

    fn tag(&mut self, tag: &Tag<'_>) {
        match tag.name.as_str() {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "hr" => self.line(2),
            "br" => {
                self.breaks += 1;
                self.space = false;
            }
            "div" | "tr" | "section" | "article" | "header" | "footer" | "address" | "dt" | "dd" | "form" | "body" => {
                self.line(1);
            }
            "td" | "th" => self.space = true,
            "ul" | "ol" => self.list(tag),
            "li" => self.item(tag),
            "blockquote" => {
                self.line(2);
                self.quotes = if tag.closing { self.quotes.saturating_sub(1) } else { self.quotes + 1 };
            }
            "pre" => {
                self.line(2);
                self.preformatted =
                    if tag.closing { self.preformatted.saturating_sub(1) } else { self.preformatted + 1 };
            }
            "a" => self.anchor(tag),
            "img" if !tag.closing => {
                if let Some(alt) = attribute(tag.attributes, "alt") {
                    self.text(&alt);
                }
            }
            _ => {}
        }
    }

    fn list(&mut self, tag: &Tag<'_>) {
        self.line(if self.lists.len() > usize::from(tag.closing) { 1 } else { 2 });
        if tag.closing {
            self.lists.pop();
        } else {
            self.lists.push((tag.name == "ol").then_some(0));
        }
    }

    fn item(&mut self, tag: &Tag<'_>) {
        self.line(1);
        if tag.closing {
            return;
        }
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number = number.saturating_add(1);
                format!("{number}.")
            }
            _ => "•".to_owned(),
        };
        self.word(&marker);
        self.space = true;
    }

    /// The target of a link stands behind its text, unless the text says it already.
    fn anchor(&mut self, tag: &Tag<'_>) {
        if let Some((target, start)) = self.link.take() {
            let shown = self.out.get(start..).unwrap_or_default();
            let bare =
                target.trim_start_matches("mailto:").trim_start_matches("https://").trim_start_matches("http://");
            if !shown.contains(bare.trim_end_matches('/')) {
                self.space = true;
                self.word(&format!("<{target}>"));
            }
        }
        if !tag.closing {
            let target = attribute(tag.attributes, "href").map(|href| href.trim().to_owned());
            let shown =
                |target: &String| ["http://", "https://", "mailto:"].iter().any(|scheme| target.starts_with(scheme));
            self.link = target.filter(shown).map(|target| (target, self.out.len()));
        }
    }
}

/// The value of an attribute, entities decoded.
fn attribute(attributes: &str, wanted: &str) -> Option<String> {
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        let name_end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '/')).unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_end);
        let after = after.trim_start();
        let Some(value) = after.strip_prefix('=') else {
            if after.is_empty() || (name.is_empty() && after.len() == rest.len()) {
                return None;
            }
            rest = after;
            continue;
        };
        let value = value.trim_start();
        let (value, next) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inner = value.get(1..).unwrap_or_default();
                inner.split_once(quote).unwrap_or((inner, ""))
            }
            _ => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(decode_entities(value));
        }
        rest = next;
    }
}

/// Longest name or number of an entity, without `&` and `;`.
const MAX_ENTITY: usize = 10;

/// The named entities that letters have.
const ENTITIES: [(&str, &str); 33] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", "\u{a0}"),
    ("copy", "©"),
    ("reg", "®"),
    ("trade", "™"),
    ("mdash", "—"),
    ("ndash", "–"),
    ("laquo", "«"),
    ("raquo", "»"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("bdquo", "„"),
    ("hellip", "…"),
    ("bull", "•"),
    ("middot", "·"),
    ("euro", "€"),
    ("pound", "£"),
    ("sect", "§"),
    ("para", "¶"),
    ("deg", "°"),
    ("times", "×"),
    ("plusmn", "±"),
    ("frac12", "½"),
    ("shy", ""),
    ("zwnj", ""),
    ("numero", "№"),
    ("tenge", "₸"),
];

fn decode_entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        match entity(after) {
            Some((decoded, next)) => {
                out.push_str(&decoded);
                rest = next;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn entity(after: &str) -> Option<(String, &str)> {
    // Looking no further than a name can be long keeps a text of ampersands linear.
    let (name, next) = after.split_at_checked(after.bytes().take(MAX_ENTITY + 1).position(|byte| byte == b';')?)?;
    let next = next.get(1..)?;
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        let c = char::from_u32(code).filter(|c| !c.is_control() || *c == '\n')?;
        return Some((c.to_string(), next));
    }
    ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, text)| ((*text).to_owned(), next))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test_case("<p>Құрметті<b> Абай</b>,</p>\r\n<p>хат&nbsp;келді.</p>" => "Құрметті Абай,\n\nхат\u{a0}келді.\n"; "paragraphs")]
    #[test_case("a<br>b<br/><br>c" => "a\nb\n\nc\n"; "line breaks")]
    #[test_case("<ul><li>one<li>two<ol><li>x</li><li>y</li></ol></ul>end" => "• one\n• two\n  1. x\n  2. y\n\nend\n"; "nested lists")]
    #[test_case("<a href=\"https://x.kz/?a=1&amp;b=2\">here</a>." => "here <https://x.kz/?a=1&b=2>.\n"; "link")]
    #[test_case("<a href='https://x.kz/'>x.kz</a>" => "x.kz\n"; "link that shows itself")]
    #[test_case("<a href=javascript:x>y</a>" => "y\n"; "link to nowhere")]
    #[test_case("<style>p{}</style><script>if (a<b) {}</script>text<!-- no -->" => "text\n"; "no scripts, styles, comments")]
    #[test_case("<title>t</title><h1>Head</h1>text" => "Head\n\ntext\n"; "heading")]
    #[test_case("1 < 2 &amp;&#60;&#x416;&unknown;&" => "1 < 2 &<Ж&unknown;&\n"; "entities")]
    #[test_case("<pre>a\n  b</pre>" => "a\n  b\n"; "preformatted")]
    #[test_case("<blockquote>q</blockquote>a" => "> q\n\na\n"; "quote")]
    #[test_case("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>" => "a b\nc\n"; "table")]
    #[test_case("<img alt='logo'><p title=\"a > b\">x" => "logo\n\nx\n"; "attributes")]
    #[test_case("" => ""; "nothing")]
    #[test_case("<p" => ""; "tag that never ends")]
    fn html_to_text(html: &str) -> String {
        to_text(html)
    }

    #[test]
    fn ampersands_without_end_cost_linear_time() {
        let (text, begun) = ("&".repeat(1 << 20), std::time::Instant::now());
        assert_eq!(to_text(&text), format!("{text}\n"));
        assert!(begun.elapsed().as_secs() < 20, "quadratic work takes minutes");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn any_text_is_survived(html in "([<>/&;!\"'=a-c -]|<a href=|<li>|<ol>|</|<!--|&#|ж){0,40}") {
            let text = to_text(&html);
            prop_assert!(text.is_empty() || text.ends_with('\n'));
        }
    }
}
