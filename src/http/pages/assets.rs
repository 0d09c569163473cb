//! The files that pages load: part of the binary, named in one table. Browsers keep them and ask whether they are still
//! the same: a new binary is seen at once.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::super::problem::Problem;
use super::super::tagged::{tag_of, tagged};

struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
}

const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const ASSETS: &[Asset] = &[
    Asset { name: "poshta.css", kind: CSS, content: include_str!("poshta.css") },
    Asset { name: "poshta.svg", kind: SVG, content: include_str!("poshta.svg") },
    Asset { name: "admin.css", kind: CSS, content: include_str!("admin/admin.css") },
    Asset { name: "cabinet.css", kind: CSS, content: include_str!("cabinet/cabinet.css") },
    Asset { name: "passkeys.mjs", kind: SCRIPT, content: include_str!("sign_in/passkeys.mjs") },
    Asset { name: "verify.css", kind: CSS, content: include_str!("verify.css") },
    Asset { name: "desk.css", kind: CSS, content: include_str!("desk/desk.css") },
    Asset { name: "register.css", kind: CSS, content: include_str!("register/register.css") },
    Asset { name: "register.mjs", kind: SCRIPT, content: include_str!("register/register.mjs") },
    Asset { name: "ncalayer.mjs", kind: SCRIPT, content: include_str!("register/ncalayer.mjs") },
    Asset { name: "sign.mjs", kind: SCRIPT, content: include_str!("register/sign.mjs") },
    Asset { name: "verify.mjs", kind: SCRIPT, content: include_str!("verify.mjs") },
    // What checks marks, for pages and for whoever wants to run it elsewhere.
    Asset { name: "bytes.mjs", kind: SCRIPT, content: include_str!("postmark/bytes.mjs") },
    Asset { name: "ed25519.mjs", kind: SCRIPT, content: include_str!("postmark/ed25519.mjs") },
    Asset { name: "elsewhere.mjs", kind: SCRIPT, content: include_str!("postmark/elsewhere.mjs") },
    Asset { name: "judge.mjs", kind: SCRIPT, content: include_str!("postmark/judge.mjs") },
    Asset { name: "mark.mjs", kind: SCRIPT, content: include_str!("postmark/mark.mjs") },
    Asset { name: "message.mjs", kind: SCRIPT, content: include_str!("postmark/message.mjs") },
    Asset { name: "oblasts.mjs", kind: SCRIPT, content: include_str!("postmark/oblasts.mjs") },
    Asset { name: "proof.mjs", kind: SCRIPT, content: include_str!("postmark/proof.mjs") },
    Asset { name: "published.mjs", kind: SCRIPT, content: include_str!("postmark/published.mjs") },
    Asset { name: "signatures.mjs", kind: SCRIPT, content: include_str!("postmark/signatures.mjs") },
    Asset { name: "stamp.mjs", kind: SCRIPT, content: include_str!("postmark/stamp.mjs") },
];

/// Entity tags, in the order of the assets.
static TAGS: LazyLock<Vec<String>> =
    LazyLock::new(|| ASSETS.iter().map(|asset| tag_of(asset.content.as_bytes())).collect());

/// `GET /assets/{name}`
pub(super) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((asset, tag)) = ASSETS.iter().zip(TAGS.iter()).find(|(asset, _)| asset.name == name) else {
        return Problem::not_found().into_response();
    };
    tagged(&headers, tag, asset.kind, asset.content)
}
