//! Commands and their answers: order, syntax, logins, budgets.

use test_case::test_case;

use super::*;

#[test]
fn rfc5321_appendix_d_typical_transaction() {
    let mut stage = mx();
    play(
        &mut stage,
        &format!(
            "S: 220 mx.poshta.example ESMTP Poshta
             C: EHLO bar.com
             S: 250-mx.poshta.example greets bar.com
             S: 250-PIPELINING
             S: 250-SIZE 1000
             S: 250-8BITMIME
             S: 250-ENHANCEDSTATUSCODES
             S: 250-SMTPUTF8
             S: 250-CHUNKING
             S: 250-STARTTLS
             S: 250 HELP
             C: MAIL FROM:<Smith@bar.com>
             S: 250 2.1.0 sender ok
             C: RCPT TO:<Jones@foo.com>
             S: 250 2.1.5 recipient ok
             C: RCPT TO:<nobody@foo.com>
             S: 550 5.1.1 no mailbox nobody@foo.com here
             C: RCPT TO:<Brown@foo.com>
             S: 250 2.1.5 recipient ok
             C: DATA
             S: 354 go ahead; end with <CR><LF>.<CR><LF>
             C: Blah blah blah...
             C: ..
             C: ...etc. etc. etc.
             C: .
             {RECEIPT}
             C: QUIT
             S: 221 2.0.0 mx.poshta.example closing
             S: -- closed --"
        ),
    );
    let (envelope, body) = &stage.delivered[0];
    assert_eq!(envelope.recipients.len(), 2);
    assert_eq!(body, b"Blah blah blah...\r\n.\r\n..etc. etc. etc.\r\n");
    assert!(stage.closed);
}

#[test_case("C: HELO x\nS: 250 mx.poshta.example greets x"; "helo has no extensions")]
#[test_case("C: HELO\nS: 501 5.5.4 syntax: EHLO domain"; "helo without a name")]
#[test_case("C: MAIL FROM:<a@b.kz>\nS: 503 5.5.1 EHLO or HELO first"; "mail before ehlo")]
#[test_case("C: RCPT TO:<a@b.kz>\nS: 503 5.5.1 MAIL first"; "rcpt before mail")]
#[test_case("C: DATA\nS: 503 5.5.1 MAIL and RCPT first"; "data before mail")]
#[test_case("C: NOOP anything\nS: 250 2.0.0 ok"; "noop")]
#[test_case("C: RSET\nS: 250 2.0.0 reset"; "rset")]
#[test_case("C: RSET x\nS: 501 5.5.4 syntax: RSET"; "rset with an argument")]
#[test_case("C: VRFY Smith\nS: 252 2.0.0 will not say; send the message and see"; "vrfy tells nothing")]
#[test_case("C: VRFY\nS: 501 5.5.4 syntax: VRFY user"; "vrfy of nobody")]
#[test_case("C: EXPN list\nS: 502 5.5.1 command not implemented"; "expn")]
#[test_case("C: TURN\nS: 502 5.5.1 command not implemented"; "turn")]
#[test_case("C: HELP\nS: 214-2.0.0 commands:\nS: 214-2.0.0 EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT\nS: 214 2.0.0 RSET NOOP VRFY HELP QUIT"; "help")]
#[test_case("C: WIZ\nS: 500 5.5.2 command not recognized; HELP lists the commands"; "unknown")]
#[test_case("C: NOOP\\n\\c\nS: 500 5.5.2 lines end with CRLF and have no CR, LF or NUL inside"; "bare lf")]
#[test_case("C: NO\\0OP\nS: 500 5.5.2 lines end with CRLF and have no CR, LF or NUL inside"; "nul")]
#[test_case("C: AUTH PLAIN\nS: 503 5.5.1 EHLO first"; "auth before ehlo")]
#[test_case("C: QUIT\nS: 221 2.0.0 mx.poshta.example closing\nS: -- closed --"; "quit at once")]
fn rfc5321_before_ehlo(transcript: &str) {
    let mut stage = mx();
    stage.hear();
    play(&mut stage, transcript);
}

