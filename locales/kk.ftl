# Мемлекеттік тілдегі мәтіндер.

# Хаттың мұқабасы
carrier-class = Түрі
carrier-accepted = Қабылданды
carrier-subject = Тақырыбы
carrier-contents = Қосымшалар
carrier-sheets = Парақ саны
carrier-sender = Жіберуші
carrier-footer = Бұл парақ — хаттың мұқабасы. Пошта штемпелінің бедері тек осында қойылады; хаттың мәтіні мен қосымшалары өзгертілмеген.

class-ordinary = Жай хат
class-registered = Тапсырысты хат
class-valued = Құнды хат
format-postcard = Ашық хат

# Жіберушіге хабарламалар
status-accepted-subject = { $s10 } хатыңыз қабылданды
status-accepted-body = «{ $subject }» тақырыбындағы хатыңыз қағаз түрінде жеткізуге қабылданды. Хаттың нөмірі: { $s10 }.
status-handed_to_post-subject = { $s10 } хатыңыз поштаға берілді
status-handed_to_post-body = «{ $subject }» тақырыбындағы хатыңыз басып шығарылып, поштаға берілді. Хаттың нөмірі: { $s10 }.
status-check_failed-subject = { $s10 } хатыңызды басып шығару мүмкін емес
status-check_failed-body = «{ $subject }» тақырыбындағы хатыңызды қағаз түрінде жасау мүмкін болмады. Себебі: { $reason }. Хатты түзетіп, қайта жіберіңіз.
status-failed-subject = { $s10 } хатыңыз басып шығарылмады
status-failed-body = Басып шығару орталығы «{ $subject }» тақырыбындағы хатыңызды дайындай алмады. Себебі: { $reason }.
status-returned-subject = { $s10 } хатыңыз қайтарылды
status-returned-body = «{ $subject }» тақырыбындағы хатыңыз адресатқа табыс етілмей, қайтарылды. Себебі: { $reason }.
status-lost-subject = { $s10 } хатыңыз жоғалды
status-lost-body = «{ $subject }» хатыңыз пошта желісінен табылмады және жоғалған деп есептеледі. { $s10 } нөмірін айтып, пошта бөлімшесіне хабарласыңыз.

# Сканерленген хат
scan-subject = Сізге қағаз хат келді
scan-subject-from = Сізге қағаз хат келді: { $sender }
scan-body = Сіздің атыңызға келген қағаз хат сканерленді ({ $facility }; { $pages } бет). Оның көшірмесі осы хабарламаға қоса берілді.

report-failed-subject = Хатыңыз жеткізілмеді
report-failed-intro = Бұл хат төмендегі алушыларға жеткізілмеді. Енді қайталап жіберілмейді.
report-failed-outro = Басқа сервердің жауабы осы хабарламаның екінші бөлігінде, хатыңыздың тақырып деректері үшінші бөлігінде берілген.
report-delayed-subject = Хатыңыз кешігіп жатыр
report-delayed-intro = Бұл хат төмендегі алушыларға әзірге жеткізілген жоқ. Сізден ештеңе талап етілмейді: жеткізу әрекеті қайталанады.
report-delayed-outro = Хат ақыры жеткізілмесе, Сізге хабарлаймыз.

# Толуға жақын жәшік
quota-subject = Пошта жәшігіңіз { $percent } % толды
quota-intro = Пошта жәшігіңіз толуға жақын.
quota-bytes = Пайдаланылғаны: { $most } көлемнен { $used }.
quota-messages = Хаттар: { $most } хаттан { $used }.
quota-help = Қажет емес хаттарды жойыңыз, содан кейін «Себет» пен «Спам» қалталарын тазалаңыз: хаттар сол жерде тұрғанда орын алады.
quota-full = Жәшік толы болған кезде Сізге келген хаттар қабылданбайды. Ресми хаттар біраз уақыт әлі де қабылданады.
size-b = { $n } Б
size-kib = { $n } КБ
size-mib = { $n } МБ
size-gib = { $n } ГБ
size-tib = { $n } ТБ

