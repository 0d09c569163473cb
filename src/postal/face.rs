//! The face of a device: what all its impressions have in common until something about its facility changes, engraved
//! once and not for each letter.

use std::sync::{Arc, OnceLock};

use jiff::civil::Date;
use parking_lot::Mutex;

use super::mark_head::MarkHead;
use super::mark_text::mark_text_field;
use super::tag_writer::TagWriter;
use super::{DateToken, Device, Facility, FacilityId, Handover, Ink, Inscription, Kind, Operator, is_oblast_shown};

/// Where a stamp is used: a device of a facility of an operator. [`super::Registry::workplace`] finds it.
#[derive(Clone, Copy, Debug)]
pub struct Workplace<'a> {
    operator: &'a Operator,
    facility: &'a Facility,
    device: &'a Device,
    /// Those of the device that were engraved before.
    faces: Option<&'a Faces>,
}

/// The faces of one device of a version of its facility, each engraved when it is needed first: without the oblast, and
/// with it (P15).
#[derive(Clone, Debug, Default)]
pub(super) struct Faces([OnceLock<Arc<Face>>; 2]);

/// See the module's text.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Face {
    pub(super) facility: FacilityId,
    pub(super) device: Device,
    pub(super) ink: Ink,
    pub(super) inscription: Inscription,
    /// Tags `op` to `fn`.
    maker: String,
    /// Tag `pl`.
    place: String,
    /// Tags `ob` and `st`.
    state: String,
    kept: Kept,
}

/// What was made from the rest of a face for one mark, and is kept for the next ones.
#[derive(Debug, Default)]
struct Kept {
    /// How marks begin, for each kind.
    heads: [OnceLock<MarkHead>; 8],
    /// The field for people with the last date token, which changes once an hour.
    text: Mutex<Option<(DateToken, String)>>,
}

impl<'a> Workplace<'a> {
    /// A device of this facility of this operator.
    #[must_use]
    pub fn new(operator: &'a Operator, facility: &'a Facility, device: &'a Device) -> Self {
        Workplace { operator, facility, device, faces: None }
    }

    /// Whose facility.
    #[must_use]
    pub fn operator(&self) -> &'a Operator {
        self.operator
    }

    /// The version of the facility that is valid now.
    #[must_use]
    pub fn facility(&self) -> &'a Facility {
        self.facility
    }

    /// One of its devices.
    #[must_use]
    pub fn device(&self) -> &'a Device {
        self.device
    }

    /// The same; `faces` are those of this very device.
    pub(super) fn with_faces(self, faces: &'a Faces) -> Self {
        Workplace { faces: Some(faces), ..self }
    }

    /// What the device shows on a day. Of all that it shows only the oblast hangs on the day.
    pub(super) fn face(&self, on: Date) -> Arc<Face> {
        let is_oblast_shown = is_oblast_shown(self.facility.oblast, &self.facility.settlement_kk, on);
        let engrave = || Arc::new(Face::of(self, on));
        match self.faces.and_then(|faces| faces.0.get(usize::from(is_oblast_shown))) {
            Some(face) => Arc::clone(face.get_or_init(engrave)),
            None => engrave(),
        }
    }
}

// They follow from the registry that they are kept in.
impl PartialEq for Faces {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Kept {
    fn head(&self, kind: Kind) -> &OnceLock<MarkHead> {
        let [accept, receive, delivered, handed, both, surcharge, cancel, seal] = &self.heads;
        match kind {
            Kind::Accept => accept,
            Kind::Receive => receive,
            Kind::Deliver(Handover::Delivered) => delivered,
            Kind::Deliver(Handover::Handed) => handed,
            Kind::Deliver(Handover::Both) => both,
            Kind::Surcharge => surcharge,
            Kind::Cancel => cancel,
            Kind::Seal => seal,
        }
    }
}

// It follows from the face that it is kept in.
impl PartialEq for Kept {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Kept {}

impl Face {
    fn of(workplace: &Workplace<'_>, on: Date) -> Self {
        let Workplace { operator, facility, device, .. } = *workplace;
        let inscription = Inscription::of(facility, operator, on);
        Face {
            maker: tags(|tags| {
                tags.push("op", operator.id.as_str());
                tags.push("f", facility.id.as_str());
                tags.push("ix", facility.index.as_str());
                tags.push_some("no", inscription.number);
                if let Some(mark) = &device.mark {
                    tags.push_quoted("dv", mark.as_str());
                }
                tags.push_quoted("fn", &inscription.facility);
            }),
            place: tags(|tags| tags.push_quoted("pl", &inscription.settlement)),
            state: tags(|tags| {
                tags.push_some("ob", inscription.oblast.map(|_| facility.oblast));
                tags.push("st", "KZ");
            }),
            facility: facility.id.clone(),
            device: device.clone(),
            ink: facility.ink,
            inscription,
            kept: Kept::default(),
        }
    }

