# Texts in English.

# The carrier sheet
carrier-class = Class
carrier-accepted = Accepted
carrier-subject = Subject
carrier-contents = Enclosures
carrier-sheets = Sheets
carrier-sender = Sender
carrier-footer = This is the carrier sheet. The postmark stands here only; the text of the letter and its enclosures are unchanged.

class-ordinary = Ordinary letter
class-registered = Registered letter
class-valued = Letter of declared value
format-postcard = Post card

# Messages to the sender
status-accepted-subject = Your letter { $s10 } was accepted
status-accepted-body = Your letter "{ $subject }" was accepted for delivery on paper. Its number is { $s10 }.
status-handed_to_post-subject = Your letter { $s10 } was handed to the post
status-handed_to_post-body = Your letter "{ $subject }" was printed and handed to the post. Its number is { $s10 }.
status-check_failed-subject = Your letter { $s10 } cannot be printed
status-check_failed-body = Your letter "{ $subject }" could not be put on paper. The reason: { $reason }. Please correct it and send it again.
status-failed-subject = Your letter { $s10 } was not printed
status-failed-body = The print centre could not make your letter "{ $subject }". The reason: { $reason }.
status-returned-subject = Your letter { $s10 } was returned
status-returned-body = Your letter "{ $subject }" could not be handed to its addressee and was returned. The reason: { $reason }.

# A scanned letter
scan-subject = A paper letter has come for you
scan-subject-from = A paper letter has come for you: { $sender }
scan-body = A paper letter in your name was scanned at { $facility } (pages: { $pages }). A copy is attached to this message.

report-failed-subject = Your letter could not be delivered
report-failed-intro = This letter could not be delivered to the recipients below. It will not be tried again.
report-failed-outro = What the other server said is in the second part of this report; the header of your letter is in the third.
report-delayed-subject = Your letter is late
report-delayed-intro = This letter has not been delivered to the recipients below yet. You need not do anything: it will be tried again.
report-delayed-outro = You will be told if it cannot be delivered in the end.

# A mailbox that is nearly full
quota-subject = Your mailbox is { $percent } % full
quota-intro = Your mailbox is nearly full.
quota-bytes = Used: { $used } of { $most }.
quota-messages = Messages: { $used } of { $most }.
quota-help = Delete letters that you no longer need, then empty the Trash and Junk folders: letters count until they are gone from there.
quota-full = While the mailbox is full, letters to you are not accepted. Official letters are still accepted for some time.
size-b = { $n } B
size-kib = { $n } KB
size-mib = { $n } MB
size-gib = { $n } GB
size-tib = { $n } TB

# Electronic digital signatures
eds-kind-certificate = a certificate
eds-kind-signature = a signature
eds-kind-ocsp-response = an answer about revocation
eds-kind-time-stamp = a time stamp
eds-kind-revocation-list = a list of revoked certificates
eds-step-form = Form
eds-step-signature = Signature
eds-step-imprint = What is stamped
eds-step-time-stamp = Time stamp
eds-step-signing-time = Moment of signing
eds-step-chain = Certificate and its authorities
eds-step-key-usage = Purpose of the key
eds-step-numbers = IIN and BIN
eds-step-revocation = Not revoked
eds-outcome-passed = well
eds-outcome-failed = not well
eds-outcome-not-checked = not checked
eds-valid = Everything that was checked is well.
eds-number-not-twelve-digits = it has not twelve digits
eds-number-check-digit = its last digit does not fit the others
eds-number-impossible = no number begins like this
eds-number-is-bin = it is the BIN of a legal entity
eds-number-is-iin = it is the IIN of a person
eds-not-recognised = This is neither a certificate nor a signature, an answer about revocation or a time stamp.
eds-malformed = This begins like { $kind }, but is damaged or not complete.
eds-unknown-algorithm = The algorithm { $oid } is not accepted here.
eds-weak-key = The key has only { $bits } bits; that is too short to be safe.
eds-weak-digest = The hash function of the signature is not safe any more.
eds-digest-mismatch = The hash function does not belong to the algorithm of the signature.
eds-no-issuer = The certificate of { $subject } was issued by { $issuer }, which leads to no authority that is trusted here.
eds-certificate-signature = The signature in the certificate of { $subject } is not of the authority that it names.
eds-not-yet-valid = The certificate of { $subject } is valid only from { $time } on.
eds-expired = The certificate of { $subject } was valid until { $time }.
eds-critical-extension = The certificate of { $subject } has an extension ({ $oid }) that must be understood and is not known here.
eds-not-authority = { $subject } may not issue this certificate.
eds-key-usage = The key of { $subject } is not meant for this use; choose the key for signing.
eds-iin = The IIN in the certificate is none: { $why }.
eds-bin = The BIN in the certificate is none: { $why }.
eds-no-content = The document is not inside this signature; name its file too.
eds-other-content = The document inside the signature is not the one that was named.
eds-no-signer = Nobody has signed this.
eds-no-signer-certificate = The certificate of the signer is not there, so the signature cannot be checked.
eds-attribute = The signature lacks its signed attribute { $name }, or it says something wrong.
eds-message-digest = The document was changed after it was signed, or it is another document.
eds-signing-certificate = The signature names another certificate than the one that came with it.
eds-signature = The signature is not of { $subject }, or it was changed.
eds-signing-time = The signer says that it was signed at { $time }, which cannot be.
eds-imprint = The time stamp is of another document.
eds-nonce = The answer is to another question; it may be an old one.
eds-policy = The time stamp follows the policy { $found } and not the one that is wanted.
eds-not-time-stamping = The certificate of { $subject } is not one of a time-stamping authority.
eds-not-granted = The time-stamping authority refused (status { $status }).
eds-future = The time { $time } has not come yet; check the clock.
eds-ocsp-status = The responder gave no answer (status { $status }); ask again later.
eds-no-answer = The responder answers about other certificates.
eds-not-responder = { $subject } may not answer about certificates of this authority.
eds-stale = What is known about revocation is of { $time } and too old; ask again.
eds-revoked = The certificate is revoked since { $time }.
eds-unknown-certificate = The responder does not know this certificate.
eds-other-list = The list of revoked certificates is of another authority, or covers only some of its certificates.
