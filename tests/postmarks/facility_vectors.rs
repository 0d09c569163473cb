//! Vectors of what marks say of their facilities. Where it is not what is published, the mark is whole and signed with
//! the right key all the same, by a device that takes its facility for another than it is.

use poshta::postal::{Details, DeviceKind, Kind, MarksFile};

use super::letter::{NOW, Post, Stamp, Step, ed25519, letter};
use super::vectors::{Maker, altered};

const KEYS: &str = "facilities.json";

/// The example's, and two in settlements of which one was its oblast's centre until the other became it.
const FACILITIES: &str = concat!(
    include_str!("../../conf/facilities.toml"),
    r#"
[[facility]]
id = "taldyqorghan"
operator = "kazpost"
kind = "counter"
name_kk = "Талдықорған пошта бөлімшесі"
index = "040000"
oblast = "KZ-19"
settlement_kk = "Талдықорған"
zone = "Asia/Almaty"

[[facility.device]]
id = "taldyqorghan-1"
kind = "postmark"

[[facility]]
id = "qonaev"
operator = "kazpost"
kind = "counter"
name_kk = "Қонаев пошта бөлімшесі"
index = "040800"
oblast = "KZ-19"
settlement_kk = "Қонаев"
zone = "Asia/Almaty"

[[facility.device]]
id = "qonaev-1"
kind = "postmark"
"#
);

/// The day on which [`published`] has ayagoz-1 for the last time ends here.
const CLOSED: &str = "2026-11-20T19:00:00Z";

/// What is published in `facilities.json`: keys of more devices, and a facility that was closed.
pub(super) fn published() -> MarksFile {
    let closed = "zone = \"Asia/Almaty\"\nto = \"2026-11-20\"";
    let mut marks = post(&of_facility("ayagoz-1", &[("zone = \"Asia/Almaty\"", closed)])).published();
    let facilities = marks.operators.iter_mut().flat_map(|operator| &mut operator.facilities);
    // A file may name the key of a device alone.
    facilities
        .flat_map(|facility| &mut facility.devices)
        .filter(|device| device.id == "zerendi-1")
        .for_each(|device| device.keys.clear());
    marks
}

fn post(facilities: &str) -> Post {
    let mut post = Post::of(facilities);
    let devices = [
        "almaty-intl-a",
        "astana-print-v",
        "zerendi-1",
        "semey-1",
        "ayagoz-1-1",
        "astana-1-b",
        "taldyqorghan-1",
        "qonaev-1",
    ];
    for (seed, device) in (10..).zip(devices) {
        post.add_key(device, device, ed25519(seed), (None, None));
    }
    post
}

/// The facilities of the example, one of them with other data.
fn of_facility(facility: &str, changes: &[(&str, &str)]) -> String {
    let at = FACILITIES.find(&format!("[[facility]]\nid = \"{facility}\"\n")).unwrap();
    let (before, from_here) = FACILITIES.split_at(at);
    let changed = changes.iter().fold(from_here.to_owned(), |text, (from, to)| altered(&text, from, to));
    before.to_owned() + &changed
}

fn accept<'a>(facility: &'a str, at: &'a str) -> Step<'a> {
    Step::usual(Stamp { facility, kind: Kind::Accept, at, key: None })
}

impl Maker {
    pub(super) fn facilities(&mut self) {
        self.as_published();
        self.otherwise_than_published();
        self.not_published();
        self.unsigned();
        self.document();
    }

    fn as_published(&mut self) {
        for (name, facility, at) in [
            ("valid-latin", "almaty-intl", NOW),
            ("valid-without-hour", "zerendi", NOW),
            ("valid-before-2024", "zerendi", "2024-02-29T17:59:59Z"),
            ("valid-oblast-before-centre", "semey", "2022-06-07T17:59:59Z"),
            ("valid-no-oblast-in-centre", "semey", "2022-06-07T18:00:00Z"),
            ("valid-no-oblast-while-centre", "taldyqorghan", "2022-06-07T17:59:59Z"),
            ("valid-oblast-after-centre", "taldyqorghan", "2022-06-07T18:00:00Z"),
            ("valid-oblast-before-new-centre", "qonaev", "2022-06-07T17:59:59Z"),
            ("valid-no-oblast-in-new-centre", "qonaev", "2022-06-07T18:00:00Z"),
            ("valid-last-day", "ayagoz-1", "2026-11-20T18:59:59Z"),
        ] {
            let message = post(FACILITIES).mark_payment(&letter(), &[accept(facility, at)]).message();
            self.add_for(KEYS, name, message);
        }
    }

