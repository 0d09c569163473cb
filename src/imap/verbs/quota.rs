//! GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208): one quota root, over all mailboxes of the user.

use crate::imap::desk::{Answer, Desk};
use crate::imap::fault::Fault;
use crate::imap::proto::command::MailboxName;
use crate::imap::proto::response::{QuotaResource, Status, write_quota, write_quota_root};
use crate::store::quota::{Allowance, Usage};

/// RFC 9208 §3.2: the name of a quota root may be empty.
const ROOT: &str = "";

/// RFC 9208 §5.1: STORAGE is counted in units of 1024 octets.
const UNIT: u64 = 1024;

/// GETQUOTA.
pub(crate) async fn get(desk: &mut Desk, root: &str) -> Answer {
    let resources = resources(desk).await?;
    if root != ROOT || resources.is_empty() {
        return Err(Fault::NoSuchQuotaRoot);
    }
    write_quota(ROOT, &resources, desk.dialect, desk.output.buffer());
    Ok(Status::ok("quota told"))
}

/// GETQUOTAROOT. RFC 9208 §4.1.2: the mailbox need not exist; what would count for it is told.
pub(crate) async fn get_root(desk: &mut Desk, mailbox: &MailboxName) -> Answer {
    let resources = resources(desk).await?;
    let (dialect, out) = (desk.dialect, desk.output.buffer());
    // RFC 9208 §7: a QUOTA response has at least one resource, so who has no limit has no root.
    if resources.is_empty() {
        write_quota_root(&mailbox.name, &[], dialect, out);
    } else {
        write_quota_root(&mailbox.name, &[ROOT], dialect, out);
        write_quota(ROOT, &resources, dialect, out);
    }
    Ok(Status::ok("quota told"))
}

async fn resources(desk: &Desk) -> Result<Vec<QuotaResource>, Fault> {
    let (allowance, held) = desk.quota().await?;
    Ok(listed(&allowance, held))
}

/// What has a limit. What is used is rounded up and what there is down: nothing looks free that is not.
fn listed(allowance: &Allowance, held: Usage) -> Vec<QuotaResource> {
    let storage = allowance.bytes.most.map(|most| QuotaResource {
        name: "STORAGE",
        usage: held.bytes.div_ceil(UNIT),
        limit: most / UNIT,
    });
    let messages = allowance.messages.most.map(|limit| QuotaResource { name: "MESSAGE", usage: held.messages, limit });
    storage.into_iter().chain(messages).collect()
}
