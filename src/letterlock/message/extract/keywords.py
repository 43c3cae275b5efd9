"""What the words of a mail hint at (a code, a sign-in, an expiry, an order number ...), in some ninety languages.

`hints(word)` is a set of bits and `scan(line)` finds the hinting words of a line; both take linear time. The table is
data: one row for each language, words folded as `fold` does. A word stands for all that begins with it (endings of up
to six letters, more after a long stem), `=word` for itself alone, `~word` for itself anywhere inside a longer one.
"""

from __future__ import annotations

import unicodedata
from enum import IntFlag
from functools import lru_cache

from letterlock.patterns import on_demand


class Hint(IntFlag):
    """What one word hints at."""

    CODE = 1
    """A noun for a code: says little alone (postcode, source code)."""
    STRONG = 2
    """A noun for nothing but a one-time code."""
    PASSWORD = 4
    ONCE = 8
    """One-time, temporary, single use."""
    VERIFY = 16
    LOGIN = 32
    RESET = 64
    INVITE = 128
    EXPIRE = 256
    IGNORE = 512
    ENTER = 1024
    MINUTE = 2048
    HOUR = 4096
    DAY = 8192
    VETO = 16384
    """The number beside it is an order, a customer, a phone, a place."""
    PROMO = 32768
    SECURITY = 65536
    LINK = 131072
    OLD = 262144
    """Earlier, previous: what it speaks of is no longer of use."""
    KIND = 524288
    """Right beside a noun for a code it makes that another thing's: a product's, an error's, a place's, a spare one."""


# Columns: code | verify | login | password | reset | expire | ignore, not requested | enter | minute | hour | veto
_COLUMNS = (
    Hint.CODE,
    Hint.VERIFY,
    Hint.LOGIN,
    Hint.PASSWORD,
    Hint.RESET,
    Hint.EXPIRE,
    Hint.IGNORE,
    Hint.ENTER,
    Hint.MINUTE,
    Hint.HOUR,
    Hint.VETO,
)