#[test_case("C: MAIL FROM:a@b.kz\nS: 501 5.5.4 syntax: MAIL FROM:<address> [SIZE=n] [BODY=7BIT|8BITMIME] [SMTPUTF8] [RET=FULL|HDRS] [ENVID=id]"; "no brackets")]
#[test_case("C: MAIL FROM:<a@b.kz> RET=FULL\nS: 555 5.5.4 parameter not recognized or not announced"; "unknown parameter")]
#[test_case("C: MAIL FROM:<a@b.kz> SIZE=1001\nS: 552 5.3.4 message of 1001 bytes; the limit is 1000"; "rfc1870 announced size")]
#[test_case("C: MAIL FROM:<a@b.kz> SIZE=99999999999999999999\nS: 552 5.3.4 message of 18446744073709551615 bytes; the limit is 1000"; "rfc1870 20 digits")]
#[test_case("C: MAIL FROM:<a@b.kz> SIZE=1000 BODY=8BITMIME\nS: 250 2.1.0 sender ok"; "as large as may be")]
#[test_case("C: MAIL FROM:<a@b.kz>\nC: MAIL FROM:<a@b.kz>\nS: 250 2.1.0 sender ok\nS: 503 5.5.1 a transaction is open; RSET ends it"; "mail twice")]
#[test_case("C: MAIL FROM:<evil@b.kz>\nS: 550 5.7.1 <evil@b.kz> is not your address"; "the service refuses")]
#[test_case("C: MAIL FROM:<a@қаз.kz>\nS: 550 5.6.7 this address needs SMTPUTF8"; "rfc6531 sender without smtputf8")]
#[test_case("C: MAIL FROM:<>\nC: RCPT TO:<ә@b.kz>\nS: 250 2.1.0 sender ok\nS: 553 5.6.7 this address needs SMTPUTF8 in MAIL"; "rfc6531 recipient without smtputf8")]
#[test_case("C: MAIL FROM:<> SMTPUTF8\nC: RCPT TO:<noә@b.kz>\nS: 250 2.1.0 sender ok\nS: 550 5.1.1 no mailbox no\\x{4D9}@b.kz here"; "rfc6531 replies are ascii all the same")]
#[test_case("C: MAIL FROM:<>\nC: RCPT TO:<a>\nS: 250 2.1.0 sender ok\nS: 501 5.1.3 an address looks like name@domain"; "rcpt without a domain")]
#[test_case("C: MAIL FROM:<>\nC: RCPT TO:<a@b.kz> SIZE=1\nS: 250 2.1.0 sender ok\nS: 555 5.5.4 parameter not recognized or not announced"; "rcpt with a parameter")]
#[test_case("C: MAIL FROM:<>\nC: DATA\nS: 250 2.1.0 sender ok\nS: 503 5.5.1 RCPT first"; "data without rcpt")]
#[test_case("C: MAIL FROM:<>\nC: RCPT TO:<no@b.kz>\nC: DATA\nS: 250 2.1.0 sender ok\nS: 550 5.1.1 no mailbox no@b.kz here\nS: 554 5.5.1 no valid recipients"; "data without a valid recipient")]
#[test_case("C: MAIL FROM:<>\nC: RSET\nC: RCPT TO:<a@b.kz>\nS: 250 2.1.0 sender ok\nS: 250 2.0.0 reset\nS: 503 5.5.1 MAIL first"; "rset forgets the transaction")]
#[test_case("C: AUTH PLAIN AGEAYg==\nS: 502 5.5.1 no logins here; use the submission port"; "no logins on port 25")]
#[test_case("C: STARTTLS now\nS: 501 5.5.4 syntax: STARTTLS"; "starttls has no argument")]
fn rfc5321_after_ehlo(transcript: &str) {
    play(&mut greeted(mx()), transcript);
}

#[test]
fn rfc5321_helo_sessions_have_no_parameters() {
    let mut stage = mx();
    stage.hear();
    play(
        &mut stage,
        "C: HELO old.example
         S: 250 mx.poshta.example greets old.example
         C: MAIL FROM:<a@b.kz> SIZE=1
         S: 555 5.5.4 parameter not recognized or not announced
         C: MAIL FROM:<a@b.kz>
         S: 250 2.1.0 sender ok",
    );
    assert_eq!(stage.session.unwrap().protocol(), "SMTP");
}

#[test]
fn rfc5321_postmaster_gets_our_domain() {
    let mut stage = greeted(mx());
    stage.event(Event::Bytes(b"MAIL FROM:<>\r\nRCPT TO:<postmaster>\r\n"));
    assert_eq!(stage.session.unwrap().recipients()[0].address.to_string(), "postmaster@poshta.example");
}

