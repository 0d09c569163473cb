//! Payment signs to try out: a file with the codes, as the operator would get it from who issues them, and its import.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::clock::World;
use crate::payment::read_signs;
use crate::server::Services;

use super::DemoError;
use super::authority::write_secret;
use super::setup::random_text;

/// Each is worth a letter: ten of the state an ordinary one, ten of the operator a registered one.
const EACH: usize = 10;

/// The operator of the sample facilities.
const OPERATOR: &str = "kazpost";

/// Makes the file in a new directory, and imports it.
pub(super) async fn issue(services: &Services, dir: &Path, world: &World) -> Result<(), DemoError> {
    let file = dir.join("payment-signs.csv");
    let failed = |error| DemoError::Directory { dir: dir.to_owned(), error };
    if !file.exists() {
        write_secret(&file, &fresh(services, world)).map_err(failed)?;
    }
    let text = fs::read_to_string(&file).map_err(failed)?;
    let signs = read_signs(&text).map_err(|error| DemoError::Signs(error.to_string()))?;
    let imported = services.paper.payments().import(signs, "demo").await;
    imported.map(drop).map_err(|error| DemoError::Signs(error.to_string()))
}

fn fresh(services: &Services, world: &World) -> String {
    let tariff = services.config.payment.tariff;
    let of_state = ("state", "KZ", tariff.letter_tiyn);
    let of_operator = ("operator", OPERATOR, tariff.letter_tiyn + tariff.registered_tiyn);
    let mut text = "code,kind,issuer,value_tiyn,valid_from,valid_to\n".to_owned();
    for (kind, issuer, value) in [of_state, of_operator].into_iter().flat_map(|each| [each; EACH]) {
        let _ = writeln!(text, "{},{kind},{issuer},{value},,", random_text::<16>(world));
    }
    text
}
