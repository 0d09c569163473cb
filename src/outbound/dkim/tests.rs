//! What is signed, and that others find it signed.

use proptest::prelude::*;
use tempfile::TempDir;
use test_case::test_case;

use super::*;
use crate::address::ReversePath;
use crate::postal::Algorithm;
use crate::store::Store;
use crate::trust::zone::{Zone, ZoneServer};
use crate::trust::{self, Dns, Incoming, Verifier};

const NOW: &str = "2026-11-21T04:15:00Z";

/// Keys of both algorithms in files of their own.
pub(in crate::outbound) fn keys(dir: &TempDir) -> Settings {
    let names = [("first", Algorithm::RsaSha256), ("Second", Algorithm::Ed25519Sha256)];
    let key = |(selector, algorithm): (&str, Algorithm)| {
        let (_, file) = write(dir.path(), selector, algorithm).unwrap();
        KeySettings { selector: selector.to_owned(), file }
    };
    Settings { keys: names.map(key).to_vec() }
}

pub(in crate::outbound) fn dkim(settings: &Settings) -> Dkim {
    Dkim::open(settings, &["poshta.example", "пошта.қаз"].map(|domain| domain.parse().unwrap())).unwrap()
}

/// A server elsewhere that finds our keys in the DNS.
pub(in crate::outbound) struct Judge {
    verifier: Verifier,
    store: Store,
    _zone: ZoneServer,
    _dir: TempDir,
}

