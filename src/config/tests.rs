use test_case::test_case;

use super::*;

fn refusal(text: &str) -> String {
    Config::parse(Path::new("p.toml"), text).unwrap_err().to_string()
}

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(Config::parse(Path::new("p.toml"), "").unwrap(), Config::default());
}

#[test_case(
    "[store]\n\nwatermark_byte = 1\n",
    "p.toml:3: store.watermark_byte: there is no such key; did you mean \"watermark_bytes\"?"; "a misspelt key")]
#[test_case(
    "[stor]\n",
    "p.toml:1: stor: there is no such key; did you mean \"store\"?"; "a misspelt section")]
#[test_case(
    "[log]\ncolour = true\n",
    "p.toml:2: log.colour: there is no such key; known keys here are level, format"; "a key like no other")]
#[test_case(
    "[auth]\ncache_ttl_s = \"10m\"\n",
    "p.toml:2: auth.cache_ttl_s: the value is string \"10m\"; write a whole number from 0 to 4294967295"; "text for a number")]
#[test_case(
    "[auth]\nmax_waiting = -1\n",
    "p.toml:2: auth.max_waiting: the value is integer `-1`; write a whole number that is not negative"; "a negative number")]
#[test_case(
    "[log]\nformat = \"xml\"\n",
    "p.toml:2: log.format: unknown variant `xml`; expected `text` or `json`"; "a word that is none of the choices")]
#[test_case(
    "[accounts]\ndomains = [\"ok.example\", 7]\n",
    "p.toml:2: accounts.domains: the value is integer `7`; write text in quotes"; "a wrong item of a list")]
#[test_case(
    "log = 3\n",
    "p.toml:1: log: the value is integer `3`; write a section of its own"; "a value for a section")]
fn a_wrong_key_or_value_is_named_with_line_and_remedy(text: &str, expected: &str) {
    assert_eq!(refusal(text), expected);
}

#[test_case("[server]\nhostname = \"-\"\n", "p.toml:2: server.hostname: "; "host name")]
#[test_case("\n[accounts]\n\ndomains = [\"a b\"]\n", "p.toml:4: accounts.domains: \"a b\" is no domain: "; "domain")]
#[test_case("accounts.domains = []\n", "p.toml:1: accounts.domains: there is no domain; "; "no domain at all")]
#[test_case("[log]\nlevel = \"poshta=loud\"\n", "p.toml:2: log.level: "; "log level")]
#[test_case("[outbound]\nnext_hop = \"relay.example\"\n", "p.toml:2: outbound.next_hop: "; "a server without its port")]
#[test_case("[outbound.routes]\n\"gov.kz\" = \"a b:25\"\n", "p.toml:1: outbound.routes.gov.kz: "; "a route to what is no name")]
#[test_case("[http]\nrequest_timeout_s = 60\n", "p.toml:2: http.request_timeout_s: 60 is not more than "; "a wait that ends before it is over")]
#[test_case("[http]\nmax_upload_bytes = 1024\n", "p.toml:2: http.max_upload_bytes: "; "no room for a scan")]
#[test_case("[accounts]\noperator_number = 0\n", "p.toml:2: accounts.operator_number: "; "operator number")]
#[test_case("[hybrid]\ndomain = \"Poshta.example\"\n", "p.toml:2: hybrid.domain: "; "paper in a domain of mailboxes")]
#[test_case("[hybrid]\nbundle_keys = { astana-print = [\"age1x\"] }\n", "p.toml:2: hybrid.bundle_keys"; "a key that is none")]
#[test_case("[auth]\nargon2_memory_kib = 1\n", "p.toml:2: auth.argon2_memory_kib: "; "hash parameters")]
fn a_value_that_cannot_be_run_with_is_named_with_its_line(text: &str, beginning: &str) {
    let refusal = refusal(text);
    assert!(refusal.starts_with(beginning), "{refusal}");
    assert!(!refusal.contains('\n'), "one line a problem: {refusal}");
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_file() {
    let refusal = refusal("[log]\nlevel = \"a=b\"\n[server]\nhostname = \"\"\n");
    let lines: Vec<_> = refusal.lines().map(|line| &line[..9]).collect();
    assert_eq!(lines, ["p.toml:2:", "p.toml:4:"]);
}

#[test]
fn broken_toml_is_named_with_its_line() {
    let refusal = refusal("[log]\nlevel = \"info\nformat = \"text\"\n");
    assert!(refusal.starts_with("p.toml:2: "), "{refusal}");
    assert!(!refusal.contains('\n'), "{refusal}");
}

#[test]
fn a_missing_file_says_what_to_do() {
    let error = Config::load(Path::new("/nonexistent/poshta.toml")).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/poshta.toml") && error.contains("--config"), "{error}");
}

#[test]
fn relative_paths_are_taken_from_the_folder_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("poshta.toml");
    std::fs::write(&file, "[server]\ndir = \"data\"\n").unwrap();
    assert_eq!(Config::load(&file).unwrap().server.dir, folder.path().join("data"));
}

#[test]
fn a_relative_data_directory_is_named_once() {
    std::fs::create_dir_all("target").unwrap();
    let folder = tempfile::tempdir_in("target").unwrap();
    let dir = folder.path().strip_prefix(std::env::current_dir().unwrap()).unwrap_or(folder.path());
    assert!(dir.is_relative());
    assert_eq!(Config::of_dir(dir).unwrap().server.peers_file, dir.join("peers.toml"));
    std::fs::write(dir.join("poshta.toml"), "[server]\npeers_file = \"others.toml\"\n").unwrap();
    let config = Config::of_dir(dir).unwrap();
    assert_eq!((config.server.dir, config.server.peers_file), (dir.to_owned(), dir.join("others.toml")));
}

