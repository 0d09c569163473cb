//! The file that Thunderbird and others look for at `autoconfig.DOMAIN` and under `/.well-known/autoconfig/`
//! (<https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat>). The address in the question is not read.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::people::MailServers;

use super::super::super::Api;
use super::super::fault::Fault;
use super::file;

#[derive(Template)]
#[template(path = "mail_programs/config.xml")]
pub(super) struct Config<'a> {
    pub(super) mail: &'a MailServers,
}

pub(super) async fn config(State(api): State<Api>) -> Result<Response, Fault> {
    file("text/xml; charset=utf-8", &Config { mail: &api.cabinet().mail })
}