_LANGUAGES = """
en: =code =codes =pin =token =tokens | verif confirm authentic authoris authoriz validat activat | =login
  =logging =log =sign =signin =signing =sign-in =log-in =sign-up =signup | password | reset recover =forgot |
  expir =valid | =ignore =disregard =requested =request =share | =enter =use =type =paste =copy =input =below
  =following | =minute =minutes =min =mins | =hour =hours =hrs | =order =orders =invoice =case =ref =reference
  =ticket =customer =suite =room =no =number =zip =postal =phone =tel =fax =call =tracking =po =box =extension
  =ext =vat =company =registration =isbn =issue =bug =build =version =revision =flight =booking =reservation =area
  =postcode =error =exit =status =source =since =page =serial =model =part =item =sku =receipt =transaction
  =payment =total =amount =balance =points =licence =license =policy =claim =contract =member =membership =student
  =employee =patient =meeting =conference =dial =country =dress =bar =barcode =qr =swift =sort =iban =bic =routing
  =street =avenue =road =floor =unit =apt =shipment =parcel =package =delivery =purchase =quote =job =tax =fiscal
  =id =message-id =year =line =port =pid =commit =changeset =rfc =cve =ean =upc =gtin =asin =copyright =estimate
  =section =title =chapter =article =paragraph =figure =table =locker =pickup =collection =boarding =seat =gate
  =train =bus =passenger =itinerary =deposit =fee =price =usd =eur
de: ~code | bestätig verifi authentifi freischalt aktivier =überprüfen | anmeld einlog =login zugang konto
  registrier | ~passwort ~kennwort | zurücksetz zurückzusetz wiederherstell | ablauf abläuft gültig verfällt läuft
  | ignorier angefordert veranlasst | eingeben gib geben folgend verwende eingabe | minute =min | stunde =std |
  bestell rechnung kunden ticket auftrag =nr nummer telefon =tel plz aktenzeichen vorgang vertrag sendung buchung
  hrb ust steuer zimmer betrag referenz postfach postleitzahl bankleitzahl =blz
fr: =code =codes | vérifi verifi confirm authentifi valid activ | connect connex =compte inscri identifi accéd |
  passe | réinitialis reinitialis récupér oubli | expir valable valide | ignor demandé tenez | saisi entre utilis
  suivant ci-dessous | minute | heure | commande facture client dossier ticket =n° numéro tél réf référence postal
  suivi siret tva =rcs
es: código codigo clave | verific confirm autentic valid activ | sesión sesion acced acceso =cuenta ingres
  registr | contraseña contrasena | restablec recuper olvid reestablec | expir caduc vence válid valid vigen |
  ignor solicit omit compart | introduc ingres escrib utili =usa siguiente continuación | minuto | hora =horas |
  pedido factura cliente caso referencia ticket número =núm =nº teléfono =tel postal seguimiento orden reserva
  expediente
pt: código codigo | verific confirm autentic valid ativ | sessão sessao entrar =login acess acede =conta registr
  | senha palavra-passe =palavra | redefin recuper repor | expir válid valid | ignor solicit pediu | introduz
  insira digite utiliz use seguinte abaixo | minuto | hora =horas | pedido fatura cliente caso referência
  protocolo número =nº telefone =cep =nif =cnpj encomenda reserva
it: codic | verific conferm autentic valid attiv | acced access =login =account iscri registr | ~password |
  reimpost ripristin recuper dimentic | scad valid | ignor richiest | inserisc inserir utilizz seguente digit
  immett | minut | =ora =ore | ordine fattura cliente pratica riferimento ticket numero =n° telefono =tel =cap iva
  prenotazione spedizione fiscale
nl: ~code | verif bevestig authentic activeer controle | aanmeld inlog =loggen =login account toegang registr |
  wachtwoord | herstel opnieuw reset | verloopt verlopen geldig vervalt | negeer negeren aangevraagd verzocht |
  voer invoer gebruik volgend onderstaande | minu | =uur =uren | bestel factuur klant ticket kenmerk =nr nummer
  telefoon =kvk btw postcode boeking
af: ~kode ~kodes | verifi bevestig | aanmeld aanteken =teken rekening | wagwoord | herstel | verval verstryk
  geldig | ignoreer versoek | voer gebruik volgende tik | minu | uur =ure | bestelling faktuur kliënt nommer
sv: ~kod ~koden ~koder | verifier bekräft autentis | logga inlogg konto | lösenord | återställ | upphör giltig
  utgår går | ignorer begär bortse | ange skriv använd följande | minut | timm | order faktura kund ärende
  referens =nr nummer telefon postnummer beställ organisationsnummer
da: ~kode ~koden ~koder | bekræft verific godkend | =log login konto tilmeld | adgangskode ~kodeord | nulstil |
  udløb gyldig | ignor anmod | indtast brug følgende skriv | minut | =time =timer | ordre faktura kunde sag
  reference =nr nummer telefon postnummer cvr
nb: ~kode ~koden ~koder | bekreft verifi godkjenn stadfest | =logg innlogg pålogg konto logge | passord |
  tilbakestill nullstill | utløp gyldig gyldige | ignorer bed bede etterspurt | =skriv bruk følgende oppgi tast |
  minut | =time =timer timar | ordre faktura kunde sak referanse =nr nummer telefon postnummer bestilling
fi: ~koodi ~koodin ~koodia tunnusluku | vahvist varmen todenn | kirjaudu sisäänkirj tili tilin | salasana |
  palaut nollaa | vanhen voimassa erääntyy umpeutu | ohita jätä huomiotta pyytän | syötä anna käytä seuraava
  kirjoita | minuut =min | tunti tunnin tuntia | tilaus lasku asiakas viite numero puhelin =puh postinumero
et: ~kood ~koodi ~koodid | kinnita kinnitus verifits kontroll | =logi sisselogi konto | parool salasõna |
  lähtesta | aegu kehti | eira ignoreeri taotle | sisesta kasuta järgmi | minut | tund tunni | tellimus arve
  klient number telefon
lv: =kods =kodu =koda =kodi ~kods | apstiprin verific pārbaud | pieteik =ieiet konts kontā kontu | parol |
  atiestat atjaun | beig derīg | ignorē pieprasī | ievad izmanto šo sekojoš | minūt | stund | pasūtīj rēķin klient
  numur tālr
lt: =kodas =kodą =kodo =kodu kodas | patvirtin tikrin | prisijung paskyr prisijunk | slaptažod | atstat nustat |
  galio baig | ignoruo nepraš prašė | įvesk naudok šį toliau | minut minuč | valand | užsakym sąskait klient numer
  =tel
pl: =kod =kodu =kody =kodem =kodów | weryfik potwierdz uwierzyt aktyw | zalog logow konto kont | hasł | zreset
  resetow odzysk | wygaś ważn wygas | zignor prosi żąda | wprowadź wpis użyj poniższ podaj następuj | minut |
  godzin | zamówien faktur klient numer =nr telefon =tel zgłoszen przesyłk =nip =regon =krs pocztow
cs: =kód =kódu =kódem =kódy =kod | ověř potvr verifik autoriz | přihlá přihlaš účet účt | hesl | obnov reset |
  vypr platn platí | ignoruj nepožád požád | zadej vlož použij následující opiš | minut | hodin | objednáv faktur
  zákaz číslo =č telefon =tel psč =ičo
sk: =kód =kódu =kódom =kódy =kod | overen overov overiť overte potvr verifik | prihlás účet účt | hesl | obnov
  reset | vypr platn platí | ignoruj nepožiad | zadaj vlož použi nasledujúc | minút minut | hodin | objednáv
  faktúr zákazn číslo =č telef =tel psč =ičo
hu: =kód =kódot =kódja =kódját =kódod =kódodat =kóddal kódj ~kód ~kódot ~kódja | ellenőrz megerősít hitelesít
  igazol aktivál | bejelent belép fiók | jelszó jelszav | visszaállít | lejár érvény | hagyja figyelmen kérte
  hagyd | adja írja adj használ következő írd | perc | óra órán | rendelés számla ügyfél szám telefon irányítószám
ro: =cod =codul =codului =coduri | verific confirm autentific valid activ | autentific conect =cont contul |
  parol | reset | expir valabil | ignor solicitat | introdu folos următor | minut | =oră =ore =ora | comand factur
  client număr telefon =tel =cui poștal bon
ca: =codi =codis | verific confirm | sessió iniciar compte acced | contrasen | restabl reinici | caduc expir
  vàlid | ignor sol·licit demanat | introdu utilitz següent | minut | =hora =hores | comanda factura client número
  telèfon
eu: ~kode kodea =kodea kodeak | egiazta baiezta berrest | saio sartu kontu | pasahitz | berrezarri | iraungi |
  alde eskatu ez-ikusi | idatzi sartu erabili hurrengo | minutu | ordu | eskaera faktura bezero
gl: código | verific confirm | sesión acced conta | contrasinal | restabl | caduc expir | ignor solicit |
  introduc seguinte | minuto | =hora =horas | pedido factura cliente número
oc: còdi | verific confirm | connex | senhal | reïnicial | expir | ignor | picatz | minuta | =ora | comanda
bg: =код =кода =кодът =кодове | потвърд верифик | вход вписв влез акаунт профил сметка | парол | възстанов нулир
  | изтич изтече валид | игнорир пренебрегн заявил искали | въвед използва следн | минут | час | поръчк фактур
  клиент номер телефон =тел =еик
ru: =код =кода =кодом =коды | подтвержд подтверд верифик проверочн | войти вход войдите учётн учетн аккаунт
  авториз | парол | сброс восстанов | истек действит срок | игнорир запрашив проигнор | введите ввести используйте
  укажите следующ | минут | час | заказ счет счёт клиент номер телефон =тел =инн =огрн обращени квитанц индекс
  договор
uk: =код =коду =кодом =коди | підтверд верифік | увійти вхід увійдіть обліков акаунт | парол | скин віднов |
  термін закінч дійсн сплив | ігнор запит проігнор | введіть використ наступн | хвилин | годин | замовлен рахун
  клієнт номер телефон =тел індекс
be: =код =кода | пацвердж пацверд | уваход увайсц увайдз | парол | скід аднав | мінец скончы дзейн | ігнар запыт
  | увядз | хвілін | гадзін | заказ замов нумар
sr: =код =kod =кода =koda =кодом | потврд верифик potvrd verifik | пријав prijav налог nalog | лозинк lozink |
  ресет поништ reset | истич istič важи ističe | игнориш ignoriš zanemari занемари тражили tražili | унесите unesi
  користи koristi | минут minut | сат =sat =sata =sati | поруџбин наруџбин broj број račun рачун narudžbin kupac
  telefon
hr: =kod =kôd =koda =kôda =kodom | potvrd potvrđ verifik provjer | prijav račun | lozink zaporka zaporku |
  resetir poništ | istič vrijedi | zanemari ignorir tražili zatraž | unesi upiši koristi sljedeć | minut | =sat
  =sata =sati | narudžb kupac broj telefon oib
sl: =koda =kodo =kode ~koda | potrdi potrditv prever | prijav račun | geslo gesla | ponastav | poteč velja |
  prezri zahteval | vnesi uporabi naslednj | minut | =ura =uri =ure | naročil stranka številka telefon
mk: =код =кодот | потврд верифик | најав сметка | лозинк | ресетир | истекува важи | игнорир | внес | минут |
  час | нарачк број
sq: kodi =kod =kodin | verifik konfirm | hyrje hyni =hyr =hyrë identifik llogari kyç | fjalëkalim | rivendos |
  skadon skadoj vlefsh | injoro shpërfill kërku | futni vendos përdor | minut | =orë | porosi faturë numri
el: κωδικ | επαλήθευ επιβεβα επιβεβαί ταυτοπο | σύνδεσ συνδεθ λογαριασμ είσοδ | πρόσβασης | επαναφορ | λήγει
  λήξει ισχύ | αγνο ζητήσ | εισαγ εισάγ πληκτρολογ χρησιμοποι ακόλουθ | λεπτ | =ώρα =ώρες =ωρών | παραγγελ τιμολόγ
  πελάτ αριθμ τηλ =αφμ
tr: =kod =kodu =kodunuz =kodunu kod | doğrula onay teyit | giriş oturum hesab hesap | parola şifre sifre |
  sıfırla | geçer dolacak sona süresi | yok dikkate talep istemedi paylaş | girin kullan aşağıdaki | dakika =dk |
  saat | sipariş fatura müşteri numara =no telefon =tel vergi kargo
az: =kod =kodu =kodunuz kod | təsdiq doğrula | daxil giriş hesab | şifrə parol | sıfırla bərpa | bitir etibarsız
  keçər | laqeyd nəzərə istəmə | daxil yazın | dəqiqə | saat | sifariş faktura müştəri nömrə
uz: =kod kodi kodni | tasdiq | kirish hisob | parol | tikla | tugay amal | etibor e'tibor so'ra | kirit | daqiqa
  | soat | buyurtma raqam
kk: код | раста | кіру тіркелгі | құпиясөз құпия | қалпына | мерзім | елеме | енгіз | минут | сағат | тапсырыс
ky: код | ырасто ыраста текшер | кирүү аккаунт | сырсөз пароль купуя | калыбына | мөөнөт | көңүл | киргиз |
  мүнөт | саат | буйрутма
mn: =код кодыг кодоо | баталгаа | нэвтр бүртгэл | нууц | сэргээ | дуус хүчин | хүсээ | оруул | минут | цаг |
  захиал дугаар
tg: рамз код | тасдиқ | даромадан ворид | рамз парол | барқарор | муҳлат | сарфи | ворид | дақиқа | соат |
  фармоиш
tt: код | расла | керү | серсүз | торгыз | вакыт | игътибар | кертегез | минут | сәгать | заказ
hy: կոդ ~կոդ ծածկագիր | հաստատ ստուգ | մուտք հաշիվ | գաղտնաբառ | վերականգն | ժամկետ սպառվ | անտես | մուտքագր |
  րոպե | ժամ | պատվեր
ka: კოდი კოდ ~კოდი | ვერიფიკ ~დასტურ | შესვლ ანგარიშ ავტორიზ შესა | პაროლ | აღდგენ | ვადა ამოიწურ | უგულებელ
  იგნორ მოითხოვ | შეიყვან | წუთ | საათ | შეკვეთ ნომერ
is: ~kóði ~kóða ~kóðann ~kóðinn | staðfest | innskrá skráðu reikning | lykilorð | endurstill | rennur gildir |
  hunsa baðst | sláðu notaðu | mínút | klukkust | pöntun númer sími
fo: ~kodu ~koda ~kotu ~kotan | vátta staðfest | innrita =ritar | loyniorð | endurset | gongur | bað | skriva |
  minutt | tím | ordr
ga: =cód =gcód =chód cód chód | fíor deimhn | logáil síni cuntas | pasfhocal | athshoc | rachaidh éag |
  neamhaird | cuir | nóiméad | uair | ordú
cy: =cod =côd cod | dilys cadarn gwirio | mewngof cyfrif | cyfrinair | ailosod | | anwybydd | rhowch | munud |
  awr | archeb
gd: còd | dearbh | | facal | ath-shuidh | | leig | cuir | mionaid | uair | òrdugh
lb: =code ~code | confirm bestäteg verifiz | umell aloggen konto | passwuert | zerécksetz | ofleeft gëlteg |
  ignoréier | gitt aginn | minutt | stonn | bestell
mt: =kodiċi kodiċi | ivverifik ikkonferm | idħol | password | | jiskad | injora | daħħal | minut | siegħ | ordni
la: =codex =codice =codicem codic | confirm verific | ingred intra login | tessera | | exspir | neglig ignor |
  insere inser | minut | =hora =horas | ordo
eo: kodo =kodon =kodo | konfirm kontrol verif aŭtent | ensalut konto | pasvort | restarig | eksvalid valid |
  ignor | enigu entajpu uzu | minut | hor | mendo
ht: =kòd =kod | verifik konfime | konekte kont | modpas | reyinisyalize | ekspire | inyore mande | antre | minit
  | =èdtan | lòd
sw: msimbo nambari kodi | uthibit thibitish | ingia akaunti | nenosiri nywila | | itaisha muda | puuza | weka
  ingiza | dakika | =saa | agizo
zu: ikhodi =khodi | qiniseki | ngena | iphasiwedi | | | ziba | faka | imizuzu | ihora | oda
xh: ikhowudi | qinisek | ngena | | | | | faka | | |
sn: kodhi =kodhi =code | simbis ongorora | pinda kupinda | pasiwedhi | | pera | regera furatira | isa nyora |
  maminitsi miniti | =awa | odha
yo: kóòdù koodu | ìmúdájú jẹrisi | wọle | | | | | tẹ | ìṣẹ́jú | wákàtí |
ha: =lamba lambar | tabbatar | shiga | | | | | shigar | minti | =awa |
so: koodh =koodka koodka | xaqiiji | | | | | iska | geli | daqiiqo | saac |
am: ኮድ ~ኮድ | ማረጋገጫ ~ማረጋገጫ | ግባ | የይለፍ | | ያበቃል | ችላ | ያስገቡ | ደቂቃ | ሰዓት | ትዕዛዝ
rw: kode | emeza | injira | | | | | andika | iminota | |
mg: kaody kaodin | fanamarin | hiditra | tenimiafina | | | | ampidiro | minitra | =ora |
id: =kode =kodenya kode | verifikasi konfirmasi autentik aktivasi | =masuk login akun | sandi | reset |
  kedaluwarsa kadaluarsa berlaku | abaikan meminta | masukkan gunakan berikut | menit | =jam | pesanan faktur
  tagihan pelanggan nomor telepon
ms: =kod kod | pengesahan sahkan verifikasi | =masuk akaun daftar | laluan | | luput tamat | abaikan meminta |
  masukkan gunakan berikut | minit | =jam | pesanan invois pelanggan nombor telefon
jv: =kode kode | verifikasi konfirmasi | mlebu akun | sandhi | | kadaluwarsa telas | lirwakna | lebokake ketik |
  menit | =jam | pesenan
su: =kode kode | verifikasi | asup | sandi | | | | asupkeun | menit | =jam |
tl: =code =kodigo kodigo | beripik patunay kumpirm kumpirmasyon patotoo | mag-log =log login account pag-login
  mag-sign | password | i-reset | mag-e-expire mawawalan expire | balewalain huwag | ilagay ipasok gamitin i-enter
  | minuto | =oras | order
vi: =mã | =xác xác =minh =nhận | đăng khoản | khẩu | | hết =hạn hiệu | =bỏ =qua | nhập dụng | phút | =giờ | đơn
  hóa =số điện
ar: =رمز =الرمز رمز =كود =الكود كود =رمزك | تحقق التحقق تاكيد تأكيد التاكيد التأكيد تفعيل مصادق المصادق تحقّق
  التوثيق | دخول الدخول تسجيل حساب لتسجيل | كلمة مرور المرور | تعيين استعاد | تنتهي ينتهي صلاح صالح ستنتهي سينتهي
  | تجاهل طلب تطلب | ادخل أدخل إدخال استخدم التالي | دقيقة دقائق | ساعة ساعات | فاتورة رقم هاتف عميل الهاتف
fa: =کد کد =رمز =کدی | تایید تأیید تائید احراز فعال | ورود وارد حساب | گذرواژه گذر عبور | بازنشان | منقضی اعتبار
  انقضا | نادیده درخواست | وارد زیر استفاده | دقیقه | ساعت | سفارش فاکتور شماره تلفن
ur: =کوڈ کوڈ | تصدیق توثیق | لاگ سائن اکاؤنٹ | ورڈ | | ختم میعاد | نظرانداز نظر | درج | منٹ | گھنٹ | آرڈر نمبر
ps: =کوډ کوډ | تایید | ننوت ننوځ | پاسورډ | | | | دننه | دقیق | ساعت |
ku: =kod koda kodê | verast piştrast | têkev têketin | şîfre | | | | binivîse | deqe | saet |
ckb: کۆد | پشتڕاست دڵنیا | چوونەژوورەوە | نهێنی | | | | بنووسە | خولەک | کاتژمێر |
sd: ڪوڊ =ڪوڊ | تصديق | لاگ سائن کاتي | پاسورڊ | | ختم | نظرانداز | داخل | منٽ | ڪلاڪ |
ug: كود | دەلىللەش | كىرىش | پارول | | | | كىرگۈزۈڭ | مىنۇت | سائەت |
yi: קאד =קאָד | באַשטעטיק | | | | | | | מינוט | |
he: =קוד =הקוד קוד =קודי | אימות אישור לאימות | התחבר להתחבר כניסה חשבון התחברות היכנס | סיסמה סיסמת סיסמא |
  איפוס לאפס | תוקף פג יפוג | התעלם ביקשת להתעלם | הזן הזינו הכנס השתמש הבא | דקה דקות | שעה שעות | הזמנה חשבונית
  מספר טלפון לקוח
hi: =कोड कोड ~कोड ओटीपी | सत्याप पुष्टि प्रमाण वेरिफि | लॉग साइन खाते खाता लॉगिन | पासवर्ड | रीसेट | समाप्त वैध
  | अनदेखा नजरअंदाज अनुरोध | दर्ज डालें उपयोग | मिनट | घंट घण्ट | ऑर्डर नंबर चालान
mr: =कोड कोड ~कोड ओटीपी | सत्याप पडताळणी पुष्टी | लॉग साइन खात्या | पासवर्ड | रीसेट | समाप्त कालबाह्य | दुर्लक्ष
  विनंती | प्रविष्ट टाका | मिनिट मिनट | तास | ऑर्डर
ne: =कोड कोड सङ्केत | प्रमाण पुष्टि सत्याप | लग साइन | पासवर्ड | | समाप्त म्याद | बेवास्ता | प्रविष्ट | मिनेट |
  घण्टा | अर्डर
sa: कोड सङ्केत संकेत गूढ | प्रमाण सत्याप | प्रवेश संप्रवेश | | | समाप्त | अनुरोध | प्रविश | निमेष | |
bh: कोड | सत्याप प्रमाण पुष्टि | लॉग साइन | पासवर्ड | | समाप्त खतम | अनदेखा | डाल दर्ज | मिनट | घंटा |
bn: =কোড কোড ~কোড ওটিপি | যাচাই নিশ্চিত প্রমাণীকরণ | লগ সাইন অ্যাকাউন্ট | পাসওয়ার্ড | রিসেট | মেয়াদ | উপেক্ষা
  অনুরোধ | লিখুন প্রবেশ | মিনিট | ঘণ্টা ঘন্টা | অর্ডার নম্বর
as: ক'ড কোড কড ক’ড ক'ডটো ~কোড | সত্যাপ প্ৰমাণ পৰীক্ষ | লগ ছাইন | পাছৱৰ্ড | | ম্যাদ | আওকাণ উপেক্ষা | প্ৰৱিষ্ট |
  মিনিট | ঘণ্টা |
or: କୋଡ୍ କୋଡ ~କୋଡ | ଯାଞ୍ଚ ସତ୍ୟାପନ | ଲଗ | ପାସୱାର୍ଡ | | ସମାପ୍ତ ମିଆଦ | ଅଣଦେଖା | ପ୍ରବେଶ | ମିନିଟ | ଘଣ୍ଟା |
pa: ਕੋਡ ~ਕੋਡ | ਪੁਸ਼ਟੀ ਤਸਦੀਕ ਪ੍ਰਮਾਣ ਸਤਿਆਪ | ਲਾਗ ਲੌਗ ਸਾਈਨ | ਪਾਸਵਰਡ | | ਸਮਾਪਤ ਮਿਆਦ | ਅਣਡਿੱਠ ਨਜ਼ਰਅੰਦਾਜ਼ | ਦਰਜ ਦਾਖਲ |
  ਮਿੰਟ | ਘੰਟ |
gu: કોડ ~કોડ | ચકાસ પ્રમાણ સત્યાપ પુષ્ટિ | લૉગ લોગ સાઇન | પાસવર્ડ | | સમાપ્ત | અવગણ | દાખલ | મિનિટ | કલાક |
ta: குறியீ ~குறியீ | சரிபார்ப்பு சரிபார் உறுதி | உள்நுழை | கடவுச் | | காலாவதி | புறக்கணி | உள்ளிட | நிமிட |
  மணிநேர | ஆர்டர்
te: కోడ్ కోడ ~కోడ్ | ధృవీకర ధృవీ నిర్ధార ధ్రువీకర | లాగిన్ సైన్ | పాస్ | | ముగు గడువు | విస్మరి | నమోదు ఎంటర్ |
  నిమిష | గంట |
kn: ಕೋಡ್ ~ಕೋಡ್ | ಪರಿಶೀಲ ದೃಢೀಕರ ಪ್ರಮಾಣೀ | ಲಾಗಿನ್ ಸೈನ್ | ಪಾಸ್ | | ಅವಧಿ ಮುಕ್ತಾಯ | ನಿರ್ಲಕ್ಷ | ನಮೂದಿಸಿ | ನಿಮಿಷ | ಗಂಟೆ
  |
ml: കോഡ് ~കോഡ് കോഡ | പരിശോധന സ്ഥിരീകര | ലോഗിൻ സൈൻ | പാസ് | | കാലഹരണ | അവഗണി | നൽകുക | മിനിറ്റ് മിനിട്ട് |
  മണിക്കൂർ |
si: කේත ~කේත | සත්‍යාප සත්යාප තහවුරු | පිවිසු සයින් | මුරපද | | කල් | නොසලකා | ඇතුල | මිනිත්තු | පැය |
dv: ކޯޑު | | | | | | | | މިނިޓު | |
"""

