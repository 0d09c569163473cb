//! Which facility marks a letter, and the impressions it gets (P6): one acceptance for the item, one receipt and
//! one delivery for each mailbox.

use std::sync::Arc;

use crate::accounts::Account;
use crate::address::{Address, Domain};
use crate::clock::{Timestamp, World};
use crate::ids::{ImpressionId, ItemId};
use crate::postal::{
    self, Details, FacilityId, Handover, Impression, Kind, NotStamped, Occasion, PostalIndex, RecipientTag, Registry,
    S10,
};

use super::policy::Policy;
use super::{Entrance, Envelope, Origin, Recipient, Refusal, Route, Sender};

/// The stamps of this operator, and who uses which.
#[derive(Clone, Debug)]
pub(super) struct Marking {
    pub(super) registry: Arc<Registry>,
    pub(super) facilities: postal::Settings,
    pub(super) world: World,
}

impl Marking {
    /// The acceptance: name of the facility, place and time (P6 a). The instant is the clock's (P3, P24).
    pub(super) fn accept(
        &self,
        item: ItemId,
        instant: Timestamp,
        origin: &Origin,
        facility: &FacilityId,
        s10: Option<S10>,
    ) -> Result<Impression, Refusal> {
        let (official, peer) = match &origin.sender {
            Sender::Peer { name, official } => (*official, Some(name.clone())),
            _ => (false, None),
        };
        let details = Details { s10, official, peer, ..Details::default() };
        self.make(item, instant, facility, Kind::Accept, details)
    }

    /// Receipt and delivery at a mailbox: made by its owner's home facility, in this order.
    pub(super) fn arrive(
        &self,
        item: ItemId,
        instant: Timestamp,
        account: &Account,
        recipient: &Address,
    ) -> Result<[Impression; 2], Refusal> {
        let facility = self.home(account, instant)?;
        let make = |kind| {
            let recipient = RecipientTag::new(self.world.random(), recipient);
            let details = Details { recipient: Some(recipient), ..Details::default() };
            self.make(item, instant, &facility, kind, details)
        };
        Ok([make(Kind::Receive)?, make(Kind::Deliver(Handover::Delivered))?])
    }

    /// The facility that accepts. The scan centre makes its own mark; what comes from abroad or goes only there
    /// passes the exchange place (P26); everything else belongs to the door it came through.
    pub(super) fn accepting_facility(
        &self,
        policy: &Policy,
        origin: &Origin,
        envelope: &Envelope,
        routes: &[(Recipient, Route)],
    ) -> Result<FacilityId, Refusal> {
        let is_abroad = |domain: &Domain| !policy.is_domestic(domain);
        let goes_abroad = |route: &Route| matches!(route, Route::Remote(domain) if is_abroad(domain));
        let to_abroad = !routes.is_empty() && routes.iter().all(|(_, route)| goes_abroad(route));
        let from_abroad = origin.sender == Sender::Stranger
            && envelope.reverse_path.address().is_some_and(|address| is_abroad(address.domain()));
        let name = match &origin.entrance {
            Entrance::Scan { facility } => facility,
            _ if to_abroad || from_abroad => &self.facilities.intl_exchange_facility,
            Entrance::Mx => &self.facilities.mx_facility,
            Entrance::Submission | Entrance::System => &self.facilities.submission_facility,
        };
        facility_id(name)
    }

    fn home(&self, account: &Account, instant: Timestamp) -> Result<FacilityId, Refusal> {
        let index = account.postal_index.as_deref().and_then(|index| index.parse::<PostalIndex>().ok());
        match index.and_then(|index| self.registry.home_facility(&index, instant)) {
            Some(facility) => Ok(facility.id.clone()),
            None => facility_id(&self.facilities.mailbox_facility),
        }
    }

    fn make(
        &self,
        item: ItemId,
        instant: Timestamp,
        facility: &FacilityId,
        kind: Kind,
        details: Details,
    ) -> Result<Impression, Refusal> {
        let workplace = self.registry.workplace(facility, kind, instant).map_err(not_stamped)?;
        let occasion = Occasion { id: ImpressionId::generate(&self.world), item, kind, instant };
        Impression::make(workplace, occasion, details).map_err(not_stamped)
    }
}

/// No letter passes without its mark: until the operator has put the stamps right, it is refused for now.
fn not_stamped(error: NotStamped) -> Refusal {
    tracing::error!(%error, "no impression can be made");
    Refusal::Temporary(format!("no postmark can be made: {error}"))
}

fn facility_id(name: &str) -> Result<FacilityId, Refusal> {
    name.parse().map_err(|_| Refusal::Temporary(format!("{name:?} is no facility id")))
}
