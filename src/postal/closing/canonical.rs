//! JSON in one form only, so that it can be signed: that of RFC 8785 (JCS), for documents without fractions. Every
//! language can make it: names sorted, no white space, characters as they are.

use serde_json::Value;

/// Larger integers are not the same everywhere (RFC 8785 §3.2.2.3, RFC 7493 §2.2).
const LARGEST: u64 = (1 << 53) - 1;

/// A document that has no canonical form here.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0} is no integer that every reader understands")]
pub struct NotCanonical(String);

/// The canonical form.
///
/// # Errors
/// A number with a fraction, or one beyond 2^53 - 1.
pub fn canonical(value: &Value) -> Result<String, NotCanonical> {
    let mut text = String::new();
    write(value, &mut text)?;
    Ok(text)
}

fn write(value: &Value, text: &mut String) -> Result<(), NotCanonical> {
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            size.filter(|size| *size <= LARGEST).ok_or_else(|| NotCanonical(number.to_string()))?;
            text.push_str(&number.to_string());
        }
        Value::Array(values) => {
            text.push('[');
            for (at, value) in values.iter().enumerate() {
                separate(at, text);
                write(value, text)?;
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            // RFC 8785 §3.2.3: by UTF-16 code units.
            fields.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            text.push('{');
            for (at, (name, value)) in fields.into_iter().enumerate() {
                separate(at, text);
                text.push_str(&Value::String(name.clone()).to_string());
                text.push(':');
                write(value, text)?;
            }
            text.push('}');
        }
        // Texts are escaped as RFC 8785 §3.2.2.2 has it.
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
    Ok(())
}

fn separate(at: usize, text: &mut String) {
    if at > 0 {
        text.push(',');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test_case(r#"{ "b": [1, -2], "a": {"ә": null, "z": true} }"# => Some(r#"{"a":{"z":true,"ә":null},"b":[1,-2]}"#.to_owned()); "sorted, without white space")]
    #[test_case(r#""\u0000\u001f\u007f\/\"\\\b\t\n\f\r\u20ac""# => Some("\"\\u0000\\u001f\u{7f}/\\\"\\\\\\b\\t\\n\\f\\r€\"".to_owned()); "rfc 8785 3.2.2.2")]
    #[test_case("1.5" => None; "a fraction")]
    #[test_case("9007199254740991" => Some("9007199254740991".to_owned()); "the largest")]
    #[test_case("9007199254740992" => None; "one more")]
    fn one_form(text: &str) -> Option<String> {
        canonical(&serde_json::from_str(text).unwrap()).ok()
    }

    proptest! {
        #[test]
        fn the_form_of_a_form_is_itself(texts in proptest::collection::btree_map(".{0,8}", ".{0,8}", 0..6)) {
            let value = serde_json::to_value(texts).unwrap();
            let form = canonical(&value).unwrap();
            let again: Value = serde_json::from_str(&form).unwrap();
            prop_assert_eq!(canonical(&again).unwrap(), form);
            prop_assert_eq!(again, value);
        }
    }
}
