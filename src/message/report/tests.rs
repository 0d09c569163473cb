use super::*;
use crate::message::{Envelope, Scanner, Structure, headers, text};

fn scan(message: &[u8]) -> Structure {
    let mut scanner = Scanner::new(Default::default());
    scanner.push(message);
    scanner.finish()
}

fn letter() -> Letter {
    Letter {
        from: Named { name: "«Қазпошта» АҚ".to_owned(), address: "postmaster@poshta.example".to_owned() },
        to: Named { name: "Abai \"A\" K.".to_owned(), address: "abai@poshta.example".to_owned() },
        subject: "Хатыңыз қағазға басылды және почта бөлімшесіне тапсырылды".to_owned(),
        date: "2026-11-21T15:02:39Z".parse().unwrap(),
        offset: Offset::constant(5),
        message_id: "2@poshta.example".to_owned(),
        in_reply_to: Some("1@poshta.example".to_owned()),
        references: vec!["0@poshta.example".to_owned()],
        extensions: vec![("Postal-Status".to_owned(), "accepted".to_owned())],
        text: vec![
            Passage { language: "kk".to_owned(), text: "Сәлем".to_owned() },
            Passage { language: "en".to_owned(), text: "Hello\nthere".to_owned() },
        ],
        boundary: "=_b1".to_owned(),
    }
}

/// What RFC 5322 and RFC 5321 ask of a message that passes 7-bit transports.
fn assert_transportable(message: &[u8]) {
    let facts = scan(message).facts;
    assert!(!facts.bare_cr && !facts.bare_lf && !facts.nul && !facts.eight_bit_body && !facts.eight_bit_header);
    assert!(facts.longest_line_bytes <= 998, "{facts:?}");
    assert!(message.ends_with(b"\r\n"));
}

fn part_text(message: &[u8], path: &[u32]) -> String {
    let structure = scan(message);
    let read = |offset: u64, len: usize| Ok::<_, ()>(&message[offset as usize..offset as usize + len]);
    text::read_text(structure.part(path).unwrap(), u64::MAX, read).unwrap()
}

#[test]
fn rfc3834_letter_of_a_report_in_several_languages() {
    let message = report(b"").render();
    assert_transportable(&message);
    let envelope = Envelope::parse(&message);
    assert_eq!(headers::decode_words(envelope.subject.as_deref().unwrap()), letter().subject);
    assert_eq!(envelope.in_reply_to.as_deref(), Some("<1@poshta.example>"));
    assert_eq!(headers::find(&message, "References").unwrap().text(), "<0@poshta.example> <1@poshta.example>");
    assert_eq!(headers::find(&message, "From").unwrap().decoded(), "«Қазпошта» АҚ <postmaster@poshta.example>");
    assert_eq!(headers::find(&message, "To").unwrap().text(), "\"Abai \\\"A\\\" K.\" <abai@poshta.example>");
    assert_eq!(headers::find(&message, "Auto-Submitted").unwrap().text(), "auto-generated");
    assert_eq!(part_text(&message, &[1]), "Сәлем\r\n\r\n* * *\r\n\r\nHello\r\nthere\r\n");
    assert_eq!(message, report(b"").render());
}

#[test]
fn values_cannot_begin_a_new_field() {
    let mut evil = report(b"");
    evil.letter.subject = "x\r\nBcc: all@x".to_owned();
    evil.letter.message_id = "a\r\nX: y".to_owned();
    let message = evil.render();
    assert!(headers::find(&message, "Bcc").is_none() && headers::find(&message, "X").is_none());
}

fn report(original_header: &[u8]) -> DeliveryReport {
    DeliveryReport {
        letter: letter(),
        reporting_mta: "mx.poshta.example".to_owned(),
        original_envelope_id: Some("QQ314159".to_owned()),
        arrival: Some("2026-11-21T15:00:00Z".parse().unwrap()),
        extensions: vec![("Postal-Item-Id".to_owned(), "01JD".to_owned())],
        recipients: vec![
            RecipientStatus {
                original_recipient: Some("rfc822;a@x.example".to_owned()),
                address_type: "rfc822".to_owned(),
                final_recipient: "a@x.example".to_owned(),
                action: Action::Failed,
                status: "5.1.1".to_owned(),
                remote_mta: Some("mx.x.example".to_owned()),
                diagnostic: Some("550 5.1.1 No such\r\nuser".to_owned()),
                last_attempt: None,
                will_retry_until: None,
                extensions: Vec::new(),
            },
            RecipientStatus {
                original_recipient: None,
                address_type: "rfc822".to_owned(),
                final_recipient: "ә+a=b@x.example".to_owned(),
                action: Action::Delayed,
                status: "4.4.1".to_owned(),
                remote_mta: None,
                diagnostic: None,
                last_attempt: Some("2026-11-21T15:01:00Z".parse().unwrap()),
                will_retry_until: Some("2026-11-26T15:00:00Z".parse().unwrap()),
                extensions: Vec::new(),
            },
        ],
        enclosure: None,
        original: Original::Header(original_header.to_vec()),
    }
}

