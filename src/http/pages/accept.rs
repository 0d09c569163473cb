//! What a browser or a program says that it would like to get (RFC 9110 §12.5).

use axum::http::{HeaderMap, header};

/// Whether whoever asks is shown a page when something is wrong: browsers name HTML, programs do not.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(',')).map(|range| {
        let (kind, parameters) = range.split_once(';').unwrap_or((range, ""));
        (kind.trim().to_ascii_lowercase(), weight(parameters))
    });
    let (mut page, mut json) = (0, 0);
    for (kind, weight) in ranges {
        match kind.as_str() {
            "text/html" => page = page.max(weight),
            "application/json" | "application/problem+json" => json = json.max(weight),
            _ => {}
        }
    }
    page > 0 && page >= json
}

/// RFC 9110 §12.4.2, in thousandths; what is no weight is none.
pub(super) fn weight(parameters: &str) -> u16 {
    let Some(value) = parameters.split(';').find_map(|each| each.trim().strip_prefix("q=")) else { return 1000 };
    let (whole, part) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "1" => 1000,
        "0" if part.len() <= 3 && is_number(part) => format!("{part:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use test_case::test_case;

    use super::*;

    #[test_case("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" => true; "a browser")]
    #[test_case("*/*" => false; "a program that takes anything")]
    #[test_case("application/json" => false; "a program")]
    #[test_case("application/json, text/html;q=0.5" => false; "a program that could read a page")]
    #[test_case("text/html;q=0, */*" => false; "anything but a page")]
    #[test_case("" => false; "nothing is said")]
    fn rfc9110_12_5_1_who_gets_a_page(accept: &'static str) -> bool {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        wants_page(&headers)
    }
}