# Scripts written without blanks between words: found anywhere in a run of text.
_UNSPACED = """
ja: コード 認証番号 暗証番号 確認番号 | 認証 確認 検証 | ログイン サインイン アカウント 登録 | パスワード
  暗証番号 | リセット 再設定 | 有効 期限 失効 | 無視 心当たり 破棄 | 入力 下記 以下 | 分 | 時間 | 注文 請求 顧客
  電話 郵便 お問い合わせ番号 受付番号 会員番号 追跡番号 予約番号
zh: 验证码 校验码 驗證碼 动态密码 動態密碼 代码 代碼 认证码 認證碼 校驗碼 确认码 確認碼 安全码 安全碼 一次性密码
  一次性密碼 动态码 口令 登录码 登入碼 验证代码 | 验证 确认 驗證 確認 认证 認證 激活 | 登录 登入 登陆 登錄 账户
  帳戶 账号 帳號 | 密码 密碼 | 重置 重設 重设 | 有效 过期 過期 失效 | 忽略 请勿 請勿 本人 泄露 | 输入 輸入 以下
  如下 使用 | 分钟 分鐘 | 小时 小時 | 订单 訂單 发票 發票 客户 客戶 电话 電話 邮编 快递 运单 编号 編號 单号 單號
ko: 코드 인증번호 확인번호 보안번호 | 인증 확인 | 로그인 계정 가입 | 비밀번호 암호 | 재설정 초기화 | 만료 유효 |
  무시 요청 | 입력 아래 다음 | 분 | 시간 | 주문 송장 고객 전화 우편번호 운송장 예약번호
th: รหัส โค้ด | ยืนยัน ตรวจสอบ | เข้าสู่ระบบ บัญชี ลงชื่อ | รหัสผ่าน | รีเซ็ต ตั้งใหม่ | หมดอายุ | เพิกเฉย
  ไม่ต้องสนใจ | กรอก ป้อน ใช้ | นาที | ชั่วโมง | คำสั่งซื้อ ใบแจ้งหนี้ เลขที่ โทร หมายเลข
lo: ລະຫັດ | ຢືນຢັນ | ເຂົ້າສູ່ລະບົບ | ລະຫັດຜ່ານ | | ໝົດອາຍຸ | | ໃສ່ | ນາທີ | ຊົ່ວໂມງ |
km: កូដ លេខកូដ | ផ្ទៀងផ្ទាត់ បញ្ជាក់ | ចូល គណនី | ពាក្យសម្ងាត់ លេខសម្ងាត់ | | ផុតកំណត់ | មិនអើពើ | បញ្ចូល | នាទី
  | ម៉ោង |
my: ကုဒ် | အတည်ပြု | ဝင်ရောက် အကောင့် | စကားဝှက် | | သက်တမ်း | လျစ်လျူ | ထည့် | မိနစ် | နာရီ |
bo: ཨང་རྟགས | | | | | | | | སྐར་མ | |
"""

