//! XML of others, read with bounds: no document type, so no entities; so many bytes, nodes and levels and not more.

use roxmltree::{Document, Node, ParsingOptions};
use serde::{Deserialize, Serialize};

/// How much of a document is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct XmlLimits {
    /// Larger documents are refused, bytes.
    pub max_bytes: usize,
    /// Documents with more elements, texts and comments are refused.
    pub max_nodes: u32,
    /// Elements that lie deeper are refused, with the document.
    pub max_depth: usize,
}

impl Default for XmlLimits {
    fn default() -> Self {
        XmlLimits { max_bytes: 1 << 20, max_nodes: 20_000, max_depth: 64 }
    }
}

/// Reads a document.
pub(super) fn read<'a>(bytes: &'a [u8], limits: &XmlLimits) -> Result<Document<'a>, String> {
    if bytes.len() > limits.max_bytes {
        return Err(format!("{} bytes of XML; the limit is {}", bytes.len(), limits.max_bytes));
    }
    // What roxmltree says of a mistake quotes the document, and that may be about a person.
    let text = std::str::from_utf8(bytes).map_err(|_| "the XML is not UTF-8".to_owned())?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: limits.max_nodes, entity_resolver: None };
    let document = Document::parse_with_options(text, options).map_err(|error| {
        let place = error.pos();
        match error {
            roxmltree::Error::DtdDetected => "the XML has a document type, which is not read".to_owned(),
            roxmltree::Error::NodesLimitReached => format!("the XML has more than {} nodes", limits.max_nodes),
            _ => format!("no XML: line {}, column {}", place.row, place.col),
        }
    })?;
    // The root of the document is one more.
    let is_deep = |node: Node<'_, '_>| node.ancestors().take(limits.max_depth + 2).count() > limits.max_depth + 1;
    let too_deep = |node: Node<'_, '_>| node.is_element() && is_deep(node);
    if document.descendants().any(too_deep) {
        return Err(format!("the XML has more than {} levels", limits.max_depth));
    }
    Ok(document)
}

/// The children that have this name, in this namespace (`None`: in none).
pub(super) fn children<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: Option<&'a str>,
    name: &'a str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    let is_it = move |node: &Node<'a, 'i>| {
        node.is_element() && node.tag_name().name() == name && node.tag_name().namespace() == namespace
    };
    node.children().filter(is_it)
}

/// The one child that has this name; none where there are several, so that nobody reads another one than was meant.
pub(super) fn only<'a, 'i>(node: Node<'a, 'i>, namespace: Option<&'a str>, name: &'a str) -> Option<Node<'a, 'i>> {
    let mut found = children(node, namespace, name);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The element at the end of a way of unqualified names.
pub(super) fn at<'a, 'i>(node: Node<'a, 'i>, way: &[&'a str]) -> Option<Node<'a, 'i>> {
    way.iter().try_fold(node, |node, name| only(node, None, name))
}

/// The whole text of an element, however it is cut: a comment inside a value does not end it.
pub(super) fn text(node: Node<'_, '_>) -> String {
    let texts = node.children().filter(Node::is_text).filter_map(|text| text.text());
    texts.collect::<String>().trim().to_owned()
}

/// The text at the end of a way; empty where there is none.
pub(super) fn text_at(node: Node<'_, '_>, way: &[&str]) -> String {
    // The names live as long as the search.
    way.iter().try_fold(node, |node, name| only_named(node, name)).map(text).unwrap_or_default()
}

fn only_named<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    let is_it = |node: &Node<'a, 'i>| {
        node.is_element() && node.tag_name().name() == name && node.tag_name().namespace().is_none()
    };
    let mut found = node.children().filter(is_it);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    const SMALL: XmlLimits = XmlLimits { max_bytes: 200, max_nodes: 8, max_depth: 3 };

    #[test_case(b"<a><b><c>x</c></b></a>" => true; "as deep as may be")]
    #[test_case(b"<a><b><c><d/></c></b></a>" => false; "deeper")]
    #[test_case(b"<a><b/><b/><b/><b/><b/><b/><b/><b/></a>" => false; "too many")]
    #[test_case(b"<!DOCTYPE a><a/>" => false; "a document type")]
    #[test_case(b"<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>" => false; "an entity")]
    #[test_case(b"<a>&x;</a>" => false; "an entity that nobody declared")]
    #[test_case(b"<a>\xff</a>" => false; "no utf 8")]
    #[test_case(&[b' '; 201] => false; "too large")]
    #[test_case(b"" => false; "nothing")]
    fn m25_xml_of_others_is_bounded(bytes: &[u8]) -> bool {
        read(bytes, &SMALL).is_ok()
    }

    #[test]
    fn m25_what_is_said_of_bad_xml_quotes_nothing() {
        let said = read(b"<a><iin>061211600012</iin><b></a>", &SMALL).unwrap_err();
        assert!(!said.contains("0612") && said.starts_with("no XML"), "{said}");
    }

    #[test]
    fn m25_a_comment_does_not_cut_a_value() {
        let document = read(b"<a><iin>0612<!-- -->11600012</iin></a>", &SMALL).unwrap();
        assert_eq!(text_at(document.root_element(), &["iin"]), "061211600012");
    }

    #[test]
    fn m25_of_two_values_none_is_read() {
        let document = read(b"<a><iin>1</iin><iin>2</iin></a>", &SMALL).unwrap();
        assert_eq!(text_at(document.root_element(), &["iin"]), "");
    }
}