#[test]
fn the_domain_of_letters_on_paper_is_written_in_any_case() {
    let config = Config::parse(Path::new("p.toml"), "[hybrid]\ndomain = \"HAT.Poshta.example.\"\n").unwrap();
    assert_eq!(config.hybrid.domain, "hat.poshta.example");
}

/// What `poshta config check` says of a folder with these files beside the defaults.
/// A key of a print centre.
const KEY: &str = "age1qs002dsumgycpx2q6mcs3fg9egykf3dm9udl5wk52z627x6cqyqqkwqgkn";

fn checked(config: &str, facilities: &str, peers: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("poshta.toml", config), ("facilities.toml", facilities), ("peers.toml", peers)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let now = "2026-11-21T04:15:00Z".parse().unwrap();
    let said =
        Config::check(&folder.path().join("poshta.toml"), now).map_or_else(|error| error.to_string(), |_| "ok".into());
    said.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_check_reads_the_files_that_the_configuration_names() {
    let facilities = include_str!("../../conf/facilities.toml");
    let red = facilities.replacen("kind = \"node\"\n", "kind = \"node\"\nink = \"red\"\n", 1);
    let peers = "[[peer]]\nname = \"one\"\naddress_ranges = [\"192.0.2.1\"]\n\n\
                 [[peer]]\nname = \"two\"\naddress_ranges = [\"everywhere\"]\n";
    assert_eq!(checked("", facilities, include_str!("../../conf/peers.toml")), "ok");
    for (said, beginning) in [
        (checked("[postal]\n\nmx_facility = \"nowhere\"\n", facilities, ""), "poshta.toml:3: postal.mx_facility: "),
        (checked("", facilities, peers), "peers.toml:6: peer \"two\": "),
        (
            checked("", facilities, "[[peer]]\nname = \"one\"\ncolour = 1\n"),
            "peers.toml:3: peer.colour: there is no such key",
        ),
        (checked("", "[[facility]]\nid = 7\n", ""), "facilities.toml:2: facility.id: "),
        (
            checked(&format!("[hybrid]\nbundle_keys = {{ astana-1 = [\"{KEY}\"] }}\n"), facilities, ""),
            "poshta.toml:2: hybrid.bundle_keys.astana-1: \"astana-1\" is no print centre",
        ),
        (checked("", &red, ""), "facilities.toml:58: facility kokshetau, ink: "),
    ] {
        assert!(said.starts_with(beginning) && !said.contains('\n'), "{said}");
    }
}

/// The commented example in `conf/poshta.toml`.
mod example {
    use super::*;

    const EXAMPLE: &str = include_str!("../../conf/poshta.toml");

    #[test]
    fn it_says_the_defaults() {
        assert_eq!(Config::parse(Path::new("conf/poshta.toml"), EXAMPLE).unwrap(), Config::default());
    }

    #[test]
    fn it_has_every_key_with_a_comment_that_says_its_default() {
        let defaults = toml::Table::try_from(Config::default()).unwrap();
        let mut section = String::new();
        let mut comment = String::new();
        let mut seen = std::collections::BTreeSet::new();
        let mut inline = std::collections::BTreeSet::new();
        for line in EXAMPLE.lines() {
            // A list of tables without entries shows its form in comments.
            let header = line.trim_start_matches("# ");
            if let Some(name) = header.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name.trim_matches(['[', ']']).to_owned();
                seen.insert(section.clone());
            } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with(['#', ' '])) {
                assert!(comment.contains("Default"), "the comment of {section}.{key} says no default: {comment:?}");
                seen.insert(format!("{section}.{key}"));
                if line.contains(" = {") {
                    inline.insert(format!("{section}.{key}"));
                }
            }
            match line.strip_prefix('#') {
                Some(text) => comment.push_str(text),
                None => comment.clear(),
            }
        }
        let mut keys = Vec::new();
        collect("", &defaults, &mut keys);
        // The parts of a value in braces are shown with it.
        let is_shown =
            |key: &String| seen.contains(key) || key.rsplit_once('.').is_some_and(|(value, _)| inline.contains(value));
        let missing: Vec<_> = keys.iter().filter(|key| !is_shown(key)).collect();
        assert!(missing.is_empty(), "conf/poshta.toml does not show {missing:?}");
    }

    fn collect(path: &str, table: &toml::Table, keys: &mut Vec<String>) {
        for (name, value) in table {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            match value {
                toml::Value::Table(inner) if !inner.is_empty() => collect(&path, inner, keys),
                _ => keys.push(path),
            }
        }
    }
}

#[test]
fn plaintext_passwords_are_refused_unless_every_listener_is_on_loopback() {
    let refusal = refusal("[smtp]\nplaintext_auth = true\n");
    assert!(refusal.starts_with("p.toml:2: smtp.plaintext_auth: it is on, and smtp.mx_listen"), "{refusal}");
}

#[test]
fn a_port_has_one_owner() {
    let refusal = refusal("[imap]\nlisten = [\"127.0.0.1:2525\"]\nlisten_tls = [\"127.0.0.1:2525\"]\n");
    assert!(refusal.contains("p.toml:3: imap.listen_tls: 127.0.0.1:2525 stands in imap.listen too"), "{refusal}");
}
