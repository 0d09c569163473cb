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