#[test]
fn rfc3464_delivery_report() {
    let message = report(b"Subject: x\r\nMessage-ID: <1@poshta.example>\r\n\r\n").render();
    assert_transportable(&message);
    let structure = scan(&message);
    assert!(structure.root.is("multipart", "report"));
    assert_eq!(structure.root.param("report-type"), Some("delivery-status"));
    assert!(structure.part(&[3]).unwrap().is("text", "rfc822-headers"));
    assert_eq!(
        part_text(&message, &[2]),
        "Original-Envelope-Id: QQ314159\r\nReporting-MTA: dns; mx.poshta.example\r\n\
         Arrival-Date: Sat, 21 Nov 2026 20:00:00 +0500\r\nPostal-Item-Id: 01JD\r\n\r\n\
         Original-Recipient: rfc822; a@x.example\r\nFinal-Recipient: rfc822; a@x.example\r\nAction: failed\r\n\
         Status: 5.1.1\r\nRemote-MTA: dns; mx.x.example\r\nDiagnostic-Code: smtp; 550 5.1.1 No such  user\r\n\r\n\
         Final-Recipient: utf-8; \\x{4D9}\\x{2B}a\\x{3D}b@x.example\r\nAction: delayed\r\nStatus: 4.4.1\r\n\
         Last-Attempt-Date: Sat, 21 Nov 2026 20:01:00 +0500\r\nWill-Retry-Until: Thu, 26 Nov 2026 20:00:00 +0500\r\n"
    );
    assert_eq!(part_text(&message, &[3]), "Subject: x\r\nMessage-ID: <1@poshta.example>\r\n\r\n");
}

#[test]
fn rfc3461_a_whole_message_comes_back_as_it_was() {
    let original = "Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\nсәлем\r\n".as_bytes();
    let message = DeliveryReport { original: Original::Whole(original.to_vec()), ..report(b"") }.render();
    let structure = scan(&message);
    assert!(structure.part(&[3]).unwrap().is("message", "rfc822"));
    assert!(message.windows(original.len()).any(|window| window == original));
    assert_eq!(headers::find(&message, "Content-Transfer-Encoding").unwrap().text(), "8bit");
}

#[test]
fn rfc6532_a_whole_message_with_a_header_in_utf_8_comes_back_as_it_was_over_any_way() {
    let original = "Subject: хат\r\nContent-Transfer-Encoding: 8bit\r\n\r\nсәлем\r\n".as_bytes();
    let message = DeliveryReport { original: Original::Whole(original.to_vec()), ..report(b"") }.render();
    assert_transportable(&message);
    let structure = scan(&message);
    let part = structure.part(&[3]).unwrap();
    assert!(part.is("message", "global"));
    let text = String::from_utf8(message.clone()).unwrap();
    let base64: String = text.rsplit("base64\r\n\r\n").next().unwrap().split("\r\n--").next().unwrap().into();
    assert_eq!(STANDARD.decode(base64.replace("\r\n", "")).unwrap(), original);
    assert!(structure.part(&[4]).is_none());
}

#[test]
fn rfc6522_a_document_goes_with_the_text_and_the_parts_stay_three() {
    let enclosure =
        Enclosure { name: "receipt 1\".pdf".into(), media_type: "application/pdf".into(), bytes: b"%PDF".to_vec() };
    let message = DeliveryReport { enclosure: Some(enclosure), ..report(b"Subject: x\r\n\r\n") }.render();
    assert_transportable(&message);
    let structure = scan(&message);
    assert!(structure.part(&[1]).unwrap().is("multipart", "mixed"));
    assert!(structure.part(&[1, 1]).unwrap().is("text", "plain"));
    assert!(structure.part(&[1, 2]).unwrap().is("application", "pdf"));
    assert!(structure.part(&[2]).unwrap().is("message", "delivery-status"));
    assert!(structure.part(&[4]).is_none());
    // RFC 2046 §5.1.1: no line of a part inside looks like a line between the outer ones.
    let inner = structure.part(&[1]).unwrap().param("boundary").unwrap();
    assert_eq!(inner, "text-=_b1");
    let outer = structure.root.param("boundary").unwrap();
    assert!(!inner.starts_with(outer) && !outer.starts_with(inner));
}

#[test]
fn rfc3464_the_reason_of_the_post_is_no_smtp_reply() {
    let mut report = report(b"");
    report.recipients.truncate(1);
    let paper = RecipientStatus {
        address_type: "x-postal".to_owned(),
        final_recipient: "010000".to_owned(),
        diagnostic: Some("көшкен".to_owned()),
        remote_mta: None,
        ..report.recipients.remove(0)
    };
    report.recipients.push(paper);
    let status = part_text(&report.render(), &[2]);
    assert!(status.contains("Final-Recipient: x-postal; 010000\r\n"), "{status}");
    assert!(status.contains("Diagnostic-Code: x-postal; \\x{43A}"), "{status}");
}

#[test]
fn rfc6522_original_header_in_8_bit_is_encoded() {
    let message = report("Subject: Сәлем\n\n".as_bytes()).render();
    assert_transportable(&message);
    assert_eq!(part_text(&message, &[3]), "Subject: Сәлем\r\n\r\n");
}