    /// How its marks of a kind begin.
    pub(super) fn head(&self, kind: Kind) -> &MarkHead {
        self.kept.head(kind).get_or_init(|| {
            MarkHead::engrave(|tags| {
                tags.push("k", kind.tag());
                tags.push_some("dk", kind.handover());
                tags.push_written(&self.maker);
                // P6: the clause names no place for a delivery.
                if !matches!(kind, Kind::Deliver(_)) {
                    tags.push_written(&self.place);
                }
                tags.push_written(&self.state);
            })
        })
    }

    /// Writes the field for people to the end of `out`.
    pub(super) fn write_text(&self, token: DateToken, out: &mut String) {
        let mut last = self.kept.text.lock();
        match &*last {
            Some((of, field)) if *of == token => out.push_str(field),
            _ => {
                let field = mark_text_field(&self.inscription.line(self.device.mark.as_ref(), token));
                out.push_str(&field);
                *last = Some((token, field));
            }
        }
    }
}

/// Tags as they stand in a list.
fn tags(push: impl FnOnce(&mut TagWriter)) -> String {
    let mut tags = TagWriter::tags(0);
    push(&mut tags);
    tags.into_canonical()
}

#[cfg(test)]
mod tests {
    use super::super::registry::tests::sample;
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn a_face_that_was_kept_is_what_the_device_shows_on_that_day() {
        let registry = sample();
        let days: [Timestamp; 3] =
            ["2022-06-07T12:00:00Z", "2022-06-08T12:00:00Z", "2026-11-21T04:00:00Z"].map(|day| day.parse().unwrap());
        let mut faces = 0;
        for at in days.into_iter().chain(days) {
            for facility in registry.facilities(at) {
                for device in &facility.devices {
                    let kept = registry.workplace_with(&facility.id, &device.id, at).unwrap();
                    let on = facility.date_at(at);
                    assert_eq!(kept.face(on), Workplace::new(kept.operator(), facility, device).face(on));
                    assert!(Arc::ptr_eq(&kept.face(on), &kept.face(on)), "engraved once");
                    faces += 1;
                }
            }
        }
        assert!(faces > 20);
    }

    #[test]
    fn p29_the_line_for_people_has_the_token_of_its_own_mark() {
        let registry = sample();
        let at: Timestamp = "2026-11-21T04:00:00Z".parse().unwrap();
        let workplace = registry.workplace(&"kokshetau".parse().unwrap(), Kind::Accept, at).unwrap();
        let face = workplace.face(workplace.facility().date_at(at));
        let now = DateToken::at(at, workplace.facility());
        // A letter from a box has the date alone (P23).
        for token in [now, now, now.without_hour(), now] {
            let mut field = String::new();
            face.write_text(token, &mut field);
            assert_eq!(field, mark_text_field(&face.inscription.line(face.device.mark.as_ref(), token)));
        }
    }

    /// P15: a settlement becomes a centre on some day, as Semey did.
    #[test]
    fn p15_the_same_device_has_a_face_with_the_oblast_and_one_without() {
        let registry = sample();
        let (facility, shown, hidden) = registry
            .versions()
            .iter()
            .find_map(|facility| {
                let is_shown = |on: &Date| is_oblast_shown(facility.oblast, &facility.settlement_kk, *on);
                let days = ["2022-06-07", "2022-06-08", "2026-11-21"].map(|day| day.parse::<Date>().unwrap());
                let (shown, hidden) = (days.iter().find(|day| is_shown(day))?, days.iter().find(|day| !is_shown(day))?);
                Some((facility, *shown, *hidden))
            })
            .unwrap();
        let operator = registry.operator(&facility.operator).unwrap();
        let faces = Faces::default();
        let workplace = Workplace::new(operator, facility, &facility.devices[0]).with_faces(&faces);
        for on in [shown, hidden, shown] {
            assert_eq!(workplace.face(on).state.contains("ob="), on == shown);
            assert_eq!(workplace.face(on).inscription.oblast.is_some(), on == shown);
        }
    }
}
