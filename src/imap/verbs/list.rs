//! LIST, LSUB and NAMESPACE (RFC 9051 §6.3.9, §6.3.10; RFC 3501 §6.3.9).

use crate::imap::desk::{Answer, Desk};
use crate::imap::fault::Fault;
use crate::imap::proto::command::{self, List, ListForm, ListPattern, ListReturn, ListSelect, MailboxName};
use crate::imap::proto::list_pattern::with_reference;
use crate::imap::proto::response::{
    Attribute, Dialect, ListEntry, Status, write_list, write_list_root, write_lsub, write_namespace,
};
use crate::imap::tree::{Node, Tree};
use crate::store::mailboxes::SpecialUse;

use super::status;

/// LIST in its basic and extended forms.
pub(crate) async fn list(desk: &mut Desk, command: &List) -> Answer {
    if command.form == ListForm::Basic && command.patterns.iter().all(|pattern| pattern.pattern.is_empty()) {
        write_list_root(desk.output.buffer());
        return Ok(Status::ok("listed"));
    }
    let tree = read_tree(desk).await?;
    let patterns = joined(&command.reference, &command.patterns);
    let wording = match command.form {
        ListForm::Basic => Wording::of(desk.dialect),
        ListForm::Extended => Wording::Extended,
    };
    for (name, node) in tree.matching(&patterns) {
        let Some(below) = selects(command.select, node) else { continue };
        let shows_subscribed = command.select.subscribed || command.returns.subscribed;
        let mut entry = entry(name, node, wording);
        if shows_subscribed && node.subscribed {
            entry.attributes.push(Attribute::Subscribed);
        }
        entry.subscribed_below = below;
        write_list(&entry, desk.dialect, desk.output.buffer());
        if let (ListReturn { status: Some(items), .. }, Some(folder)) = (&command.returns, &node.folder) {
            status::tell(desk, folder, items).await?;
        }
        desk.output.ease().await?;
    }
    Ok(Status::ok("listed"))
}

/// LSUB: the names that are subscribed to, whether there is a folder or not.
pub(crate) async fn lsub(desk: &mut Desk, reference: &MailboxName, pattern: &ListPattern) -> Answer {
    let tree = read_tree(desk).await?;
    let patterns = joined(reference, std::slice::from_ref(pattern));
    for (name, node) in tree.matching(&patterns) {
        let mut entry = entry(name, node, Wording::Basic);
        if !node.subscribed {
            // RFC 3501 §6.3.9: `%` shows the parent of a subscribed name that it does not reach, with \Noselect.
            if !tree.hides_subscribed(name, &patterns) {
                continue;
            }
            entry.attributes = vec![Attribute::NoSelect];
        }
        write_lsub(&entry, desk.dialect, desk.output.buffer());
        desk.output.ease().await?;
    }
    Ok(Status::ok("listed"))
}

/// NAMESPACE: one personal namespace.
pub(crate) fn namespace(desk: &mut Desk) -> Status {
    write_namespace(desk.output.buffer());
    Status::ok("namespace told")
}

/// The LIST response that SELECT gives a rev2 client (RFC 9051 §6.3.2).
pub(super) async fn tell_selected(desk: &mut Desk, name: &str) -> Result<(), Fault> {
    let tree = read_tree(desk).await?;
    if let Some(node) = tree.get(name) {
        write_list(&entry(name, node, Wording::of(desk.dialect)), desk.dialect, desk.output.buffer());
    }
    Ok(())
}

async fn read_tree(desk: &Desk) -> Result<Tree, Fault> {
    let account = desk.identity.account;
    let read = desk.services.store.read(move |view| Ok((view.folders(account)?, view.subscriptions(account)?)));
    let (folders, subscriptions) = read.await?;
    Ok(Tree::new(folders, subscriptions))
}

fn joined(reference: &MailboxName, patterns: &[ListPattern]) -> Vec<String> {
    patterns.iter().map(|pattern| with_reference(&reference.name, &pattern.pattern)).collect()
}

/// Whether the selection options choose a name, and then whether CHILDINFO is due: something below is
/// subscribed to and RECURSIVEMATCH asked for it (RFC 9051 §6.3.9.1).
fn selects(select: ListSelect, node: &Node) -> Option<bool> {
    let special = node.folder.as_ref().is_some_and(|folder| folder.special_use.is_some());
    if select.special_use && !special {
        return None;
    }
    if !select.subscribed {
        // Names that only stand in the list of subscriptions are no mailboxes.
        return (node.folder.is_some() || node.has_children).then_some(false);
    }
    let below = select.recursive_match && node.subscribed_below;
    (node.subscribed || below).then_some(below)
}

/// Which word the client knows for a name without a folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wording {
    /// RFC 3501: `\Noselect`.
    Basic,
    /// RFC 5258 §3 and RFC 9051 §7.3.1: `\NonExistent`, which implies `\Noselect`.
    Extended,
}

impl Wording {
    fn of(dialect: Dialect) -> Self {
        if dialect.rev2 { Wording::Extended } else { Wording::Basic }
    }
}

/// What is always said of a name. Attributes that nobody asked for do no harm: RFC 9051 §6.3.9.2 lets the server
/// tell them unasked.
fn entry(name: &str, node: &Node, wording: Wording) -> ListEntry {
    let mut attributes = Vec::new();
    if node.folder.is_none() {
        attributes.push(match wording {
            Wording::Basic => Attribute::NoSelect,
            Wording::Extended => Attribute::NonExistent,
        });
    }
    attributes.push(if node.has_children { Attribute::HasChildren } else { Attribute::HasNoChildren });
    if let Some(special_use) = node.folder.as_ref().and_then(|folder| folder.special_use) {
        attributes.push(Attribute::Use(shown_use(special_use)));
    }
    ListEntry { attributes, name: name.to_owned(), ..ListEntry::default() }
}

fn shown_use(special_use: SpecialUse) -> command::SpecialUse {
    match special_use {
        SpecialUse::Sent => command::SpecialUse::Sent,
        SpecialUse::Drafts => command::SpecialUse::Drafts,
        SpecialUse::Junk => command::SpecialUse::Junk,
        SpecialUse::Trash => command::SpecialUse::Trash,
        SpecialUse::Archive => command::SpecialUse::Archive,
    }
}
