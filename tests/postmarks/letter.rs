//! A post that marks letters with known keys.

use std::collections::BTreeMap;

use poshta::clock::Timestamp;
use poshta::ids::{ImpressionId, ItemId};
use poshta::postal::{
    BodyHasher, Contents, Details, DeviceKind, FacilityId, Handover, HeaderInput, Impression, Kind, MarkDigest,
    MarksFile, MarksKey, Occasion, RecipientTag, Registry, Signer, SigningKey,
};

/// Saturday, 21 November 2026, 09:15 in Astana.
pub const NOW: &str = "2026-11-21T04:15:00Z";

pub const DELIVERED: Kind = Kind::Deliver(Handover::Delivered);

/// The facilities of the example configuration, and a key for each device that is used.
pub struct Post {
    pub registry: Registry,
    keys: BTreeMap<String, Key>,
    serial: u128,
}

struct Key {
    device: String,
    private: SigningKey,
    from: Option<String>,
    to: Option<String>,
}

/// One mark to be made.
#[derive(Clone, Copy)]
pub struct Stamp<'a> {
    pub facility: &'a str,
    pub kind: Kind,
    pub at: &'a str,
    /// Which key; by default the device has one of its own name.
    pub key: Option<&'a str>,
}

/// A mark with all that it says.
#[derive(Clone)]
pub struct Step<'a> {
    pub stamp: Stamp<'a>,
    /// What makes it.
    pub device: DeviceKind,
    pub details: Details,
    pub letter_box: Option<&'a str>,
}

impl<'a> Step<'a> {
    /// By the device that usually makes it.
    pub fn usual(stamp: Stamp<'a>) -> Self {
        Step { stamp, device: stamp.kind.device(), details: Details::default(), letter_box: None }
    }
}

/// What the marks of a letter point to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PointsTo {
    TheOneBefore,
    TheFirst,
}

/// A letter with its marks, still apart.
pub struct Marked {
    /// The fields `Postal-Mark` and `Postal-Mark-Text`, the newest on top.
    pub marks: Vec<String>,
    /// What the operator wrote below them.
    pub below: String,
    pub content: Vec<u8>,
}

impl Post {
    pub fn new() -> Self {
        Post::of(include_str!("../../conf/facilities.toml"))
    }

    /// With these facilities in the place of the example's.
    pub fn of(facilities: &str) -> Self {
        let registry = Registry::parse(facilities).unwrap();
        let mut post = Post { registry, keys: BTreeMap::new(), serial: 0 };
        let used = ["astana-2-a", "ayagoz-2-a", "astana-1-a", "dala-kokshetau-1"];
        let of_payment = ["astana-2-b", "astana-2-v", "astana-print-a"];
        for (seed, device) in used.into_iter().chain(of_payment).enumerate() {
            post.add_key(device, device, ed25519(u8::try_from(seed).unwrap() + 1), (None, None));
        }
        post
    }

    /// Another key of a device, from and to included.
    pub fn add_key(
        &mut self,
        selector: &str,
        device: &str,
        private: SigningKey,
        (from, to): (Option<&str>, Option<&str>),
    ) {
        let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
        self.keys.insert(selector.to_owned(), Key { device: device.to_owned(), private, from, to });
    }

    /// What the operators publish.
    pub fn published(&self) -> MarksFile {
        let mut marks = MarksFile::of(&self.registry);
        let mut devices: BTreeMap<&str, Vec<MarksKey>> = BTreeMap::new();
        for (selector, key) in &self.keys {
            let public = key.private.public();
            devices.entry(&key.device).or_default().push(MarksKey {
                selector: selector.clone(),
                algorithm: public.algorithm().tag().to_owned(),
                public_key: public.base64(),
                from: key.from.clone(),
                to: key.to.clone(),
            });
        }
        for (device, mut keys) in devices {
            keys.sort_by_key(|key| key.to.is_none());
            let of_device = marks.devices_mut().filter(|entry| entry.id == *device);
            of_device.for_each(|entry| entry.set_keys(keys.clone()));
        }
        marks
    }

