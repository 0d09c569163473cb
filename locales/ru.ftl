# Тексты на русском языке.

# Сопроводительный лист
carrier-class = Вид
carrier-accepted = Принято
carrier-subject = Тема
carrier-contents = Приложения
carrier-sheets = Листов
carrier-sender = Отправитель
carrier-footer = Это сопроводительный лист. Оттиск почтового штемпеля ставится только на нём; текст письма и приложения не изменены.

class-ordinary = Простое письмо
class-registered = Заказное письмо
class-valued = Ценное письмо
format-postcard = Почтовая карточка

# Сообщения отправителю
status-accepted-subject = Ваше письмо { $s10 } принято
status-accepted-body = Ваше письмо «{ $subject }» принято для доставки на бумаге. Номер письма: { $s10 }.
status-handed_to_post-subject = Ваше письмо { $s10 } передано почте
status-handed_to_post-body = Ваше письмо «{ $subject }» напечатано и передано почте. Номер письма: { $s10 }.
status-check_failed-subject = Ваше письмо { $s10 } нельзя напечатать
status-check_failed-body = Ваше письмо «{ $subject }» не удалось подготовить на бумаге. Причина: { $reason }. Исправьте письмо и отправьте его ещё раз.
status-failed-subject = Ваше письмо { $s10 } не напечатано
status-failed-body = Центр печати не смог изготовить Ваше письмо «{ $subject }». Причина: { $reason }.
status-returned-subject = Ваше письмо { $s10 } возвращено
status-returned-body = Ваше письмо «{ $subject }» не вручено адресату и возвращено. Причина: { $reason }.
status-lost-subject = Ваше письмо { $s10 } утеряно
status-lost-body = Ваше письмо «{ $subject }» не найдено в почтовой сети и считается утерянным. Обратитесь, пожалуйста, в отделение почты, назвав номер { $s10 }.

# Отсканированное письмо
scan-subject = Вам пришло бумажное письмо
scan-subject-from = Вам пришло бумажное письмо: { $sender }
scan-body = Бумажное письмо на Ваше имя отсканировано: { $facility } (страниц: { $pages }). Его копия приложена к этому сообщению.

report-failed-subject = Ваше письмо не удалось доставить
report-failed-intro = Это письмо не удалось доставить указанным ниже получателям. Повторных попыток не будет.
report-failed-outro = Ответ другого сервера приведён во второй части этого сообщения, заголовок Вашего письма — в третьей.
report-delayed-subject = Ваше письмо задерживается
report-delayed-intro = Это письмо пока не доставлено указанным ниже получателям. Вам ничего не нужно делать: попытки продолжаются.
report-delayed-outro = Если письмо так и не удастся доставить, мы Вам сообщим.

# Почти полный ящик
quota-subject = Ваш почтовый ящик заполнен на { $percent } %
quota-intro = Ваш почтовый ящик почти заполнен.
quota-bytes = Занято: { $used } из { $most }.
quota-messages = Писем: { $used } из { $most }.
quota-help = Удалите ненужные письма, а затем очистите папки «Корзина» и «Спам»: пока письма лежат в них, они занимают место.
quota-full = Пока ящик заполнен, письма для Вас не принимаются. Официальные письма некоторое время ещё принимаются.
size-b = { $n } Б
size-kib = { $n } КБ
size-mib = { $n } МБ
size-gib = { $n } ГБ
size-tib = { $n } ТБ

# Расписки (RFC 3461, P18) и переданные письма
report-relayed-subject = Ваше письмо передано дальше
report-relayed-intro = Это письмо передано серверу указанных ниже получателей. Тот сервер не сообщает о доставке, поэтому других сообщений не будет, если письмо не вернётся.
report-relayed-outro = Ответ другого сервера приведён во второй части этого сообщения, заголовок Вашего письма — в третьей.
receipt-accepted-subject = Расписка: Ваше письмо для { $recipient } принято
receipt-accepted-title = Письмо принято
receipt-accepted-intro = Ваше письмо принято. Почтовый штемпель приёма — на приложенной странице и во второй части этого сообщения.
receipt-delivered-subject = Расписка: Ваше письмо для { $recipient } доставлено
receipt-delivered-title = Письмо доставлено
receipt-delivered-intro = Ваше письмо доставлено. Почтовые штемпели — на приложенной странице и во второй части этого сообщения.
receipt-handed-subject = Расписка: Ваше письмо для { $recipient } вручено
receipt-handed-title = Письмо вручено
receipt-handed-intro = Адресат получил Ваше письмо. Почтовые штемпели — на приложенной странице и во второй части этого сообщения.
receipt-returned-subject = Ваше письмо { $recipient } возвращено: { $reason }
receipt-returned-title = Письмо возвращено
receipt-returned-intro = Ваше письмо не удалось доставить, оно возвращено: { $reason }.
receipt-sender = Отправитель
receipt-recipient = Получатель
receipt-number = Номер
receipt-envelope-id = Ваша пометка
receipt-accepted-at = Принято
receipt-accepted-by = Штемпель приёма
receipt-happened-by = Его штемпель
receipt-reason = Причина
receipt-item = Отправление
receipt-proof = Каждый может проверить, что штемпель внесён в открытый журнал:

