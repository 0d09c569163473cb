use super::*;

#[test]
fn a_password_travels_but_does_not_show() {
    let request = Request::AccountPassword { name: "aigul".into(), password: Password(Secret::new("hush".into())) };
    let line = serde_json::to_string(&request).unwrap();
    assert!(!format!("{request:?}").contains("hush"));
    match serde_json::from_str(&line).unwrap() {
        Request::AccountPassword { password, .. } => assert_eq!(password.0.expose(), "hush"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failure_is_one_line() {
    assert_eq!(Failure::from_error(&"one\ntwo").message, "one; two");
}