_OTHERS = {
    Hint.STRONG: """
=otp =otps =passcode =passcodes =отп =2fa =mfa =totp =one-time-code =verificationcode ~passcode =tan
~verifizierungscode ~bestätigungscode ~sicherheitscode ~einmalcode ~einmalpasswort ~einmalkennwort ~anmeldecode
~zugangscode ~authentifizierungscode ~aktivierungscode ~freischaltcode ~verificatiecode ~bevestigingscode
~beveiligingscode ~toegangscode ~inlogcode ~verifikasiekode ~bevestigingskode ~aanmeldkode ~engångskod
~verifieringskod ~bekräftelsekod ~säkerhetskod ~inloggningskod ~engangskode ~bekræftelseskode ~bekreftelseskode
~verifiseringskode ~verificeringskode ~sikkerhedskode ~sikkerhetskode ~påloggingskode ~innloggingskode
~loginkode ~stadfestingskode ~vahvistuskoodi ~kertakäyttökoodi ~varmennuskoodi ~turvakoodi ~todennuskoodi
~kirjautumiskoodi ~kinnituskood ~turvakood ~verifitseerimiskood ~staðfestingarkóð ~öryggiskóð
~verifikatiounscode ~logincode ~signincode ओटीपी ওটিপি ஓடிபி 验证码 校验码 驗證碼 动态密码 動態密碼 认证码
認證碼 校驗碼 确认码 確認碼 一次性密码 一次性密碼 动态码 登录码 登入碼 验证代码 認証コード 確認コード 検証コード
ワンタイム 認証番号 セキュリティコード 인증번호 인증코드 확인코드 확인번호 보안코드 รหัสยืนยัน
""",
    Hint.CODE: """
token токен トークン 토큰 令牌 โทเค็น توکن
""",
    Hint.ONCE: """
=one-time =onetime =once =single-use =single =temporary einmal =eenmalige =eenmalig engång engang kertakäyt
ühekordse jednoraz jednokrat jednorázov egyszer temporair temporal único unico =uso temporaneo vienreiz
vienkartin =usage unique =solo одноразов еднократ једнократ jednokratn μίας tek tək geçici birdəfəlik یکبار موقت
مرة لمرة مؤقت פעמי זמני एकबार একবার sekali sementara ワンタイム 一次性 일회용 ครั้งเดียว =lần tạm provisoire
""",
    Hint.SECURITY: """
securit sicherheit sécurité seguridad segurança sicurezza beveilig säkerhet turva безопасн güvenlik 安全
セキュリティ 보안
""",
    Hint.PROMO: """
=coupon =coupons =promo =promotion =promotional =discount =voucher =vouchers =referral =gift =offer rabatt
gutschein aktionscode =promocode =sale =deal =save =rebate cupón cupon descuento promoci cupom desconto
réduction parrain bon-cadeau sconto buono kortingscode korting rabattkod rabatkode alennuskoodi kupon промокод
скидк знижк indirim クーポン 割引 优惠 優惠 折扣 할인 쿠폰 giảm ส่วนลด diskon έκπτωσ خصم تخفیف קופון =redeem
=checkout =loyalty
""",
    Hint.INVITE: """
invit =join eingeladen einlad uitgenod uitnodig inbjud inviter kutsu zapros pozván pozvan meghív приглаш запрош
запрас покан позив προσκλ προσκάλ davet dəvət taklif دعوة دعوت دعاك הזמנה הוזמנת आमंत्र আমন্ত্রণ undang jemput
convid convite hívott pakvie kvietim uzaicin ielūg kutse ftes gonidat uitgenooi boð 招待 邀请 邀請 초대 เชิญ
ఆహ్వాన ಆಹ್ವಾನ ക്ഷണ આમંત્ર ਸੱਦਾ ආරාධනා հրավեր მოწვევა урил чакыр шақыр cuireadh
""",
    Hint.OLD: """
=earlier =previous =previously =former =older =old =superseded früher vorherig =zuvor =alten =alte précédent
ancien anterior =antes precedente vorige eerder tidigare tidligere aiemm poprzedn předchoz predchádz korábbi
предыдущ раніше попередн önceki سابق 以前 之前 이전 ก่อนหน้า trước sebelumnya
""",
    Hint.KIND: """
=postal =post =zip =zipcode =branch =hsn =sac =gst =ifsc =micr =swift =bic =sort =area =country =state =dialing
=dialling =calling product =item =article =sku =booking =reservation =error =fault =exit =dress =source =bar =barcode
=qr =routing =tax =vat =naics =sic =nace =hs =tariff =icd =cpt =department =colour =color =morse =penal =civil =genetic
=backup =backups =back-up =scratch =rescue =spare =emergency
artikel produkt fehler =länder ländercode =länderkennung =landescode =landesvorwahl =vorwahl buchung reservierung filial
=strich strichcode =farbcode =warencode =sicherungscode =sicherungscodes =ersatzcode =ersatzcodes =notfallcode
=notfallcodes postleit gutscheincode
=postaux =erreur =erreurs =produit =produits =pays =barres =barre =guichet =agence =secours =sauvegarde =suivi =colis
=couleur =ape =naf =insee =réservation
producto artículo =país =reserva =barras seguimiento sucursal =área =respaldo =fuente =errores =promocional
produto =erro =erros =artigo =país rastre =agência =ncm =cfop =ibge
prodott =errore =errori articol =paese prenotazion =barre tracciament spedizion =filiale =ateco =tributo =catastale
=riserva =postale =fiscale
=landcode =landcodes foutcode =fout boekings =boeking reservering streepjes =reservecode =reservecodes =back-upcode
=landskod =landsnummer boknings =bokning varukod =reservkod =reservkoder =reservkode =reservkoder bookingkode
=varekode =varenummer =landekode =landkode =bestillingskode reservasjons reservations tuotekoo virhekoo alennuskoo
=maakoodi =maakoodin varauskoo varmuuskoo
pocztow =błędu =błędów rabatow kreskow =kraju rezerwac promocyjn źródłow zapasow =towaru =towarów
chybov =chyby slevov zľavov čárov čiarov =země =krajiny rezervač rezervác poštov záložní záložn
termékkód hibakód országkód foglalás vonalkód tartalékkód irányítósz
=produs =produsului =produse =eroare poștal poştal =țării =țară rezervar =bare =rezervă
=продукта =продукт пощенск =грешка държав отстъпк резервац =баркод резервн запасн
товар ошибк почтов =города =страны =региона бронирован штрих артикул подразделен отслежив
помилк поштов =міста =країни бронюван штрихкод
proizvod =greške =greška =pogreške =države poštansk rezervacij barkod =izdelka =napake
προϊόντ ταχυδρομικ σφάλματ =χώρας κράτησ εφεδρικ
ürün =hata =hatası posta ülke rezervasyon barkod yedek şube məhsul xəta poçt
البريدي بريدي الخطا الخطأ =خطا =خطأ المنتج =منتج الدولة الحجز الشحنة احتياطي الاحتياطي
پستی محصول =خطا =خطای =کالا کشور رزرو پیگیری پشتیبان
=מוצר =המוצר =שגיאה =השגיאה =מיקוד =גיבוי =הגיבוי =מקור
=पिन डाक त्रुटि उत्पाद =देश बुकिंग आईएफएससी शाखा बैकअप পোস্টাল ত্রুটি পণ্য ব্যাকআপ
=pos =poskod =produk kesalahan =ralat =negara =barang cadangan =sandaran
=sản =bưu =lỗi =vùng =quốc =dự =đơn
エラーコード 商品コード 製品コード 国コード 国番号 予約コード バーコード ソースコード バックアップコード 支店コード
銀行コード 市外局番 QRコード qrコード
错误代码 错误码 錯誤代碼 錯誤碼 产品代码 產品代碼 商品代码 商品代碼 国家代码 國家代碼 银行代码 銀行代碼 源代码
条形码 條碼 二维码 备用代码 备用码 備用碼 備用代碼 恢复代码 恢復代碼 机场代码 股票代码 股票代碼 故障代码 邮政编码
오류 에러 상품 제품 국가 예약 백업 바코드 소스 우편
รหัสสินค้า รหัสไปรษณีย์ รหัสข้อผิดพลาด รหัสประเทศ รหัสสำรอง รหัสการจอง รหัสพัสดุ
""",
    Hint.RESET: "reset",
    Hint.LINK: """
=link =links =button =click ~link =lien =enlace =botón =bouton =schaltfläche =klicken =knop =knapp =collegamento
=pulsante ссылк посилан odkaz odnośnik hivatkoz bağlantı رابط الرابط لینک קישור लिंक লিঙ্ক tautan pautan リンク
链接 連結 鏈接 링크 ลิงก์ liên σύνδεσμο länk lenke linkk saite nuorod povezav poveznic линк връзк
""",
    Hint.DAY: """
=day =days =tag =tage =tagen =jour =jours =día =días =dias =giorni =dagen =dagar =dage =dager päivä dni =dní
=nap =zile дней дня днів gün يوم أيام روز ימים दिन =hari 日間 天 日 วัน =ngày
""",
}

