//! SEARCH.

use test_case::test_case;

use super::{Post, letter, settings};
use crate::imap::Settings;

const FIRST: &[u8] = b"From: Aliya <aliya@poshta.example>\r\nTo: bolat@poshta.example\r\nSubject: Spring plan\r\n\
Date: Tue, 1 Sep 2026 12:00:00 +0500\r\nMessage-ID: <1@poshta.example>\r\nX-Note: green\r\n\r\nHello Bolat\r\n";
const SECOND: &[u8] = "From: bolat@poshta.example\r\nCc: dana@poshta.example\r\n\
Subject: =?utf-8?B?0KHTmdC70LXQvA==?=\r\nDate: Wed, 2 Sep 2026 12:00:00 +0500\r\n\
MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
0pvQsNC70LDQudGB0YvSow==\r\n"
    .as_bytes();

#[test_case("ALL" => "1 2")]
#[test_case("1" => "1")]
#[test_case("UID 2:*" => "2")]
#[test_case("NOT 1" => "2")]
#[test_case("OR FROM aliya CC dana" => "1 2")]
#[test_case("FROM aliya SUBJECT plan" => "1")]
#[test_case("SUBJECT \"SPRING PLAN\"" => "1")]
#[test_case("HEADER X-Note gre" => "1")]
#[test_case("HEADER X-Note \"\"" => "1")]
#[test_case("HEADER Message-ID 1@poshta" => "1")]
#[test_case("BODY Bolat" => "1")]
#[test_case("TEXT Bolat" => "1 2")]
#[test_case("SEEN" => "1")]
#[test_case("UNSEEN" => "2")]
#[test_case("KEYWORD green" => "1")]
#[test_case("UNKEYWORD green" => "2")]
#[test_case("SENTON 2-Sep-2026" => "2")]
#[test_case("SENTBEFORE 2-Sep-2026" => "1")]
#[test_case("SENTSINCE 1-Sep-2026" => "1 2")]
#[test_case("SINCE 1-Jan-2026 BEFORE 1-Jan-2027" => "1")]
#[test_case("LARGER 10 SMALLER 100000" => "1 2")]
#[test_case("NEW" => "")]
#[test_case("RECENT" => "")]
#[test_case("OLD" => "1 2")]
#[test_case("ANSWERED" => "")]
#[test_case("UNANSWERED UNDELETED UNDRAFT UNFLAGGED" => "1 2")]
#[test_case("OR DELETED OR DRAFT FLAGGED" => "")]
#[test_case("TO bolat" => "1")]
#[test_case("BCC dana" => "")]
#[test_case("HEADER Sender \"\"" => "")]
#[test_case("ON 15-Jun-2026" => "1")]
#[tokio::test]
async fn rfc9051_search_keys(keys: &str) -> String {
    let post = Post::open().await;
    let mut client = post.client().await;
    client.append("INBOX (\\Seen green) \"15-Jun-2026 12:00:00 +0000\"", FIRST).await;
    client.append("INBOX () \"15-Jun-2025 12:00:00 +0000\"", SECOND).await;
    client.ok("SELECT INBOX").await;
    let answers = client.ok(&format!("SEARCH {keys}")).await;
    let found: Vec<&str> = answers.iter().filter_map(|line| line.strip_prefix("* SEARCH")).collect();
    assert_eq!(found.len(), 1, "{answers:?}");
    found[0].trim().to_owned()
}

#[tokio::test]
async fn rfc9051_search_decodes_charsets_and_encodings() {
    let post = Post::open().await;
    let mut client = post.inbox(&[FIRST, SECOND]).await;
    for (key, text) in [("SUBJECT", "Сәлем"), ("BODY", "ҚАЛАЙСЫҢ"), ("TEXT", "қалайсың")] {
        let command = format!("SEARCH CHARSET UTF-8 {key} {{{}+}}\r\n{text}", text.len());
        assert_eq!(client.ok(&command).await, ["* SEARCH 2"], "{key} {text}");
    }
}

#[tokio::test]
async fn rfc4731_esearch_and_rfc5182_saved_results() {
    let post = Post::open().await;
    let mut client = post.inbox(&[FIRST, SECOND, FIRST]).await;
    client
        .play(
            "C: a SEARCH RETURN (MIN MAX COUNT ALL) FROM aliya
             S: * ESEARCH (TAG \"a\") MIN 1 MAX 3 ALL 1,3 COUNT 2
             S: a OK …
             C: b UID SEARCH RETURN () ALL
             S: * ESEARCH (TAG \"b\") UID ALL 1:3
             S: b OK …
             C: c SEARCH RETURN (SAVE) FROM aliya
             S: c OK …
             C: d FETCH $ UID
             S: * 1 FETCH (UID 1)
             S: * 3 FETCH (UID 3)
             S: d OK …
             C: e SEARCH NOT $
             S: * SEARCH 2
             S: e OK …
             C: f SEARCH RETURN (COUNT) FROM nobody
             S: * ESEARCH (TAG \"f\") COUNT 0
             S: f OK …",
        )
        .await;
}

/// Envelopes keep only the beginning of long fields; a search must not.
#[tokio::test]
async fn rfc9051_search_finds_what_stands_at_the_end_of_a_long_field() {
    let post = Post::open().await;
    let many: Vec<String> = (0..1000).map(|number| format!("somebody{number}@poshta.example")).collect();
    let words = "subject ".repeat(2000);
    let message = format!("To: {},\r\n zarina@poshta.example\r\nSubject: {words} last\r\n\r\n", many.join(",\r\n "));
    let mut client = post.inbox(&[message.as_bytes(), FIRST]).await;
    assert_eq!(client.ok("SEARCH TO zarina").await, ["* SEARCH 1"]);
    assert_eq!(client.ok("SEARCH SUBJECT last").await, ["* SEARCH 1"]);
    assert_eq!(client.ok("SEARCH TO bolat").await, ["* SEARCH 2"]);
}

#[tokio::test]
async fn a_search_that_takes_too_long_is_refused() {
    let post = Post::with(Settings { max_search_s: 0, ..settings() }).await;
    let mut client = post.inbox(&[&letter("one")]).await;
    let (_, end) = client.run("SEARCH FLAGGED").await;
    assert!(end.starts_with("NO [LIMIT]"), "{end}");
}