#[test]
fn rfc2920_a_pipelined_group_is_answered_in_order() {
    let mut stage = greeted(mx());
    play(
        &mut stage,
        &format!(
            "C: MAIL FROM:<a@b.kz>
             C: RCPT TO:<one@b.kz>
             C: RCPT TO:<no@b.kz>
             C: DATA
             S: 250 2.1.0 sender ok
             S: 250 2.1.5 recipient ok
             S: 550 5.1.1 no mailbox no@b.kz here
             S: 354 go ahead; end with <CR><LF>.<CR><LF>
             C: Subject: x
             C:
             C: .
             C: MAIL FROM:<a@b.kz>
             C: RCPT TO:<two@b.kz>
             C: QUIT
             {RECEIPT}
             S: 250 2.1.0 sender ok
             S: 250 2.1.5 recipient ok
             S: 221 2.0.0 mx.poshta.example closing
             S: -- closed --"
        ),
    );
    assert_eq!(stage.delivered.len(), 1);
}

#[test_case("C: EHLO x\nC: MAIL FROM:<a@b.kz>"; "behind ehlo")]
#[test_case("C: HELO x\nC: MAIL FROM:<a@b.kz>"; "behind helo")]
fn rfc2920_talking_ahead_of_ehlo_ends_the_session(client: &str) {
    let mut stage = mx();
    stage.hear();
    let refusal = "S: 554 5.5.0 protocol synchronization: wait for the reply to this command\nS: -- closed --";
    play(&mut stage, &format!("{client}\n{refusal}"));
}

#[test]
fn rfc2920_content_ahead_of_354_is_never_taken_for_commands() {
    let mut stage = greeted(mx());
    play(
        &mut stage,
        "C: MAIL FROM:<a@b.kz>
         C: RCPT TO:<one@b.kz>
         C: DATA
         C: QUIT
         C: .
         S: 250 2.1.0 sender ok
         S: 250 2.1.5 recipient ok
         S: 554 5.5.0 protocol synchronization: wait for the reply to this command
         S: -- closed --",
    );
    assert!(stage.delivered.is_empty());
}

#[test]
fn rfc3207_nothing_read_before_tls_survives() {
    let mut stage = greeted(mx());
    play(
        &mut stage,
        "C: MAIL FROM:<a@b.kz>
         S: 250 2.1.0 sender ok
         C: STARTTLS
         C: RCPT TO:<injected@b.kz>
         C: NOOP
         S: 220 2.0.0 go ahead with TLS
         S: -- TLS --
         C: RCPT TO:<a@b.kz>
         S: 503 5.5.1 MAIL first
         C: MAIL FROM:<a@b.kz>
         S: 503 5.5.1 EHLO or HELO first
         C: EHLO again
         S: 250-mx.poshta.example greets again
         S: 250-PIPELINING
         S: 250-SIZE 1000
         S: 250-8BITMIME
         S: 250-ENHANCEDSTATUSCODES
         S: 250-SMTPUTF8
         S: 250-CHUNKING
         S: 250 HELP
         C: STARTTLS
         S: 503 5.5.1 TLS is on already",
    );
    assert_eq!(stage.session.unwrap().protocol(), "ESMTPS");
}

