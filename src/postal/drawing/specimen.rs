//! Specimens: what a device would leave behind, for documents and for who checks its engraving. Each says across its
//! face that it is one, in the ink of the drawing, so that no picture of a stamp can pass for a stamp (P3, P19, P24).

use crate::clock::Timestamp;

use super::super::{DateToken, DeviceKind, Inscription, NotStamped, Workplace};
use super::lettering::{Cover, across};
use super::plain;
use super::round::{Engraving, RoundPostmark};
use super::surcharge::SurchargeStamp;

/// What a specimen is called, on its face.
const SPECIMEN: &str = "ҮЛГІ";

/// The face of a device on some day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Specimen {
    svg: String,
}

impl Specimen {
    /// What the device shows at an instant.
    ///
    /// # Errors
    /// The device is not one of the facility's then, or is not in use.
    pub fn of(workplace: Workplace<'_>, at: Timestamp) -> Result<Self, NotStamped> {
        let (operator, facility, device) = (workplace.operator(), workplace.facility(), workplace.device());
        let today = facility.date_at(at);
        if !facility.devices.contains(device) || !facility.period.contains(today) || !device.is_usable(today, at) {
            return Err(NotStamped::DeviceNotInUse(device.id.to_string()));
        }
        let inscription = Inscription::of(facility, operator, today);
        let token = DateToken::at(at, facility);
        let title = format!("{SPECIMEN} · {}", inscription.line(device.mark.as_ref(), token));
        let engraving = Engraving {
            inscription: &inscription,
            letter: device.mark.as_ref(),
            event: device.event_kk.as_deref().filter(|_| device.kind == DeviceKind::Special),
            token: &token.to_string(),
            ink: facility.ink,
            title: &title,
        };
        let svg = match plain::svg(device, &inscription, facility.ink, &title) {
            Some(svg) => svg,
            None if device.kind == DeviceKind::Surcharge => SurchargeStamp::engraved(engraving, 0).svg(),
            None => RoundPostmark::engraved(engraving).svg(),
        };
        Ok(Specimen { svg: across(&svg, SPECIMEN, facility.ink.hex(), Cover::Veil) })
    }

    /// The drawing.
    #[must_use]
    pub fn svg(&self) -> &str {
        &self.svg
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::registry::tests::{now, sample};
    use super::*;

    #[test]
    fn p3_every_picture_of_a_device_says_that_it_is_a_specimen() {
        let registry = sample();
        let mut kinds = std::collections::HashSet::new();
        for at in [now(), EVENT.parse().unwrap()] {
            for facility in registry.facilities(at) {
                let operator = registry.operator(&facility.operator).unwrap();
                for device in facility.devices.iter().filter(|device| device.is_usable(facility.date_at(at), at)) {
                    let svg = Specimen::of(Workplace::new(operator, facility, device), at).unwrap().svg;
                    assert!(
                        svg.contains(&format!(">{SPECIMEN}</text></svg>")) && svg.contains("<title>ҮЛГІ · "),
                        "{svg}"
                    );
                    assert_eq!(svg.matches("<svg").count(), 1);
                    kinds.insert(device.kind);
                }
            }
        }
        assert_eq!(kinds.len(), 8, "one of each kind (P5): {kinds:?}");
    }

    /// The day of the special stamp among the example's devices.
    const EVENT: &str = "2026-12-16T06:00:00Z";

    #[test]
    fn p8_a_special_stamp_tells_its_event_on_its_day_only() {
        let registry = sample();
        let at: Timestamp = EVENT.parse().unwrap();
        let facility = registry.facility(&"astana-1".parse().unwrap(), at).unwrap();
        let operator = registry.operator(&facility.operator).unwrap();
        let device = facility.device(DeviceKind::Special, at).unwrap();
        let workplace = Workplace::new(operator, facility, device);
        let svg = Specimen::of(workplace, at).unwrap().svg;
        let ring: String = svg.split("</text>").filter_map(|text| text.rsplit('>').next()).collect();
        assert!(ring.contains("ТӘУЕЛСІЗДІК"), "{svg}");
        assert!(svg.contains("16122611"), "{svg}");
        assert!(Specimen::of(workplace, now()).is_err());
    }

    #[test]
    fn p31_a_device_that_is_not_in_use_has_no_specimen() {
        let registry = sample();
        let long_ago = "1999-01-01T00:00:00Z".parse().unwrap();
        let facility = registry.facilities(now()).find(|it| it.devices.iter().any(|it| it.kind == DeviceKind::Special));
        let facility = facility.unwrap();
        let operator = registry.operator(&facility.operator).unwrap();
        let device = facility.devices.iter().find(|device| device.kind == DeviceKind::Special).unwrap();
        assert!(Specimen::of(Workplace::new(operator, facility, device), long_ago).is_err());
    }
}
