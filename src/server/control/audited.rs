//! Which commands touch what belongs to somebody, and so leave an entry in the audit before they do it (M20). A new
//! request has to say here what it is.

use crate::accounts::Accounts;

use super::{Failure, Letters, QueueAction, Request};

/// What a request does, for the audit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Deed {
    /// Nothing that is somebody's: the operator's own devices, logs and files.
    Nobodys,
    /// The service that does it writes its own entry, in the same batch.
    Written,
    /// It is written before it is done: what is done, and to what.
    Before(&'static str, Object),
}

/// What something is done to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Object {
    /// An account, by login or address.
    Account(String),
    /// Anything else, in words.
    Other(String),
}

/// What this request does.
pub(super) fn deed(request: &Request) -> Deed {
    let account = |action, name: &str| Deed::Before(action, Object::Account(name.to_owned()));
    let item = |action, item: &str| Deed::Before(action, Object::Other(format!("item {item}")));
    let all = |action, what: &str| Deed::Before(action, Object::Other(what.to_owned()));
    match request {
        Request::AccountAdd(new) => all("account.add", &format!("login {}", new.login)),
        Request::AccountList(_) => all("account.list", "accounts"),
        Request::AccountShow(name) => account("account.show", &name.name),
        Request::AccountPassword { name, .. } => account("account.password", name),
        Request::AccountQuota { name, .. } => account("account.quota", name),
        Request::AccountReceipts { name, consent: Some(_) } => account("account.receipts", name),
        Request::AccountReceipts { name, consent: None } => account("account.show", name),
        Request::AccountClose { name, letters: Letters::AsConfigured } => account("account.close", name),
        Request::AccountClose { name, letters: Letters::Destroyed } => account("account.destroy", name),
        Request::StaffList { .. } => all("staff.list", "staff"),
        Request::QueueList(_) => all("queue.list", "queue"),
        Request::QueueShow(shown) => item("queue.show", &shown.item),
        Request::QueueChange { item: id, action: QueueAction::Retry } => item("queue.retry", id),
        Request::QueueChange { item: id, action: QueueAction::Hold } => item("queue.hold", id),
        Request::QueueChange { item: id, action: QueueAction::Release } => item("queue.release", id),
        Request::QueueChange { item: id, action: QueueAction::Drop } => item("queue.drop", id),
        Request::PrintList(_) => all("print.list", "print queue"),
        Request::PrintShow(shown) => item("print.show", &shown.item),
        Request::PrintCancel(cancelled) => item("print.cancel", &cancelled.item),
        Request::ScanList(_) => all("scan.list", "scans"),
        Request::ScanShow(shown) => item("scan.show", &shown.item),
        Request::PaymentTerms { name, change: None } => account("payment.terms.show", name),
        Request::StoreBackup { dir } => all("store.backup", &format!("directory {}", dir.display())),
        Request::StoreExpire(_) => all("store.expire", "Trash and Junk"),
        Request::StaffChange { .. }
        | Request::ScanAssign { .. }
        | Request::ScanReject { .. }
        | Request::PaymentImport { .. }
        | Request::PaymentWithdraw { .. }
        | Request::PaymentTerms { change: Some(_), .. }
        | Request::DeviceRotate { .. }
        | Request::DeviceHandle { .. }
        | Request::DeviceUnlock { .. }
        | Request::MailFiles { .. }
        | Request::AgreementPublish(_)
        | Request::NoticeAdd(_)
        | Request::NoticeWithdraw { .. }
        | Request::AuditList(_) => Deed::Written,
        Request::AgreementList
        | Request::NoticeList
        | Request::AgreementShow { .. }
        | Request::PaymentList { .. }
        | Request::PaymentShow { .. }
        | Request::PublishedMarks
        | Request::DeviceStates
        | Request::ClosingList(_)
        | Request::ClosingShow { .. }
        | Request::AuditVerify { .. }
        | Request::AuditHead
        | Request::LogShow
        | Request::LogProof { .. }
        | Request::LogCheck
        | Request::LogResume { .. }
        | Request::StoreStats
        | Request::StoreCheck
        | Request::StoreCompact
        | Request::StoreRotateKey => Deed::Nobodys,
    }
}

impl Object {
    /// As it stands in the audit: an account by its number, which stays when it is closed.
    pub(super) async fn named(self, accounts: &Accounts) -> Result<String, Failure> {
        match self {
            Object::Other(words) => Ok(words),
            Object::Account(name) => {
                let found = accounts.find_login(&name).await.map_err(|error| Failure::from_error(&error))?;
                // A typing error, or a closed one: what was asked for.
                Ok(found.map_or_else(|| format!("login {name}"), |account| format!("account {}", account.id.0)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Item, Name, Part};
    use super::*;

    #[test]
    fn m20_commands_about_people_are_written_down_before_they_are_done() {
        let name = || Name { name: "aigul".into() };
        assert_eq!(deed(&Request::AccountShow(name())), Deed::Before("account.show", Object::Account("aigul".into())));
        assert_eq!(deed(&Request::StoreStats), Deed::Nobodys);
        let item = Item { item: "01M80055P7Y36ZHX0T5RVBBDJ9".into() };
        let shown = Deed::Before("scan.show", Object::Other("item 01M80055P7Y36ZHX0T5RVBBDJ9".into()));
        assert_eq!(deed(&Request::ScanShow(item)), shown);
        assert!(matches!(deed(&Request::QueueList(Part { after: None, limit: 1 })), Deed::Before("queue.list", _)));
    }
}