#[test_case(Channel::Plain, "C: MAIL FROM:<a@b.kz>\nS: 530 5.7.0 STARTTLS and authentication required"; "rfc6409 mail before tls")]
#[test_case(Channel::Tls, "C: MAIL FROM:<a@b.kz>\nS: 530 5.7.0 authentication required"; "rfc6409 mail before login")]
#[test_case(Channel::Plain, "C: AUTH PLAIN AGEAcmlnaHQ=\nS: 538 5.7.11 encryption required: STARTTLS first"; "rfc4954 no password in the clear")]
#[test_case(Channel::Tls, "C: AUTH PLAIN AGEAcmlnaHQ=\nS: 235 2.7.0 logged in"; "rfc4616 initial response")]
#[test_case(Channel::Tls, "C: AUTH PLAIN\nS: 334\nC: AGEAcmlnaHQ=\nS: 235 2.7.0 logged in"; "rfc4616 challenge")]
#[test_case(Channel::Tls, "C: AUTH PLAIN YQBhAHJpZ2h0\nS: 235 2.7.0 logged in"; "rfc4616 acting as oneself")]
#[test_case(Channel::Tls, "C: AUTH PLAIN YgBhAHJpZ2h0\nS: 501 5.5.2 the response is malformed"; "rfc4616 acting as another")]
#[test_case(Channel::Tls, "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YQ==\nS: 334 UGFzc3dvcmQ6\nC: cmlnaHQ=\nS: 235 2.7.0 logged in"; "login")]
#[test_case(Channel::Tls, "C: AUTH LOGIN YQ==\nS: 334 UGFzc3dvcmQ6\nC: cmlnaHQ=\nS: 235 2.7.0 logged in"; "login with initial response")]
#[test_case(Channel::Tls, "C: AUTH PLAIN AGEAd3Jvbmc=\nS: 535 5.7.8 login or password is wrong"; "wrong password")]
#[test_case(Channel::Tls, "C: AUTH PLAIN\nS: 334\nC: *\nS: 501 5.7.0 authentication cancelled"; "rfc4954 cancelled")]
#[test_case(Channel::Tls, "C: AUTH PLAIN ???\nS: 501 5.5.2 that is no base64"; "rfc4954 no base64")]
#[test_case(Channel::Tls, "C: AUTH PLAIN =\nS: 501 5.5.2 the response is malformed"; "rfc4954 empty initial response")]
#[test_case(Channel::Tls, "C: AUTH CRAM-MD5\nS: 504 5.5.4 mechanism not known here; there are PLAIN and LOGIN"; "rfc4954 unknown mechanism")]
#[test_case(Channel::Tls, "C: AUTH PLAIN AGEAcmlnaHQ=\nC: AUTH PLAIN AGEAcmlnaHQ=\nS: 235 2.7.0 logged in\nS: 503 5.5.1 you are logged in already"; "rfc4954 twice")]
#[test_case(Channel::Tls, "C: AUTH PLAIN AGEAcmlnaHQ=\nC: MAIL FROM:<a@b.kz> AUTH=<>\nC: AUTH PLAIN AGEAcmlnaHQ=\nS: 235 2.7.0 logged in\nS: 250 2.1.0 sender ok\nS: 503 5.5.1 not during a mail transaction"; "rfc4954 in a transaction")]
fn rfc4954_login(channel: Channel, transcript: &str) {
    play(&mut greeted(submission(channel)), transcript);
}

#[test]
fn rfc4954_too_many_failed_logins_end_the_session() {
    let mut stage = greeted(submission(Channel::Tls));
    play(
        &mut stage,
        "C: AUTH PLAIN AGEAd3Jvbmc=
         S: 535 5.7.8 login or password is wrong
         C: AUTH PLAIN AGEAd3Jvbmc=
         S: 535 5.7.8 login or password is wrong
         S: 421 4.7.0 mx.poshta.example: too many failed logins, closing
         S: -- closed --",
    );
}

#[test]
fn rfc4954_a_line_of_the_exchange_that_is_too_long_is_told_apart() {
    let mut stage = greeted(submission(Channel::Tls));
    stage.event(Event::Bytes(b"AUTH PLAIN\r\n"));
    stage.event(Event::Bytes(format!("{}\r\nNOOP\r\n", "A".repeat(3000)).as_bytes()));
    assert_eq!(stage.hear(), "334 \r\n500 5.5.6 line of the exchange too long\r\n250 2.0.0 ok\r\n");
}

#[test_case(Channel::Plain, false, "EHLO x", "ESMTP")]
#[test_case(Channel::Tls, false, "EHLO x", "ESMTPS")]
#[test_case(Channel::Tls, true, "EHLO x", "ESMTPSA")]
#[test_case(Channel::Plain, false, "HELO x", "SMTP")]
fn rfc3848_protocol_names(channel: Channel, login: bool, hello: &str, name: &str) {
    let mut stage = submission(channel);
    stage.event(Event::Bytes(format!("{hello}\r\n").as_bytes()));
    if login {
        stage.event(Event::Bytes(b"AUTH PLAIN AGEAcmlnaHQ=\r\n"));
    }
    assert_eq!(stage.session.unwrap().protocol(), name);
}

#[test]
fn rfc6531_protocol_name_of_an_internationalized_message() {
    let mut stage = greeted(mx());
    stage.event(Event::Bytes("MAIL FROM:<ә@қаз.kz> SMTPUTF8\r\n".as_bytes()));
    assert_eq!(stage.session.unwrap().protocol(), "UTF8SMTP");
}

