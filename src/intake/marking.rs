//! Which facility marks a letter, and the impressions it gets (P6): one acceptance for the item, one receipt and
//! one delivery for each mailbox.

use std::sync::Arc;

use crate::accounts::Account;
use crate::address::{Address, Domain};
use crate::clock::{Timestamp, World};
use crate::devices::{self, Devices, Strike, Strikes};
use crate::ids::{ImpressionId, ItemId};
use crate::postal::{
    self, Contents, Details, DeviceKind, FacilityId, Handover, Impression, Kind, LetterBox, MarkDigest, NotStamped,
    Occasion, PostalIndex, RecipientTag, Registry, S10, SignedImpression,
};

use super::item::Mailbox;
use super::policy::{Policy, Routing};
use super::{Entrance, Envelope, Origin, Refusal, Route, Sender};

/// The stamps of this operator, and who uses which.
#[derive(Clone, Debug)]
pub(super) struct Marking {
    pub(super) registry: Arc<Registry>,
    pub(super) facilities: postal::Settings,
    pub(super) devices: Devices,
    pub(super) world: World,
}

/// A stroke and the facility it is made at.
#[derive(Clone, Debug)]
pub(super) struct Stroke {
    pub(super) facility: FacilityId,
    pub(super) strike: Strike,
}

/// All strokes for a letter: the acceptance, then receipt and delivery for each mailbox.
#[derive(Debug)]
pub(super) struct Strokes {
    pub(super) accept: Stroke,
    pub(super) arrivals: Vec<[Stroke; 2]>,
}

/// What receipt and delivery at one mailbox are made from.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    pub(super) item: ItemId,
    pub(super) recipient: &'a Address,
    pub(super) strokes: &'a [Stroke; 2],
    pub(super) contents: &'a Contents,
    /// The acceptance.
    pub(super) accept: MarkDigest,
}

impl Marking {
    /// Brings down the stamps for a letter. Numbers and instants are the devices' (P3, P24, P31).
    pub(super) async fn strike(
        &self,
        strikes: &mut Strikes,
        accepting: FacilityId,
        routing: &Routing,
    ) -> Result<Strokes, Refusal> {
        let accept = stroke(strikes, accepting, Kind::Accept).await?;
        let mut arrivals = Vec::with_capacity(routing.mailboxes.len());
        for Mailbox { account, .. } in &routing.mailboxes {
            let home = self.home(account, accept.strike.instant())?;
            let receive = stroke(strikes, home.clone(), Kind::Receive).await?;
            arrivals.push([receive, stroke(strikes, home, DELIVERED).await?]);
        }
        Ok(Strokes { accept, arrivals })
    }

    /// The acceptance: name of the facility, place and time (P6 a). Unsigned, for the header that it signs names the
    /// item.
    pub(super) fn accept(
        &self,
        item: ItemId,
        stroke: &Stroke,
        origin: &Origin,
        s10: Option<S10>,
        letter_box: Option<LetterBox>,
    ) -> Result<Impression, Refusal> {
        let details = Details { letter_box, ..acceptance_details(origin, s10) };
        self.make(item, stroke, Kind::Accept, details)
    }

    /// Receipt and delivery at a mailbox: made by its owner's home facility, in this order, each pointing to the one
    /// before it.
    pub(super) fn arrive(&self, arrival: &Arrival<'_>) -> Result<[SignedImpression; 2], Refusal> {
        let [receive, deliver] = arrival.strokes;
        let make = |stroke: &Stroke, kind, previous| {
            let recipient = RecipientTag::new(self.world.random(), arrival.recipient);
            let details = Details { recipient: Some(recipient), ..Details::default() };
            let impression = self.make(arrival.item, stroke, kind, details)?;
            sign(impression, stroke, arrival.contents, Some(previous))
        };
        let receive = make(receive, Kind::Receive, arrival.accept)?;
        let deliver = make(deliver, DELIVERED, receive.digest())?;
        Ok([receive, deliver])
    }

    /// The facility that accepts. The scan centre makes its own mark; what comes from abroad or goes only there
    /// passes the exchange place (P26); everything else belongs to the door it came through.
    ///
    /// Where a letter goes its `To` and `Cc` say: the acceptance is the same in all copies, and must not tell somebody
    /// abroad that there is a blind copy at home, nor the other way round.
    pub(super) fn accepting_facility(
        &self,
        policy: &Policy,
        origin: &Origin,
        envelope: &Envelope,
        routing: &Routing,
        header: &[u8],
    ) -> Result<FacilityId, Refusal> {
        let is_abroad = |domain: &Domain| !policy.is_domestic(domain);
        let goes_abroad = |route: &Route| matches!(route, Route::Remote(domain) if is_abroad(domain));
        let to_abroad = routing.routes.iter().any(|(_, route)| goes_abroad(route)) && {
            let mut shown = routing.shown(header).peekable();
            shown.peek().is_some() && shown.all(|(_, route)| goes_abroad(route))
        };
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

    pub(super) fn make(
        &self,
        item: ItemId,
        stroke: &Stroke,
        kind: Kind,
        details: Details,
    ) -> Result<Impression, Refusal> {
        let instant = stroke.strike.instant();
        let workplace = self.registry.workplace_with(&stroke.facility, stroke.strike.device(), instant);
        // All that are made with an item say its millisecond: those of later copies would tell how many came before.
        let id = ImpressionId::generate_at(item.made_at(), &self.world);
        let occasion = Occasion { id, item, kind, instant };
        Impression::make(workplace.map_err(not_stamped)?, occasion, details).map_err(not_stamped)
    }
}

/// What is laid into a mailbox is delivered; handing it over is its reader's doing.
const DELIVERED: Kind = Kind::Deliver(Handover::Delivered);

/// What every acceptance says of a letter.
pub(super) fn acceptance_details(origin: &Origin, s10: Option<S10>) -> Details {
    let (official, peer) = match &origin.sender {
        Sender::Peer { name, official } => (*official, Some(name.clone())),
        _ => (false, None),
    };
    Details { s10, official, peer, ..Details::default() }
}

/// Signs an impression over the letter.
pub(super) fn sign(
    impression: Impression,
    stroke: &Stroke,
    contents: &Contents,
    previous: Option<MarkDigest>,
) -> Result<SignedImpression, Refusal> {
    impression.sign(contents, &stroke.strike.signer(), previous).map_err(|error| no_mark(&error))
}

async fn stroke(strikes: &mut Strikes, facility: FacilityId, kind: Kind) -> Result<Stroke, Refusal> {
    stroke_with(strikes, facility, kind.device()).await
}

/// A stroke of the facility's device of this kind.
pub(super) async fn stroke_with(
    strikes: &mut Strikes,
    facility: FacilityId,
    device: DeviceKind,
) -> Result<Stroke, Refusal> {
    match strikes.strike_with(&facility, device).await {
        Ok(strike) => Ok(Stroke { facility, strike }),
        Err(devices::Error::Store(error)) => Err(Refusal::Store(error)),
        Err(error) => Err(no_mark(&error)),
    }
}

fn not_stamped(error: NotStamped) -> Refusal {
    no_mark(&error)
}

/// No letter passes without its mark: until the operator has put the stamps right, it is refused for now.
pub(super) fn no_mark(error: &dyn std::error::Error) -> Refusal {
    tracing::error!(%error, "no impression can be made");
    Refusal::Temporary(format!("no postmark can be made: {error}"))
}

pub(super) fn facility_id(name: &str) -> Result<FacilityId, Refusal> {
    name.parse().map_err(|_| Refusal::Temporary(format!("{name:?} is no facility id")))
}
