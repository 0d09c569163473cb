//! What somebody wrote into the fields, before it is judged.

use std::collections::BTreeMap;

use super::{Field, Form, Sort};

/// Texts of fields. What stands in no field of the annex is not kept.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Entries(BTreeMap<Field, String>);

impl Entries {
    /// What stands in the fields of this sort, as a form's names and values.
    #[must_use]
    pub fn of<'a>(sort: Sort, values: impl Fn(&str) -> Option<&'a str>) -> Self {
        let fields = sort.fields().iter();
        Entries(fields.filter_map(|field| Some((*field, values(field.name())?.to_owned()))).collect())
    }

    /// Writes into a field.
    #[must_use]
    pub fn with(mut self, field: Field, text: &str) -> Self {
        self.0.insert(field, text.to_owned());
        self
    }

    /// What stands in a field.
    #[must_use]
    pub fn get(&self, field: Field) -> &str {
        self.0.get(&field).map_or("", String::as_str)
    }
}

impl From<&Form> for Entries {
    fn from(form: &Form) -> Self {
        Entries(form.values().collect())
    }
}

impl std::fmt::Debug for Entries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entries(…)")
    }
}
