//! Every call of the API in one table: method, path, who may, how large; the router, the guard and the OpenAPI
//! document are made from it.

use axum::Router;
use axum::routing::{MethodRouter, get, post};
use serde_json::{Value, json};

use super::access::Role;
use super::{Api, audit, base, closings, items, log, print, scan, wellknown};

/// One call.
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// Who may; empty means everybody, without a token.
    pub(super) roles: &'static [Role],
    pub(super) body: Body,
    pub(super) summary: &'static str,
    handler: fn() -> MethodRouter<Api>,
    /// Schema of the request's body; where it has none, of what stands behind the question mark.
    schema: fn() -> Value,
}

/// What a request carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Body {
    None,
    Json,
    Upload,
}

/// INTERFACE, HTTP API version 1.
pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "post",
        path: "/api/v1/print/lease",
        roles: &[Role::PrintCentre],
        body: Body::Json,
        summary: "Leases up to max jobs assigned to this centre; waits up to wait_s seconds for the first one",
        handler: || post(print::lease),
        schema: print::lease_schema,
    },
    Route {
        method: "get",
        path: "/api/v1/print/batches/{number}",
        roles: &[Role::PrintCentre],
        body: Body::None,
        summary: "The manifest of a bundle that this centre was given: its plomb, and what is in it",
        handler: || get(print::batch),
        schema: print::batch_query,
    },
    Route {
        method: "get",
        path: "/api/v1/print/batches/{number}/bundle",
        roles: &[Role::PrintCentre],
        body: Body::None,
        summary: "The bundle as one file (age, version 1), sealed; 409 where the centre has no seal or no key",
        handler: || get(print::bundle),
        schema: no_schema,
    },
    Route {
        method: "get",
        path: "/api/v1/print/jobs/{id}/document",
        roles: &[Role::PrintCentre],
        body: Body::None,
        summary: "The PDF, for the holder of the lease; 410 once handed_to_post",
        handler: || get(print::document),
        schema: no_schema,
    },
    Route {
        method: "post",
        path: "/api/v1/print/jobs/{id}/extend",
        roles: &[Role::PrintCentre],
        body: Body::Json,
        summary: "A longer lease; 409 for any fence but the current one",
        handler: || post(print::extend),
        schema: print::extend_schema,
    },
    Route {
        method: "post",
        path: "/api/v1/print/jobs/{id}/events",
        roles: &[Role::PrintCentre],
        body: Body::Json,
        summary: "What became of a job; 409 for any fence but the current one, or out of order",
        handler: || post(print::report),
        schema: print::report_schema,
    },
    Route {
        method: "post",
        path: "/api/v1/items/{item_id}/events",
        roles: &[Role::Facility, Role::Operator],
        body: Body::Json,
        summary: "What happens to a letter on its way",
        handler: || post(items::report),
        schema: items::report_schema,
    },
    Route {
        method: "get",
        path: "/api/v1/items/{item_id}",
        roles: &[Role::Operator, Role::Sender],
        body: Body::None,
        summary: "The item's events, for its sender (HTTP Basic with the mailbox's login) and the operator",
        handler: || get(items::show),
        schema: no_schema,
    },
    Route {
        method: "post",
        path: "/api/v1/base/lookup",
        roles: &[Role::StateSystem],
        body: Body::Json,
        summary: "The address of a person or company in the unified base; 404 for everybody who is not in it",
        handler: || post(base::look_up),
        schema: base::look_up_schema,
    },
    Route {
        method: "post",
        path: "/api/v1/base/lookups",
        roles: &[Role::StateSystem],
        body: Body::Json,
        summary: "The same for several persons; null for everybody who is not in the unified base",
        handler: || post(base::look_up_many),
        schema: base::look_up_many_schema,
    },
    Route {
        method: "get",
        path: "/api/v1/audit",
        roles: &[Role::Controller, Role::Administrator],
        body: Body::None,
        summary: "Who did what, the newest first; that it is read is an entry too",
        handler: || get(audit::list),
        schema: audit::list_query,
    },
    Route {
        method: "post",
        path: "/api/v1/scan/letters",
        roles: &[Role::ScanCentre],
        body: Body::Upload,
        summary: "A scanned letter: delivered, or up for review",
        handler: || post(scan::take),
        schema: scan::take_schema,
    },
    Route {
        method: "get",
        path: "/api/v1/scan/letters",
        roles: &[Role::ScanCentre, Role::Operator],
        body: Body::None,
        summary: "The scans that wait for a person (state=review)",
        handler: || get(scan::list),
        schema: no_schema,
    },
    Route {
        method: "post",
        path: "/api/v1/scan/letters/{id}/assign",
        roles: &[Role::ScanCentre, Role::Operator],
        body: Body::Json,
        summary: "Names the recipient of a scan that waits",
        handler: || post(scan::assign),
        schema: scan::assign_schema,
    },
    Route {
        method: "post",
        path: "/api/v1/scan/letters/{id}/reject",
        roles: &[Role::ScanCentre, Role::Operator],
        body: Body::Json,
        summary: "Decides that a scan is not delivered",
        handler: || post(scan::reject),
        schema: scan::reject_schema,
    },
    Route {
        method: "get",
        path: "/api/v1/closings",
        roles: &[Role::Controller, Role::FacilityHead],
        body: Body::None,
        summary: "The daily closings of named devices, each as it was signed; a head of a facility gets its own",
        handler: || get(closings::list),
        schema: closings::list_query,
    },
    Route {
        method: "get",
        path: "/api/v1/closings/{device}/{day}",
        roles: &[Role::Controller, Role::FacilityHead],
        body: Body::None,
        summary: "One daily closing, as it was signed, as a page, or as a PDF",
        handler: || get(closings::show),
        schema: closings::show_query,
    },
    Route {
        method: "get",
        path: "/api/v1/openapi.json",
        roles: &[],
        body: Body::None,
        summary: "This document",
        handler: || get(wellknown::openapi),
        schema: no_schema,
    },
    Route {
        method: "get",
        path: "/.well-known/poshta-marks.json",
        roles: &[],
        body: Body::None,
        summary: "Facilities and keys with which postmarks are verified",
        handler: || get(wellknown::marks),
        schema: no_schema,
    },
    Route {
        method: "get",
        path: "/log/checkpoint",
        roles: &[],
        body: Body::None,
        summary: "The newest checkpoint of the transparency log (c2sp.org/tlog-checkpoint)",
        handler: || get(log::checkpoint),
        schema: no_schema,
    },
    Route {
        method: "get",
        path: "/log/key",
        roles: &[],
        body: Body::None,
        summary: "The public key of the transparency log (c2sp.org/signed-note)",
        handler: || get(log::key),
        schema: no_schema,
    },
    Route {
        method: "get",
        path: "/log/tile/{*path}",
        roles: &[],
        body: Body::None,
        summary: "Hashes or entries of the transparency log (c2sp.org/tlog-tiles): <level>/<index> or entries/<index>",
        handler: || get(log::tile),
        schema: no_schema,
    },
    Route {
        method: "get",
        path: "/log/proof",
        roles: &[],
        body: Body::None,
        summary: "That an impression is in the transparency log (c2sp.org/tlog-proof)",
        handler: || get(log::proof),
        schema: log::proof_query,
    },
    Route {
        method: "get",
        path: "/log/consistency",
        roles: &[],
        body: Body::None,
        summary: "That the transparency log only grew (RFC 6962 section 2.1.2)",
        handler: || get(log::consistency),
        schema: log::consistency_query,
    },
    Route {
        method: "get",
        path: "/log/daily/{day}",
        roles: &[],
        body: Body::None,
        summary: "The last checkpoint of a day (UTC) that is over; <day>.tst and <day>.tsr: its time stamp (RFC 3161)",
        handler: || get(log::daily),
        schema: no_schema,
    },
];