impl Judge {
    pub(in crate::outbound) async fn knowing(dkim: &Dkim) -> Judge {
        let line = |record: Record| format!("{} TXT {}\n", record.name, record.text());
        let zone = Zone::parse(&dkim.records().into_iter().map(line).collect::<String>()).unwrap();
        let zone = ZoneServer::start(zone, "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let settings =
            trust::Settings { name_servers: vec![zone.address()], enforce_dmarc: false, ..trust::Settings::default() };
        let verifier = Verifier::new(Dns::new(&settings).unwrap(), &settings, "mx.elsewhere.kz");
        let dir = tempfile::tempdir().unwrap();
        let settings = crate::store::Settings { watermark_bytes: 0, ..Default::default() };
        let store = Store::open(dir.path(), &settings).unwrap();
        Judge { verifier, store, _zone: zone, _dir: dir }
    }

    /// The findings on a letter as it came over the wire.
    pub(in crate::outbound) async fn findings(&self, letter: &[u8]) -> String {
        let mut writer = self.store.stage();
        writer.write(letter).unwrap();
        let body = writer.finish().unwrap();
        let end = headers::end(letter).map_or(letter.len(), |end| end + headers::EMPTY_LINE.len());
        let incoming = Incoming {
            ip: [192, 0, 2, 1].into(),
            helo: "mx.poshta.example",
            reverse_path: &ReversePath::Null,
            body: &body,
            header: &letter[..end],
        };
        self.verifier.assess(&incoming).await.unwrap().unwrap().header
    }
}

fn signed(dkim: &Dkim, letter: &[u8], piece: usize) -> Vec<u8> {
    let mut eater = Letter::default();
    letter.chunks(piece).for_each(|piece| eater.push(piece));
    let (header, body) = eater.finish();
    let fields = dkim.fields(&header, body, NOW.parse().unwrap()).unwrap();
    [fields.as_bytes(), letter].concat()
}

#[test_case("From: a@poshta.example\r\n" => Some("poshta.example".to_owned()); "ours")]
#[test_case("FROM : \"x, y\"\r\n <a@Poshta.Example>\r\n" => Some("poshta.example".to_owned()); "ours, however it is written")]
#[test_case("From: a@пошта.қаз\r\n" => Some("xn--80a1acn3a.xn--80ao21a".to_owned()); "in u labels")]
#[test_case("From: a@xn--80a1acn3a.xn--80ao21a\r\n" => Some("xn--80a1acn3a.xn--80ao21a".to_owned()); "in a labels")]
#[test_case("From: Last, First <a@poshta.example>\r\n" => Some("poshta.example".to_owned()); "a name that was not quoted")]
#[test_case("From: a@elsewhere.kz\r\n" => None; "of another domain")]
#[test_case("From: a@mail.poshta.example\r\n" => None; "below ours")]
#[test_case("From: a@poshta.example, b@elsewhere.kz\r\n" => None; "and somebody else")]
#[test_case("From: a@poshta.example\r\nFrom: a@poshta.example\r\n" => None; "twice")]
#[test_case("From: <b@poshta.example> <a@poshta.example>\r\n" => None; "two brackets")]
#[test_case("From: <a@poshta.example> b@poshta.example\r\n" => None; "text behind the bracket")]
#[test_case("From: <@elsewhere.kz:a@poshta.example>\r\n" => None; "a source route")]
#[test_case("From: b@elsewhere.kz: a@poshta.example;\r\n" => None; "a group that hides another")]
#[test_case("From: b@elsewhere.kz <a@poshta.example>\r\n" => None; "somebody else as name")]
#[test_case("From: a@poshta.example (b@elsewhere.kz)\r\n" => Some("poshta.example".to_owned()); "a comment")]
#[test_case("From: A <a @ poshta . example> (x)\r\n" => Some("poshta.example".to_owned()); "obsolete white space")]
#[test_case("Sender: a@poshta.example\r\n" => None; "no author")]
#[test_case("From: \r\n" => None; "nobody")]
#[test_case("\r\nFrom: a@poshta.example\r\n" => None; "in the body")]
fn rfc6376_letters_from_our_domains_are_signed(header: &str) -> Option<String> {
    let dkim = Dkim { domains: vec!["poshta.example".into(), "xn--80a1acn3a.xn--80ao21a".into()], keys: Vec::new() };
    dkim.author_domain(header.as_bytes()).map(str::to_owned)
}

#[test]
fn rfc6376_3_5_the_field_says_what_was_signed_and_how() {
    let dir = tempfile::tempdir().unwrap();
    let dkim = dkim(&keys(&dir));
    let letter = "Postal-Item-Id: 1\r\nPostal-Mark: v=1\r\nFrom: a@poshta.example\r\nSender: b@poshta.example\r\nTo: c@x.kz\r\n\
                  To: d@x.kz\r\nBcc: e@x.kz\r\n\r\nx\r\n";
    let wire = String::from_utf8(signed(&dkim, letter.as_bytes(), 1000)).unwrap();
    let fields: Vec<String> = headers::fields(wire.as_bytes()).take(2).map(|field| field.text()).collect();
    let names = "from:from:sender:reply-to:to:to:to:cc:subject:date:message-id:in-reply-to:references:mime-version:\
                 content-type:content-transfer-encoding:postal-item-id:postal-item-id:postal-class;";
    for (field, begins) in fields.iter().zip([
        "v=1; a=rsa-sha256; c=relaxed/relaxed; d=poshta.example; s=first; t=1795234500; h=",
        "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=poshta.example; s=second; t=1795234500; h=",
    ]) {
        assert!(field.starts_with(begins), "{field}");
        assert!(field.replace(' ', "").contains(&format!("h={names}bh=")), "{field}");
        assert!(!field.contains(" l=") && !field.contains(" x="), "{field}");
    }
    let lines: Vec<&str> = wire.strip_suffix(letter).unwrap().lines().collect();
    assert!(lines.iter().all(|line| line.len() <= 78), "{lines:?}");
}

#[tokio::test]
async fn what_is_altered_or_added_breaks_the_signatures() {
    let dir = tempfile::tempdir().unwrap();
    let dkim = dkim(&keys(&dir));
    let judge = Judge::knowing(&dkim).await;
    let letter = b"Postal-Item-Id: 1\r\nFrom: a@poshta.example\r\nTo: c@x.kz\r\nSubject: one\r\n\r\nbody\r\n";
    let wire = String::from_utf8(signed(&dkim, letter, 7)).unwrap();
    let passes = |findings: &str| findings.matches("dkim=pass").count();
    for added in ["", "Received: x\r\n", "Postal-Mark: v=1\r\n", "Sender: list@x.kz\r\n", "List-Id: x\r\n"] {
        let findings = judge.findings(format!("{added}{wire}").as_bytes()).await;
        assert_eq!(passes(&findings), 2, "{added} {findings}");
    }
    for added in [
        "Subject: other\r\n",
        "Reply-To: x@x.kz\r\n",
        "Cc: x@x.kz\r\n",
        "Content-Type: text/html\r\n",
        "Postal-Item-Id: 2\r\n",
        "Postal-Class: valued\r\n",
    ] {
        let findings = judge.findings(format!("{added}{wire}").as_bytes()).await;
        assert_eq!(passes(&findings), 0, "{added} {findings}");
    }
    for (from, to) in
        [("body", "bodY"), ("one", "onE"), ("c@x.kz", "d@x.kz"), ("bh=", "bh=A"), ("body\r\n", "body\r\n.")]
    {
        let findings = judge.findings(wire.replace(from, to).as_bytes()).await;
        assert_eq!(passes(&findings), 0, "{to} {findings}");
    }
}

#[tokio::test]
async fn rfc6376_3_4_4_lines_of_white_space_at_the_end_do_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let dkim = dkim(&keys(&dir));
    let judge = Judge::knowing(&dkim).await;
    let wire = signed(&dkim, b"From: a@poshta.example\r\n\r\nbody\r\n", 100);
    for end in [" \r\n", "\r\n\t \r\n", "\r\n \r\n\r\n"] {
        let findings = judge.findings(&[&wire, end.as_bytes()].concat()).await;
        assert_eq!(findings.matches("dkim=pass").count(), 2, "{end:?} {findings}");
    }
}

