//! Push is an event, not a poll (DESIGN 11): a commit wakes those who wait for what it changed.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::ids::{AccountId, FolderId, ItemId};

/// Something that somebody may wait for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Topic {
    /// Messages or flags of one folder.
    Folder(AccountId, FolderId),
    /// The folder list, subscriptions or credentials of one account.
    Account(AccountId),
    /// The outbound queue got or changed a row.
    Outbound,
    /// A print job became available to this print centre.
    Print(String),
    /// The events of one item.
    Item(ItemId),
    /// The review desk.
    Scans,
    /// A sender is to get a receipt.
    Receipts,
    /// Somebody is to be told that the mailbox is nearly full.
    Untold,
    /// Somebody got a mailbox and is to get the confirmation.
    Welcome,
}

/// Who is watching what.
#[derive(Debug, Default, Clone)]
pub struct Hub {
    channels: Arc<Mutex<HashMap<Topic, watch::Sender<u64>>>>,
}

/// Waits for one topic.
#[derive(Debug)]
pub struct Watcher {
    receiver: watch::Receiver<u64>,
}

impl Hub {
    /// A watcher that sees every change published after this call.
    #[must_use]
    pub fn watch(&self, topic: Topic) -> Watcher {
        let mut channels = self.channels.lock();
        if channels.len() > 1024 && channels.len().is_power_of_two() {
            channels.retain(|_, sender| sender.receiver_count() > 0);
        }
        Watcher { receiver: channels.entry(topic).or_insert_with(|| watch::channel(0).0).subscribe() }
    }

    /// Wakes everybody who watches `topic`.
    pub fn publish(&self, topic: &Topic) {
        let mut channels = self.channels.lock();
        if let Some(sender) = channels.get(topic) {
            if sender.receiver_count() == 0 {
                channels.remove(topic);
            } else {
                sender.send_modify(|turn| *turn += 1);
            }
        }
    }
}

impl Watcher {
    /// Returns when the topic was published since the last call (or since the watcher was made).
    pub async fn changed(&mut self) {
        if self.receiver.changed().await.is_err() {
            // The hub is gone: the store is closing, nothing will ever change again.
            std::future::pending::<()>().await;
        }
    }
}
