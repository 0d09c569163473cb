//! How many documents are checked: by whom in a minute, how many are held in memory, and how many are judged at one time.
//!
//! The invariant: nothing of a document is read before it has a place, and it keeps the place until it is judged, whether
//! or not anybody waits for the verdict. So what strangers send takes no more memory than that of all places, however
//! many they are and however slowly they send.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::StatusCode;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::auth::network::Network;
use crate::people::signatures::Judged;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::rate::FormRate;
use super::Brought;

/// Documents that are read or judged at one time.
const PLACES: usize = 4;

/// Places of one network: whoever sends slowly leaves some to all others.
const PLACES_OF_A_NETWORK: usize = PLACES / 2;

/// Documents that are judged at one time: a large one takes memory several times its size.
const TURNS: usize = 2;

/// When to come back if there is no place: most documents are small, and judged in less.
const BUSY_S: u32 = 5;

/// The counts. Clones share them.
#[derive(Clone, Debug)]
pub(in crate::http) struct Checks {
    rate: FormRate,
    /// Who has a place, once for each.
    places: Arc<Mutex<Vec<Network>>>,
    turns: Arc<Semaphore>,
}

/// The place of one document; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Mutex<Vec<Network>>>,
    network: Network,
}

impl Default for Checks {
    fn default() -> Self {
        Checks { rate: FormRate::default(), places: Arc::default(), turns: Arc::new(Semaphore::new(TURNS)) }
    }
}

impl Checks {
    /// A place for a document from there.
    ///
    /// # Errors
    /// All are taken, or as many as one network may have.
    pub(super) fn place(&self, from: IpAddr) -> Result<Place, Fault> {
        let network = Network::of(from);
        let mut places = self.places.lock();
        let own = places.iter().filter(|taken| **taken == network).count();
        if places.len() >= PLACES || own >= PLACES_OF_A_NETWORK {
            let busy = Fault::new(StatusCode::SERVICE_UNAVAILABLE, "document-busy", "document-busy-text");
            return Err(busy.after(BUSY_S));
        }
        places.push(network);
        Ok(Place { places: Arc::clone(&self.places), network })
    }

    /// Counts a document.
    ///
    /// # Errors
    /// It is one too many in this minute.
    pub(super) fn require_pace(&self, api: &Api, from: IpAddr) -> Result<(), Fault> {
        let most = api.settings().max_document_checks_per_minute;
        self.rate.wait_s(from, most, api.now()).map_or(Ok(()), |seconds| Err(Fault::too_many(seconds)))
    }

    /// Judges a document when it is its turn. Whoever hangs up meanwhile does not free the place: the document is still
    /// in memory.
    pub(super) async fn judge(&self, api: &Api, brought: Brought, place: Place) -> Result<Judged, Fault> {
        let (turns, api) = (Arc::clone(&self.turns), api.clone());
        let judging = tokio::spawn(async move {
            let _place = place;
            let _turn = turns.acquire().await.map_err(|error| Fault::inside(&error))?;
            let judged = api.signatures().judge(brought.signature, brought.document, api.now()).await;
            judged.map_err(|error| Fault::inside(&error))
        });
        judging.await.map_err(|error| Fault::inside(&error))?
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.lock();
        if let Some(own) = places.iter().position(|taken| *taken == self.network) {
            places.swap_remove(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_half_of_the_places_and_gets_back_what_it_leaves() {
        let checks = Checks::default();
        let place = |network, host| checks.place([192, 0, network, host].into());
        let mut own = vec![place(1, 1).unwrap(), place(1, 2).unwrap()];
        assert!(place(1, 3).is_err(), "the rest is for others");
        let others = [place(2, 1).unwrap(), place(3, 1).unwrap()];
        assert!(place(4, 1).is_err(), "all are taken");
        own.pop();
        assert!(place(4, 1).is_ok() && place(1, 3).is_ok());
        drop(others);
        assert_eq!(checks.places.lock().len(), own.len());
    }
}
