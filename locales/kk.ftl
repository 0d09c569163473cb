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
