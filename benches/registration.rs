//! What a registration costs and where: the hash of the password, the verification of the signature, and the one commit.
//!
//! `cargo bench --bench registration`; `REGISTRATIONS` (40) says how many are measured. Needs OpenSSL to sign with.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a bench prints its figures, and stops where it goes wrong"
)]

use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use poshta::auth::Secret;
use poshta::clock::World;
use poshta::config::Config;
use poshta::identity::Iin;
use poshta::identity::application::{Entries, Field, Form, Sort, parse};
use poshta::locale::Lang;
use poshta::people::registration::{Application, Applied};
use poshta::people::signatures::SignerRules;
use poshta::server::Services;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PASSWORD: &str = "көктем келді 2026";

fn main() {
    let count = std::env::var("REGISTRATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure(dir.path(), count));
}

/// A demo makes the directory with its authority, and ends.
fn prepare(dir: &Path) {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_poshta"));
    demo.args(["demo", "--json", "--port-base", "0", "--users", "1", "--dir"]).arg(dir).stdout(Stdio::piped());
    let mut demo = demo.spawn().unwrap();
    BufReader::new(demo.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    assert!(Command::new("kill").arg(demo.id().to_string()).status().unwrap().success());
    demo.wait().unwrap();
}

async fn measure(dir: &Path, count: usize) {
    let mut config = Config::load(&dir.join("poshta.toml")).unwrap();
    // What a state register takes is its own affair.
    config.registration.without_registers = true;
    let services = Services::open(config, World::system()).unwrap();
    let agreement = services.agreements.current().await.unwrap().hash;
    let numbers = (0..).map(|n: u32| format!("9001013{n:05}")).filter(|text| text.parse::<Iin>().is_ok());
    let [mut hash, mut verify, mut whole] = [Duration::ZERO; 3];
    for (number, iin) in numbers.take(count).enumerate() {
        let (form, login) = (form(&iin), format!("bench{number:04}"));
        let password = Secret::new(PASSWORD.into());
        let begun = Instant::now();
        services.authenticator.hash(&password, HERE).await.unwrap();
        hash += begun.elapsed();
        let application = Application { form: form.clone(), consent: None, login, password, agreement, lang: Lang::Kk };
        let prepared = services.registration.prepare(application, HERE).await.unwrap();
        let cms = sign(dir, &iin, &prepared.statement);
        let rules = SignerRules { number: Some(form.number()), ..SignerRules::default() };
        let begun = Instant::now();
        let signatures = &services.signatures;
        signatures.verify(&cms, prepared.statement.as_bytes(), services.world.now(), rules).await.unwrap();
        verify += begun.elapsed();
        let begun = Instant::now();
        let applied = services.registration.sign(prepared.number, &prepared.secret, cms, HERE).await.unwrap();
        whole += begun.elapsed();
        assert!(matches!(applied, Applied::Registered { .. }));
    }
    let each = |time: Duration| time.as_secs_f64() * 1000.0 / count as f64;
    let (hash, verify, whole) = (each(hash), each(verify), each(whole));
    let rest = (whole - verify).max(0.0);
    let all = hash + whole;
    println!("{count} registrations, milliseconds each");
    for (what, time) in [("argon2id", hash), ("signature", verify), ("commit, and the rest", rest), ("together", all)] {
        println!("{what:>22} {time:>8.2} {:>5.1} %", time / all * 100.0);
    }
}

fn form(iin: &str) -> Form {
    let entries = Entries::default()
        .with(Field::Surname, "Серікова")
        .with(Field::GivenName, "Айгүл")
        .with(Field::Iin, iin)
        .with(Field::DocumentKind, "identity-card")
        .with(Field::DocumentNumber, "041234567")
        .with(Field::DocumentIssuer, "ҚР ІІМ")
        .with(Field::DocumentIssued, "2024-03-01")
        .with(Field::Residence, "Астана қ.")
        .with(Field::PhoneMobile, "+77012345678");
    parse(Sort::Individual, &entries, jiff::civil::date(2100, 1, 1)).unwrap()
}

/// A certificate of the demo's authority for this number, and a signature with its key.
fn sign(dir: &Path, iin: &str, text: &str) -> Vec<u8> {
    let at = |name: &str| dir.join("eds").join(name).to_str().unwrap().to_owned();
    let extensions = "keyUsage=critical,digitalSignature,nonRepudiation\n\
                      extendedKeyUsage=1.3.6.1.5.5.7.3.4,1.2.398.3.3.4.1.1\n";
    std::fs::write(at("bench.ext"), extensions).unwrap();
    std::fs::write(at("bench.txt"), text).unwrap();
    let subject = format!("/CN=BENCH/serialNumber=IIN{iin}/C=KZ");
    let (key, request, cert) = (at("bench.key"), at("bench.csr"), at("bench.pem"));
    openssl(&[
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        &subject,
        "-keyout",
        &key,
        "-out",
        &request,
    ]);
    openssl(&[
        "x509",
        "-req",
        "-in",
        &request,
        "-CA",
        &at("ca.pem"),
        "-CAkey",
        &at("ca.key"),
        "-days",
        "30",
        "-extfile",
        &at("bench.ext"),
        "-out",
        &cert,
    ]);
    openssl(&[
        "cms",
        "-sign",
        "-binary",
        "-cades",
        "-nodetach",
        "-in",
        &at("bench.txt"),
        "-signer",
        &cert,
        "-inkey",
        &key,
        "-outform",
        "DER",
        "-out",
        &at("bench.cms"),
    ]);
    std::fs::read(at("bench.cms")).unwrap()
}

fn openssl(arguments: &[&str]) {
    assert!(Command::new("openssl").args(arguments).stderr(Stdio::null()).status().unwrap().success(), "{arguments:?}");
}
