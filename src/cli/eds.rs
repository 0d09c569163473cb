//! `poshta eds`.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::identity::eds::{
    self, Certificate, Check, CheckDigits, Evidence, Given, Holder, Kind, Policy, Report, Response, RevocationList,
    Trust, Use,
};
use crate::locale::{self, Lang};

use super::postmark::Answer;
use super::{Outcome, WrongUse, output};

/// News about revocation may be a day old.
const MAX_AGE_S: i64 = 86_400;

#[derive(Debug, Subcommand)]
pub(super) enum EdsCommand {
    /// Judge a certificate, a signature, an answer about revocation or a time stamp: status 0 valid, 1 not.
    ///
    /// What the file is follows from its content, in DER, BER or PEM. Nothing is fetched: certificates of trusted
    /// authorities and news about revocation come from files.
    Verify(Box<VerifyArgs>),
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The file; `-` is the standard input.
    file: Option<PathBuf>,
    /// Certificates of the authorities that are trusted, each file DER or PEM.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    anchors: Vec<PathBuf>,
    /// The document, where the signature is detached or the file is a time stamp.
    #[arg(long, value_name = "DATA")]
    detached: Option<PathBuf>,
    /// The moment of the verification, such as 2026-11-29T10:00:00Z; now without it.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// The answer of an OCSP responder about the signer's certificate.
    #[arg(long, value_name = "FILE", conflicts_with = "crl")]
    ocsp: Option<PathBuf>,
    /// A list of revoked certificates.
    #[arg(long, value_name = "FILE")]
    crl: Option<PathBuf>,
    /// Do not check the last digit of IIN and BIN: those of the national test authority were never given out.
    #[arg(long)]
    test_ids: bool,
    /// Language of the answer.
    #[arg(long, value_enum, default_value_t = Answer::En)]
    language: Answer,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &EdsCommand) -> Outcome {
    let EdsCommand::Verify(args) = command;
    let report = verify(args)?;
    let lang = Lang::from(args.language);
    if args.json {
        output::thing(&json_of(&report, lang), true)?;
    } else {
        for line in lines(&report, lang) {
            output::line(&line)?;
        }
    }
    Ok(if report.is_valid() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn verify(args: &VerifyArgs) -> anyhow::Result<Report> {
    let (file, authorities) = files(args)?;
    let file = read(file)?;
    let document = args.detached.as_deref().map(read).transpose()?;
    let mut anchors: Vec<Certificate> = Vec::new();
    for path in authorities {
        let found = eds::certificates(&read(path)?);
        anchors.extend(found.map_err(|error| wrong(path, &error))?);
    }
    let response = args
        .ocsp
        .as_ref()
        .map(|path| Response::read(&eds::contents(&read(path)?)).map_err(|error| wrong(path, &error)));
    let response = response.transpose()?;
    let list = args
        .crl
        .as_ref()
        .map(|path| RevocationList::read(&eds::contents(&read(path)?)).map_err(|error| wrong(path, &error)));
    let list = list.transpose()?;
    let evidence = match (&response, &list) {
        (Some(response), _) => Evidence::Ocsp(response, None),
        (None, Some(list)) => Evidence::List(list),
        (None, None) => Evidence::None,
    };
    let policy = Policy {
        trust: Trust { anchors: &anchors, others: &[] },
        at: args.at.unwrap_or_else(|| SystemClock.now()),
        digits: if args.test_ids { CheckDigits::NotChecked } else { CheckDigits::Required },
        evidence,
        max_age_s: MAX_AGE_S,
        usage: Use::Document,
    };
    Ok(eds::judge(Given { file: &file, document: document.as_deref() }, &policy))
}

/// The file and those of the authorities. Names behind `--anchors` go on to the next option: without one between, the
/// last of them is the file.
fn files(args: &VerifyArgs) -> anyhow::Result<(&Path, &[PathBuf])> {
    match (&args.file, args.anchors.split_last()) {
        (Some(file), _) => Ok((file, &args.anchors)),
        (None, Some((file, authorities))) if !authorities.is_empty() => Ok((file, authorities)),
        _ => Err(WrongUse("name the file that is to be judged, and `-` for the standard input".into()).into()),
    }
}

impl From<Answer> for Lang {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Kk => Lang::Kk,
            Answer::Ru => Lang::Ru,
            Answer::En => Lang::En,
        }
    }
}

