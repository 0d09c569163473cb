//! The form of the annex on a page, and what came of it when it is sent: for whoever applies at home, and for a clerk who
//! writes for somebody or corrects what was written.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::civil::Date;

use crate::identity::agreement::VersionHash;
use crate::identity::application::{Entries, Form, Sort, parse};
use crate::locale::{self, Lang};
use crate::people::registration::ApplyError;
use crate::registers::ConsentToken;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::{Asked, Frame, show_as};
use super::fields::{FieldShown, Kind, field_shown, told};

/// What is asked for besides the fields of the annex.
pub(in crate::http::pages) const LOGIN: &str = "login";
pub(super) const PASSWORD: &str = "password";
pub(super) const AGAIN: &str = "password-again";
pub(super) const AGREE: &str = "agree";
pub(in crate::http::pages) const CONSENT: &str = "consent";
const AGREEMENT: &str = "agreement";
const SORT: &str = "as";
const LANG: &str = "lang";

#[derive(Template)]
#[template(path = "register/fill_in.html")]
struct FormPage {
    frame: Frame,
    place: Place,
    sort: Sort,
    fields: Vec<FieldShown>,
    login: String,
    login_hint: String,
    /// By the name of the field; login, password and the rest have names of their own.
    errors: Vec<(&'static str, String)>,
    /// What is wrong with the whole.
    fault: Option<String>,
    agreement: Agreement,
}

struct Agreement {
    number: String,
    hash: String,
}

/// Where the form is filled in.
pub(in crate::http::pages) enum Place {
    /// At home, by the applicant.
    Home(Home),
    /// At a counter, by a clerk.
    Counter(Counter),
}

/// What the applicant is asked for besides.
pub(in crate::http::pages) struct Home {
    pub(super) password_hint: String,
    pub(super) takes_signatures: bool,
    pub(super) is_sent: bool,
    /// Where the code for the consent comes from, if one is wanted, and what was typed.
    pub(super) consent: Option<(String, String)>,
}

/// What the clerk is asked for besides.
pub(in crate::http::pages) struct Counter {
    /// The application that is corrected; none where a new one is written.
    corrected: Option<String>,
    langs: Vec<(&'static str, String, bool)>,
}

impl Place {
    /// The application that is corrected.
    fn corrected(&self) -> Option<&str> {
        match self {
            Place::Home(_) => None,
            Place::Counter(counter) => counter.corrected.as_deref(),
        }
    }

    /// Where the form is sent.
    fn action(&self) -> String {
        match (self, self.corrected()) {
            (Place::Home(_), _) => "/register".to_owned(),
            (Place::Counter(_), None) => "/desk/new".to_owned(),
            (Place::Counter(_), Some(number)) => format!("/desk/applications/{number}/correct"),
        }
    }

    fn title(&self) -> &'static str {
        match (self, self.corrected()) {
            (Place::Home(_), _) => "register-title",
            (Place::Counter(_), None) => "desk-new-title",
            (Place::Counter(_), Some(_)) => "desk-correct-title",
        }
    }

    /// The counter, where the applicant reads in this language.
    pub(in crate::http::pages) fn counter(corrected: Option<String>, chosen: Lang) -> Self {
        let name = |lang: Lang| locale::text(lang, "page-language", &[]);
        let langs = Lang::ALL.into_iter().map(|lang| (lang.tag(), name(lang), lang == chosen)).collect();
        Place::Counter(Counter { corrected, langs })
    }

    fn is_home(&self) -> bool {
        matches!(self, Place::Home(_))
    }
}

impl FormPage {
    fn error(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|(found, _)| *found == name).map(|(_, text)| text.as_str())
    }

    fn is_legal(&self) -> bool {
        self.sort == Sort::Legal
    }

    /// The links to the forms of the two sorts; none where the sort is what it was.
    fn sorts(&self) -> Vec<(String, String, bool)> {
        if self.place.corrected().is_some() {
            return Vec::new();
        }
        let link = |sort: Sort| {
            let href = format!("{}?as={}", self.place.action(), sort.name());
            (href, self.frame.text(&format!("register-{}", sort.name())), sort == self.sort)
        };
        vec![link(Sort::Individual), link(Sort::Legal)]
    }
}

