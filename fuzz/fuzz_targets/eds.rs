//! Certificates, signatures, answers about revocation, lists and time stamps: any bytes are judged without a panic,
//! the verdict is the same each time, and nothing that was not signed by the anchor is valid.

#![no_main]

use libfuzzer_sys::fuzz_target;
use poshta::identity::eds::{
    Certificate, CheckDigits, Evidence, Given, Policy, Response, RevocationList, Token, Trust, Use, certificates,
    contents, judge, token_of_response,
};

const AUTHORITY: &[u8] = include_bytes!("../../tests/vectors/nca/nca_gost2015_test.cer");
const PERSON: &[u8] = include_bytes!("../../tests/vectors/nca/individual_gost2015.cer");

fuzz_target!(|input: &[u8]| {
    let anchors = certificates(AUTHORITY).unwrap_or_default();
    let list = RevocationList::read(input).ok();
    let response = Response::read(input).ok();
    let evidence = match (&response, &list) {
        (Some(response), _) => Evidence::Ocsp(response, None),
        (None, Some(list)) => Evidence::List(list),
        (None, None) => Evidence::None,
    };
    let policy = Policy {
        trust: Trust { anchors: &anchors, others: &[] },
        at: "2024-01-01T00:00:00Z".parse().unwrap_or_default(),
        digits: CheckDigits::NotChecked,
        evidence,
        max_age_s: 86_400,
        usage: Use::Document,
    };
    let report = judge(Given { file: input, document: None }, &policy);
    assert_eq!(report, judge(Given { file: input, document: None }, &policy));
    assert!(!report.is_valid() || was_issued_by_the_authority(input), "valid: {report:?}");
    // As evidence about a certificate that is valid otherwise.
    judge(Given { file: PERSON, document: Some(input) }, &policy);
    let _ = Certificate::read(input);
    let _ = token_of_response(input).and_then(|token| Token::read(&token));
    let _ = Token::read(input);
});

/// What of the national test authority the corpus may hold.
fn was_issued_by_the_authority(input: &[u8]) -> bool {
    let bytes = contents(input);
    bytes == AUTHORITY || bytes == contents(PERSON) || Response::read(&bytes).is_ok()
}