/// Status 1 says that something is not valid; a file that cannot be read is wrong use.
fn wrong(path: &Path, error: &dyn std::fmt::Display) -> anyhow::Error {
    WrongUse(format!("{}: {error}", path.display())).into()
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let most = eds::MAX_BYTES as u64;
    let mut bytes = Vec::new();
    let result = if path == Path::new("-") {
        std::io::stdin().take(most + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
    };
    result.map_err(|error| wrong(path, &error))?;
    if bytes.len() as u64 > most {
        return Err(wrong(path, &format!("longer than {most} bytes")));
    }
    Ok(bytes)
}

/// The answer for programs. It holds IIN and BIN: they are what is asked for.
///
/// Whose certificate it is stands at the top; where several signed, the first one, and everybody in `signers`.
fn json_of(report: &Report, lang: Lang) -> Value {
    let refusal = report.refusal.as_ref();
    let mut answer = json!({
        "kind": report.kind,
        "valid": report.is_valid(),
        "answers": report.answers,
        "checks": report.checks,
        "refusal": refusal.map(|refusal| json!({ "code": refusal.code(), "text": refusal.text(lang) })),
    });
    let first = report.holders.first().map(|holder| json!(holder));
    if let (Some(answer), Some(Value::Object(first))) = (answer.as_object_mut(), first) {
        answer.extend(first);
        if report.kind == Some(Kind::Signature) {
            answer.insert("signers".to_owned(), json!(report.holders));
        }
    }
    answer
}

/// For people. Where several signed, everybody stands apart, with the checks of the own signature.
fn lines(report: &Report, lang: Lang) -> Vec<String> {
    let fact = |name: &str, value: &str| format!("{name:13} {value}");
    let checked = |check: &Check| format!("{}: {}", check.step.text(lang), check.outcome.text(lang));
    let mut lines: Vec<String> = report.kind.iter().map(|kind| fact("kind", &kind.text(lang))).collect();
    let all = report.holders.len();
    let (of_all, of_one): (Vec<&Check>, Vec<&Check>) =
        report.checks.iter().partition(|check| all <= 1 || check.holder.is_none());
    if all > 1 {
        lines.extend(of_all.iter().copied().map(checked));
    }
    for (index, holder) in report.holders.iter().enumerate() {
        if all > 1 {
            lines.extend([String::new(), fact("signer", &format!("{} / {all}", index + 1))]);
        }
        lines.extend(facts(holder).into_iter().filter_map(|(name, value)| Some(fact(name, &value?))));
        lines.extend(of_one.iter().copied().filter(|check| check.holder == Some(index)).map(checked));
    }
    for answer in &report.answers {
        let since = answer.since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
        lines.push(fact("answer", &format!("{}: {}{since}", answer.serial, answer.status)));
    }
    if all > 1 {
        lines.push(String::new());
    } else {
        lines.extend(of_all.iter().copied().map(checked));
    }
    lines.push(match &report.refusal {
        None => locale::text(lang, "eds-valid", &[]),
        Some(refusal) => refusal.text(lang),
    });
    lines
}

fn facts(holder: &Holder) -> [(&'static str, Option<String>); 9] {
    let stamped = holder.time_stamp.as_ref().map(|stamp| format!("{}, {}", stamp.time, stamp.authority));
    [
        ("subject", Some(holder.subject.clone())),
        ("organization", holder.organization.clone()),
        ("iin", holder.iin.clone()),
        ("bin", holder.bin.clone()),
        ("roles", Some(roles(holder)).filter(|roles| !roles.is_empty())),
        ("algorithm", Some(holder.algorithm.clone())),
        ("issuer", Some(holder.issuer.clone())),
        ("signing time", holder.signing_time.clone()),
        ("time stamp", stamped),
    ]
}

/// As programs get them.
fn roles(holder: &Holder) -> String {
    let names = holder.roles.iter().filter_map(|role| serde_json::to_value(role).ok());
    names.filter_map(|name| Some(name.as_str()?.to_owned())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::eds::tests::build::{Key, Message, Plan};

    const TEXT: &[u8] = "Келісімшарт: екі данада жасалды.".as_bytes();

    /// What is printed of a document that two signed, the second one rightly or not.
    fn said(is_damaged: bool, lang: Lang) -> String {
        let (root, first, second) = (Key::p256(), Key::p256(), Key::p256());
        let authority = Plan::authority("Root", "Root").issue(&root, &root);
        let plan =
            Plan { iin: Some("791028302728"), bin: Some("060640000011"), serial: 78, ..Plan::person("", "Root") };
        let certificates = [
            Plan::person("СЕРІКОВА АЙГҮЛ", "Root").issue(&first, &root),
            Plan { name: "АХМЕТОВ ЕРЛАН", ..plan }.issue(&second, &root),
        ];
        let [one, other] = &certificates;
        let other = Message { is_damaged, ..Message::new(&second, other, &[], TEXT) };
        let file = Message::new(&first, one, &[], TEXT).signed_with(&[&other]);
        let policy = Policy {
            trust: Trust { anchors: &[authority], others: &[] },
            at: "2026-11-29T10:00:00Z".parse().unwrap(),
            digits: CheckDigits::Required,
            evidence: Evidence::None,
            max_age_s: MAX_AGE_S,
            usage: Use::Document,
        };
        lines(&eds::judge(Given { file: &file, document: None }, &policy), lang).join("\n")
    }

    #[test]
    fn m5_where_several_signed_everybody_stands_apart_with_the_own_checks() {
        let text = said(false, Lang::En);
        let [head, first, second, verdict] = text.split("\n\n").collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(head, "kind          a signature\nForm: well");
        assert_eq!(verdict, "Everything that was checked is well.");
        let checks = "Signature: well\nTime stamp: not checked\nMoment of signing: well\nCertificate and its authorities: well\n\
                      Purpose of the key: well\nIIN and BIN: well\nNot revoked: not checked";
        for (part, begins) in [
            (first, "signer        1 / 2\nsubject       СЕРІКОВА АЙГҮЛ\niin           061211600012\n"),
            (
                second,
                "signer        2 / 2\nsubject       АХМЕТОВ ЕРЛАН\niin           791028302728\nbin           060640000011\n",
            ),
        ] {
            assert!(part.starts_with(begins) && part.ends_with(checks), "{text}");
            assert!(part.contains("\nsigning time  2026-11-20T10:00:00Z\n"), "{text}");
        }
    }

    #[test]
    fn m5_whose_signature_does_not_hold_is_said() {
        for (lang, failed) in [(Lang::En, "Signature: not well"), (Lang::Ru, "Подпись: "), (Lang::Kk, "Қолтаңба: ")]
        {
            let text = said(true, lang);
            let second = text.split("\n\n").nth(2).unwrap();
            assert!(second.contains("АХМЕТОВ ЕРЛАН") && second.lines().last().unwrap().starts_with(failed), "{text}");
            assert!(text.lines().last().unwrap().contains("АХМЕТОВ ЕРЛАН"), "{text}");
        }
    }
}
