//! What an operator publishes, against what a mark says: key, facility, device and date.

use crate::clock::Timestamp;

use super::super::impression::OffsetTag;
use super::super::{
    DateToken, DeviceMark, FacilityKind, Mark, MarksDevice, MarksFacility, MarksFile, MarksVersion, OblastCode,
    PublicKey, SignatureTags, Zone, is_oblast_shown,
};
use super::signatures::judged;
use super::{Detail, Finding};

/// The key that a mark names.
pub(super) enum KeyFound {
    /// There are no keys to look among.
    NotAsked,
    /// The algorithm is not judged here.
    UnknownAlgorithm,
    /// The operator publishes no such key.
    Unknown,
    /// It is published.
    Key(PublicKey),
}

/// The key of a mark: under this selector, of a device of the mark's own facility, in the operator's domain.
pub(super) fn find_key(mark: &Mark, tags: &SignatureTags, keys: &MarksFile) -> KeyFound {
    let Some(algorithm) = judged(tags) else { return KeyFound::UnknownAlgorithm };
    let operator = keys.operator(mark.operator.as_str()).filter(|operator| operator.domains.contains(&tags.domain));
    let facility = operator.and_then(|operator| operator.facility(mark.facility.as_str()));
    let key = facility.into_iter().flat_map(|facility| &facility.devices).find_map(|device| device.key(&tags.selector));
    let key = key.filter(|key| key.algorithm == algorithm.tag());
    match key.and_then(|key| key.public()) {
        Some(key) => KeyFound::Key(key),
        None => KeyFound::Unknown,
    }
}

/// Adds what contradicts the published data.
pub(super) fn judge(mark: &Mark, keys: &MarksFile, findings: &mut Vec<Finding>) {
    let Some(operator) = keys.operator(mark.operator.as_str()) else {
        findings.push(Finding::UnknownOperator);
        return;
    };
    let Some(facility) = operator.facility(mark.facility.as_str()) else {
        findings.push(Finding::UnknownFacility);
        return;
    };
    judge_device(mark, facility, findings);
    match version_at(facility, mark) {
        Some((version, zone)) => judge_by_version(mark, facility, version, &zone, findings),
        None => findings.push(Finding::FacilityNotInUse),
    }
}

/// A signed mark names its device by the key: P31 demands that it was in use then.
fn judge_device(mark: &Mark, facility: &MarksFacility, findings: &mut Vec<Finding>) {
    let Some((device, key)) = facility.signing_device(mark) else { return };
    let at = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
    let begun = at(&key.from).is_none_or(|from| from <= mark.instant);
    let lasting = at(&key.to).is_none_or(|to| mark.instant <= to);
    if !begun || !lasting {
        findings.push(Finding::KeyNotInUse { selector: key.selector });
    }
    if let Some(revoked) = at(&device.revoked_at).filter(|revoked| *revoked <= mark.instant) {
        findings.push(Finding::RevokedDevice { device: device.id.clone(), revoked_at: revoked.to_string() });
    }
}

fn version_at<'a>(facility: &'a MarksFacility, mark: &Mark) -> Option<(&'a MarksVersion, Zone)> {
    let version = facility.version_at(mark.instant)?;
    Some((version, Zone::named(&version.zone).ok()?))
}

fn judge_by_version(
    mark: &Mark,
    facility: &MarksFacility,
    version: &MarksVersion,
    zone: &Zone,
    findings: &mut Vec<Finding>,
) {
    let mut expect = |tag: &'static str, agrees: bool, expected: Detail| {
        if !agrees {
            findings.push(Finding::ContradictsFacility { tag, expected });
        }
    };
    let plain = |text: Option<String>| Detail::Plain(text.unwrap_or_default());
    // P25, P26: the script hangs on the facility.
    let (name, place) = match facility.kind {
        FacilityKind::IntlExchange => (version.name_lat.as_ref(), version.settlement_lat.as_ref()),
        _ => (Some(&version.name_kk), Some(&version.settlement_kk)),
    };
    expect("fn", name == Some(&mark.facility_name), plain(name.cloned()));
    expect("pl", mark.place.is_none() || mark.place.as_ref() == place, plain(place.cloned()));
    expect("ix", mark.index.as_str() == version.postal_index, Detail::Plain(version.postal_index.clone()));
    expect("no", mark.number == version.number, plain(version.number.map(|number| number.to_string())));
    let date = zone.civil_at(mark.instant).date();
    let oblast = version.oblast.parse::<OblastCode>().ok();
    let oblast = oblast.filter(|oblast| is_oblast_shown(*oblast, &version.settlement_kk, date));
    expect("ob", mark.oblast == oblast, plain(oblast.map(|oblast| oblast.to_string())));
    let offset = zone.offset_at(mark.instant);
    expect("z", mark.offset == offset, Detail::Plain(OffsetTag::of(offset).as_str().to_owned()));
    expect("dv", has_device(mark, facility, &date.to_string()), Detail::phrase("usable_device", ""));
    let token = token_expected(mark, version, zone);
    let known = token.map(|token| Detail::Plain(token.to_string()));
    expect("ts", token == Some(mark.token), known.unwrap_or_else(|| Detail::phrase("known_letter_box", "")));
}

/// A device with this letter made such impressions on that day. That of a signed mark is the one whose key it is, and
/// its revocation is told for itself.
fn has_device(mark: &Mark, facility: &MarksFacility, date: &str) -> bool {
    let letter = mark.device.as_ref().map(DeviceMark::as_str);
    let fits = |device: &MarksDevice| {
        let begun = device.from.as_ref().is_none_or(|from| from.as_str() <= date);
        let lasting = device.to.as_ref().is_none_or(|to| date <= to.as_str());
        device.letter.as_deref() == letter && mark.kind.is_made_by(device.kind) && begun && lasting
    };
    match facility.signing_device(mark) {
        Some((device, _)) => fits(device),
        None => facility.devices.iter().any(|device| {
            let revoked = device.revoked_at.as_ref().and_then(|at| at.parse::<Timestamp>().ok());
            fits(device) && revoked.is_none_or(|revoked| mark.instant < revoked)
        }),
    }
}

/// P23 and P30, now that the collection time and the facility's traffic are known.
fn token_expected(mark: &Mark, version: &MarksVersion, zone: &Zone) -> Option<DateToken> {
    let clock = DateToken::under(mark.instant, zone.offset_at(mark.instant));
    let Some(id) = &mark.letter_box else {
        return Some(if version.low_volume { clock.without_hour() } else { clock });
    };
    let published = version.collection_times.iter().find(|published| published.id == id.as_str())?;
    let collection: jiff::civil::Time = published.time.parse().ok()?;
    let late = zone.civil_at(mark.instant).time() > collection;
    Some(if late { clock.next_day() } else { clock.without_hour() })
}
