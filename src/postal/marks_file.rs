//! What is published about operators, facilities and devices, so that anybody can judge marks: the format of
//! `/.well-known/poshta-marks.json` and of `poshta postmark verify --keys FILE`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::{Algorithm, Device, DeviceKind, Facility, FacilityKind, Ink, Mark, Operator, PublicKey, Registry, Zone};

/// The whole file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct MarksFile {
    /// Every operator whose marks can be judged with it.
    pub operators: Vec<MarksOperator>,
}

/// An operator (P17).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MarksOperator {
    /// Tag `op`.
    pub id: String,
    /// True for the National operator.
    pub national: bool,
    /// Name in the state language.
    pub name_kk: String,
    /// Name in Latin letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_lat: Option<String>,
    /// Its mail domains.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Its facilities.
    pub facilities: Vec<MarksFacility>,
}

/// A facility with its history.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MarksFacility {
    /// Tag `f`.
    pub id: String,
    /// What it is for.
    pub kind: FacilityKind,
    /// Its versions, oldest first.
    pub versions: Vec<MarksVersion>,
    /// Its devices.
    pub devices: Vec<MarksDevice>,
}

/// What was true of a facility from one day to another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MarksVersion {
    /// First day, `2026-01-31`; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Last day; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Name in the state language (P25).
    pub name_kk: String,
    /// Name in Latin letters (P26).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_lat: Option<String>,
    /// ISO 3166-2 code of the oblast or city.
    pub oblast: String,
    /// Settlement in the state language.
    pub settlement_kk: String,
    /// Settlement in Latin letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement_lat: Option<String>,
    /// P14.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
    /// Postal index.
    pub postal_index: String,
    /// Name in the tz database.
    pub zone: String,
    /// P30.
    pub low_volume: bool,
    /// P28: the colour of its ink, for who draws its marks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ink: Option<Ink>,
    /// P23: the letter boxes and their collection times.
    #[serde(default)]
    pub collection_times: Vec<MarksLetterBox>,
}

/// A letter box.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MarksLetterBox {
    /// Tag `lb`.
    pub id: String,
    /// `17:00:00` in the facility's zone.
    pub time: String,
}

