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
status-lost-subject = Your letter { $s10 } is lost
status-lost-body = Your letter "{ $subject }" cannot be found in the postal network and is counted as lost. Please ask your post office about it, with the number { $s10 }.

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

# Receipts (RFC 3461, P18) and relayed letters
report-relayed-subject = Your letter was passed on
report-relayed-intro = This letter was passed on to the server of the recipients below. That server does not report deliveries, so this is the last you hear of it unless it comes back.
report-relayed-outro = What the other server said is in the second part of this report; the header of your letter is in the third.
receipt-accepted-subject = Receipt: your letter to { $recipient } was accepted
receipt-accepted-title = Letter accepted
receipt-accepted-intro = Your letter was accepted. The postmark of its acceptance is in the attached page and in the second part of this message.
receipt-delivered-subject = Receipt: your letter to { $recipient } was delivered
receipt-delivered-title = Letter delivered
receipt-delivered-intro = Your letter was delivered. The postmarks are in the attached page and in the second part of this message.
receipt-handed-subject = Receipt: your letter to { $recipient } was handed over
receipt-handed-title = Letter handed over
receipt-handed-intro = The addressee has fetched your letter. The postmarks are in the attached page and in the second part of this message.
receipt-returned-subject = Your letter { $recipient } was returned: { $reason }
receipt-returned-title = Letter returned
receipt-returned-intro = Your letter could not be delivered and was returned: { $reason }.
receipt-sender = Sender
receipt-recipient = Recipient
receipt-number = Number
receipt-envelope-id = Your reference
receipt-accepted-at = Accepted
receipt-accepted-by = Acceptance postmark
receipt-happened-by = Its postmark
receipt-reason = Reason
receipt-item = Item
receipt-proof = Anyone can check that the postmark is in the public log:

# Pages
page-language = English
page-languages = Language
page-skip = Skip to the content
verify-title = Check postmarks
verify-lead = Bring a message here and see who accepted, received and delivered it, where and when, and whether anything was changed since.
verify-without-script = This page reads the message in your browser and needs JavaScript for that. Without it, use the command below.
verify-drop = Drop a message here
verify-choose = Or choose its file (.eml); for a letter on paper also the status message about it:
verify-choose-button = Choose files
verify-private = The message stays in this browser. It is not uploaded; only the published keys are fetched from this server.
verify-reading = Reading the message…
verify-no-crypto = This browser cannot check signatures on this page. Open the page over HTTPS in a current browser, or use the command below.
verify-no-keys = The published keys could not be fetched. Check the connection and try again.
verify-too-large = The message is too large for the browser. Use the command below.
verify-unreadable = The file could not be read. Choose it again.
verify-unread = Unreadable mark
verify-untrusted = Fields that claimed to be marks and were not believed when the message came in: { $count }.
verify-mark-good = Valid
verify-mark-doubt = Cannot be judged
verify-mark-bad = Not valid
verify-facility = Facility
verify-place = Place
verify-operator = Operator
verify-time = Date and time
verify-device = Letter of the device
verify-s10 = Number of the item
verify-number = Number of the impression
verify-key = Key
verify-log = Transparency log
verify-log-asks = Every mark of this operator is an entry of a public log. To look it up, the numbers of the marks are sent to this server; the message and its addresses are not.
verify-log-button = Look the marks up in the log
verify-log-found = In the log { $origin }: entry { $index } of { $size }; the proof was checked.
verify-log-absent = This mark is not in the log. If it was made in the last minute, try again later.
verify-log-wrong = The log does not prove this mark: { $reason }.
verify-command = Without a browser
verify-command-text = The command checks the same, offline, with the file of published keys:
verify-keys = Published keys (poshta-marks.json)
status-delivered-subject = Your letter { $s10 } was delivered
status-delivered-body = Your letter "{ $subject }" was handed to its addressee. Its number is { $s10 }.

# Daily closings of named devices (P31, P32)
closing-title = Daily closing of device { $device }, { $day }
closing-list = Daily closings
closing-none = There are no closings of these days.
closing-more = More
closing-device = Device
closing-day = Day
closing-impressions = Impressions
closing-acts = Issue and return
closing-clock = Checks of the clock
closing-proof = Proof
closing-device-name = Device
closing-kind = Kind
closing-facility = Operator and facility
closing-engraving = Engraving
closing-issued = Issued to
closing-not-issued = not issued
closing-kind-postmark = postmark
closing-kind-surcharge = surcharge stamp
closing-kind-special = special stamp
closing-kind-insurance = insurance seal
closing-kind-plomb = sealing pliers
closing-kind-rotary = rotary printing device
closing-kind-plate = plate
closing-kind-money-order = control-transfer seal
closing-from = Begins
closing-to = Ends
closing-opened = Opened
closing-closed = Closed
closing-impression-accept = Acceptance
closing-impression-receive = Receipt
closing-impression-delivered = Delivery
closing-impression-handed = Handing over
closing-impression-both = Delivery and handing over
closing-impression-surcharge = Surcharge
closing-impression-cancel = Cancelling of payment signs
closing-impression-seal = Sealing
closing-total = Together
closing-numbers = Numbers
closing-void = Void numbers
closing-act-issued = issued
closing-act-returned = returned
closing-act-revoked = revoked
closing-act-unlocked = unlocked
closing-clock-unchecked = not checked: no source is configured
closing-clock-good = right
closing-clock-drifted = wrong
closing-clock-silent = not checked: the source does not answer
closing-leaves = Leaves of the log
closing-marks = SHA-256 of the marks
closing-previous = Closing before it
closing-digest = This closing
closing-key = Key
closing-signature = Signature
closing-note = What counts is the signed document (JSON). Check it with: poshta facility closing verify FILE --keys poshta-marks.json

# Payment
carrier-surcharge = Surcharge
carrier-tenge = { $amount } tenge

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

# Manifests of bundles for print centres

bundle-title = Manifest of the bundle { $seal }
bundle-bundle = Bundle
bundle-contents = Letters
bundle-centre = Print centre
bundle-plomb = Plomb
bundle-insurance = «Сақтандыру» (insurance) seal
bundle-sealed = Closed
bundle-letters = Letters in it
bundle-sheets = Sheets in it
bundle-note = The manifest with its marks is at ?format=eml of the same address; `poshta postmark verify` reads it.