# Түбіртектер (RFC 3461, P18) және әрі қарай жіберілген хаттар
report-relayed-subject = Хатыңыз әрі қарай жіберілді
report-relayed-intro = Бұл хат төмендегі алушылардың серверіне берілді. Ол сервер жеткізілгені туралы хабарламайды, сондықтан хат қайтып келмесе, басқа хабар болмайды.
report-relayed-outro = Басқа сервердің жауабы осы хабарламаның екінші бөлігінде, хатыңыздың тақырып деректері үшінші бөлігінде берілген.
receipt-accepted-subject = Түбіртек: { $recipient } үшін хатыңыз қабылданды
receipt-accepted-title = Хат қабылданды
receipt-accepted-intro = Хатыңыз қабылданды. Қабылдау штемпелінің бедері қоса берілген бетте және осы хабарламаның екінші бөлігінде.
receipt-delivered-subject = Түбіртек: { $recipient } үшін хатыңыз жеткізілді
receipt-delivered-title = Хат жеткізілді
receipt-delivered-intro = Хатыңыз жеткізілді. Штемпель бедерлері қоса берілген бетте және осы хабарламаның екінші бөлігінде.
receipt-handed-subject = Түбіртек: { $recipient } үшін хатыңыз табыс етілді
receipt-handed-title = Хат табыс етілді
receipt-handed-intro = Адресат хатыңызды алды. Штемпель бедерлері қоса берілген бетте және осы хабарламаның екінші бөлігінде.
receipt-returned-subject = { $recipient } хатыңыз қайтарылды: { $reason }
receipt-returned-title = Хат қайтарылды
receipt-returned-intro = Хатыңызды жеткізу мүмкін болмады, ол қайтарылды: { $reason }.
receipt-sender = Жіберуші
receipt-recipient = Алушы
receipt-number = Нөмірі
receipt-envelope-id = Сіздің белгіңіз
receipt-accepted-at = Қабылданды
receipt-accepted-by = Қабылдау штемпелі
receipt-happened-by = Оның штемпелі
receipt-reason = Себебі
receipt-item = Жөнелтілім
receipt-proof = Штемпельдің ашық журналға енгізілгенін кез келген адам тексере алады:

# Pages
page-language = Қазақша
page-languages = Тіл
page-skip = Мазмұнға өту
verify-title = Пошта белгілерін тексеру
verify-lead = Хатты осында әкеліңіз: оны кім, қайда және қашан қабылдағанын, алғанын және жеткізгенін, содан кейін бірдеңе өзгертілген-өзгертілмегенін көресіз.
verify-without-script = Бұл бет хатты сіздің браузеріңізде оқиды, ол үшін JavaScript қажет. Онсыз төмендегі команданы пайдаланыңыз.
verify-drop = Хатты осында әкеліп тастаңыз
verify-choose = Немесе файлын таңдаңыз (.eml); қағаз хат үшін оның күйі туралы хабарламаны да қосыңыз:
verify-choose-button = Файлдарды таңдау
verify-private = Хат осы браузерде қалады. Ол ешқайда жіберілмейді; серверден тек жарияланған кілттер алынады.
verify-reading = Хат оқылып жатыр…
verify-no-crypto = Бұл браузер осы бетте қолтаңбаларды тексере алмайды. Бетті HTTPS арқылы жаңа браузерде ашыңыз немесе төмендегі команданы пайдаланыңыз.
verify-no-keys = Жарияланған кілттерді алу мүмкін болмады. Байланысты тексеріп, қайталап көріңіз.
verify-too-large = Хат браузер үшін тым үлкен. Төмендегі команданы пайдаланыңыз.
verify-unreadable = Файлды оқу мүмкін болмады. Оны қайта таңдаңыз.
verify-unread = Оқылмайтын белгі
verify-untrusted = Өзін белгі деп көрсеткен, бірақ хат қабылданғанда сенім берілмеген өрістер: { $count }.
verify-mark-good = Жарамды
verify-mark-doubt = Баға беру мүмкін емес
verify-mark-bad = Жарамсыз
verify-facility = Өндірістік объект
verify-place = Орны
verify-operator = Оператор
verify-time = Күні мен уақыты
verify-device = Құрылғының әрпі
verify-s10 = Жөнелтілім нөмірі
verify-number = Бедер нөмірі
verify-key = Кілт
verify-log = Ашықтық журналы
verify-log-asks = Оператордың әрбір белгісі ашық журналға жазылады. Оны табу үшін серверге белгілердің нөмірлері ғана жіберіледі; хат пен мекенжайлар жіберілмейді.
verify-log-button = Белгілерді журналдан табу
verify-log-found = { $origin } журналында: { $size } жазбаның { $index }-нөмірлісі; дәлел тексерілді.
verify-log-absent = Бұл белгі журналда жоқ. Ол соңғы минутта басылған болса, кейінірек қайталаңыз.
verify-log-wrong = Журнал бұл белгіні растамайды: { $reason }.
verify-command = Браузерсіз
verify-command-text = Команда соның бәрін жарияланған кілттер файлымен желісіз тексереді:
verify-keys = Жарияланған кілттер (poshta-marks.json)
status-delivered-subject = { $s10 } хатыңыз табыс етілді
status-delivered-body = «{ $subject }» хатыңыз алушыға табыс етілді. Нөмірі { $s10 }.

