//! Exclusive XML Canonicalization 1.0 without comments (W3C, 18 July 2002), of one element of a document: the bytes
//! that signatures of SOAP messages are over.
//!
//! Everything but processing instructions is read; an element that holds one is refused. What we write ourselves is
//! written in this form to begin with, so that it need not be made canonical.

use std::collections::BTreeMap;

use roxmltree::{Node, NodeId};

const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";

/// What stays out, and what is treated as in inclusive canonicalization.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options<'a> {
    /// An element that is left out with all that it holds: an enveloped signature.
    pub(super) without: Option<NodeId>,
    /// Prefixes of `InclusiveNamespaces` (§2.1 and 3): their declarations count as used everywhere.
    pub(super) inclusive: &'a [&'a str],
}

/// Why an element has no canonical form here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the XML holds processing instructions, which signatures here are not verified over")]
pub(super) struct Uncanonical;

/// The canonical form of an element.
pub(super) fn canonical(node: Node<'_, '_>, options: Options<'_>) -> Result<Vec<u8>, Uncanonical> {
    let mut writer = Writer { options, out: Vec::new() };
    writer.element(node, &BTreeMap::new())?;
    Ok(writer.out)
}

/// Text as it stands between tags (Canonical XML §2.3).
pub(super) fn escaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    escape(text, TEXT, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

type Escapes = &'static [(u8, &'static str)];

const TEXT: Escapes = &[(b'&', "&amp;"), (b'<', "&lt;"), (b'>', "&gt;"), (b'\r', "&#xD;")];
const VALUE: Escapes =
    &[(b'&', "&amp;"), (b'<', "&lt;"), (b'"', "&quot;"), (b'\t', "&#x9;"), (b'\n', "&#xA;"), (b'\r', "&#xD;")];

fn escape(text: &str, escapes: Escapes, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match escapes.iter().find(|(plain, _)| *plain == byte) {
            Some((_, escaped)) => out.extend_from_slice(escaped.as_bytes()),
            None => out.push(byte),
        }
    }
}

/// The namespace of each prefix, as the output has said it so far; "" is the default one.
type Said<'a> = BTreeMap<&'a str, &'a str>;

struct Writer<'o> {
    options: Options<'o>,
    out: Vec<u8>,
}

impl Writer<'_> {
    /// Levels are bounded where documents are read, so that this may go down with them.
    fn element<'a>(&mut self, node: Node<'a, '_>, said: &Said<'a>) -> Result<(), Uncanonical> {
        let name = qualified_name(node);
        let mut attributes: Vec<_> = node.attributes().collect();
        // By namespace, then by local name; those without a namespace first.
        attributes.sort_by_key(|attribute| (attribute.namespace().unwrap_or_default(), attribute.name()));
        let source = node.document().input_text();
        let names: Vec<&str> =
            attributes.iter().map(|attribute| source.get(attribute.range_qname()).unwrap_or_default()).collect();

        let declared = self.declarations(node, std::iter::once(name).chain(names.iter().copied()), said);
        let mut said = said.clone();
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        for (prefix, uri) in declared {
            self.attribute(&if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") }, uri);
            said.insert(prefix, uri);
        }
        for (attribute, name) in attributes.iter().zip(&names) {
            self.attribute(name, attribute.value());
        }
        self.out.push(b'>');
        for child in node.children() {
            if child.is_element() {
                if self.options.without != Some(child.id()) {
                    self.element(child, &said)?;
                }
            } else if child.is_text() {
                escape(child.text().unwrap_or_default(), TEXT, &mut self.out);
            } else if child.is_pi() {
                return Err(Uncanonical);
            }
        }
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
        Ok(())
    }

    /// The declarations that are written with an element: of prefixes that it uses itself and that the output has not
    /// said yet (§3), by prefix.
    fn declarations<'a>(
        &self,
        node: Node<'a, '_>,
        names: impl Iterator<Item = &'a str>,
        said: &Said<'a>,
    ) -> Vec<(&'a str, &'a str)> {
        let mut used = BTreeMap::new();
        for (at, name) in names.enumerate() {
            match name.split_once(':') {
                Some((prefix, _)) => used.insert(prefix, ()),
                // An attribute without a prefix is in no namespace, and uses none.
                None if at == 0 => used.insert("", ()),
                None => None,
            };
        }
        let inclusive = node.namespaces().filter_map(|namespace| {
            let prefix = namespace.name().unwrap_or_default();
            let listed = if prefix.is_empty() { "#default" } else { prefix };
            self.options.inclusive.contains(&listed).then_some(prefix)
        });
        used.extend(inclusive.map(|prefix| (prefix, ())));
        let declaration = |prefix: &'a str| {
            let name = Some(prefix).filter(|prefix| !prefix.is_empty());
            let uri = node.lookup_namespace_uri(name).unwrap_or_default();
            let known = said.get(prefix).copied();
            let is_said = known == Some(uri) || (uri.is_empty() && known.is_none());
            (prefix != "xml" && uri != XML_NAMESPACE && !is_said).then_some((prefix, uri))
        };
        used.into_keys().filter_map(declaration).collect()
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(b' ');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"=\"");
        escape(value, VALUE, &mut self.out);
        self.out.push(b'"');
    }
}