# Pages
page-language = Русский
page-languages = Язык
page-skip = К содержанию
verify-title = Проверка почтовых оттисков
verify-lead = Перенесите сюда письмо: вы увидите, кто, где и когда его принял, получил и доставил и не изменено ли в нём что-нибудь с тех пор.
verify-without-script = Страница читает письмо в вашем браузере, для этого нужен JavaScript. Без него воспользуйтесь командой ниже.
verify-drop = Перетащите письмо сюда
verify-choose = Или выберите его файл (.eml); для письма на бумаге – вместе с сообщением о его состоянии:
verify-choose-button = Выбрать файлы
verify-private = Письмо остаётся в этом браузере. Оно никуда не отправляется; с сервера загружаются только опубликованные ключи.
verify-reading = Письмо читается…
verify-no-crypto = Этот браузер не может проверить подписи на этой странице. Откройте её по HTTPS в современном браузере или воспользуйтесь командой ниже.
verify-no-keys = Не удалось загрузить опубликованные ключи. Проверьте соединение и попробуйте ещё раз.
verify-too-large = Письмо слишком велико для браузера. Воспользуйтесь командой ниже.
verify-unreadable = Файл не удалось прочитать. Выберите его ещё раз.
verify-unread = Нечитаемый оттиск
verify-untrusted = Поля, которые выдавали себя за оттиски и которым не поверили при приёме письма: { $count }.
verify-mark-good = Действителен
verify-mark-doubt = Судить нельзя
verify-mark-bad = Недействителен
verify-facility = Производственный объект
verify-place = Место
verify-operator = Оператор
verify-time = Дата и время
verify-device = Литера устройства
verify-s10 = Номер отправления
verify-number = Номер оттиска
verify-key = Ключ
verify-log = Журнал прозрачности
verify-log-asks = Каждый оттиск оператора записан в открытый журнал. Чтобы найти его там, серверу отправляются номера оттисков; само письмо и адреса не отправляются.
verify-log-button = Найти оттиски в журнале
verify-log-found = В журнале { $origin }: запись { $index } из { $size }; доказательство проверено.
verify-log-absent = Этого оттиска в журнале нет. Если он сделан в последнюю минуту, повторите позже.
verify-log-wrong = Журнал не подтверждает этот оттиск: { $reason }.
verify-command = Без браузера
verify-command-text = То же самое проверяет команда, без сети, с файлом опубликованных ключей:
verify-keys = Опубликованные ключи (poshta-marks.json)
status-delivered-subject = Ваше письмо { $s10 } вручено
status-delivered-body = Ваше письмо «{ $subject }» вручено адресату. Его номер { $s10 }.

# Суточные закрытия именных устройств (P31, P32)
closing-title = Суточное закрытие устройства { $device }, { $day }
closing-list = Суточные закрытия
closing-none = За эти дни закрытий нет.
closing-more = Дальше
closing-device = Устройство
closing-day = Сутки
closing-impressions = Оттиски
closing-acts = Выдача и возврат
closing-clock = Проверки часов
closing-proof = Доказательство
closing-device-name = Устройство
closing-kind = Вид
closing-facility = Оператор и объект
closing-engraving = Гравировка
closing-issued = Выдано
closing-not-issued = не выдано
closing-kind-postmark = почтовый штемпель
closing-kind-surcharge = штемпель доплаты
closing-kind-special = специальный штемпель
closing-kind-insurance = печать «Страхование»
closing-kind-plomb = пломбир
closing-kind-rotary = ротационное печатающее устройство
closing-kind-plate = клише
closing-kind-money-order = контрольно-переводная печать
closing-from = Начало
closing-to = Конец
closing-opened = Открыто
closing-closed = Закрыто
closing-impression-accept = Приём
closing-impression-receive = Получение
closing-impression-delivered = Доставка
closing-impression-handed = Вручение
closing-impression-both = Доставка и вручение
closing-impression-surcharge = Доплата
closing-impression-cancel = Гашение знаков оплаты
closing-impression-seal = Опечатывание
closing-total = Всего
closing-numbers = Номера
closing-void = Недействительные номера
closing-act-issued = выдано
closing-act-returned = возвращено
closing-act-revoked = отозвано
closing-act-unlocked = разблокировано
closing-clock-unchecked = не проверены: источник не настроен
closing-clock-good = верны
closing-clock-drifted = неверны
closing-clock-silent = не проверены: источник не отвечает
closing-leaves = Листья журнала
closing-marks = SHA-256 оттисков
closing-previous = Предыдущее закрытие
closing-digest = Это закрытие
closing-key = Ключ
closing-signature = Подпись
closing-note = Силу имеет подписанный документ (JSON). Проверка: poshta facility closing verify FILE --keys poshta-marks.json