#[test]
fn rfc5321_too_many_recipients_come_another_time() {
    let mut stage = greeted(mx());
    play(
        &mut stage,
        "C: MAIL FROM:<>
         C: RCPT TO:<a@b.kz>
         C: RCPT TO:<b@b.kz>
         C: RCPT TO:<c@b.kz>
         C: RCPT TO:<d@b.kz>
         S: 250 2.1.0 sender ok
         S: 250 2.1.5 recipient ok
         S: 250 2.1.5 recipient ok
         S: 250 2.1.5 recipient ok
         S: 452 4.5.3 too many recipients; the limit is 3",
    );
}

#[test]
fn a_harvester_of_names_is_sent_away() {
    let mut stage = opened();
    for _ in 0..4 {
        stage.event(Event::Bytes(b"RCPT TO:<nobody@b.kz>\r\n"));
    }
    assert!(
        stage.hear().ends_with("421 4.7.0 mx.poshta.example: too many refused recipients, closing\r\n-- closed --\r\n")
    );
}

#[test_case("WIZ\r\n", 5, "too many errors"; "errors")]
#[test_case("NOOP\r\n", 10, "too many commands without a message"; "idle commands")]
fn budgets_of_a_session(command: &str, count: usize, reason: &str) {
    let mut stage = mx();
    for _ in 1..count {
        stage.event(Event::Bytes(command.as_bytes()));
    }
    assert!(!stage.closed);
    stage.event(Event::Bytes(command.as_bytes()));
    assert!(stage.closed);
    assert!(stage.hear().contains(&format!("421 4.7.0 mx.poshta.example: {reason}, closing")));
}

#[test]
fn a_sender_that_cannot_be_judged_now_is_no_mistake_of_the_client() {
    let mut stage = greeted(mx());
    for _ in 0..limits().max_errors {
        stage.event(Event::Bytes(b"MAIL FROM:<later@b.kz>\r\n"));
        assert_eq!(stage.hear(), "451 4.3.0 temporary failure here; try again later\r\n");
    }
    stage.event(Event::Bytes(b"MAIL FROM:<a@b.kz>\r\n"));
    assert_eq!(stage.hear(), "250 2.1.0 sender ok\r\n");
}

#[test]
fn a_line_that_is_too_long_is_one_error() {
    let mut stage = greeted(mx());
    stage.event(Event::Bytes(format!("NOOP {}\r\nNOOP\r\n", "x".repeat(600)).as_bytes()));
    assert_eq!(stage.hear(), "500 5.5.2 line too long\r\n250 2.0.0 ok\r\n");
}

#[test]
fn a_stopping_server_lets_the_transaction_finish() {
    let mut stage = in_data();
    stage.event(Event::Stopping);
    assert_eq!(stage.hear(), "");
    stage.event(Event::Bytes(b"Subject: x\r\n\r\n.\r\n"));
    assert_eq!(
        stage.hear(),
        "250 2.0.0 Ok: queued as 00000000000000000000000007\r\n\
         421 4.3.2 mx.poshta.example is going down; try again later\r\n-- closed --\r\n"
    );
    let mut idle = greeted(mx());
    idle.event(Event::Stopping);
    assert!(idle.closed);
}

const TAKEN_BACK: &str = "the password was taken back";

/// RFC 5321 §3.8: 421 in the place of any answer; RFC 3463 X.7.0.
#[test]
fn a_login_that_ended_ends_the_session_before_the_next_command() {
    let goodbye = format!("421 4.7.0 mx.poshta.example: {TAKEN_BACK}\r\n-- closed --\r\n");
    let mut idle = greeted(mx());
    idle.event(Event::LoginEnded(TAKEN_BACK));
    assert_eq!(idle.hear(), goodbye);
    let mut open = greeted(mx());
    open.event(Event::Bytes(b"MAIL FROM:<a@b.kz>\r\n"));
    open.hear();
    open.event(Event::LoginEnded(TAKEN_BACK));
    assert_eq!(open.hear(), goodbye);
    open.event(Event::Bytes(b"DATA\r\n"));
    assert_eq!(open.hear(), "", "a closed session ignores everything");
}