/// The route of a request that the router matched. RFC 9110 §9.3.2: HEAD is GET without the content, which the
/// router leaves out.
pub(super) fn find(method: &str, path: &str) -> Option<&'static Route> {
    let method = if method.eq_ignore_ascii_case("head") { "get" } else { method };
    ROUTES.iter().find(|route| route.method.eq_ignore_ascii_case(method) && route.path == path)
}

/// The methods of a path.
pub(super) fn methods(path: &str) -> impl Iterator<Item = &'static str> {
    ROUTES.iter().filter(move |route| route.path == path).map(|route| route.method)
}

/// A router with every route of the table.
pub(super) fn router() -> Router<Api> {
    ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()))
}

fn no_schema() -> Value {
    Value::Null
}

/// The OpenAPI document, made from the table.
pub(super) fn openapi() -> Value {
    let mut paths = serde_json::Map::new();
    for route in ROUTES {
        let path = paths.entry(documented(route.path)).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.to_owned(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Poshta",
            "version": "1",
            "description": "Letters to and from paper. Times are RFC 3339 with offset; errors are problem+json (RFC 9457).",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "certificate": { "type": "mutualTLS" },
                "basic": { "type": "http", "scheme": "basic" },
            },
            "schemas": { "Problem": {
                "type": "object",
                "required": ["type", "title", "status", "detail"],
                "properties": {
                    "type": { "type": "string" }, "title": { "type": "string" },
                    "status": { "type": "integer" }, "detail": { "type": "string" },
                },
            } },
        },
    })
}

