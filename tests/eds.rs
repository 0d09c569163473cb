//! `poshta eds verify` over the files of the national test authority: what it says, and its exit status.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::poshta;

const NCA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/nca");

fn verify(arguments: &[&str]) -> Output {
    Command::new(poshta()).args(["eds", "verify"]).args(arguments).current_dir(NCA).output().unwrap()
}

fn said(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn m24_the_command_says_whose_certificate_it_is() {
    let at = ["--at", "2022-06-01T00:00:00Z", "--test-ids", "--json"];
    let head = ["--anchors", "nca_gost_test.crt", "ceo_valid_sign_2004_gost.cer"];
    let output = verify(&[&at[..], &head].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let answer = said(&output);
    assert_eq!(answer["valid"], true);
    assert_eq!(answer["kind"], "certificate");
    assert_eq!((&answer["iin"], &answer["bin"]), (&"123456789011".into(), &"123456789021".into()));
    assert_eq!(answer["roles"], serde_json::json!(["legal_entity", "first_head", "signing"]));
    assert_eq!(answer["algorithm"], "GOST 34.310-2004");
    let outcomes: Vec<_> = answer["checks"].as_array().unwrap().iter().map(|check| &check["outcome"]).collect();
    assert_eq!(outcomes, ["passed", "passed", "passed", "passed", "not_checked"], "{answer}");
    // A certificate to sign in with signs no document; by itself it is as good as the other one.
    let sign_in = ["--anchors", "nca_rsa_test.crt", "individual_valid_sign_2004_rsa_auth.cer"];
    let output = verify(&[&at[..], &sign_in].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(said(&output)["roles"], serde_json::json!(["individual", "authentication"]));
}

#[test]
fn eds_what_is_not_valid_is_told_in_three_languages() {
    let old = ["--anchors", "nca_rsa_test.crt", "--test-ids", "--at", "2026-11-29T00:00:00Z"];
    let words = [("kk", "жарамды болды"), ("ru", "действовал до"), ("en", "was valid until")];
    for (language, expected) in words {
        let output = verify(&[&old[..], &["--language", language, "individual_valid_sign_2004_rsa.cer"]].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.trim_end().lines().last().unwrap().contains(expected), "{text}");
    }
    // The numbers of the test authority are refused where nobody asks to look over them.
    let strict = ["--anchors", "nca_rsa_test.crt", "--at", "2022-06-01T00:00:00Z", "--json"];
    let output = verify(&[&strict[..], &["individual_valid_sign_2004_rsa.cer"]].concat());
    assert_eq!((output.status.code(), &said(&output)["refusal"]["code"]), (Some(1), &"iin".into()));
    let trusted_by_nobody = verify(&["--json", "--at", "2022-06-01T00:00:00Z", "individual_valid_sign_2004_rsa.cer"]);
    assert_eq!(
        (trusted_by_nobody.status.code(), &said(&trusted_by_nobody)["refusal"]["code"]),
        (Some(1), &"no-issuer".into())
    );
    let readme = verify(&["README.md", "--json"]);
    assert_eq!((readme.status.code(), &said(&readme)["refusal"]["code"]), (Some(1), &"not-recognised".into()));
}

#[test]
fn eds_wrong_use_has_status_2() {
    assert!(Path::new(NCA).is_dir());
    let wrong: [&[&str]; 6] = [
        &[],
        &["--anchors", "nca_rsa_test.crt"],
        &["no-such-file.cer"],
        &["--anchors", "README.md", "--", "individual_gost2015.cer"],
        &["--at", "yesterday", "individual_gost2015.cer"],
        &["--crl", "tsp_token.bin", "individual_gost2015.cer"],
    ];
    for arguments in wrong {
        let output = verify(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(!output.stderr.is_empty());
    }
}