/// What is shown, and what is wrong with it.
#[derive(Default)]
pub(in crate::http::pages) struct Shown {
    pub(in crate::http::pages) entries: Entries,
    pub(in crate::http::pages) login: String,
    pub(in crate::http::pages) errors: Vec<(&'static str, String)>,
    pub(in crate::http::pages) fault: Option<String>,
}

impl Shown {
    /// An error of the service, beside the field that it belongs to.
    pub(in crate::http::pages) fn refused(&mut self, error: &ApplyError, lang: Lang) {
        match place_of(error) {
            Some(place) => self.errors.push((place, error.text(lang))),
            None => self.fault = Some(error.text(lang)),
        }
    }
}

/// What was sent.
pub(in crate::http::pages) struct Sent(pub(in crate::http::pages) Vec<(String, String)>);

/// What stands in a form that is right in all that can be judged here.
pub(in crate::http::pages) struct Read {
    pub(in crate::http::pages) form: Form,
    pub(in crate::http::pages) login: String,
    pub(in crate::http::pages) consent: Option<ConsentToken>,
}

impl Sent {
    pub(in crate::http::pages) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(in crate::http::pages) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// Who applies.
    pub(in crate::http::pages) fn sort(&self) -> Result<Sort, Fault> {
        Sort::named(self.text(SORT)).ok_or_else(Fault::bad_form)
    }

    /// The version of the agreement that was shown.
    pub(in crate::http::pages) fn agreement(&self) -> Result<VersionHash, Fault> {
        self.text(AGREEMENT).parse().map_err(|_| Fault::bad_form())
    }

    /// In which language the applicant reads, where a clerk chose it.
    pub(in crate::http::pages) fn lang(&self) -> Result<Lang, Fault> {
        Lang::ALL.into_iter().find(|lang| lang.tag() == self.text(LANG)).ok_or_else(Fault::bad_form)
    }

    /// Reads the form; what is shown again is always there, with what is wrong.
    pub(in crate::http::pages) fn read(&self, sort: Sort, today: Date, lang: Lang) -> (Shown, Option<Read>) {
        let entries = Entries::of(sort, |name| self.get(name));
        let login = self.text(LOGIN).trim().to_owned();
        let mut shown = Shown { entries, login: login.clone(), ..Shown::default() };
        let form = parse(sort, &shown.entries, today);
        let form = form.map_err(|errors| {
            shown.errors.extend(errors.iter().map(|error| (error.field.name(), told(error, lang))));
        });
        if login.is_empty() {
            shown.errors.push((LOGIN, locale::text(lang, "trouble-missing", &[])));
        }
        let consent = consent_in(self.text(CONSENT)).map_err(|key| {
            shown.errors.push((CONSENT, locale::text(lang, key, &[])));
        });
        let read = match (form, consent) {
            (Ok(form), Ok(consent)) if shown.errors.is_empty() => Some(Read { form, login, consent }),
            _ => None,
        };
        (shown, read)
    }
}

/// The code with which a register may be asked, as it was typed; else the key of what is wrong with it.
pub(in crate::http::pages) fn consent_in(typed: &str) -> Result<Option<ConsentToken>, &'static str> {
    let typed: String = typed.split_whitespace().collect();
    if typed.is_empty() {
        return Ok(None);
    }
    // The key with which the register proves the code comes with it only between machines.
    ConsentToken::new(&typed, "").map(Some).map_err(|_| "consent-wrong")
}

/// The field that an error of the service belongs to.
fn place_of(error: &ApplyError) -> Option<&'static str> {
    match error {
        ApplyError::Login(_) | ApplyError::LoginTaken(_) => Some(LOGIN),
        ApplyError::Password(_) => Some(PASSWORD),
        ApplyError::OldAgreement { .. } => Some(AGREE),
        ApplyError::NoConsent => Some(CONSENT),
        _ => None,
    }
}

/// The page.
pub(in crate::http::pages) async fn show_form(
    api: &Api,
    asked: Asked,
    (place, sort): (Place, Sort),
    mut shown: Shown,
    status: StatusCode,
) -> Result<Response, Fault> {
    let registration = api.registration();
    let current = registration.agreements().current().await?;
    let frame = Frame::new(asked, place.title());
    // A clerk joins nothing: that another version is in force by now belongs to the whole.
    if !place.is_home()
        && let Some(at) = shown.errors.iter().position(|(name, _)| *name == AGREE)
    {
        shown.fault = Some(shown.errors.swap_remove(at).1);
    }
    let page = FormPage {
        fields: sort
            .fields()
            .iter()
            .map(|field| field_shown(*field, (&shown.entries, &shown.errors), &frame))
            .collect(),
        login_hint: frame.text_with("register-login-hint", &[("domain", &registration.domain())]),
        agreement: Agreement { number: current.number.to_string(), hash: current.hash.to_string() },
        frame: frame.clone(),
        place,
        sort,
        login: shown.login,
        errors: shown.errors,
        fault: shown.fault,
    };
    Ok(show_as(status, &frame, &page))
}
