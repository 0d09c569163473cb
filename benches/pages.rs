//! How long the server takes for the pages of a cabinet where there are many accounts.
//!
//! `cargo bench --bench pages`; `PAGES_ACCOUNTS` (100,000) is how many accounts there are, `PAGES_REQUESTS` (2,000) how
//! often each page is asked for, each time by another user. What is measured is the page's own work, from the request's
//! headers to the last byte of the answer; TLS and the network are left out. Ends with status 1 when the slowest hundredth
//! of a page takes more than 10 ms.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench prints its figures, and stops where it goes wrong"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use poshta::accounts::NewAccount;
use poshta::auth::Secret;
use poshta::clock::World;
use poshta::config::Config;
use poshta::ids::AccountId;
use poshta::server::{Addresses, Services};
use poshta::sessions::{Browser, Proof};
use poshta::store::accounts::{Kind, PasswordHash};
use tower::Service as _;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Accounts that are created at one time, so that they share syncs.
const AT_ONCE: usize = 200;

/// The most that the slowest hundredth may take.
const LIMIT: Duration = Duration::from_millis(10);

const PAGES: [&str; 9] = [
    "/cabinet",
    "/cabinet/profile",
    "/cabinet/confirm",
    "/cabinet/letters",
    "/cabinet/app-passwords",
    "/cabinet/second-factor",
    "/cabinet/sign-ins",
    "/cabinet/lookups",
    "/cabinet/close",
];

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let number = |name: &str, otherwise: usize| std::env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let (accounts, requests) = (number("PAGES_ACCOUNTS", 100_000), number("PAGES_REQUESTS", 2000).max(1));
    let dir = tempfile::tempdir().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(measure(dir.path(), accounts.max(1), requests))
}

async fn measure(dir: &Path, accounts: usize, requests: usize) -> ExitCode {
    let mut config = Config::default();
    config.server.dir = dir.to_owned();
    config.store.watermark_bytes = 0;
    config.postal.facilities_file = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/facilities.toml");
    let services = Services::open(config, World::system()).unwrap();
    let users = fill(&services, accounts).await;
    let router = services.api(&Addresses::default()).unwrap().router();

    println!("{} accounts, {requests} requests for each page", users.len());
    println!("| page | bytes | p50, ms | p99, ms | slowest, ms |");
    println!("|---|---|---|---|---|");
    let mut is_fast = true;
    for page in PAGES {
        let (mut times, mut bytes) = (Vec::with_capacity(requests), 0);
        for at in 0..requests {
            // Far from the user before, so that nothing is near by chance.
            let account = users[at * 7919 % users.len()];
            let (time, length) = ask(&services, &router, page, account).await;
            times.push(time);
            bytes = length;
        }
        times.sort_unstable();
        let milliseconds = |at: usize| times[at].as_secs_f64() * 1000.0;
        let p99 = (times.len() - 1) * 99 / 100;
        let (half, slow, last) = (milliseconds(times.len() / 2), milliseconds(p99), milliseconds(times.len() - 1));
        println!("| `{page}` | {bytes} | {half:.2} | {slow:.2} | {last:.2} |");
        is_fast &= times[p99] < LIMIT;
    }
    if is_fast { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The accounts, all with the same password, which is hashed once.
async fn fill(services: &Services, accounts: usize) -> Vec<AccountId> {
    let password = services.authenticator.hash(&Secret::new("көктем келді 2026".to_owned()), HERE).await.unwrap();
    let mut users = Vec::with_capacity(accounts);
    for first in (0..accounts).step_by(AT_ONCE) {
        let created: Vec<_> = (first..accounts.min(first + AT_ONCE))
            .map(|number| tokio::spawn(create(services.clone(), number, password.clone())))
            .collect();
        for account in created {
            users.push(account.await.unwrap());
        }
        if first % 10_000 == 0 {
            eprintln!("{first} of {accounts} accounts");
        }
    }
    users
}

async fn create(services: Services, number: usize, password: PasswordHash) -> AccountId {
    let new = NewAccount {
        login: format!("user{number:06}"),
        address: None,
        kind: Kind::Individual,
        display_name: format!("Әлия Серікқызы {number}"),
        person: None,
        postal_index: Some("020000".into()),
        password,
    };
    services.accounts.create(new).await.unwrap().id
}

/// How long the page takes for somebody who has just signed in, and how long it is.
async fn ask(services: &Services, router: &Router, page: &str, account: AccountId) -> (Duration, usize) {
    let browser = Browser { ip: HERE, agent: "bench".into() };
    let opened = services.sessions.open(account, Proof::Password, browser).await.unwrap();
    let cookie = format!("__Host-session={}", opened.token.expose());
    let request = Request::get(page).header(header::HOST, "poshta.example").header(header::COOKIE, cookie);
    let request = request.body(Body::empty()).unwrap();
    let begun = Instant::now();
    let answer = router.clone().call(request).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let took = begun.elapsed();
    assert_eq!(status, StatusCode::OK, "{page}: {}", String::from_utf8_lossy(&body));
    (took, body.len())
}
