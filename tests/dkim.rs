//! A key that signs letters is made, published and switched on with commands.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use poshta::trust::zone::{Zone, ZoneServer};
use serde_json::Value;

use crate::support::{poshta, succeeded};

/// A folder with a configuration that asks a name server of the test.
struct Folder {
    dir: tempfile::TempDir,
    zone: ZoneServer,
    runtime: tokio::runtime::Runtime,
}

impl Folder {
    fn new() -> Folder {
        let (dir, runtime) = (tempfile::tempdir().unwrap(), tokio::runtime::Runtime::new().unwrap());
        let conf = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf");
        for name in ["facilities.toml", "peers.toml"] {
            std::fs::copy(conf.join(name), dir.path().join(name)).unwrap();
        }
        let zone = runtime.block_on(ZoneServer::start(Zone::default(), "127.0.0.1:0".parse().unwrap())).unwrap();
        let folder = Folder { dir, zone, runtime };
        folder.configure("");
        folder
    }

    fn configure(&self, more: &str) {
        let text = format!(
            "server.dir = \"data\"\naccounts.domains = [\"poshta.example\", \"post.example\"]\n\
             trust.name_servers = [\"{}\"]\n{more}",
            self.zone.address()
        );
        std::fs::write(self.file(), text).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("poshta.toml")
    }

    fn poshta(&self, arguments: &[&str]) -> Output {
        Command::new(poshta()).args(arguments).arg("--config").arg(self.file()).output().unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_key_is_made_published_and_switched_on() {
    let folder = Folder::new();
    let keys = folder.dir.path().join("dkim");
    let new = ["dkim", "new", "a2026", "--dir", keys.to_str().unwrap()];
    let made = succeeded("dkim new", folder.poshta(&new));
    let mode = keys.join("a2026.pem").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let lines: Vec<&str> = made.lines().filter(|line| line.contains("IN TXT")).collect();
    assert_eq!(lines.len(), 2, "one for each domain: {made}");
    assert!(lines[0].starts_with("a2026._domainkey.poshta.example. IN TXT \"v=DKIM1; k=rsa; p="), "{made}");
    assert!(lines[0].split('"').all(|string| string.len() <= 255), "rfc1035: {made}");
    let again = folder.poshta(&new);
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("never overwritten"), "{}", said(&again));

    assert!(said(&folder.poshta(&["dkim", "check"])).contains("poshta dkim new"));
    // What was printed for the configuration is put there.
    let (_, section) = made.split_once("[outbound.dkim]").unwrap();
    folder.configure(&format!("[outbound.dkim]{section}"));
    succeeded("config check", folder.poshta(&["config", "check"]));
    let missing = folder.poshta(&["dkim", "check", "--json"]);
    assert_eq!(missing.status.code(), Some(1));
    let rows: Value = serde_json::from_slice(&missing.stdout).unwrap();
    assert_eq!((&rows[0]["dns"], &rows[1]["dns"]), (&Value::from("missing"), &Value::from("missing")), "{rows}");
    let records = succeeded("dkim show", folder.poshta(&["dkim", "show", "--json"]));
    let records: Value = serde_json::from_str(&records).unwrap();
    let line =
        |record: &Value| format!("{} TXT {}\n", record["name"].as_str().unwrap(), record["text"].as_str().unwrap());
    let zone: String = records.as_array().unwrap().iter().map(line).collect();
    let inside = folder.runtime.enter();
    folder.zone.add(Zone::parse(&zone).unwrap());
    drop(inside);
    let published = succeeded("dkim check", folder.poshta(&["dkim", "check"]));
    assert_eq!(published.matches("published").count(), 2, "{published}");
}

#[test]
fn a_key_that_cannot_sign_is_told_by_the_check_and_keeps_the_server_from_starting() {
    let folder = Folder::new();
    let keys = folder.dir.path().join("dkim");
    let file = keys.join("a2026.pem");
    let new = ["dkim", "new", "a2026", "--algorithm", "ed25519", "--dir", keys.to_str().unwrap()];
    folder.configure("[outbound.dkim]\n\nkeys = [{ selector = \"a2026\", file = \"dkim/a2026.pem\" }]\n");
    let refused = |word: &str| {
        for arguments in [["config", "check"].as_slice(), &["serve"]] {
            let output = folder.poshta(arguments);
            let said = said(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            let place = format!("{}:6: outbound.dkim.keys: {}: ", folder.file().display(), file.display());
            assert!(said.trim_start_matches("poshta: ").starts_with(&place) && said.contains(word), "{said}");
        }
    };
    refused("poshta dkim new");
    succeeded("dkim new", folder.poshta(&new));
    succeeded("config check", folder.poshta(&["config", "check"]));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused("chmod 600");
    std::fs::write(&file, "no key").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    refused("openssl genpkey");
    let wrong = folder.poshta(&["dkim", "new", "a_b", "--dir", keys.to_str().unwrap()]);
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
}

#[test]
fn a_key_of_openssl_does_as_well() {
    let folder = Folder::new();
    let file = folder.dir.path().join("own.pem");
    let mut openssl = Command::new("openssl");
    openssl.args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"]).arg(&file);
    assert!(openssl.output().unwrap().status.success());
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    folder.configure("[outbound.dkim]\nkeys = [{ selector = \"own\", file = \"own.pem\" }]\n");
    let shown = succeeded("dkim show", folder.poshta(&["dkim", "show"]));
    assert!(shown.starts_with("own._domainkey.poshta.example. IN TXT \"v=DKIM1; k=rsa; p=MI"), "{shown}");
}