/// A device and its keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MarksDevice {
    /// Its name.
    pub id: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Tag `dv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<String>,
    /// Tag `s` of the key that it signs with now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Tag `a` of that key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// That key, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// All its keys, the oldest first: marks of a key that was replaced go on being valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<MarksKey>,
    /// P8: title of the event of a special stamp, for who draws its marks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_kk: Option<String>,
    /// First day of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Last day of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// When it was withdrawn (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
}

/// A key of a device.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MarksKey {
    /// Tag `s`.
    pub selector: String,
    /// Tag `a`.
    pub algorithm: String,
    /// The key, base64.
    pub public_key: String,
    /// Its first second (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Its last second; open while it is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl MarksKey {
    /// The key itself, if its algorithm is known.
    #[must_use]
    pub fn public(&self) -> Option<PublicKey> {
        PublicKey::parse(Algorithm::from_tag(&self.algorithm)?, &self.public_key).ok()
    }
}

impl MarksFile {
    /// What this registry publishes, without any keys.
    #[must_use]
    pub fn of(registry: &Registry) -> Self {
        let operators = registry.operators().iter().map(|operator| published_operator(registry, operator));
        MarksFile { operators: operators.collect() }
    }

    /// Every device, for what the registry does not know. One that was altered is there several times.
    pub fn devices_mut(&mut self) -> impl Iterator<Item = &mut MarksDevice> {
        let facilities = self.operators.iter_mut().flat_map(|operator| &mut operator.facilities);
        facilities.flat_map(|facility| &mut facility.devices)
    }

    /// Adds what other operators publish. An operator that is there already stays as it is.
    pub fn add_operators(&mut self, other: MarksFile) {
        for operator in other.operators {
            match self.operators.iter_mut().find(|known| known.id == operator.id) {
                // Who is in the registry without keys is better known by what it says of itself.
                Some(known) if !known.has_keys() => *known = operator,
                Some(_) => {}
                None => self.operators.push(operator),
            }
        }
    }

    /// Every key as a record of type TXT, name and text, in the first domain of its operator. Keys that were replaced
    /// are there too: their marks stay valid.
    #[must_use]
    pub fn dns(&self) -> Vec<(String, String)> {
        let mut records = Vec::new();
        for operator in &self.operators {
            let Some(domain) = operator.domains.first() else { continue };
            let devices = operator.facilities.iter().flat_map(|facility| &facility.devices);
            for key in devices.flat_map(|device| &device.keys) {
                records.extend(
                    key.public().map(|public| (format!("{}._postalmark.{domain}", key.selector), public.dns_text())),
                );
            }
        }
        records
    }

    /// The operator with this id.
    #[must_use]
    pub fn operator(&self, id: &str) -> Option<&MarksOperator> {
        self.operators.iter().find(|operator| operator.id == id)
    }
}

impl MarksOperator {
    fn has_keys(&self) -> bool {
        let mut devices = self.facilities.iter().flat_map(|facility| &facility.devices);
        devices.any(|device| device.public_key.is_some() || !device.keys.is_empty())
    }

    /// The facility with this id.
    #[must_use]
    pub fn facility(&self, id: &str) -> Option<&MarksFacility> {
        self.facilities.iter().find(|facility| facility.id == id)
    }
}

impl MarksFacility {
    /// The version of the day of this instant.
    #[must_use]
    pub fn version_at(&self, instant: Timestamp) -> Option<&MarksVersion> {
        self.versions.iter().find(|version| {
            let Ok(zone) = Zone::named(&version.zone) else { return false };
            let date = zone.civil_at(instant).date().to_string();
            // ISO dates compare as text.
            let begun = version.from.as_ref().is_none_or(|from| *from <= date);
            let lasting = version.to.as_ref().is_none_or(|to| date <= *to);
            begun && lasting
        })
    }

    /// The device whose key signed a mark, and the key.
    #[must_use]
    pub fn signing_device(&self, mark: &Mark) -> Option<(&MarksDevice, MarksKey)> {
        let selector = &mark.signature.as_ref()?.selector;
        self.devices.iter().find_map(|device| Some((device, device.key(selector)?)))
    }
}

impl MarksDevice {
    /// Its keys, the oldest first.
    pub fn set_keys(&mut self, keys: Vec<MarksKey>) {
        let current = keys.last().filter(|key| key.to.is_none());
        self.selector = current.map(|key| key.selector.clone());
        self.algorithm = current.map(|key| key.algorithm.clone());
        self.public_key = current.map(|key| key.public_key.clone());
        self.keys = keys;
    }

    /// Notes that it was revoked, if not earlier than the registry says.
    pub fn revoke(&mut self, at: Timestamp) {
        let known = self.revoked_at.as_ref().and_then(|known| known.parse().ok());
        self.revoked_at = Some(known.map_or(at, |known| at.min(known)).to_string());
    }

    /// The key with this selector. A file that names one key only says nothing of when it was in use.
    #[must_use]
    pub fn key(&self, selector: &str) -> Option<MarksKey> {
        if let Some(key) = self.keys.iter().find(|key| key.selector == selector) {
            return Some(key.clone());
        }
        let algorithm = self.algorithm.clone().filter(|_| self.selector.as_deref() == Some(selector))?;
        let public_key = self.public_key.clone()?;
        Some(MarksKey { selector: selector.to_owned(), algorithm, public_key, from: None, to: None })
    }
}

fn published_operator(registry: &Registry, operator: &Operator) -> MarksOperator {
    let mut facilities: BTreeMap<&str, MarksFacility> = BTreeMap::new();
    for facility in registry.versions().iter().filter(|facility| facility.operator == operator.id) {
        let entry = facilities.entry(facility.id.as_str()).or_insert_with(|| MarksFacility {
            id: facility.id.to_string(),
            kind: facility.kind,
            versions: Vec::new(),
            devices: Vec::new(),
        });
        entry.versions.push(published_version(facility));
        for device in facility.devices.iter().map(published_device) {
            if !entry.devices.contains(&device) {
                entry.devices.push(device);
            }
        }
    }
    MarksOperator {
        id: operator.id.to_string(),
        national: operator.is_national,
        name_kk: operator.name_kk.clone(),
        name_lat: operator.name_lat.clone(),
        domains: operator.domains.clone(),
        facilities: facilities.into_values().collect(),
    }
}

fn published_version(facility: &Facility) -> MarksVersion {
    let boxes = facility.letter_boxes.iter();
    MarksVersion {
        from: facility.period.from.map(|day| day.to_string()),
        to: facility.period.to.map(|day| day.to_string()),
        name_kk: facility.name_kk.clone(),
        name_lat: facility.name_lat.clone(),
        oblast: facility.oblast.to_string(),
        settlement_kk: facility.settlement_kk.clone(),
        settlement_lat: facility.settlement_lat.clone(),
        number: facility.number,
        postal_index: facility.index.to_string(),
        zone: facility.zone.to_string(),
        low_volume: facility.low_volume,
        ink: Some(facility.ink),
        collection_times: boxes
            .map(|letter_box| MarksLetterBox { id: letter_box.id.to_string(), time: letter_box.collection.to_string() })
            .collect(),
    }
}

fn published_device(device: &Device) -> MarksDevice {
    MarksDevice {
        id: device.id.to_string(),
        kind: device.kind,
        letter: device.mark.as_ref().map(ToString::to_string),
        selector: None,
        algorithm: None,
        public_key: None,
        keys: Vec::new(),
        event_kk: device.event_kk.clone(),
        from: device.period.from.map(|day| day.to_string()),
        to: device.period.to.map(|day| day.to_string()),
        revoked_at: device.revoked_at.map(|instant| instant.to_string()),
    }
}
