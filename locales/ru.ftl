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
