//! Every file of `tests/vectors/nca`: it verifies at a moment within its validity, or fails for a reason that is known.

use test_case::test_case;

use super::super::*;
use super::time;

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!("../../../../tests/vectors/nca/", $name)).as_slice()
    };
}

const NCA_2022: &[u8] = vector!("nca_gost2015_test.cer");
const NCA_GOST: &[u8] = vector!("nca_gost_test.crt");
const NCA_RSA: &[u8] = vector!("nca_rsa_test.crt");
const PERSON_2015: &[u8] = vector!("individual_gost2015.cer");
const HEAD_2004: &[u8] = vector!("ceo_valid_sign_2004_gost.cer");
const PERSON_RSA: &[u8] = vector!("individual_valid_sign_2004_rsa.cer");
const PERSON_RSA_AUTH: &[u8] = vector!("individual_valid_sign_2004_rsa_auth.cer");
const OCSP_INDIVIDUAL: &[u8] = vector!("ocsp_response_individual_2015.bin");
const OCSP_HEAD: &[u8] = vector!("ocsp_response_ceo_2015_revoked.bin");
const STAMP_RESPONSE: &[u8] = vector!("tsp_response.bin");
const STAMP: &[u8] = vector!("tsp_token.bin");

fn judged(file: &[u8], authorities: &[u8], at: &str, digits: CheckDigits) -> Report {
    let anchors = certificates(authorities).unwrap();
    let trust = Trust { anchors: &anchors, others: &[] };
    let policy =
        Policy { trust, at: time(at), digits, evidence: Evidence::None, max_age_s: 86_400, usage: Use::Document };
    judge(Given { file, document: None }, &policy)
}

fn code(report: &Report) -> &'static str {
    report.refusal.as_ref().map_or("valid", Refusal::code)
}

#[test_case(PERSON_2015, NCA_2022, "2024-01-01T00:00:00Z" => "valid"; "person, gost 2015")]
#[test_case(HEAD_2004, NCA_GOST, "2022-06-01T00:00:00Z" => "valid"; "first head, gost 2004")]
#[test_case(PERSON_RSA, NCA_RSA, "2022-06-01T00:00:00Z" => "valid"; "person, rsa")]
#[test_case(PERSON_RSA_AUTH, NCA_RSA, "2022-06-01T00:00:00Z" => "valid"; "person, rsa, to sign in")]
#[test_case(NCA_2022, NCA_2022, "2026-11-29T00:00:00Z" => "valid"; "an authority that is trusted")]
#[test_case(PERSON_RSA, NCA_RSA, "2022-01-18T04:38:49Z" => "not-yet-valid"; "a second too early")]
#[test_case(PERSON_RSA, NCA_RSA, "2022-01-18T04:38:50Z" => "valid"; "at its first second")]
#[test_case(PERSON_RSA, NCA_RSA, "2023-01-18T04:38:50Z" => "valid"; "at its last second")]
#[test_case(PERSON_RSA, NCA_RSA, "2023-01-18T04:38:51Z" => "expired"; "a second too late")]
#[test_case(PERSON_2015, NCA_RSA, "2024-01-01T00:00:00Z" => "no-issuer"; "another authority")]
#[test_case(HEAD_2004, NCA_2022, "2022-06-01T00:00:00Z" => "no-issuer"; "an authority of another hierarchy")]
#[test_case(STAMP, NCA_GOST, "2022-09-18T14:00:00Z" => "valid"; "time stamp")]
#[test_case(STAMP_RESPONSE, NCA_GOST, "2022-09-18T14:00:00Z" => "valid"; "answer with a time stamp")]
#[test_case(STAMP, NCA_GOST, "2022-09-18T13:00:00Z" => "future"; "time stamp before its time")]
#[test_case(STAMP, NCA_2022, "2022-09-18T14:00:00Z" => "no-issuer"; "time stamp of another hierarchy")]
fn eds_files_of_the_national_test_authority(file: &[u8], authority: &[u8], at: &str) -> &'static str {
    code(&judged(file, authority, at, CheckDigits::NotChecked))
}

/// The test authority's numbers were never given out: only a test setting may look over that.
#[test_case(PERSON_2015, NCA_2022, "2024-01-01T00:00:00Z" => "iin")]
#[test_case(HEAD_2004, NCA_GOST, "2022-06-01T00:00:00Z" => "iin")]
fn m24_numbers_that_were_never_given_out_are_refused(file: &[u8], authority: &[u8], at: &str) -> &'static str {
    code(&judged(file, authority, at, CheckDigits::Required))
}