# Stems of words that only begin, or end, like one of the table.
_EXCEPTIONS = """
activity activities active activism codebase codec coder coding codex kodak kodiak codeine encod decod unencod
undecod unicode transcod geocod hardcod opcode barcode bytecode zipcode postcode sourcecode shortcode errorcode
quellcode fehlercode strichcode ländercode streepjescode landcode broncode foutcode källkod streckkod felkod
kildekode strekkode fejlkode feilkode lähdekoodi viivakoodi virhekoodi accessor tunnel horario horarios context
contact contacts continue contract control controls contents content contain container contiene contient
continua contre contra contributors contribute contribution contributions conto kontrast kontext kontakt
kontaktieren kontaktiere kontaktujte kontakta ordinary ordinateur hormone horrible saint saison overview overall
override oversight overige overnight overnattning ingress ingredient ingredients clientele overs
"""

_FOLDS = {
    **dict.fromkeys(
        (0x0640, *range(0x064B, 0x0653), 0x0307), None
    ),  # tatweel, Arabic vowel signs, the dot of a lowered I
    **dict.fromkeys((0x00AD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF), None),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), None),
    **dict.fromkeys(range(0x2000, 0x200B), " "),
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212), "-"),
    **dict.fromkeys((0x2018, 0x2019, 0x02BC), "'"),
    # The square around a keycap digit, and what chooses the look of an emoji.
    **dict.fromkeys((0x20E3, *range(0xFE00, 0xFE10)), None),
    # Digits that have no compatibility form: 1 to 9 in circles and in old scripts, and the zeros that go with them.
    **{
        start + value: str(value + 1)
        for start in (0x1369, 0x24F5, 0x2776, 0x2780, 0x278A, 0x10E60, 0x11052)
        for value in range(9)
    },
    **{0x10A40 + value: str(value + 1) for value in range(4)},
    **dict.fromkeys((0x24FF, 0x1F10B, 0x1F10C), "0"),
    0x19DA: "1",
    0x0130: "I",
    0x0643: "\u06a9",  # Arabic and Persian kaf and yeh are one letter to a reader
    0x06AA: "\u06a9",
    0x064A: "\u06cc",
    0x0649: "\u06cc",
}
_FOLDABLE = on_demand("[" + "".join(map(chr, sorted(_FOLDS))) + "]")
_NATIVE_DIGIT = on_demand(r"[^\D0-9]")