/// A path as OpenAPI writes it, which knows no parameter that spans slashes.
fn documented(path: &str) -> String {
    path.replace("{*", "{")
}

/// The parameters behind the question mark.
fn query(route: &Route) -> Vec<Value> {
    let schema = if route.body == Body::None { (route.schema)() } else { Value::Null };
    let needed = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let required = |name: &str| needed.iter().any(|each| each == name);
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties
        .map(|(name, schema)| json!({ "name": name, "in": "query", "required": required(name), "schema": schema }))
        .collect()
}

fn operation(route: &Route) -> Value {
    let problem = json!({
        "description": "problem",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
    let path = documented(route.path);
    let mut parameters: Vec<Value> = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .chain(query(route))
        .collect();
    if route.method == "post" {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "maxLength": 255 },
            "description": "A second request with the same key gets the answer of the first",
        }));
    }
    let mut operation = json!({
        "summary": route.summary,
        "parameters": parameters,
        "responses": { "default": problem, "2XX": answer(route) },
        "x-roles": route.roles.iter().map(|role| role.name()).collect::<Vec<_>>(),
    });
    let media_type = match route.body {
        Body::None => None,
        Body::Json => Some("application/json"),
        Body::Upload => Some("multipart/form-data"),
    };
    if let Some(operation) = operation.as_object_mut() {
        if let Some(media_type) = media_type {
            let body = json!({ "content": { media_type: { "schema": (route.schema)() } } });
            operation.insert("requestBody".into(), body);
        }
        if !route.roles.is_empty() {
            operation.insert("security".into(), security(route));
        }
    }
    operation
}

/// What a call answers, where its shape is promised.
fn answer(route: &Route) -> Value {
    let schema = match route.path {
        "/api/v1/print/lease" => print::leased_schema(),
        "/api/v1/print/batches/{number}" => print::manifest_schema(),
        "/api/v1/base/lookup" => base::told_schema(),
        "/api/v1/base/lookups" => base::told_many_schema(),
        _ => return json!({ "description": "done" }),
    };
    json!({ "description": "done", "content": { "application/json": { "schema": schema } } })
}

fn security(route: &Route) -> Value {
    let mut ways = vec![json!({ "bearer": [] }), json!({ "certificate": [] })];
    if route.roles.contains(&Role::Sender) {
        ways.push(json!({ "basic": [] }));
    }
    Value::Array(ways)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openapi_names_every_route_and_no_other() {
        let document = openapi();
        let paths = document["paths"].as_object().unwrap();
        let described: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
        assert_eq!(described, ROUTES.len());
        for route in ROUTES {
            let operation = &document["paths"][documented(route.path)][route.method];
            assert_eq!(operation["summary"], route.summary);
            assert_eq!(operation["security"].is_array(), !route.roles.is_empty(), "{}", route.path);
            assert_eq!(operation["requestBody"].is_object(), route.body != Body::None, "{}", route.path);
        }
    }

    #[test]
    fn openapi_names_what_stands_behind_the_question_mark() {
        let document = openapi();
        let parameters = |path: &str| document["paths"][path]["get"]["parameters"].as_array().unwrap().clone();
        let names: Vec<_> = parameters("/log/consistency").iter().map(|each| each["name"].clone()).collect();
        assert_eq!(names, ["format", "from", "to"]);
        assert_eq!(parameters("/log/proof")[1]["required"], true);
        assert_eq!(parameters("/log/tile/{path}")[0]["in"], "path");
    }

    #[test]
    fn openapi_tells_the_allowed_predecessors() {
        let document = openapi();
        let events = &document["paths"]["/api/v1/print/jobs/{id}/events"]["post"];
        let schema = &events["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(schema["x-predecessors"]["printed"], json!(["claimed"]));
    }

    #[test]
    fn p10_openapi_tells_of_the_plomb() {
        let lease = &openapi()["paths"]["/api/v1/print/lease"]["post"]["responses"]["2XX"];
        let batch = &lease["content"]["application/json"]["schema"]["properties"]["batch"];
        assert_eq!(batch["required"], json!(["plomb", "number", "seal", "manifest"]));
    }

    #[test]
    fn every_route_fits_into_the_router() {
        let _ = router();
        assert!(find("POST", "/api/v1/print/lease").is_some());
        assert!(find("GET", "/api/v1/print/lease").is_none());
        assert!(find("HEAD", "/api/v1/openapi.json").is_some());
    }
}
