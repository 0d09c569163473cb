use super::*;
use crate::server::control::{AccountAdd, Client, Failure, Letters, Name, Page, Password, Request};

fn options(dir: &Path) -> Options {
    Options {
        dir: Some(dir.to_owned()),
        port_base: 0,
        users: 3,
        plaintext_auth: false,
        next_hop: None,
        signer_port: None,
        four_eyes: false,
        consent_code: None,
    }
}

async fn stop(demo: Demo) {
    demo.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_keeps_its_users_and_secrets_in_a_directory_that_is_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let first = Demo::start(&options(dir.path()), World::system()).await.unwrap();
    let facts = first.facts.clone();
    assert_eq!(facts.users.len(), 3);
    for address in [&facts.smtp, &facts.submission, &facts.submissions, &facts.imap, &facts.imaps] {
        let address: SocketAddr = address.parse().unwrap();
        assert!(address.ip().is_loopback() && address.port() != 0);
    }
    stop(first).await;
    let second = Demo::start(&options(dir.path()), World::system()).await.unwrap();
    assert_eq!(second.facts.users[2].password, facts.users[2].password);
    assert_eq!(second.facts.print_centre.token, facts.print_centre.token);
    stop(second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_go_through_the_control_socket_and_a_second_server_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(&options(dir.path()), World::system()).await.unwrap();
    let mut client = Client::connect(dir.path(), 1 << 20).await.unwrap().unwrap();
    let password = || Password(Secret::new("құпия сөз 1".into()));
    let new = AccountAdd {
        login: "aigul".into(),
        address: None,
        kind: Kind::Individual,
        display_name: "Айгүл".into(),
        person: None,
        postal_index: Some("050000".into()),
        password: password(),
    };
    let made = client.ask(&Request::AccountAdd(new.clone())).await.unwrap();
    assert_eq!(made["address"], "aigul@poshta.example");
    let Failure { message } = client.ask(&Request::AccountAdd(new)).await.unwrap_err();
    assert!(message.contains("taken"), "{message}");
    let listed = client.ask(&Request::AccountList(Page { after: None, limit: 10 })).await.unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 4);
    assert!(!listed.to_string().contains("argon2"), "no hash leaves the store");
    client.ask(&Request::AccountClose { name: "aigul".into(), letters: Letters::AsConfigured }).await.unwrap();
    let gone = client.ask(&Request::AccountShow(Name { name: "aigul".into() })).await;
    assert!(gone.unwrap_err().message.contains("no open account"));
    let second = Demo::start(&options(dir.path()), World::system()).await.unwrap_err().to_string();
    assert!(second.contains("in use"), "{second}");
    stop(demo).await;
    assert!(Client::connect(dir.path(), 1 << 20).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_socket_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(&options(dir.path()), World::system()).await.unwrap();
    let mode = std::fs::metadata(dir.path().join("control.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    stop(demo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_without_a_directory_leaves_none_behind() {
    let demo = Demo::start(&Options { dir: None, ..options(Path::new("")) }, World::system()).await.unwrap();
    let dir = demo.facts.dir.clone();
    assert!(dir.is_dir());
    let Demo { running, _fresh: fresh, .. } = demo;
    running.stop().await;
    drop(fresh);
    assert!(!dir.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_open_a_port_lets_go_of_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // The operator's listener is opened last, after everything else holds the directory.
    let port_base = taken.local_addr().unwrap().port() - 980;
    let refused = Demo::start(&Options { port_base, ..options(dir.path()) }, World::system()).await.unwrap_err();
    assert!(refused.to_string().contains("cannot listen"), "{refused}");
    stop(Demo::start(&options(dir.path()), World::system()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_cannot_be_read_are_not_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("demo.json"), "{\"password\": \"half").unwrap();
    let refused = Demo::start(&options(dir.path()), World::system()).await.unwrap_err().to_string();
    assert!(refused.contains("demo.json") && refused.contains("begin anew"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_may_open_as_many_files_as_the_system_allows() {
    let dir = tempfile::tempdir().unwrap();
    stop(Demo::start(&options(dir.path()), World::system()).await.unwrap()).await;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    assert_eq!(limit.current, limit.maximum);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_accounts_goes_on_behind_the_last_page() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::start(&options(dir.path()), World::system()).await.unwrap();
    let mut client = Client::connect(dir.path(), 1 << 20).await.unwrap().unwrap();
    let mut logins = Vec::new();
    let mut after = None;
    loop {
        let page = client.ask(&Request::AccountList(Page { after, limit: 2 })).await.unwrap();
        let page = page.as_array().unwrap();
        logins.extend(page.iter().map(|account| account["login"].as_str().unwrap().to_owned()));
        match page.last() {
            Some(last) => after = last["id"].as_u64(),
            None => break,
        }
    }
    assert_eq!(logins, ["user001", "user002", "user003"]);
    stop(demo).await;
}