    /// Marks a message, each mark pointing to the one before it.
    pub fn mark(&mut self, content: &[u8], stamps: &[Stamp<'_>]) -> Marked {
        let steps: Vec<Step<'_>> = stamps.iter().map(|stamp| Step::usual(*stamp)).collect();
        self.mark_steps(content, &steps, PointsTo::TheOneBefore)
    }

    /// Accepts a message and marks what is paid for it: each mark points to the acceptance, which is the first.
    pub fn mark_payment(&mut self, content: &[u8], steps: &[Step<'_>]) -> Marked {
        self.mark_steps(content, steps, PointsTo::TheFirst)
    }

    fn mark_steps(&mut self, content: &[u8], steps: &[Step<'_>], points_to: PointsTo) -> Marked {
        self.serial += 1;
        let item = ItemId(self.serial << 40);
        let below = format!(
            "Postal-Item-Id: {item}\r\nReceived: from client.example ([192.0.2.7])\r\n\tby mx.poshta.example with ESMTPSA \
             id {item};\r\n\tSat, 21 Nov 2026 09:15:00 +0500\r\n"
        );
        let (header, body) = split(content);
        let mut hasher = BodyHasher::default();
        hasher.update(body);
        let contents = Contents::new(HeaderInput::to_sign(&[below.as_bytes(), header]), hasher.finish());
        let mut previous = None;
        let mut marks = Vec::new();
        for step in steps {
            let (mark, digest) = self.stamp(step, item, &contents, previous);
            if points_to == PointsTo::TheOneBefore || previous.is_none() {
                previous = Some(digest);
            }
            marks.insert(0, mark);
        }
        Marked { marks, below, content: content.to_vec() }
    }

    fn stamp(
        &mut self,
        step: &Step<'_>,
        item: ItemId,
        contents: &Contents,
        previous: Option<MarkDigest>,
    ) -> (String, MarkDigest) {
        self.serial += 1;
        let Step { stamp, device, .. } = step;
        let instant: Timestamp = stamp.at.parse().unwrap();
        let facility: FacilityId = stamp.facility.parse().unwrap();
        let workplace = self.registry.workplace_of(&facility, *device, instant).unwrap();
        let operator = workplace.operator().domains[0].clone();
        let selector = stamp.key.unwrap_or(workplace.device().id.as_str()).to_owned();
        let occasion = Occasion { id: ImpressionId(self.serial), item, kind: stamp.kind, instant };
        let names_recipient = matches!(stamp.kind, Kind::Receive | Kind::Deliver(_));
        let recipient = names_recipient.then(|| RecipientTag::new([7; 16], &"aigul@poshta.example".parse().unwrap()));
        let letter_box = step.letter_box.map(|id| workplace.facility().letter_box(id).unwrap().clone());
        let details = Details { recipient, letter_box, ..step.details.clone() };
        let impression = Impression::make(workplace, occasion, details).unwrap();
        let signer = Signer {
            domain: &operator,
            selector: &selector,
            key: &self.keys[&selector].private,
            log: &format!("{operator}/log"),
            number: u64::try_from(self.serial).unwrap(),
        };
        let signed = impression.sign(contents, &signer, previous).unwrap();
        (signed.fields(), signed.digest())
    }

    /// Accepted in Astana, received and delivered in Ayagoz.
    pub fn deliver(&mut self, content: &[u8]) -> Marked {
        self.mark(content, &way(NOW))
    }
}

/// The usual way of a letter.
pub fn way(at: &str) -> [Stamp<'_>; 3] {
    let stamp = |facility, kind| Stamp { facility, kind, at, key: None };
    [stamp("astana-2", Kind::Accept), stamp("ayagoz-2", Kind::Receive), stamp("ayagoz-2", DELIVERED)]
}

impl Marked {
    /// The message as it is delivered.
    pub fn message(&self) -> Vec<u8> {
        let prefix = format!("Return-Path: <x@y.example>\r\n{}{}", self.marks.concat(), self.below);
        [prefix.as_bytes(), &self.content].concat()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.message()).unwrap()
    }
}

/// Header block with its empty line, and body.
fn split(content: &[u8]) -> (&[u8], &[u8]) {
    let end = content.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    content.split_at(end + 4)
}

/// The Ed25519 key whose 32 secret bytes are all this one (RFC 8410 §7).
pub fn ed25519(seed: u8) -> SigningKey {
    const HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    SigningKey::from_pkcs8(&[HEAD.as_slice(), &[seed; 32]].concat()).unwrap()
}

/// A letter with Kazakh names.
pub fn letter() -> Vec<u8> {
    "From: =?utf-8?B?0JDQudCz0q/Quw==?= <aigul@poshta.example>\r\nTo: bolat@poshta.example\r\n\
     Subject: =?utf-8?B?0KHTmdC70LXQvA==?=\r\nDate: Sat, 21 Nov 2026 09:14:00 +0500\r\n\
     Message-ID: <1@client.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
     Content-Transfer-Encoding: 8bit\r\nPostal-Class: ordinary; letter\r\n\r\n\
     Сәлем, Болат!\r\n\r\nҚалайсың?  Хат жаз. \r\n\r\n\r\n"
        .into()
}
