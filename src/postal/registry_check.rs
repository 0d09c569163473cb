//! The rules of order 57 that a set of facilities and devices must keep (P4, P8, P10, P13-P17, P25-P28, P30).

use std::collections::{BTreeMap, HashMap};

use super::registry_file::{Contents, Lines, Located, Problem};
use super::{Device, DeviceKind, Facility, FacilityId, FacilityKind, OblastCode, Operator, OperatorId};

/// Every breach of a rule in the file, in the order of the file.
pub(super) fn check(contents: &Contents) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_operators(contents, &mut problems);
    let neighbours = Neighbours::of(&contents.facilities);
    for located in &contents.facilities {
        let mut breaches = Breaches::of_facility(located, &mut problems);
        check_names(&located.facility, &mut breaches);
        check_kind(&located.facility, &mut breaches);
        check_versions(&located.facility, &neighbours, &mut breaches);
        check_number(&located.facility, &neighbours, &mut breaches);
        check_operator(&located.facility, &contents.operators, &mut breaches);
        check_devices(located, &mut problems);
    }
    check_unique_devices(contents, &mut problems);
    problems.sort_by_key(|problem| problem.line);
    problems
}

/// The facilities with which one is compared: a national operator has thousands.
struct Neighbours<'a> {
    by_id: HashMap<&'a FacilityId, Vec<&'a Facility>>,
    by_settlement: HashMap<Settlement<'a>, Vec<&'a Facility>>,
}

/// Operator, oblast and name.
type Settlement<'a> = (&'a OperatorId, OblastCode, &'a str);

impl<'a> Neighbours<'a> {
    fn of(facilities: &'a [Located]) -> Self {
        let mut neighbours = Neighbours { by_id: HashMap::new(), by_settlement: HashMap::new() };
        for Located { facility, .. } in facilities {
            neighbours.by_id.entry(&facility.id).or_default().push(facility);
            neighbours.by_settlement.entry(settlement(facility)).or_default().push(facility);
        }
        neighbours
    }

