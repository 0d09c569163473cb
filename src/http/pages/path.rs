//! Paths that go through a browser and come back: `next=` leads only to pages of this server.

/// Characters of a path that is kept.
const LONGEST: usize = 500;

/// The path, if it is one of this server: not another host's (`//host`, or `/\host`, which browsers take for the same).
pub(super) fn own_path(text: &str) -> Option<&str> {
    let is_plain = text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (is_plain && text.starts_with('/') && !text.starts_with("//")).then_some(text)
}

/// Where to sign in, to see this page afterwards.
pub(super) fn sign_in_for(path: Option<&str>) -> String {
    match path.and_then(own_path) {
        Some(path) => format!("/sign-in?next={}", encoded(path)),
        None => "/sign-in".to_owned(),
    }
}

/// RFC 3986 §2.1, with more encoded than needed.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("/cabinet" => true; "a page")]
    #[test_case("/desk/applications?number=1" => true; "with a query")]
    #[test_case("//evil.example/" => false; "another host")]
    #[test_case("/\\evil.example/" => false; "another host as browsers read it")]
    #[test_case("https://evil.example/" => false; "an address")]
    #[test_case("cabinet" => false; "no path from the root")]
    #[test_case("" => false; "nothing")]
    #[test_case("/a\r\nSet-Cookie: x" => false; "a line of a header")]
    fn next_leads_to_own_pages_only(text: &str) -> bool {
        own_path(text).is_some()
    }

    #[test]
    fn a_path_is_encoded_so_that_it_stays_one_value() {
        assert_eq!(sign_in_for(Some("/a?b=c&d=%20")), "/sign-in?next=/a%3Fb%3Dc%26d%3D%2520");
        assert_eq!(sign_in_for(Some("//evil.example")), "/sign-in");
    }
}