#[test]
fn m24_iin_bin_and_capacities_come_from_the_certificate() {
    let report = judged(HEAD_2004, NCA_GOST, "2022-06-01T00:00:00Z", CheckDigits::NotChecked);
    assert_eq!(report.holders[0].iin.as_deref(), Some("123456789011"));
    assert_eq!(report.holders[0].bin.as_deref(), Some("123456789021"));
    assert_eq!(report.holders[0].roles, [Role::LegalEntity, Role::FirstHead, Role::Signing]);
    assert_eq!(report.holders[0].algorithm, "GOST 34.310-2004");
    assert_eq!(report.holders[0].organization.as_deref(), Some("АО \"ТЕСТ\""));
    let report = judged(PERSON_2015, NCA_2022, "2024-01-01T00:00:00Z", CheckDigits::NotChecked);
    assert_eq!((report.holders[0].iin.as_deref(), report.holders[0].bin.as_deref()), (Some("123456789011"), None));
    assert!(report.holders[0].roles.contains(&Role::Individual), "{:?}", report.holders[0].roles);
    assert_eq!(report.holders[0].algorithm, "GOST 34.10-2015 (512)");
    let report = judged(PERSON_RSA_AUTH, NCA_RSA, "2022-06-01T00:00:00Z", CheckDigits::NotChecked);
    assert_eq!(report.holders[0].roles, [Role::Individual, Role::Authentication]);
    assert_eq!(report.holders[0].algorithm, "RSA-2048");
}

#[test]
fn design18_debug_output_hides_the_numbers() {
    let certificate = Certificate::read(&contents(HEAD_2004)).unwrap();
    assert!(!format!("{:?}", certificate.names()).contains("1234567890"));
}

/// When an answer was signed, plus so many seconds.
fn after(file: &[u8], seconds: i64) -> String {
    let produced = Response::read(file).unwrap().produced();
    Timestamp::from_second(produced.as_second() + seconds).unwrap().to_string()
}

#[test]
fn rfc6960_answers_of_the_national_responder_hold_while_they_are_new() {
    for file in [OCSP_INDIVIDUAL, OCSP_HEAD] {
        let verdict = |seconds: i64, authority: &[u8]| {
            code(&judged(file, authority, &after(file, seconds), CheckDigits::NotChecked))
        };
        assert_eq!(verdict(10, NCA_2022), "valid");
        assert_eq!(verdict(2 * 86_400, NCA_2022), "stale");
        assert_eq!(verdict(-3_600, NCA_2022), "future");
        assert_eq!(verdict(10, NCA_RSA), "no-issuer");
        let mut changed = file.to_vec();
        let place = changed.len() / 4;
        changed[place] ^= 1;
        let report = judged(&changed, NCA_2022, &after(file, 10), CheckDigits::NotChecked);
        assert_ne!(code(&report), "valid");
    }
    let status = |file| Response::read(file).unwrap().answers()[0].status;
    // RFC 6960 §4.4.8: revoked since 1970 is a certificate that was never issued. The file's name promises more.
    assert_eq!(status(OCSP_INDIVIDUAL), Status::Revoked(Timestamp::UNIX_EPOCH));
    assert_eq!(status(OCSP_HEAD), Status::Revoked(time("2022-07-27T10:25:30Z")));
}

/// One changed bit anywhere is found, or is in a place that nobody signed.
#[test]
fn eds_no_changed_certificate_is_valid() {
    let original = contents(PERSON_2015);
    for place in (0..original.len()).step_by(23) {
        let mut changed = original.clone();
        changed[place] ^= 1;
        let report = judged(&changed, NCA_2022, "2024-01-01T00:00:00Z", CheckDigits::NotChecked);
        assert!(!report.is_valid(), "byte {place}");
        let authority = judged(PERSON_2015, NCA_2022, "2024-01-01T00:00:00Z", CheckDigits::NotChecked);
        assert!(authority.is_valid());
    }
    for place in (0..STAMP.len()).step_by(31) {
        let mut changed = STAMP.to_vec();
        changed[place] ^= 1;
        let report = judged(&changed, NCA_GOST, "2022-09-18T14:00:00Z", CheckDigits::NotChecked);
        let is_unsigned = !report.is_valid() || is_outside_of_what_is_signed(place);
        assert!(is_unsigned, "byte {place} of {}", STAMP.len());
    }
}

/// Versions and the list of digest algorithms of a signed message are signed by nobody (RFC 5652 §5.1).
fn is_outside_of_what_is_signed(place: usize) -> bool {
    place < 60
}