    /// The other ones with the id of this one that are there on one of its days.
    fn versions(&self, of: &'a Facility) -> impl Iterator<Item = &'a Facility> {
        let with_id = self.by_id.get(&of.id).into_iter().flatten().copied();
        with_id.filter(|other| !std::ptr::eq(*other, of) && other.period.overlaps(&of.period))
    }

    /// The other ones of its operator in its settlement, on one of its days.
    fn in_settlement(&self, of: &'a Facility) -> impl Iterator<Item = &'a Facility> {
        let there = self.by_settlement.get(&settlement(of)).into_iter().flatten().copied();
        there.filter(|other| other.id != of.id && other.period.overlaps(&of.period))
    }
}

fn settlement(of: &Facility) -> Settlement<'_> {
    (&of.operator, of.oblast, &of.settlement_kk)
}

/// Collects the problems of one table.
struct Breaches<'a> {
    table: String,
    lines: &'a Lines,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Breaches<'a> {
    fn of_facility(located: &'a Located, problems: &'a mut Vec<Problem>) -> Self {
        Breaches { table: format!("facility {}", located.facility.id), lines: &located.lines, problems }
    }

    fn of_device(device: &Device, lines: &'a Lines, problems: &'a mut Vec<Problem>) -> Self {
        Breaches { table: format!("device {}", device.id), lines, problems }
    }

    fn add_if(&mut self, breached: bool, key: &'static str, text: &str) {
        if breached {
            let line = self.lines.of(key);
            self.problems.push(Problem { line, table: self.table.clone(), key, text: text.into() });
        }
    }
}

fn check_operators(contents: &Contents, problems: &mut Vec<Problem>) {
    let nationals = contents.operators.iter().filter(|(operator, _)| operator.is_national).count();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut ids: BTreeMap<&str, usize> = BTreeMap::new();
    for (operator, lines) in &contents.operators {
        let mut breaches = Breaches { table: format!("operator {}", operator.id), lines, problems };
        *names.entry(operator.name_kk.to_lowercase()).or_default() += 1;
        *ids.entry(operator.id.as_str()).or_default() += 1;
        // P17: order 57 cl. 6.
        breaches.add_if(
            names.get(&operator.name_kk.to_lowercase()) > Some(&1),
            "name_kk",
            "another operator has this name; devices of operators must differ by it (P17): write the full name",
        );
        breaches.add_if(ids.get(operator.id.as_str()) > Some(&1), "id", "an operator with this id is there already");
        breaches.add_if(!is_kazakh(&operator.name_kk), "name_kk", "write the name in Kazakh letters (P25)");
        breaches.add_if(
            operator.is_national && nationals > 1,
            "national",
            "there is one National operator; set `national = false` for the others",
        );
    }
}

/// P25, P26: order 57 cl. 11.
fn check_names(facility: &Facility, breaches: &mut Breaches<'_>) {
    let in_latin = |name: &Option<String>| name.as_deref().is_some_and(is_latin);
    let not_latin = |name: &Option<String>| name.as_deref().is_some_and(|name| !is_latin(name));
    breaches.add_if(!is_kazakh(&facility.name_kk), "name_kk", "write the name in Kazakh letters (P25)");
    breaches.add_if(!is_kazakh(&facility.settlement_kk), "settlement_kk", "write the name in Kazakh letters (P25)");
    let is_exchange = facility.kind == FacilityKind::IntlExchange;
    let remedy = |proposal: &str| {
        format!("an exchange place is inscribed in Latin letters (P26); write for example \"{proposal}\"")
    };
    let name = super::ascii_fold(&facility.name_kk);
    let settlement = super::ascii_fold(&facility.settlement_kk);
    breaches.add_if(is_exchange && !in_latin(&facility.name_lat), "name_lat", &remedy(&name));
    breaches.add_if(is_exchange && !in_latin(&facility.settlement_lat), "settlement_lat", &remedy(&settlement));
    let latin_only = "only Latin letters belong here";
    breaches.add_if(!is_exchange && not_latin(&facility.name_lat), "name_lat", latin_only);
    breaches.add_if(!is_exchange && not_latin(&facility.settlement_lat), "settlement_lat", latin_only);
}

fn check_kind(facility: &Facility, breaches: &mut Breaches<'_>) {
    // P30: order 57 cl. 13. Only non-node points may go without the hour.
    breaches.add_if(
        facility.low_volume && facility.kind != FacilityKind::Counter,
        "low_volume",
        "only a post office that is no node may leave out the hour (P30); remove this key",
    );
    if let Err(wrong) = facility.ink.check(facility.kind) {
        breaches.add_if(true, "ink", &format!("{wrong} (P28)"));
    }
    let is_print_centre = facility.kind == FacilityKind::PrintCentre;
    breaches.add_if(
        is_print_centre && facility.print.as_ref().is_none_or(|print| print.prefixes.is_empty()),
        "print",
        "a print centre needs `print = { prefixes = [\"02\"], colour = true, duplex = true }`",
    );
    breaches.add_if(!is_print_centre && facility.print.is_some(), "print", "only print centres print; remove this key");
    let has_postmark = facility.devices.iter().any(|device| device.kind == DeviceKind::Postmark);
    breaches.add_if(
        !has_postmark,
        "device",
        "every facility has its own named devices (P4); add a [[facility.device]] with kind = \"postmark\"",
    );
}

fn check_versions<'a>(facility: &'a Facility, neighbours: &Neighbours<'a>, breaches: &mut Breaches<'_>) {
    breaches.add_if(
        neighbours.versions(facility).next().is_some(),
        "id",
        "two facilities with this id are valid on the same day; give one another id, or `from` and `to` that do not meet",
    );
}

/// P14: order 57 cl. 5. The number is there if and only if the settlement has several facilities of the operator.
fn check_number<'a>(facility: &'a Facility, neighbours: &Neighbours<'a>, breaches: &mut Breaches<'_>) {
    let neighbours: Vec<&Facility> = neighbours.in_settlement(facility).collect();
    let settlement = &facility.settlement_kk;
    breaches.add_if(
        !neighbours.is_empty() && facility.number.is_none(),
        "number",
        &format!("{settlement} has several facilities (P14); write a number that no other one there has"),
    );
    breaches.add_if(
        neighbours.is_empty() && facility.number.is_some(),
        "number",
        &format!("{settlement} has only this facility (P14); remove the number"),
    );
    breaches.add_if(
        facility.number.is_some_and(|number| !(1..=999).contains(&number)),
        "number",
        "a mark has room for three digits (P14); write a number from 1 to 999",
    );
    let taken = facility.number.is_some() && neighbours.iter().any(|other| other.number == facility.number);
    breaches.add_if(
        taken,
        "number",
        &format!("another facility in {settlement} has this number (P14); write one that is free"),
    );
}

/// P17: order 57 cl. 6.
fn check_operator(facility: &Facility, operators: &[(Operator, Lines)], breaches: &mut Breaches<'_>) {
    breaches.add_if(
        !operators.iter().any(|(operator, _)| operator.id == facility.operator),
        "operator",
        "no such operator (P17); add an [[operator]] table with this id",
    );
}

fn check_devices(located: &Located, problems: &mut Vec<Problem>) {
    let facility = &located.facility;
    for (at, (device, lines)) in facility.devices.iter().zip(&located.device_lines).enumerate() {
        let mut breaches = Breaches::of_device(device, lines, problems);
        let others = facility.devices.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, it)| it);
        check_letter(facility, device, others.collect(), &mut breaches);
        check_engraving(facility, device, &mut breaches);
    }
}

