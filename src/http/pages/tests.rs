//! The frame, as a browser sees it.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use tower::ServiceExt as _;

use super::*;

/// The pages that need nothing of the server behind them.
fn pages() -> Router {
    Router::new().route("/verify", get(verify::page)).route("/assets/{name}", get(assets::asset))
}

async fn asked(uri: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    pages().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

fn field<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn p25_a_page_says_in_which_language_it_is() {
    for (uri, lang) in [("/verify", "kk"), ("/verify?lang=ru", "ru"), ("/verify?lang=en", "en")] {
        let response = asked(uri, &[]).await;
        assert_eq!(field(&response, "content-language"), lang);
        assert_eq!(response.headers().contains_key(header::SET_COOKIE), uri.contains('?'), "a choice is remembered");
        let html = text(response).await;
        assert!(html.contains(&format!("<html lang=\"{lang}\">")), "{html}");
        assert_eq!(html.matches("aria-current=\"true\"").count(), 1, "{html}");
        assert!(!html.contains("verify-") || !html.contains(">verify-"), "a text is missing: {html}");
    }
}

#[tokio::test]
async fn a_page_lets_nothing_of_others_in() {
    let response = asked("/verify", &[]).await;
    let policy = field(&response, "content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains("data:"), "{policy}");
    assert_eq!(field(&response, "x-content-type-options"), "nosniff");
    let html = text(response).await;
    for inline in ["<style", " style=", "onclick", "javascript:", "http://", "https://"] {
        assert!(!html.contains(inline), "{inline} in {html}");
    }
    // A script has a source of its own and nothing inside.
    let scripts = html.matches("<script").count();
    assert_eq!(html.matches("></script>").count(), scripts, "{html}");
}

#[tokio::test]
async fn rfc9110_13_1_2_an_asset_is_asked_for_once() {
    let response = asked("/assets/poshta.css", &[]).await;
    assert_eq!((response.status(), field(&response, "content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
    let tag = field(&response, "etag").to_owned();
    assert!(text(response).await.contains('{'));
    for known in [tag.clone(), format!("\"x\", W/{tag}")] {
        let again = asked("/assets/poshta.css", &[("if-none-match", &known)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert!(text(again).await.is_empty());
    }
    assert_eq!(asked("/assets/poshta.css", &[("if-none-match", "\"x\"")]).await.status(), StatusCode::OK);
    assert_eq!(asked("/assets/none.css", &[]).await.status(), StatusCode::NOT_FOUND);
}