#[test]
fn a_login_that_ended_lets_the_message_finish_that_is_arriving() {
    let mut stage = in_data();
    stage.event(Event::LoginEnded(TAKEN_BACK));
    assert_eq!(stage.hear(), "");
    stage.event(Event::Bytes(b"Subject: x\r\n\r\n.\r\nMAIL FROM:<a@b.kz>\r\n"));
    assert_eq!(
        stage.hear(),
        format!(
            "250 2.0.0 Ok: queued as 00000000000000000000000007\r\n\
             421 4.7.0 mx.poshta.example: {TAKEN_BACK}\r\n-- closed --\r\n"
        )
    );
}

#[test]
fn a_login_that_ended_leaves_nothing_of_a_message_in_chunks() {
    let mut stage = opened();
    stage.event(Event::Bytes(b"BDAT 4\r\nSub"));
    stage.event(Event::LoginEnded(TAKEN_BACK));
    assert_eq!(stage.hear(), "", "inside a chunk nothing is said");
    stage.event(Event::Bytes(b"j"));
    let heard = stage.hear();
    assert!(heard.ends_with(&format!("421 4.7.0 mx.poshta.example: {TAKEN_BACK}\r\n-- closed --\r\n")), "{heard}");
    assert!(!heard.contains("queued"), "{heard}");
}

#[test]
fn a_silent_client_is_told_why() {
    let mut stage = in_data();
    stage.event(Event::TimedOut);
    assert_eq!(stage.hear(), "421 4.4.2 mx.poshta.example: timeout, closing\r\n-- closed --\r\n");
    stage.event(Event::Bytes(b"NOOP\r\n"));
    assert_eq!(stage.hear(), "", "a closed session ignores everything");
}

#[test]
fn rfc3461_users_may_ask_for_reports() {
    let mut stage = submission(Channel::Tls);
    play(
        &mut stage,
        "S: 220 mx.poshta.example ESMTP Poshta
         C: EHLO client
         S: 250-mx.poshta.example greets client
         S: 250-PIPELINING
         S: 250-SIZE 1000
         S: 250-8BITMIME
         S: 250-ENHANCEDSTATUSCODES
         S: 250-SMTPUTF8
         S: 250-CHUNKING
         S: 250-DSN
         S: 250-AUTH PLAIN LOGIN
         S: 250 HELP
         C: AUTH PLAIN AGEAcmlnaHQ=
         S: 235 2.7.0 logged in
         C: MAIL FROM:<a@b.kz> RET=HDRS ENVID=QQ+2B1
         S: 250 2.1.0 sender ok
         C: RCPT TO:<one@b.kz> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;One@b.kz
         S: 250 2.1.5 recipient ok
         C: RCPT TO:<two@b.kz> NOTIFY=NEVER
         S: 250 2.1.5 recipient ok
         C: RCPT TO:<three@b.kz> NOTIFY=NEVER,DELAY
         S: 501 5.5.4 NOTIFY is NEVER, or a list of SUCCESS, FAILURE and DELAY
         C: RCPT TO:<three@b.kz> ORCPT=one@b.kz
         S: 501 5.5.4 ORCPT is type;address, the address in xtext, at most 500 characters
         C: DATA
         S: 354 go ahead; end with <CR><LF>.<CR><LF>
         C: x
         C: .
         S: 250 2.0.0 Ok: queued as 00000000000000000000000007",
    );
    let (envelope, _) = &stage.delivered[0];
    let wishes = ReportWishes { returned: Some(crate::intake::Returned::Headers), envelope_id: Some("QQ+1".into()) };
    assert_eq!(envelope.wishes, wishes);
    let notify: Vec<_> = envelope.recipients.iter().map(|recipient| recipient.notify).collect();
    let asked = crate::intake::Notify { success: true, failure: true, delay: false };
    assert_eq!(notify, [Some(asked), Some(crate::intake::Notify::NEVER)]);
    assert_eq!(envelope.recipients[0].original.as_deref(), Some("rfc822;One@b.kz"));
}

#[test]
fn rfc3461_strangers_may_not() {
    let mut stage = greeted(mx());
    play(
        &mut stage,
        "C: MAIL FROM:<a@b.kz> RET=FULL
         S: 555 5.5.4 parameter not recognized or not announced
         C: MAIL FROM:<a@b.kz>
         S: 250 2.1.0 sender ok
         C: RCPT TO:<one@b.kz> NOTIFY=SUCCESS
         S: 555 5.5.4 parameter not recognized or not announced
         C: RCPT TO:<one@b.kz>
         S: 250 2.1.5 recipient ok",
    );
}