/// P16, P27: order 57 cl. 5 ¶3, cl. 11 ¶3. A letter if and only if the facility has several devices.
fn check_letter(facility: &Facility, device: &Device, others: Vec<&Device>, breaches: &mut Breaches<'_>) {
    let others: Vec<_> = others.into_iter().filter(|other| other.period.overlaps(&device.period)).collect();
    breaches.add_if(
        !others.is_empty() && device.mark.is_none(),
        "letter",
        "the facility has several devices (P16); write a letter or number that no other one has",
    );
    breaches.add_if(
        others.is_empty() && device.mark.is_some(),
        "letter",
        "the facility has only this device (P16); remove the letter",
    );
    breaches.add_if(
        device.mark.is_some() && others.iter().any(|other| other.mark == device.mark),
        "letter",
        "another device of the facility has this letter (P16); write one that is free",
    );
    let is_exchange = facility.kind == FacilityKind::IntlExchange;
    let wrong_script = device.mark.as_ref().is_some_and(|mark| match is_exchange {
        true => mark.has_cyrillic(),
        false => mark.has_latin(),
    });
    let remedy = if is_exchange { "write a Latin letter (P26)" } else { "write a Kazakh letter (P25)" };
    breaches.add_if(wrong_script, "letter", remedy);
}

fn check_engraving(facility: &Facility, device: &Device, breaches: &mut Breaches<'_>) {
    let is = |kind: DeviceKind| device.kind == kind;
    // P8: order 57 cl. 4 ¶4.
    let special = is(DeviceKind::Special);
    breaches.add_if(special && device.period.from.is_none(), "from", "a special stamp has a first day (P8); write it");
    breaches.add_if(special && device.period.to.is_none(), "to", "a special stamp has a last day (P8); write it");
    breaches.add_if(
        special && device.event_kk.as_deref().is_none_or(str::is_empty),
        "event_kk",
        "a special stamp is made for an event (P8); write its title in Kazakh",
    );
    breaches.add_if(!special && device.event_kk.is_some(), "event_kk", "only special stamps have an event; remove it");
    // P10: order 57 cl. 4 ¶6.
    let plomb_is_whole = device.plomb.as_ref().is_some_and(|plomb| {
        plomb.letters.chars().all(char::is_alphabetic)
            && plomb.digits.bytes().all(|byte| byte.is_ascii_digit())
            && !plomb.letters.is_empty()
            && !plomb.digits.is_empty()
    });
    breaches.add_if(
        is(DeviceKind::Plomb) && !plomb_is_whole,
        "plomb_letters",
        "sealing pliers show letters on one side and the facility's digits on the other (P10); write `plomb_letters` and `plomb_digits`",
    );
    // P13: order 57 cl. 4 ¶9.
    let six_digits = facility.index.six_digits();
    breaches.add_if(
        is(DeviceKind::MoneyOrder) && (six_digits.is_none() || device.money_order_number.as_deref() != six_digits),
        "money_order_number",
        &format!(
            "the number of a control-transfer seal is the six-digit postal index of its facility (P13); write \"{}\"",
            six_digits.unwrap_or("the six-digit index")
        ),
    );
    breaches.add_if(
        !is(DeviceKind::MoneyOrder) && device.money_order_number.is_some(),
        "money_order_number",
        "only control-transfer seals have it (P13); remove it",
    );
}

/// P4: a device belongs to one facility. The versions of that facility repeat it.
fn check_unique_devices(contents: &Contents, problems: &mut Vec<Problem>) {
    let mut owners = BTreeMap::new();
    for located in &contents.facilities {
        for (device, lines) in located.facility.devices.iter().zip(&located.device_lines) {
            let owner = owners.entry(&device.id).or_insert(&located.facility.id);
            let is_elsewhere = *owner != &located.facility.id;
            Breaches::of_device(device, lines, problems).add_if(
                is_elsewhere,
                "id",
                "a device of another facility has this id (P4); write one that is free",
            );
            let here = located.facility.devices.iter().filter(|other| other.id == device.id).count();
            Breaches::of_device(device, lines, problems).add_if(
                here > 1,
                "id",
                "another device of the facility has this id (P4); write one that is free",
            );
        }
    }
}

/// Kazakh Cyrillic: at least one such letter and no Latin one.
fn is_kazakh(name: &str) -> bool {
    name.chars().any(|c| matches!(c, '\u{400}'..='\u{4ff}')) && !name.chars().any(|c| c.is_ascii_alphabetic())
}

/// At least one Latin letter and no Cyrillic one.
fn is_latin(name: &str) -> bool {
    name.chars().any(|c| c.is_ascii_alphabetic()) && !name.chars().any(|c| matches!(c, '\u{400}'..='\u{52f}'))
}
