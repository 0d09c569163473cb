//! `/cabinet/profile`: the data of the application, kept up to date by the user (M26, M27). A change takes a
//! confirmation back (M22); whoever is called otherwise is looked for in the state register (M24).

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::identity::application::{Entries, Field, Form, parse};
use crate::people::Profile;
use crate::people::cabinet::ChangeError;
use crate::people::profile::ProfileError;
use crate::people::registration::ApplyError;
use crate::store::View;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::register::fields::{FieldShown, Kind, field_shown, told};
use super::super::register::form::{CONSENT, Sent, consent_in};
use super::super::register::status_of;
use super::super::visitor::SignedIn;
use super::super::{Asked, Frame, show_as};
use super::{Notice, Shell};

const PATH: &str = "/cabinet/profile";

#[derive(Template)]
#[template(path = "cabinet/profile.html")]
struct ProfilePage {
    frame: Frame,
    shell: Shell,
    notice: Option<Notice>,
    /// `None` for mailboxes that were made by command.
    fields: Option<Vec<FieldShown>>,
    is_confirmed: bool,
    /// The name on letters, where it is still another one than that of the data.
    name_on_letters: Option<String>,
    /// Where the code for the consent comes from, if one is wanted, and what was typed.
    consent: Option<(String, String)>,
    consent_error: Option<String>,
    changed: String,
}

/// What is shown: the data as they are or as they were sent, and what is wrong with them.
struct Shown {
    entries: Entries,
    errors: Vec<(&'static str, String)>,
    consent: String,
    status: StatusCode,
    notice: Option<String>,
}

impl Shown {
    fn of(entries: Entries) -> Self {
        Shown { entries, errors: Vec::new(), consent: String::new(), status: StatusCode::OK, notice: None }
    }

    fn wrong(mut self, status: StatusCode, notice: String) -> Self {
        (self.status, self.notice) = (status, Some(notice));
        self
    }
}

pub(super) async fn page(State(api): State<Api>, signed_in: SignedIn, asked: Asked) -> Result<Response, Fault> {
    let profile = api.cabinet().people.profile(signed_in.account).await?;
    let entries = profile.as_ref().map(|profile| Entries::from(&profile.form)).unwrap_or_default();
    shown(&api, &signed_in, asked, profile.as_ref(), Shown::of(entries)).await
}

pub(super) async fn change(
    State(api): State<Api>,
    signed_in: SignedIn,
    asked: Asked,
    Checked(fields): Checked<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let cabinet = api.cabinet();
    let profile = cabinet.people.profile(signed_in.account).await?.ok_or_else(Fault::not_found)?;
    let (sent, sort, lang) = (Sent(fields), profile.form.sort(), asked.lang);
    // M24: who it is stays what it was, whatever was sent.
    let number = fixed_field(&profile.form);
    let entries = Entries::of(sort, |name| sent.get(name)).with(number, &profile.form.value(number));
    let form = parse(sort, &entries, cabinet.today());
    let mut page = Shown { consent: sent.text(CONSENT).to_owned(), ..Shown::of(entries) };
    let form = form.map_err(|errors| {
        page.errors.extend(errors.iter().map(|error| (error.field.name(), told(error, lang))));
    });
    let consent = consent_in(&page.consent).unwrap_or_else(|key| {
        page.errors.push((CONSENT, crate::locale::text(lang, key, &[])));
        None
    });
    let (Ok(form), true) = (form, page.errors.is_empty()) else {
        let text = crate::locale::text(lang, "register-errors", &[]);
        let page = page.wrong(StatusCode::UNPROCESSABLE_ENTITY, text);
        return shown(&api, &signed_in, asked, Some(&profile), page).await;
    };
    let error = match cabinet.change_profile(signed_in.account, &form, consent.as_ref()).await {
        Ok(_) => return Ok(Redirect::to(PATH).into_response()),
        Err(error) => error,
    };
    let mut retry_after = None;
    let page = match error {
        ChangeError::Profile(ProfileError::Missing | ProfileError::OtherNumber) => return Err(Fault::not_found()),
        ChangeError::Profile(ProfileError::Name) => {
            page.wrong(StatusCode::UNPROCESSABLE_ENTITY, ApplyError::Name.text(lang))
        }
        ChangeError::Profile(error) => return Err(Fault::inside(&error)),
        ChangeError::Register(ApplyError::Unavailable(_)) => {
            let text = crate::locale::text(lang, "profile-register-silent", &[]);
            page.wrong(StatusCode::SERVICE_UNAVAILABLE, text)
        }
        ChangeError::Register(error) => {
            if matches!(error, ApplyError::NoConsent) {
                page.errors.push((CONSENT, error.text(lang)));
            }
            page.wrong(status_of(&error), error.text(lang))
        }
        ChangeError::TooFast(wait) => {
            retry_after = Some((header::RETRY_AFTER, HeaderValue::from(wait.seconds)));
            page.wrong(StatusCode::TOO_MANY_REQUESTS, wait.text_for_account(lang))
        }
    };
    let mut response = shown(&api, &signed_in, asked, Some(&profile), page).await?;
    response.headers_mut().extend(retry_after);
    Ok(response)
}

async fn shown(
    api: &Api,
    signed_in: &SignedIn,
    asked: Asked,
    profile: Option<&Profile>,
    what: Shown,
) -> Result<Response, Fault> {
    let (cabinet, id) = (api.cabinet(), signed_in.account);
    let account = api.store().read(move |view: &View<'_>| view.account(id)).await?.ok_or_else(Fault::not_found)?;
    let shell = Shell::new(asked, PATH);
    let frame = shell.frame.clone();
    let Shown { entries, errors, consent, status, notice } = what;
    let fields = profile.map(|profile| {
        let fixed = fixed_field(&profile.form);
        let field = |field: &Field| {
            let shown = field_shown(*field, (&entries, &errors), &frame);
            let kind = if *field == fixed { Kind::Fixed(frame.text("profile-fixed")) } else { shown.kind };
            FieldShown { kind, ..shown }
        };
        profile.form.sort().fields().iter().map(field).collect()
    });
    let name_on_letters = profile.is_some_and(|profile| profile.form.display_name() != account.display_name);
    let sender = profile.and_then(|profile| cabinet.registration.consent_sender(profile.form.sort()));
    let page = ProfilePage {
        notice: notice.and_then(Notice::bad),
        fields,
        is_confirmed: profile.is_some_and(|profile| profile.confirmed.is_some()),
        name_on_letters: name_on_letters.then_some(account.display_name),
        consent: sender.map(|sender| (sender.to_owned(), consent)),
        consent_error: errors.iter().find(|(name, _)| *name == CONSENT).map(|(_, text)| text.clone()),
        changed: profile.map(|profile| cabinet.shown(profile.changed_at)).unwrap_or_default(),
        frame: frame.clone(),
        shell,
    };
    Ok(show_as(status, &frame, &page))
}

fn fixed_field(form: &Form) -> Field {
    match form {
        Form::Individual(_) => Field::Iin,
        Form::Legal(_) => Field::Bin,
    }
}