/// The name of an element with its prefix, as the document has it.
fn qualified_name<'i>(node: Node<'_, 'i>) -> &'i str {
    let tag = node.document().input_text().get(node.range()).unwrap_or_default();
    let tag = tag.strip_prefix('<').unwrap_or(tag);
    let end = tag.find(|letter: char| letter.is_ascii_whitespace() || matches!(letter, '/' | '>')).unwrap_or(tag.len());
    tag.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;
    use test_case::test_case;

    use super::*;

    fn of(xml: &str, name: &str, inclusive: &[&str]) -> String {
        let document = Document::parse(xml).unwrap();
        let node = document.descendants().find(|node| node.is_element() && qualified_name(*node) == name).unwrap();
        String::from_utf8(canonical(node, Options { inclusive, without: None }).unwrap()).unwrap()
    }

    /// RFC 3741 §2.2: the same element in two contexts.
    #[test_case("<n0:local xmlns:n0=\"foo:bar\" xmlns:n3=\"ftp://example.org\"><n1:elem2 xmlns:n1=\"http://example.net\" \
                 xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"/></n1:elem2></n0:local>"; "one")]
    #[test_case("<n2:pdu xmlns:n1=\"http://example.com\" xmlns:n2=\"http://foo.example\" xml:lang=\"fr\" \
                 xml:space=\"retain\"><n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff \
                 xmlns:n3=\"ftp://example.org\"/></n1:elem2></n2:pdu>"; "other")]
    fn rfc3741_2_2_the_context_makes_no_difference(xml: &str) {
        let expected = "<n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\">\
                        <n3:stuff xmlns:n3=\"ftp://example.org\"></n3:stuff></n1:elem2>";
        assert_eq!(of(xml, "n1:elem2", &[]), expected);
    }

    #[test_case("<a  b='1'\n a=\"2\" />", &[] => "<a a=\"2\" b=\"1\"></a>"; "attributes by name")]
    #[test_case("<a z:a='1' b='2' y:a='3' xmlns:y='urn:2' xmlns:z='urn:1'/>", &[] =>
        "<a xmlns:y=\"urn:2\" xmlns:z=\"urn:1\" b=\"2\" z:a=\"1\" y:a=\"3\"></a>"; "attributes by namespace")]
    #[test_case("<a xmlns='urn:1'><b xmlns=''><c/></b></a>", &[] =>
        "<a xmlns=\"urn:1\"><b xmlns=\"\"><c></c></b></a>"; "no namespace any more")]
    #[test_case("<a xmlns:x='urn:1'><x:b/><x:c/></a>", &[] =>
        "<a><x:b xmlns:x=\"urn:1\"></x:b><x:c xmlns:x=\"urn:1\"></x:c></a>"; "where it is used")]
    #[test_case("<a xmlns:x='urn:1' xmlns:y='urn:2'><x:b/></a>", &["x"] =>
        "<a xmlns:x=\"urn:1\"><x:b></x:b></a>"; "where a list says so")]
    #[test_case("<a xmlns='urn:1' xmlns:y='urn:2'><b/></a>", &["#default", "y"] =>
        "<a xmlns=\"urn:1\" xmlns:y=\"urn:2\"><b></b></a>"; "and the default one")]
    #[test_case("<a>&lt;&#13;&#x41;<![CDATA[<&>]]>\r\n\"<!-- no --></a>", &[] =>
        "<a>&lt;&#xD;A&lt;&amp;&gt;\n\"</a>"; "text")]
    #[test_case("<a b='&lt;&gt;&quot;&#9;&#10;&#13;  x'/>", &[] =>
        "<a b=\"&lt;>&quot;&#x9;&#xA;&#xD;  x\"></a>"; "values")]
    fn rfc3741_canonical(xml: &str, inclusive: &[&str]) -> String {
        of(xml, "a", inclusive)
    }

    #[test]
    fn rfc3741_what_is_not_read_is_refused() {
        let document = Document::parse("<a><?target data?></a>").unwrap();
        assert_eq!(canonical(document.root_element(), Options::default()), Err(Uncanonical));
    }
}
