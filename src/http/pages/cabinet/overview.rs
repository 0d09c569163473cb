//! `GET /cabinet`: the mailbox at a glance, and what is to be done next.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::locale;
use crate::store::View;
use crate::store::quota::Limit;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::visitor::SignedIn;
use super::super::{Asked, Frame, show, table};
use super::{Notice, Shell, browsers};

/// Sign-ins that are shown here; all stand on their own page.
const SIGN_INS: usize = 3;

#[derive(Template)]
#[template(path = "cabinet/overview.html")]
struct Overview {
    frame: Frame,
    shell: Shell,
    notice: Option<Notice>,
    address: String,
    name: String,
    since: String,
    confirmed: Option<String>,
    held: Held,
    todo: Vec<Todo>,
    sign_ins: Vec<SignInRow>,
}

/// How full the mailbox is.
struct Held {
    text: String,
    messages: String,
    /// Of a hundred; `None` without a limit.
    percent: Option<u64>,
}

/// Something that the user still has to do.
struct Todo {
    text: String,
    href: &'static str,
    button: String,
}

struct SignInRow {
    at: String,
    agent: String,
    from: String,
}

pub(super) async fn page(State(api): State<Api>, signed_in: SignedIn, asked: Asked) -> Result<Response, Fault> {
    let cabinet = api.cabinet();
    let id = signed_in.account;
    let read = move |view: &View<'_>| Ok((view.account(id)?, view.usage(id)?, view.second_factors(id)?));
    let (account, held, second) = api.store().read(read).await?;
    let has_second = second.is_some_and(|second| second.authenticator.is_some() || !second.passkeys.is_empty());
    let account = account.ok_or_else(Fault::not_found)?;
    let profile = cabinet.people.profile(id).await?;
    let asked_of = cabinet.agreements.asked_of(id).await?;
    let last = api.sessions().sign_ins(id).await?;
    let shell = Shell::new(asked, "/cabinet");
    let frame = shell.frame.clone();
    let confirmed = profile.as_ref().and_then(|profile| profile.confirmed.as_ref());
    let mut todo = Vec::new();
    let mut add = |key: &str, href: &'static str| {
        if table::find("get", href).is_some() {
            let button = frame.text(&format!("{key}-button"));
            todo.push(Todo { text: frame.text(key), href, button });
        }
    };
    if asked_of.is_some() && profile.is_some() {
        add("todo-agreement", "/cabinet/agreement");
    }
    if profile.is_some() && confirmed.is_none() {
        add("todo-confirm", "/cabinet/confirm");
    }
    if !has_second {
        add("todo-second-factor", "/cabinet/second-factor");
    }
    add("todo-mail-programs", "/mail-programs");
    let limit = cabinet.quota.allowance(Some(&account)).bytes;
    let sign_ins = last.iter().take(SIGN_INS).map(|sign_in| SignInRow {
        at: cabinet.shown(sign_in.at),
        agent: browsers::name(&sign_in.browser.agent),
        from: sign_in.browser.ip.to_string(),
    });
    let page = Overview {
        notice: None,
        address: signed_in.address.to_string(),
        name: account.display_name.clone(),
        since: cabinet.shown(account.created),
        confirmed: confirmed.map(|confirmed| cabinet.shown(confirmed.at)),
        held: held_of(&frame, held.bytes, held.messages, limit),
        todo,
        sign_ins: sign_ins.collect(),
        frame: frame.clone(),
        shell,
    };
    Ok(show(&frame, &page))
}

fn held_of(frame: &Frame, bytes: u64, messages: u64, limit: Limit) -> Held {
    let size = |bytes| locale::size(frame.lang(), bytes);
    let messages = frame.text_with("cabinet-messages", &[("number", &messages.to_string())]);
    match limit.most {
        None => Held { text: size(bytes), messages, percent: None },
        Some(most) => {
            let text = frame.text_with("cabinet-held-of", &[("held", &size(bytes)), ("most", &size(most))]);
            let percent = u128::from(bytes.min(most)) * 100 / u128::from(most.max(1));
            Held { text, messages, percent: u64::try_from(percent).ok() }
        }
    }
}