# Оплата
carrier-surcharge = Доплатить
carrier-tenge = { $amount } тенге

# Электронные цифровые подписи
eds-kind-certificate = сертификат
eds-kind-signature = подпись
eds-kind-ocsp-response = ответ об отзыве
eds-kind-time-stamp = метка времени
eds-kind-revocation-list = список отозванных сертификатов
eds-step-form = Форма
eds-step-signature = Подпись
eds-step-imprint = Что отмечено меткой
eds-step-time-stamp = Метка времени
eds-step-signing-time = Момент подписания
eds-step-chain = Сертификат и его центры
eds-step-key-usage = Назначение ключа
eds-step-numbers = ИИН и БИН
eds-step-revocation = Не отозван
eds-outcome-passed = верно
eds-outcome-failed = неверно
eds-outcome-not-checked = не проверялось
eds-valid = Всё, что проверялось, верно.
eds-number-not-twelve-digits = в нём не двенадцать цифр
eds-number-check-digit = последняя цифра не подходит к остальным
eds-number-impossible = таких номеров не бывает
eds-number-is-bin = это БИН юридического лица
eds-number-is-iin = это ИИН физического лица
eds-not-recognised = Это не сертификат, не подпись, не ответ об отзыве и не метка времени.
eds-malformed = Это начинается как { $kind }, но повреждено или неполно.
eds-unknown-algorithm = Алгоритм { $oid } здесь не принимается.
eds-weak-key = В ключе только { $bits } бит; это слишком мало для надёжности.
eds-weak-digest = Хеш-функция подписи больше не надёжна.
eds-digest-mismatch = Хеш-функция не относится к алгоритму подписи.
eds-no-issuer = Сертификат { $subject } выдан { $issuer }; это не ведёт к центру, которому здесь доверяют.
eds-certificate-signature = Подпись в сертификате { $subject } сделана не тем центром, который в нём назван.
eds-not-yet-valid = Сертификат { $subject } действует только с { $time }.
eds-expired = Сертификат { $subject } действовал до { $time }.
eds-critical-extension = В сертификате { $subject } есть расширение ({ $oid }), которое надо понимать и которое здесь неизвестно.
eds-not-authority = { $subject } не вправе выдавать этот сертификат.
eds-key-usage = Ключ { $subject } предназначен не для этого; выберите ключ для подписи.
eds-iin = ИИН в сертификате неверен: { $why }.
eds-bin = БИН в сертификате неверен: { $why }.
eds-no-content = Внутри этой подписи нет документа; укажите и его файл.
eds-other-content = Документ внутри подписи не тот, который указан.
eds-no-signer = Это никем не подписано.
eds-no-signer-certificate = Сертификата подписавшего нет, поэтому подпись проверить нельзя.
eds-attribute = В подписи нет подписанного атрибута { $name }, или он неверен.
eds-message-digest = Документ изменён после подписания, или это другой документ.
eds-signing-certificate = Подпись называет другой сертификат, а не тот, с которым пришла.
eds-signature = Подпись сделана не ключом { $subject }, или она изменена.
eds-signing-time = Подписавший утверждает, что подписано { $time }; этого не может быть.
eds-imprint = Метка времени относится к другому документу.
eds-nonce = Это ответ на другой вопрос; возможно, старый.
eds-policy = Метка времени выдана по политике { $found }, а не по нужной.
eds-not-time-stamping = Сертификат { $subject } не относится к центру меток времени.
eds-not-granted = Центр меток времени отказал (состояние { $status }).
eds-future = Время { $time } ещё не наступило; проверьте часы.
eds-ocsp-status = Служба не дала ответа (состояние { $status }); спросите позже.
eds-no-answer = Служба отвечает о других сертификатах.
eds-not-responder = { $subject } не вправе отвечать о сертификатах этого центра.
eds-stale = Сведения об отзыве от { $time } слишком стары; спросите снова.
eds-revoked = Сертификат отозван с { $time }.
eds-unknown-certificate = Служба не знает этого сертификата.
eds-other-list = Список отозванных сертификатов принадлежит другому центру или охватывает не все его сертификаты.

# Manifests of bundles for print centres

bundle-title = Опись пакета { $seal }
bundle-bundle = Пакет
bundle-contents = Письма
bundle-centre = Центр печати
bundle-plomb = Пломба
bundle-insurance = Печать «Страхование»
bundle-sealed = Закрыт
bundle-letters = Писем
bundle-sheets = Листов
bundle-note = Опись с оттисками — по тому же адресу с ?format=eml; её проверяет `poshta postmark verify`.