#[test]
fn rfc6376_whatever_a_letter_looks_like_its_signatures_hold() {
    let dir = tempfile::tempdir().unwrap();
    let dkim = dkim(&keys(&dir));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let judge = runtime.block_on(Judge::knowing(&dkim));
    let subject = "( |\t|\r\n |\r\n\t)?[a-cж:;=]{1,9}(( |\t|\r\n |\r\n\t){1,3}[a-cж]{1,9}){0,4} ?";
    let letters = (subject, "(\r\n|\\.|=|a|ж| |\t|bb){0,60}", 1_usize..200);
    proptest!(ProptestConfig::with_cases(64), |((subject, body, piece) in letters)| {
        let letter = format!("Received: x\r\nFrom: a@poshta.example\r\nSubject:{subject}\r\nTo: b@x.kz\r\n\r\n{body}");
        let mut wire = signed(&dkim, letter.as_bytes(), piece);
        if !wire.ends_with(b"\r\n") {
            wire.extend_from_slice(b"\r\n");
        }
        let findings = runtime.block_on(judge.findings(&wire));
        prop_assert_eq!(findings.matches("dkim=pass").count(), 2, "{}", findings);
    });
}

mod files {
    use std::os::unix::fs::PermissionsExt as _;

    use test_case::test_case;

    use super::*;

    fn refused(settings: &Settings) -> String {
        let error = Dkim::open(settings, &[]).unwrap_err();
        format!("{error}; {}", error.remedy())
    }

    fn one(file: &std::path::Path) -> Settings {
        Settings { keys: vec![KeySettings { selector: "a".into(), file: file.to_owned() }] }
    }

    #[test]
    fn a_key_is_for_its_owner_only_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("dkim");
        let (_, file) = write(&folder, "a", Algorithm::Ed25519Sha256).unwrap();
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        let before = std::fs::read(&file).unwrap();
        let again = write(&folder, "a", Algorithm::RsaSha256).unwrap_err();
        assert!(again.remedy().contains("never overwritten"), "{again}");
        assert_eq!(std::fs::read(&file).unwrap(), before);
        assert!(matches!(write(&folder, "../a", Algorithm::RsaSha256), Err(BadKey::Selector(_))));
        Dkim::open(&one(&file), &[]).unwrap();
    }

    #[test]
    fn a_key_that_everybody_can_read_signs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (_, file) = write(dir.path(), "a", Algorithm::Ed25519Sha256).unwrap();
        for (mode, is_refused) in [(0o640, false), (0o644, true), (0o602, true)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let opened = Dkim::open(&one(&file), &[]);
            assert_eq!(matches!(opened, Err(BadKey::ForEverybody { .. })), is_refused, "{mode:o}");
        }
        assert!(refused(&one(&file)).contains("chmod 600"));
    }

    #[test_case(None, "poshta dkim new"; "there is none")]
    #[test_case(Some("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"), "openssl genpkey"; "pkcs1")]
    #[test_case(Some("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "openssl genpkey"; "no key")]
    #[test_case(Some(""), "openssl genpkey"; "empty")]
    fn a_file_that_is_no_key_is_named_with_what_to_do(content: Option<&str>, remedy: &str) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.pem");
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let refusal = refused(&one(&file));
        assert!(refusal.contains("a.pem") && refusal.contains(remedy), "{refusal}");
    }

    #[test]
    fn rfc8463_two_keys_are_of_two_algorithms() {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = keys(&dir);
        let (_, file) = write(dir.path(), "third", Algorithm::Ed25519Sha256).unwrap();
        settings.keys.push(KeySettings { selector: "third".into(), file });
        assert!(refused(&settings).contains("signs with ed25519-sha256 already"));
    }

    #[test_case("a2026", true; "a name")]
    #[test_case("a.2026-x", true; "labels")]
    #[test_case("", false; "nothing")]
    #[test_case("a_b", false; "underscore")]
    #[test_case("-a", false; "hyphen at the beginning")]
    #[test_case("a..b", false; "an empty label")]
    fn rfc6376_3_1_selectors_are_labels(selector: &str, is_one: bool) {
        let key = KeySettings { selector: selector.into(), file: "x".into() };
        assert_eq!(Settings { keys: vec![key.clone()] }.problems().is_empty(), is_one);
        assert!(!Settings { keys: vec![key.clone(), key] }.problems().is_empty(), "twice");
    }
}
