//! The folder names of an account as LIST and LSUB see them: real folders, the names in between that stand for
//! nothing but their children, and names somebody is subscribed to (RFC 9051 §6.3.9).

use std::collections::BTreeMap;

use crate::store::mailboxes::Folder;

use super::proto::list_pattern::{SEPARATOR, levels, matches};

/// One name.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// The folder of this name; `None` when there is none (`\NonExistent`).
    pub(super) folder: Option<Folder>,
    /// The account is subscribed to the name.
    pub(super) subscribed: bool,
    /// A real folder stands somewhere below.
    pub(super) has_children: bool,
    /// A subscribed name stands somewhere below.
    pub(super) subscribed_below: bool,
}

/// All names, in order; INBOX first.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: BTreeMap<Order, Node>,
}

/// The order in which names are shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Order {
    after_inbox: bool,
    name: String,
}

impl Order {
    /// What is below INBOX stands with it.
    fn of(name: &str) -> Self {
        let inbox = name == "INBOX" || name.starts_with("INBOX/");
        Order { after_inbox: !inbox, name: name.to_owned() }
    }
}

impl Tree {
    /// Puts folders and subscriptions together.
    pub(super) fn new(folders: Vec<Folder>, subscriptions: Vec<String>) -> Self {
        let mut tree = Tree::default();
        for folder in folders {
            for parent in levels(&folder.name) {
                tree.node(parent).has_children = true;
            }
            let name = folder.name.clone();
            tree.node(&name).folder = Some(folder);
        }
        for name in subscriptions {
            for parent in levels(&name) {
                tree.node(parent).subscribed_below = true;
            }
            tree.node(&name).subscribed = true;
        }
        tree
    }

    fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.entry(Order::of(name)).or_default()
    }

    /// The names that fit one of the patterns.
    pub(super) fn matching<'a>(&'a self, patterns: &'a [String]) -> impl Iterator<Item = (&'a str, &'a Node)> + 'a {
        self.nodes
            .iter()
            .map(|(order, node)| (order.name.as_str(), node))
            .filter(|(name, _)| patterns.iter().any(|pattern| matches(pattern, name)))
    }

    /// One name.
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        self.nodes.get(&Order::of(name))
    }

    /// Whether something subscribed below `name` fits none of the patterns: then LSUB shows `name` in its place
    /// (RFC 3501 §6.3.9).
    pub(super) fn hides_subscribed(&self, name: &str, patterns: &[String]) -> bool {
        let prefix = format!("{name}{SEPARATOR}");
        self.nodes
            .range(Order::of(&prefix)..)
            .take_while(|(order, _)| order.name.starts_with(&prefix))
            .filter(|(_, node)| node.subscribed)
            .any(|(order, _)| !patterns.iter().any(|pattern| matches(pattern, &order.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_without_folder_is_a_node_with_children() {
        let tree = Tree::new(Vec::new(), vec!["a/b".to_owned()]);
        let patterns = ["%".to_owned()];
        let (name, node) = tree.matching(&patterns).next().unwrap();
        assert_eq!(name, "a");
        assert!(node.folder.is_none() && node.subscribed_below && !node.has_children);
        assert!(tree.hides_subscribed("a", &patterns));
    }
}
