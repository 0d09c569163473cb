//! `/cabinet/profile`: the data of the application, kept up to date by the user (M26, M27). A change takes a
//! confirmation back (M22).

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::identity::application::{DocumentKind, Entries, Field, FieldError, Form, Trouble, parse};
use crate::people::Profile;
use crate::people::profile::ProfileError;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
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
    fields: Option<Vec<Input>>,
    is_confirmed: bool,
    changed: String,
}

/// A field as it is shown and changed.
struct Input {
    name: &'static str,
    label: String,
    value: String,
    kind: InputKind,
    max: usize,
    error: Option<String>,
}

#[derive(PartialEq, Eq)]
enum InputKind {
    Text,
    Phone,
    Day,
    /// It says who the user is, and does not change.
    Fixed,
    Choice(Vec<Choice>),
}

#[derive(PartialEq, Eq)]
struct Choice {
    name: &'static str,
    text: String,
    is_chosen: bool,
}

impl Input {
    fn choices(&self) -> &[Choice] {
        match &self.kind {
            InputKind::Choice(choices) => choices,
            _ => &[],
        }
    }

    fn is_choice(&self) -> bool {
        matches!(self.kind, InputKind::Choice(_))
    }

    fn is_fixed(&self) -> bool {
        self.kind == InputKind::Fixed
    }

    fn html_type(&self) -> &'static str {
        match self.kind {
            InputKind::Phone => "tel",
            InputKind::Day => "date",
            _ => "text",
        }
    }

    fn is_optional(&self) -> bool {
        [Field::Patronymic, Field::PhoneHome, Field::PhoneMobile].iter().any(|field| field.name() == self.name)
    }
}

pub(super) async fn page(State(api): State<Api>, signed_in: SignedIn, asked: Asked) -> Result<Response, Fault> {
    let profile = api.cabinet().people.profile(signed_in.account).await?;
    let entries = profile.as_ref().map(|profile| Entries::from(&profile.form));
    Ok(shown(&api, asked, Shown { profile: profile.as_ref(), entries, errors: &[], notice: None }))
}

pub(super) async fn change(
    State(api): State<Api>,
    signed_in: SignedIn,
    asked: Asked,
    Checked(fields): Checked<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let people = &api.cabinet().people;
    let profile = people.profile(signed_in.account).await?.ok_or_else(Fault::not_found)?;
    let sort = profile.form.sort();
    let sent = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    // M24: who it is stays what it was, whatever was sent.
    let number = fixed_field(&profile.form);
    let entries = Entries::of(sort, sent).with(number, &profile.form.value(number));
    let form = match parse(sort, &entries, api.cabinet().today()) {
        Ok(form) => form,
        Err(errors) => {
            let shown_as = Shown { profile: Some(&profile), entries: Some(entries), errors: &errors, notice: None };
            return Ok(shown(&api, asked, shown_as));
        }
    };
    let actor = format!("account {}", signed_in.account.0);
    match people.change_profile(signed_in.account, &form, &actor).await {
        Ok(_) => Ok(Redirect::to(PATH).into_response()),
        Err(ProfileError::Missing | ProfileError::OtherNumber) => Err(Fault::not_found()),
        Err(error) => Err(Fault::inside(&error)),
    }
}

/// What is shown: the data as they are or as they were sent, and what is wrong with them.
struct Shown<'a> {
    profile: Option<&'a Profile>,
    entries: Option<Entries>,
    errors: &'a [FieldError],
    notice: Option<Notice>,
}

fn shown(api: &Api, asked: Asked, what: Shown<'_>) -> Response {
    let shell = Shell::new(asked, PATH);
    let frame = shell.frame.clone();
    let Shown { profile, entries, errors, notice } = what;
    let fields = profile.zip(entries).map(|(profile, entries)| {
        let fields = profile.form.sort().fields().iter();
        fields.map(|field| input(&frame, *field, &entries, errors)).collect()
    });
    let is_wrong = !errors.is_empty();
    let page = ProfilePage {
        notice: if is_wrong { Notice::bad(frame.text("register-errors")) } else { notice },
        fields,
        is_confirmed: profile.is_some_and(|profile| profile.confirmed.is_some()),
        changed: profile.map(|profile| api.cabinet().shown(profile.changed_at)).unwrap_or_default(),
        frame: frame.clone(),
        shell,
    };
    show_as(if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &frame, &page)
}

fn input(frame: &Frame, field: Field, entries: &Entries, errors: &[FieldError]) -> Input {
    let value = entries.get(field).to_owned();
    let kind = match field {
        Field::Iin | Field::Bin => InputKind::Fixed,
        Field::PhoneHome | Field::PhoneMobile => InputKind::Phone,
        Field::DocumentIssued | Field::RegistrationIssued => InputKind::Day,
        Field::DocumentKind => InputKind::Choice(document_kinds(frame, &value)),
        _ => InputKind::Text,
    };
    let error = errors.iter().find(|error| error.field == field).map(|error| trouble(frame, error.trouble));
    let label = frame.text(&format!("field-{}", field.name()));
    Input { name: field.name(), label, value, kind, max: field.max_characters(), error }
}

fn document_kinds(frame: &Frame, chosen: &str) -> Vec<Choice> {
    let choice = |kind: DocumentKind| Choice {
        name: kind.name(),
        text: frame.text(&format!("document-{}", kind.name())),
        is_chosen: kind.name() == chosen,
    };
    DocumentKind::ALL.into_iter().map(choice).collect()
}

fn trouble(frame: &Frame, trouble: Trouble) -> String {
    let number = match trouble {
        Trouble::TooLong(most) => most.to_string(),
        _ => String::new(),
    };
    frame.text_with(&format!("trouble-{}", trouble.code()), &[("number", &number)])
}

fn fixed_field(form: &Form) -> Field {
    match form {
        Form::Individual(_) => Field::Iin,
        Form::Legal(_) => Field::Bin,
    }
}