# Атаулы құрылғылардың тәуліктік жабылулары (P31, P32)
closing-title = { $device } құрылғысының тәуліктік жабылуы, { $day }
closing-list = Тәуліктік жабылулар
closing-none = Бұл күндерге жабылулар жоқ.
closing-more = Әрі қарай
closing-device = Құрылғы
closing-day = Тәулік
closing-impressions = Бедерлер
closing-acts = Беру және қайтару
closing-clock = Сағатты тексеру
closing-proof = Дәлел
closing-device-name = Құрылғы
closing-kind = Түрі
closing-facility = Оператор және объект
closing-engraving = Ойылған жазу
closing-issued = Берілді
closing-not-issued = берілмеген
closing-kind-postmark = пошта штемпелі
closing-kind-surcharge = қосымша төлеу штемпелі
closing-kind-special = арнайы штемпель
closing-kind-insurance = «Сақтандыру» мөрі
closing-kind-plomb = пломбир
closing-kind-rotary = ротациялық басу құрылғысы
closing-kind-plate = клише
closing-kind-money-order = бақылау-аударым мөрі
closing-from = Басталуы
closing-to = Аяқталуы
closing-opened = Ашылды
closing-closed = Жабылды
closing-impression-accept = Қабылдау
closing-impression-receive = Алу
closing-impression-delivered = Жеткізу
closing-impression-handed = Табыс ету
closing-impression-both = Жеткізу және табыс ету
closing-impression-surcharge = Қосымша төлеу
closing-impression-cancel = Төлем белгілеріне арнайы белгі соғу
closing-impression-seal = Мөрлеу
closing-total = Барлығы
closing-numbers = Нөмірлер
closing-void = Жарамсыз нөмірлер
closing-act-issued = берілді
closing-act-returned = қайтарылды
closing-act-revoked = кері алынды
closing-act-unlocked = бұғаттан шығарылды
closing-clock-unchecked = тексерілмеген: дереккөз бапталмаған
closing-clock-good = дұрыс
closing-clock-drifted = дұрыс емес
closing-clock-silent = тексерілмеген: дереккөз жауап бермейді
closing-leaves = Журнал жапырақтары
closing-marks = Бедерлердің SHA-256 мәні
closing-previous = Алдыңғы жабылу
closing-digest = Осы жабылу
closing-key = Кілт
closing-signature = Қолтаңба
closing-note = Қол қойылған құжат (JSON) күшке ие. Тексеру: poshta facility closing verify FILE --keys poshta-marks.json

# Төлем
carrier-surcharge = Қосымша төлеу
carrier-tenge = { $amount } теңге

