//! CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (RFC 9051 §6.3.4 to §6.3.8).

use crate::imap::desk::{Answer, Desk};
use crate::imap::fault::Fault;
use crate::imap::proto::command::{self, Create, MailboxName};
use crate::imap::proto::list_pattern::SEPARATOR;
use crate::imap::proto::response::Status;
use crate::store::mailboxes::{SpecialUse, Subscription};

/// CREATE; `USE` of RFC 6154 §3 takes one attribute, because a folder has one use.
pub(crate) async fn create(desk: &mut Desk, command: &Create) -> Answer {
    // RFC 9051 §6.3.4: a separator at the end only says that children will follow.
    let name = command.mailbox.name.trim_end_matches(SEPARATOR);
    check_name(name)?;
    let special_use = match command.special_use.as_slice() {
        [] => None,
        [one] => Some(stored_use(*one).ok_or(Fault::UnknownUse)?),
        _ => return Err(Fault::UnknownUse),
    };
    desk.services.store.create_folder(desk.identity.account, name, special_use).await?;
    Ok(Status::ok("created"))
}

/// DELETE; a session that has the folder selected itself has nothing selected afterwards.
pub(crate) async fn delete(desk: &mut Desk, mailbox: &MailboxName) -> Answer {
    let folder = desk.folder(mailbox).await?;
    desk.services.store.delete_folder(desk.identity.account, &folder.name).await?;
    if desk.selected.as_ref().is_some_and(|selected| selected.folder == folder.id) {
        desk.selected = None;
    }
    Ok(Status::ok("deleted"))
}

/// RENAME, with everything below; INBOX gives its messages to the new name and stays (RFC 9051 §6.3.6).
pub(crate) async fn rename(desk: &mut Desk, from: &MailboxName, to: &MailboxName) -> Answer {
    let to = to.name.trim_end_matches(SEPARATOR);
    check_name(to)?;
    let now = desk.services.world.now();
    desk.services.store.rename_folder(desk.identity.account, &from.name, to, now).await?;
    Ok(Status::ok("renamed"))
}

/// SUBSCRIBE and UNSUBSCRIBE. A name may be subscribed to before and after there is a folder
/// (RFC 9051 §6.3.7).
pub(crate) async fn subscribe(desk: &mut Desk, mailbox: &MailboxName, wanted: Subscription) -> Answer {
    let name = mailbox.name.trim_end_matches(SEPARATOR);
    check_name(name)?;
    desk.services.store.set_subscription(desk.identity.account, name, wanted).await?;
    match wanted {
        Subscription::On => Ok(Status::ok("subscribed")),
        Subscription::Off => Ok(Status::ok("unsubscribed")),
    }
}

/// Names that would confuse people and clients: empty levels, control characters (RFC 9051 §5.1), and the
/// wildcards of LIST. How long and how deep they may be, the store knows.
fn check_name(name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        return Err(Fault::BadName("a folder needs a name"));
    }
    if name.split(SEPARATOR).any(str::is_empty) {
        return Err(Fault::BadName("a level of the name is empty"));
    }
    let forbidden = |c: char| c.is_control() || matches!(c, '*' | '%' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    if name.contains(forbidden) {
        return Err(Fault::BadName("the name has a character that names cannot have"));
    }
    Ok(())
}

/// `\All` and `\Flagged` are views over other folders; there are none here.
fn stored_use(wanted: command::SpecialUse) -> Option<SpecialUse> {
    match wanted {
        command::SpecialUse::Archive => Some(SpecialUse::Archive),
        command::SpecialUse::Drafts => Some(SpecialUse::Drafts),
        command::SpecialUse::Junk => Some(SpecialUse::Junk),
        command::SpecialUse::Sent => Some(SpecialUse::Sent),
        command::SpecialUse::Trash => Some(SpecialUse::Trash),
        command::SpecialUse::All | command::SpecialUse::Flagged => None,
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("Пошта/Хаттар" => true)]
    #[test_case("a//b" => false; "an empty level")]
    #[test_case("/a" => false; "an empty first level")]
    #[test_case("" => false; "no name")]
    #[test_case("a\u{7}b" => false; "a control character")]
    #[test_case("a*" => false; "a wildcard")]
    fn rfc9051_mailbox_names(name: &str) -> bool {
        check_name(name).is_ok()
    }
}
