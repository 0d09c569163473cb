//! What programs find, byte for byte where they are picky.

use askama::Template as _;
use test_case::test_case;

use super::*;

fn servers() -> MailServers {
    MailServers { host: "mail.post.example".into(), domains: vec!["post.example".into()], imaps: 993, submissions: 465 }
}

const SCHEMA: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

fn question(address: &str, schema: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"x\"><Request>\
         <EMailAddress>{address}</EMailAddress>\
         <AcceptableResponseSchema>{schema}</AcceptableResponseSchema></Request></Autodiscover>"
    )
}

#[test_case(&question("aigul@post.example", SCHEMA) => Ok("aigul@post.example".parse().unwrap()); "outlook asks")]
#[test_case(&question("not an address", SCHEMA) => Err((600, "Invalid Request")); "no address")]
#[test_case(&question("<b>x</b>", SCHEMA) => Err((600, "Invalid Request")); "elements in it")]
#[test_case(&question("a&amp;b@post.example", SCHEMA) => Err((600, "Invalid Request")); "an entity")]
#[test_case(&question("a@b.example", "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006") => Err((601, "Provider is not available")); "a phone asks for active sync")]
#[test_case("" => Err((600, "Invalid Request")); "nothing")]
fn ms_oxdscli_what_outlook_asks(body: &str) -> Result<crate::address::Address, (u16, &'static str)> {
    outlook::asked(body.as_bytes())
}

#[test]
fn rfc8314_programs_are_told_tls_from_the_first_byte() {
    let config = thunderbird::Config { mail: &servers() }.render().unwrap();
    assert_eq!(config.matches("<socketType>SSL</socketType>").count(), 2, "{config}");
    assert!(!config.contains("STARTTLS") && config.contains("<domain>post.example</domain>"), "{config}");
    assert!(config.contains("<hostname>mail.post.example</hostname>\n<port>993</port>"), "{config}");
    assert!(config.contains("<username>%EMAILADDRESS%</username>"), "{config}");
}

#[test]
fn an_apple_profile_installed_twice_is_one_and_is_well_formed() {
    let mail = servers();
    let of = |address: Option<&str>| apple::Profile { mail: &mail, address: address.map(str::to_owned) };
    let nobody = of(None).render().unwrap();
    assert_eq!(nobody, of(None).render().unwrap());
    assert!(!nobody.contains("EmailAddress<"), "the device asks: {nobody}");
    let mine = of(Some("a&b@post.example"));
    assert!(!mine.render().unwrap().contains("a&b@"), "escaped");
    assert_ne!(mine.uuid("mail"), of(None).uuid("mail"));
    let uuid = mine.uuid("mail");
    assert_eq!((uuid.len(), uuid.get(14..15)), (36, Some("8")), "RFC 9562: {uuid}");
    assert!(matches!(uuid.get(19..20), Some("8" | "9" | "A" | "B")), "RFC 9562: {uuid}");
}
