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