# Электрондық цифрлық қолтаңбалар
eds-kind-certificate = сертификат
eds-kind-signature = қолтаңба
eds-kind-ocsp-response = қайтарып алу туралы жауап
eds-kind-time-stamp = уақыт белгісі
eds-kind-revocation-list = қайтарып алынған сертификаттар тізімі
eds-step-form = Пішімі
eds-step-signature = Қолтаңба
eds-step-imprint = Белгіленген құжат
eds-step-time-stamp = Уақыт белгісі
eds-step-signing-time = Қол қойылған сәт
eds-step-chain = Сертификат және оның орталықтары
eds-step-key-usage = Кілттің мақсаты
eds-step-numbers = ЖСН және БСН
eds-step-revocation = Қайтарып алынбаған
eds-outcome-passed = дұрыс
eds-outcome-failed = дұрыс емес
eds-outcome-not-checked = тексерілмеді
eds-valid = Тексерілгеннің бәрі дұрыс.
eds-number-not-twelve-digits = онда он екі цифр жоқ
eds-number-check-digit = соңғы цифры қалғандарына сәйкес емес
eds-number-impossible = мұндай нөмір болмайды
eds-number-is-bin = бұл заңды тұлғаның БСН-і
eds-number-is-iin = бұл жеке тұлғаның ЖСН-і
eds-not-recognised = Бұл сертификат та, қолтаңба да, қайтарып алу туралы жауап та, уақыт белгісі де емес.
eds-malformed = Бұл басынан { $kind } сияқты, бірақ бүлінген немесе толық емес.
eds-unknown-algorithm = { $oid } алгоритмі мұнда қабылданбайды.
eds-weak-key = Кілтте тек { $bits } бит бар; бұл сенімді болу үшін тым аз.
eds-weak-digest = Қолтаңбаның хеш-функциясы енді сенімді емес.
eds-digest-mismatch = Хеш-функция қолтаңба алгоритміне сәйкес емес.
eds-no-issuer = { $subject } сертификатын { $issuer } берген; ол мұнда сенім артылған орталыққа апармайды.
eds-certificate-signature = { $subject } сертификатындағы қолтаңба онда аталған орталықтікі емес.
eds-not-yet-valid = { $subject } сертификаты тек { $time } бастап жарамды.
eds-expired = { $subject } сертификаты { $time } дейін жарамды болды.
eds-critical-extension = { $subject } сертификатында міндетті түрде түсінілуі тиіс, бірақ мұнда белгісіз кеңейтім ({ $oid }) бар.
eds-not-authority = { $subject } бұл сертификатты беруге құқылы емес.
eds-key-usage = { $subject } кілті бұған арналмаған; қол қоюға арналған кілтті таңдаңыз.
eds-iin = Сертификаттағы ЖСН қате: { $why }.
eds-bin = Сертификаттағы БСН қате: { $why }.
eds-no-content = Бұл қолтаңбаның ішінде құжат жоқ; оның файлын да көрсетіңіз.
eds-other-content = Қолтаңба ішіндегі құжат көрсетілген құжат емес.
eds-no-signer = Бұған ешкім қол қоймаған.
eds-no-signer-certificate = Қол қоюшының сертификаты жоқ, сондықтан қолтаңбаны тексеру мүмкін емес.
eds-attribute = Қолтаңбада { $name } қол қойылған атрибуты жоқ немесе ол қате.
eds-message-digest = Құжат қол қойылғаннан кейін өзгертілген немесе бұл басқа құжат.
eds-signing-certificate = Қолтаңба өзімен бірге келген сертификатты емес, басқасын атайды.
eds-signature = Қолтаңба { $subject } кілтімен жасалмаған немесе өзгертілген.
eds-signing-time = Қол қоюшы { $time } қол қойылғанын айтады; бұл мүмкін емес.
eds-imprint = Уақыт белгісі басқа құжатқа қойылған.
eds-nonce = Бұл басқа сұраққа берілген жауап; ескі болуы мүмкін.
eds-policy = Уақыт белгісі керекті саясатпен емес, { $found } саясатымен берілген.
eds-not-time-stamping = { $subject } сертификаты уақыт белгілері орталығынікі емес.
eds-not-granted = Уақыт белгілері орталығы бас тартты (күйі { $status }).
eds-future = { $time } уақыты әлі келген жоқ; сағатты тексеріңіз.
eds-ocsp-status = Қызмет жауап бермеді (күйі { $status }); кейінірек сұраңыз.
eds-no-answer = Қызмет басқа сертификаттар туралы жауап береді.
eds-not-responder = { $subject } бұл орталықтың сертификаттары туралы жауап беруге құқылы емес.
eds-stale = Қайтарып алу туралы мәлімет { $time } алынған, ол тым ескі; қайта сұраңыз.
eds-revoked = Сертификат { $time } бастап қайтарып алынған.
eds-unknown-certificate = Қызмет бұл сертификатты білмейді.
eds-other-list = Қайтарып алынған сертификаттар тізімі басқа орталықтікі немесе оның барлық сертификатын қамтымайды.

# Manifests of bundles for print centres

bundle-title = { $seal } бумасының тізімдемесі
bundle-bundle = Бума
bundle-contents = Хаттар
bundle-centre = Басып шығару орталығы
bundle-plomb = Пломба
bundle-insurance = «Сақтандыру» мөрі
bundle-sealed = Жабылды
bundle-letters = Хаттар саны
bundle-sheets = Парақтар саны
bundle-note = Бедерлері бар тізімдеме — сол мекенжайда ?format=eml арқылы; оны `poshta postmark verify` тексереді.
