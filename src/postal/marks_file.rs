//! What is published about operators, facilities and devices, so that anybody can judge marks: the format of
//! `/.well-known/poshta-marks.json` and of `poshta postmark verify --keys FILE`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Device, DeviceKind, Facility, FacilityKind, Operator, Registry};

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

/// A device and its key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MarksDevice {
    /// Its name.
    pub id: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Tag `dv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<String>,
    /// Tag `s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Tag `a`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// The key, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
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

impl MarksFile {
    /// What this registry publishes.
    #[must_use]
    pub fn of(registry: &Registry) -> Self {
        let operators = registry.operators().iter().map(|operator| published_operator(registry, operator));
        MarksFile { operators: operators.collect() }
    }

    /// The operator with this id.
    #[must_use]
    pub fn operator(&self, id: &str) -> Option<&MarksOperator> {
        self.operators.iter().find(|operator| operator.id == id)
    }
}

impl MarksOperator {
    /// The facility with this id.
    #[must_use]
    pub fn facility(&self, id: &str) -> Option<&MarksFacility> {
        self.facilities.iter().find(|facility| facility.id == id)
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
        from: device.period.from.map(|day| day.to_string()),
        to: device.period.to.map(|day| day.to_string()),
        revoked_at: device.revoked_at.map(|instant| instant.to_string()),
    }
}