def clean(text: str) -> str:
    """`text` in the one form it is judged in: compatibility forms and all digits made plain (-> ASCII), keycaps and
    invisible characters and Arabic vowel signs dropped, every blank a space, every dash a hyphen. Keeps case."""
    if text.isascii():
        return text
    # A wide comma ends a clause; the plain one could stand within a number.
    plain = unicodedata.normalize("NFKC", text.replace("，", "、").replace("．", "。"))
    if _FOLDABLE.search(plain):
        plain = plain.translate(_FOLDS)
    return _NATIVE_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), plain)


def fold(text: str) -> str:
    """`clean(text)` in lower case, of the same length."""
    return clean(text).lower()


class _Table:
    """The table turned round: first two letters -> the entries that begin so."""

    def __init__(self) -> None:
        self.whole: dict[str, int] = {}
        self.starts: dict[str, int] = {}
        self.inside: dict[str, list[tuple[str, int]]] = {}
        for row in _rows(_LANGUAGES):
            for hint, words in zip(_COLUMNS, row.split("|"), strict=True):
                for word in words.split():
                    self._add(word, hint)
        for row in _rows(_UNSPACED):
            for hint, words in zip(_COLUMNS, row.split("|"), strict=True):
                for word in words.split():
                    self._add("~" + word, hint)
        for hint, text in _OTHERS.items():
            for word in text.split():
                self._add("~" + word if _is_unspaced(word[0]) else word, hint)
        for word in fold(_EXCEPTIONS).split():
            self.starts[word] = _NOTHING
        sizes: dict[str, set[int]] = {}
        for word in self.starts:
            sizes.setdefault(word[:2], set()).add(len(word))
        self.sizes = {head: tuple(sorted(found)) for head, found in sizes.items()}

    def _add(self, entry: str, hint: Hint) -> None:
        word, bits = fold(entry.lstrip("=~")), int(hint)
        if entry[0] == "=":
            self.whole[word] = self.whole.get(word, 0) | bits
        elif entry[0] == "~":
            self.inside.setdefault(word[:2], []).append((word, bits))
        else:
            self.starts[word] = self.starts.get(word, 0) | bits