    fn otherwise_than_published(&mut self) {
        for (name, facility, from, to) in [
            ("contradicts-name", "astana-2", "Электрондық пошта орталығы", "Электрондық пошта бөлімшесі"),
            ("contradicts-place", "zerendi", "settlement_kk = \"Зеренді\"", "settlement_kk = \"Зеренда\""),
            ("contradicts-index", "astana-2", "\"010002\"", "\"010009\""),
            ("contradicts-number", "astana-2", "number = 2", "number = 9"),
            ("contradicts-oblast", "zerendi", "oblast = \"KZ-11\"", "oblast = \"KZ-10\""),
            ("contradicts-device-letter", "astana-2", "letter = \"А\"", "letter = \"Г\""),
            ("contradicts-hour", "zerendi", "low_volume = true", "low_volume = false"),
        ] {
            self.mistaken(name, facility, &[(from, to)], accept(facility, NOW));
        }
        // Its letters become Cyrillic ones.
        let kazakh = [
            ("\"intl_exchange\"", "\"node\""),
            ("letter = \"A\"", "letter = \"А\""),
            ("letter = \"B\"", "letter = \"Б\""),
        ];
        self.mistaken("contradicts-script", "almaty-intl", &kazakh, accept("almaty-intl", NOW));
        let before_2024 = accept("zerendi", "2024-02-29T12:00:00Z");
        self.mistaken("contradicts-offset", "zerendi", &[("Asia/Almaty", "Asia/Aqtau")], before_2024);
        let kinds = [("kind = \"postmark\"", "kind = \"rotary\""), ("kind = \"surcharge\"", "kind = \"postmark\"")];
        self.mistaken("contradicts-device-kind", "astana-1", &kinds, accept("astana-1", NOW));
        let sign = Details { payment_sign: Some([4; 32]), ..Details::default() };
        for (name, day, at) in [
            ("contradicts-device-day", "2026-12-17", "2026-12-17T06:00:00Z"),
            ("contradicts-device-day-before", "2026-12-15", "2026-12-15T06:00:00Z"),
        ] {
            let [from, to] = ["from", "to"].map(|key| format!("\n{key} = \"{day}\""));
            let days = [("\nfrom = \"2026-12-16\"", from.as_str()), ("\nto = \"2026-12-16\"", to.as_str())];
            let special = Stamp { facility: "astana-2", kind: Kind::Cancel, at, key: None };
            let step = Step { device: DeviceKind::Special, details: sign.clone(), ..Step::usual(special) };
            self.mistaken(name, "astana-2", &days, step);
        }
        let from_box =
            |letter_box| Step { letter_box: Some(letter_box), ..accept("astana-print", "2026-11-21T12:30:00Z") };
        let later = [("collection = \"17:00\"", "collection = \"18:00\"")];
        self.mistaken("contradicts-collection-time", "astana-print", &later, from_box("astana-print-box"));
        let other_box = [("\"astana-print-box\"", "\"astana-other-box\"")];
        self.mistaken("contradicts-letter-box", "astana-print", &other_box, from_box("astana-other-box"));
    }

    fn not_published(&mut self) {
        self.mistaken("facility-not-in-use", "ayagoz-1", &[], accept("ayagoz-1", CLOSED));
        self.mistaken("unknown-facility", "ayagoz-1", &[("\"ayagoz-1\"", "\"ayagoz-3\"")], accept("ayagoz-3", NOW));
    }

    /// By a device that takes its facility for another. What is no acceptance follows one.
    fn mistaken(&mut self, name: &str, facility: &str, changes: &[(&str, &str)], step: Step<'_>) {
        let mut post = post(&of_facility(facility, changes));
        let first = Stamp { facility: step.stamp.facility, kind: Kind::Accept, at: step.stamp.at, key: None };
        let steps = if step.stamp.kind == Kind::Accept { vec![step] } else { vec![Step::usual(first), step] };
        self.add_for(KEYS, name, post.mark_payment(&letter(), &steps).message());
    }

    /// Marks that name no key: any device of the facility may have made them.
    fn unsigned(&mut self) {
        let unsigned = |facility| {
            let text = post(FACILITIES).mark_payment(&letter(), &[accept(facility, NOW)]).text().replace("\r\n ", " ");
            let (before, signed) = text.split_once("; d=").unwrap();
            format!("{before}\r\n{}", signed.split_once("\r\n").unwrap().1)
        };
        let text = unsigned("astana-2");
        self.add_for(KEYS, "unsigned-contradicts-index", altered(&text, "ix=010002", "ix=010009"));
        self.add_for(KEYS, "unsigned-contradicts-device-letter", altered(&text, "dv==D0=90", "dv==D0=93"));
        self.add_for("revoked.json", "unsigned-revoked", unsigned("ayagoz-2"));
    }

    /// P18, P9: a document for a print centre, accepted and sealed there; its form is that of RFC 8785.
    fn document(&mut self) {
        let document = "Content-Type: application/json; charset=utf-8\r\n\r\n{\"centre\":\"astana-print\",\"letters\":[],\"number\":7}";
        let seal = Step::usual(Stamp { facility: "astana-print", kind: Kind::Seal, at: NOW, key: None });
        let text = post(FACILITIES).mark_payment(document.as_bytes(), &[accept("astana-print", NOW), seal]).text();
        // It came by no mail.
        let (_, marks) = text.split_once("\r\n").unwrap();
        let (marks, rest) = marks.split_once("Received: ").unwrap();
        let text = format!("{marks}{}", rest.split_once("+0500\r\n").unwrap().1);
        self.add_for(KEYS, "valid-sealed-document", &text);
        self.add_for(KEYS, "altered-sealed-document", altered(&text, "\"number\":7", "\"number\":8"));
    }
}