def _rows(text: str) -> list[str]:
    """The rows of a table, with continuation lines joined and the language's name cut off."""
    joined = text.strip().replace("\n  ", " ")
    return [line.partition(":")[2] for line in joined.split("\n")]


def _is_unspaced(letter: str) -> bool:
    point = ord(letter)
    return 0x0E00 <= point <= 0x0FFF or 0x1000 <= point <= 0x109F or 0x1780 <= point <= 0x17FF or point >= 0x3040


_ENDING = 6
_LONG_STEM = 6
_NOTHING = -1
_COMPOUND = 16  # the ending of a stem long enough not to be met by chance
_LATIN = on_demand(r"[a-z0-9]{2,}")
_WORD = on_demand(
    r"[^\s!-&(-,./:-@\[-`{-~\u00a1-\u00bf\u2000-\u2010\u2012-\u2018\u201a-\u206f\u3000-\u3030\uff00-\uff0f\uff1a-\uff20]+"
)
_ASCII_WORD = on_demand(r"[a-z0-9_'-]+")
_LONGEST_RUN = 200


@lru_cache(maxsize=1)
def _table() -> _Table:
    return _Table()


@lru_cache(maxsize=16_384)
def hints(word: str) -> int:
    """The Hint bits of one folded word (for a script without blanks: of a run of text)."""
    table = _table()
    found = table.whole.get(word, 0)
    length = len(word)
    for size in table.sizes.get(word[:2], ()):
        if size > length:
            break
        bits = table.starts.get(word[:size])
        if bits is None:
            continue
        if bits == _NOTHING:
            return table.whole.get(word, 0)
        if length - size <= (_ENDING if size < _LONG_STEM else _COMPOUND):
            found |= bits
    for at in range(length - 1):
        for entry, bits in table.inside.get(word[at : at + 2], ()):
            if word.startswith(entry, at):
                found |= bits
    if "-" in word:
        for piece in word.split("-"):
            found |= table.whole.get(piece, 0)
    elif _is_unspaced(word[0]) or _is_unspaced(word[-1]):
        for piece in _LATIN.findall(word):
            found |= table.whole.get(piece, 0)
    return found


@lru_cache(maxsize=1_024)
def scan(line: str) -> tuple[tuple[int, int, int], ...]:
    """(start, end, bits) of the words of a folded line that hint at something, in order."""
    # The two parts of a mail say the same lines, and mails of one sender share most of theirs: hence the cache.
    found = []
    for match in (_ASCII_WORD if line.isascii() else _WORD).finditer(line):
        word = match[0]
        if len(word) <= _LONGEST_RUN:
            bits = hints(word)
            if bits:
                found.append((*match.span(), bits))
            continue
        start, end = match.span()
        for at in range(start, end, _LONGEST_RUN):
            upto = min(end, at + _LONGEST_RUN)
            bits = hints(line[at:upto])
            if bits:
                found.append((at, upto, bits))
    return tuple(found)


def bits_of(text: str) -> int:
    """All the hints of a text of several lines."""
    bits = 0
    for line in text.split("\n"):
        for _, _, of_word in scan(fold(line)):
            bits |= of_word
    return bits
