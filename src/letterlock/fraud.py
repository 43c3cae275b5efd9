"""What frauds say in mail, in twelve languages: asking for secrets, closing accounts, new bank accounts, gift cards.

`fraud(written, strange)` yields what a text does of it, in words. A text is read once, word by word, against a table;
what counts is which meanings stand near each other in one sentence, and that nobody says not. Never raises, linear.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from enum import IntFlag
from functools import lru_cache, reduce
from operator import or_
from typing import Final, NamedTuple

from letterlock.message.characters import fold
from letterlock.patterns import on_demand


def plain(text: str) -> str:
    """Lower case, disguises undone, without accents, as words are compared here."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", fold(text)) if not unicodedata.combining(c))
    return bare.translate(_UNMARKED)


_UNMARKED: Final = str.maketrans("łøđı", "lodi")


class _Says(IntFlag):
    SECRET = 1
    """What nobody is asked for by mail."""
    ASK = 2
    """To enter it somewhere."""
    SEND = 4
    """To send it here."""
    NOT = 8
    YOUR = 16
    ACCOUNT = 32
    CLOSED = 64
    URGENT = 128
    GIFT = 256
    BUY = 512
    REVEAL = 1024
    BANK = 2048
    CHANGED = 4096
    NEW = 8192
    EXPIRES = 16384
    PAY = 32768
    CARD = 65536
    CODE = 131072
    TEXTED = 262144
    """How a one-time code came, or looks."""
    RESTORE = 524288
    CONFIRM = 1048576
    """To say again what one knows, as nobody honest asks of a secret."""
    WARNS = 2097152
    """Of those who ask for it."""


_TABLE: Final[dict[_Says, str]] = {
    _Says.SECRET: """
        password*, passcode*, passphrase*, pin, pin code, cvv, cvc, card detail*, card number*, card information,
        credit card*, debit card*, payment detail*, seed phrase*, recovery phrase*, secret phrase*, seed word*,
        word phrase*, private key*, verification code*, security code*, one time code*, login code*, sms code*,
        authentication code*, six digit code*, 6 digit code*, otp, login credential*, credentials, login detail*,
        online banking, social security number*, passwort*, passworter*, kennwort*, zugangsdaten, anmeldedaten,
        kartendaten, kartennummer*, kreditkarte*, pin nummer, tan, bestatigungscode*, sicherheitscode*, prufcode*,
        wiederherstellungsphrase*, mot de passe, mots de passe, identifiants, carte bancaire, carte bleue,
        carte de credit, numero de carte, informations de carte, code de verification, code de securite, code recu,
        code sms, phrase de recuperation, contrasena*, clave, datos de su tarjeta, datos de tu tarjeta,
        datos de la tarjeta, tarjeta de credito, numero de tarjeta, codigo de verificacion, codigo de seguridad,
        codigo sms, frase semilla, frase de recuperacion, credenciales, senha*, palavra passe, dados do seu cartao,
        dados do cartao, numero do cartao, cartao de credito, codigo de verificacao, codigo de seguranca,
        frase de recuperacao, dati della sua carta, dati della carta, dati della tua carta, carta di credito,
        numero della carta, codice di verifica, codice di sicurezza, codice otp, credenziali, frase di recupero,
        parola d ordine, wachtwoord*, pincode*, kaartgegevens, creditcard*, kaartnummer*, inloggegevens,
        verificatiecode*, beveiligingscode*, herstelzin*, haslo, hasla, haslem, dane karty, danych karty,
        numer karty, numeru karty, karty kredytowej, kod sms, kod weryfikacyjny, kodu weryfikacyjnego, kod blik,
        kodu blik, fraze odzyskiwania, dane logowania, пароль*, парол*, данные вашеи карты, данные карты,
        номер карты, реквизиты карты, код из смс, код из sms, код подтверждения, проверочныи код, пин код,
        сид фраз*, cvv код, sifre*, parola*, kart bilgi*, kart numara*, kredi kart*, dogrulama kod*, onay kod*,
        sms kod*, guvenlik kod*, kurtarma ifade*, bank card*, tarjeta bancaria, numero de su tarjeta,
        numero do seu cartao, cartao bancario, numero della sua carta, bankkaart*, hasl*, banka kart*,
        numero de votre carte, numero de ta carte, numero de tu tarjeta, numeros de tarjeta, numero de la carte,
        numero della tua carta, kartnummer*, numer swojej karty, numeru swojej karty, номер вашеи карты,
        номер своеи карты""",
    _Says.ASK: """
        confirm*, verify, verifying, validate, enter, entering, provide, providing, submit, type, re enter, reenter,
        update your, update, updating, fill in, input, give, supply, authenticate, log in with, sign in with, reset,
        change, bestatig*, verifizier*, eingeben, geben, gib, angeben, aktualisier*, validier*, hinterleg*,
        zurucksetz*, setzen, ander*, verif*, valid*, saisi*, renseign*, entrez, entrer, fourni*, indiqu*,
        mettre a jour, mettez a jour, actualis*, reinitialis*, confirme, confirma*, verifique, verifica*, introdu*,
        ingres*, actualic*, actualiza*, proporcion*, facilite, indique, restablez*, restablec*, confirmar, insira,
        inserir, introduza, digite, atualiz*, forneca, informe, redefin*, valide, conferm*, verifich*, inseri*,
        aggiorn*, fornisc*, digiti, indichi, reimpost*, bevestig*, verifieer*, voer, vul, invullen, invoeren,
        invoer, geef, werk, bijwerken, wijzig*, potwierd*, zweryfikuj*, podaj*, podac, wpisz*, wprowadz*,
        zaktualizuj*, uzupelnij*, zresetuj*, подтверд*, введи*, ввести, укажи*, проверьте, обновит*, предоставь*,
        вводить, сбросьте, смените, dogrula*, girin*, giriniz, gir, onayla*, guncelle*, bildirin*, yenile*,
        sifirla*, log in, log on, logging in, sign in, signing in, log onto, anmeld*, melden sie, melde dich,
        einlogg*, loggen sie, identifi*, connectez*, connect*, acced*, inicie, inicia, entre com, entre no,
        entre na, acess*, entrar, fac login, faca login, accedi, effettui l accesso, inlogg*, zaloguj*, zalogowac,
        logowani*, воидите, войти, вход*, giris, oturum, write, escrib*, escrev*, scriva, scrivi, ecrivez, schreib*,
        schrijf, meld u, meld je, meld jullie, wpisac, wypeln*, заполни*, впиши*, yazin, yaziniz, doldurun""",
    _Says.SEND: """
        reply with, answer with, respond with, send us, send me, send back, text me, text us, email me, email us,
        tell us, tell me, give us, give me, forward me, forward us, read me, let us have, let me have,
        share with us, antworten sie mit, antworte mit, schicken sie uns, schicken sie mir, senden sie uns,
        senden sie mir, teilen sie uns, nennen sie uns, nennen sie mir, schick mir, sende mir, sag mir, mitteilen,
        ubermitteln, envoyez nous, envoyez moi, envoie moi, repondez avec, communiquez nous, communiquez moi,
        transmettez nous, donnez nous, donnez moi, dites nous, nous envoyer, nous communiquer, me communiquer,
        envienos, envianos, envieme, enviame, mandenos, mandanos, mandeme, mandame, responda con, diganos, digame,
        dinos, enviarnos, comuniquenos, compartalo con nosotros, faciliteme, facilitenos, envie nos, envie me,
        mande me, mande nos, responda com, diga nos, diga me, informe nos, envia me, enviar nos, ci invii, mi invii,
        inviaci, inviami, ci comunichi, mi comunichi, risponda con, comunicaci, mandami, mi mandi, stuur ons,
        stuur mij, stuur me, antwoord met, geef ons, geef mij, geef me, laat ons, vertel ons, przeslij nam,
        wyslij nam, odpowiedz podajac, podaj nam, podaj mi, przeslij mi, wyslij mi, prosze o przeslanie,
        prosze podac nam, prosze o podanie, пришлите, отправьте нам, сообщите нам, ответьте с, скажите нам,
        сообщите мне, назовите, продиктуите, вышлите, bize gonder*, bize ilet*, bana gonder*, bize yaz*,
        bize bildir*, bana soyle*, ile yanitla*, read back, answering this mail, replying to this, text it,
        mail it to, forward it to, bring me, mailen sie mir, mailen sie uns, mail mir, mail uns, schreiben sie uns,
        leiten sie uns, ubermitteln sie, envoyez le, repondez nous, renvoyez nous, faites nous parvenir,
        respondanos, respondenos, enviemelo, enviarme, mandar nos, responda nos, partilhe connosco, ci mandi,
        mandaci, ci fornisca, mi dica, ci dica, rispondaci, mail me, mail ons, app ons, geef door, przeslac nam,
        wyslac nam, podac nam, nam przeslac, nam podac, odeslac, отправьте, пришли, перешлите, напишите нам,
        bize gonderin, bize yollayin, bana yollayin, bizimle paylasin, bize okuyun, yanitlayarak, dimelo, digamelo,
        diganoslo, mandamelo, enviamelo, me manda, me mande, me envia, me envie, me passa, me diga, dimmelo,
        me lo mandi, comunicamelo, stuur die, stuur het, zeg me, podaj, przeslij, скажите, продиктуи*, bana soyle,
        bana yolla*, sag ihn, dis moi, dites moi, donne moi, send it to me, send it to us, schick ihn mir,
        envoie le moi, mandamelo a, me lo mandas, stuur hem""",
    _Says.NOT: """
        not, never, don t, doesn t, won t, nobody, no one, none, without, cannot, can t, isn t, no, nicht, nie,
        niemals, keine, kein, keinen, keinem, ohne, niemand, niemandem, ne, n, jamais, pas, aucun, aucune, sans,
        personne, nunca, jamas, ningun*, nadie, sin, tampoco, nao, ninguem, nenhum*, sem, non, mai, nessun*, senza,
        niet, nooit, geen, zonder, nigdy, nikomu, bez, zadn*, не, никогда, никому, нет, без, ни, asla, kimseyle,
        kimseye, degil*, hicbir*, istemeyiz, istemez, paylasmayin*, vermeyin*, degismedi*""",
    _Says.YOUR: """
        your, yours, ihr, ihre, ihren, ihrem, ihrer, dein, deine, deinen, deinem, votre, vos, ton, tes, su, sus, tu,
        tus, sua, seu, seus, suas, teu, tua, suo, suoi, tuo, tuoi, vostro, vostra, vostre, uw, jouw, je, twoj*,
        panstwa, pana, pani, ваш*, твои, твоего, hesabiniz*, hesabin, banka bilgileriniz*, swoj*, swoje""",
    _Says.ACCOUNT: """
        account*, mailbox*, profile, access, subscription, wallet, card, service*, inbox, konto, konten, kontos,
        zugang, postfach, benutzerkonto, karte, profil, compte*, acces, boite, messagerie, carte, abonnement,
        cuenta*, acceso, buzon, tarjeta, perfil, conta, contas, acesso, caixa, cartao, conto, accesso, casella,
        carta, profilo, utenza, rekening, toegang, postvak, pas, bankpas, konta, kontem, dostep, skrzynk*, karta,
        аккаунт*, счет*, учетн*, доступ, ящик, карта, профиль, hesabiniz*, hesap, hesabi, erisim*, kutunuz*,
        kartiniz*, espace, espace client, area clienti, area cliente, area de cliente, kundenkonto, kundenbereich,
        omgeving, кабинет*, panel*, uyelig*, nowe konto, new account, kundenzugang""",
    _Says.CLOSED: """
        suspend*, closed, close, locked, lock, block*, deactivat*, disabl*, terminat*, delet*, restrict*, limited,
        cancelled, canceled, expire*, frozen, revoked, lose access, gesperrt, sperren, sperrung, gesperrt*,
        geschlossen, schliessen, schliessung, deaktivier*, geloscht, loschen, eingeschrankt, eingefroren, gekundigt,
        stillgelegt, suspension, bloqu*, ferme, fermeture, fermer, desactiv*, supprim*, restreint, cloture*,
        resilie, suspendid*, suspendera, suspender*, bloquead*, bloquear*, cerrad*, cerrara, desactivad*, eliminad*,
        cancelad*, restringid*, inhabilitad*, cancelara, suspens*, encerrad*, desativad*, excluid*, bloqueio,
        sospes*, bloccat*, chius*, disattivat*, eliminat*, disabilitat*, sospender*, cancellat*, limitat*,
        geblokkeerd, opgeschort, gesloten, afgesloten, verwijderd, gedeactiveerd, beperkt, blokkeren, stopgezet,
        zablokowan*, zawieszon*, zamkniet*, dezaktywowan*, usuniet*, zablokujemy, ograniczon*, wygasnie,
        заблокирован*, приостановлен*, закрыт*, удален*, деактивирован*, ограничен*, отключен*, блокиров*, askiya,
        kapatil*, kilitlen*, engellen*, silin*, devre disi, kisitlan*, dondurul*, bloke, einschrank*, beschrank*,
        restrein*, limit*, restring*, beperk*, ogranicz*, огранич*, kisitla*, removed, remove*, permanently, retire,
        revoqu*, revocad*, revogad*, revocat*, ingetrokken, cofniet*""",
    _Says.URGENT: """
        urgent*, immediate*, at once, right away, action required, as soon as possible, final warning, last warning,
        final notice, last chance, within 24, within 48, within 12, within 72, in 24, in 48, 24 hours, 48 hours,
        24h, 48h, otherwise, within one day, within a day, within 3 days, within 2 days, within two days, dringend,
        sofort*, umgehend, unverzuglich, letzte warnung, letzte mahnung, innerhalb von 24, innerhalb von 48,
        24 stunden, 48 stunden, andernfalls, ansonsten, urgence, immediatement, dernier avertissement,
        dernier rappel, sans delai, 24 heures, 48 heures, sous 24, sous 48, faute de quoi,
        dans les plus brefs delais, urgente*, inmediat*, ultimo aviso, 24 horas, 48 horas, de inmediato,
        de lo contrario, cuanto antes, imediat*, caso contrario, o quanto antes, immediatamente, ultimo avviso,
        24 ore, 48 ore, subito, altrimenti, entro 24, entro 48, dringend*, onmiddellijk, 24 uur, 48 uur,
        laatste waarschuwing, binnen 24, binnen 48, pilne, pilna, natychmiast*, 24 godzin*, 48 godzin*,
        ostatnie ostrzezenie, niezwlocznie, срочн*, немедленно, 24 час*, 48 час*, последнее предупреждение, иначе,
        незамедлительно, acil*, hemen, derhal, 24 saat, 48 saat, son uyari, aksi takdirde, unless, es sei denn,
        in 2 days, before tonight, by tonight, binnen 24 stunden, binnen 48 stunden, avant ce soir, avant minuit,
        antes de esta noche, antes de hoy, entro oggi, entro stasera, voor vanavond, do konca dnia, до конца дня,
        gun sonuna""",
    _Says.GIFT: """
        gift card*, giftcard*, gift voucher*, itunes card*, google play card*, steam card*, amazon card*, ecard*,
        gutscheinkarte*, geschenkkarte*, gutschein*, guthabenkarte*, paysafecard*, carte cadeau, cartes cadeaux,
        cartes cadeau, carte prepayee, cartes prepayees, cheques cadeaux, tarjeta regalo, tarjetas regalo,
        tarjeta de regalo, tarjetas de regalo, tarjetas prepago, cartao presente, cartoes presente, vale presente,
        vales presente, cartao oferta, cartoes oferta, carta regalo, carte regalo, buoni regalo, buono regalo,
        carte prepagate, cadeaubon*, cadeaukaart*, cadeaukaarten, karta podarunkow*, karty podarunkow*,
        kart podarunkow*, karte podarunkow*, kody podarunkowe, karty prezentowe, подарочн*, карты пополнения,
        hediye kart*, hediye cek*, google play karte*, google play kaart*, tarjetas de google play,
        tarjeta de google play, cartes google play, carte google play, cartoes google play, cartao google play,
        karty google play, kart google play, карты google play, карт google play, google play kart*, apple card*,
        apple karte*, steam karte*, steam kaart*, razer gold""",
    _Says.BUY: """
        buy, purchase, get, pick up, order, need, kauf*, besorg*, hol*, brauche, benotige, achete*, acheter,
        procure*, besoin, compra*, compre*, adquier*, consigue, necesito, adquir*, arranj*, preciso, acquist*,
        compri, procur*, serve, servono, koop, kopen, haal, nodig, kup*, kupic, potrzebuj*, купи*, приобрет*, нужн*,
        satin al*, al, alin, alip, alir, consegui*, conseguir, besorgen, halen, trouver, zdobyc, zalatw*, достать,
        bulabilir""",
    _Says.REVEAL: """
        scratch*, photo*, picture*, pic, pics, the codes, code to me, codes to me, numbers on the back, rubbel*,
        foto*, bild*, fotografier*, die codes, gratte*, gratter, en photo, les codes, rasc*, rasp*, los codigos,
        os codigos, codigos, gratt*, i codici, kras*, de codes, zdrap*, zdjeci*, kody, сотри*, сотрите, фото*, коды,
        kazi*, fotograf*, kodlari*, peel*, codes mailen, send me the codes, email me the codes, mail me the codes,
        codes an mich, envoie les codes, manda los codigos, manda os codigos, manda i codici""",
    _Says.BANK: """
        bank detail*, bank account*, banking detail*, banking information, bank information, account number*, iban,
        remittance*, payment detail*, account detail*, wire instruction*, wiring instruction*, bank,
        bankverbindung*, kontoverbindung*, bankdaten, kontonummer*, bankkonto, kontodaten, coordonnees bancaires,
        compte bancaire, rib, domiciliation bancaire, references bancaires, datos bancarios, cuenta bancaria,
        numero de cuenta, cuenta corriente, dados bancarios, conta bancaria, numero da conta, nib,
        coordinate bancarie, conto corrente, dati bancari, conto bancario, rekeningnummer*, bankrekening*,
        bankgegevens, bankrelatie, numer rachunku, numer konta, rachunek bankowy, rachunku bankowego, konto bankowe,
        numeru konta, dane bankowe, реквизит*, расчетныи счет, расчетного счета, номер счета, банковскии счет,
        banka hesab*, banka hesap*, banka bilgi*, hesap numara*, iban*, banks, banking coordinates,
        bank coordinates, hausbank, banque, banco, banca, banku, bankiem, банк*, bankamiz*, bankasini, banken,
        different account, direct deposit, gehaltskonto, lohnkonto""",
    _Says.CHANGED: """
        changed, change, changes, changing, updated, switched, moved to, replaced, no longer valid, geandert,
        andert, andern, anderung, gewechselt, aktualisiert, umgestellt, neu, changent, changement, modifie*,
        modification*, changeons, cambiad*, cambio, cambian, cambiamos, modificad*, actualizad*, cambiaron, mudaram,
        mudou, mudamos, alterad*, alteracao, alteramos, atualizad*, mudanca, cambiat*, modificat*, variat*,
        aggiornat*, cambiano, variazione, gewijzigd, veranderd, wijziging, aangepast, verander*, wijzigt, zmienil*,
        zmian*, zmienion*, zaktualizowan*, ulegl*, изменил*, изменен*, сменил*, обновил*, поменял*, меняются, смене,
        смена, degisti*, degismis*, degisiklig*, guncellen*, degisecek*, yenilen*, moved to a different,
        moved to another, different bank, wechsel*, hemos cambiado, mudou de, mudamos de, mudado, trocamos,
        abbiamo cambiato, van bank veranderd, veranderden, zmienili*, сменили, перешли, degistir*""",
    _Says.NEW: """
        new, neue, neuen, neues, neuer, nouveau, nouvelle, nouvelles, nouveaux, nuevo, nueva, nuevos, nuevas, novo,
        nova, novos, novas, nuovo, nuova, nuove, nuovi, nieuw, nieuwe, nowy, nowe, nowego, новыи, новые, новых,
        новому, yeni, новым, новои, нового, новую, nowym, nowej, novom, neuem, nieuwste""",
    _Says.EXPIRES: """
        expire*, expiring, expiration, runs out, lapses, no longer valid, lauft ab, ablauft, abgelaufen,
        lauft heute ab, lauft morgen ab, ablauf*, ungultig, expir*, perime*, arrive a echeance, vence, vencera,
        caduca, caducara, caducado, scade, scadra, scaduta, scadenza, verloopt, verlopen, vervalt, wygasa*,
        wygasnie, wygasl*, истека*, истечет, истек*, dolu*, suresi doldu, sona er*, gecersiz""",
    _Says.PAY: """
        pay, paid, payment*, paying, settle, remit, transfer*, wire, send payment*, zahl*, bezahl*, uberweis*,
        begleich*, entricht*, regle*, regler, reglement*, paie*, payer, payez, paye*, vire*, virement*, acquitt*,
        pag*, abon*, transfira*, liquid*, versa*, versi, bonific*, sald*, betaal*, betal*, overma*, maak, plac*,
        zaplac*, oplac*, przelew*, przela*, wplac*, wplat*, платит*, плати*, оплат*, оплач*, перечисл*, перевод*,
        переведи*, ode*, odem*, yatir*, havale*, payroll, salary, gehalt*, lohn*, salaire*, nomina, salario, stipendio,
        salaris, pensj*, wynagrodzeni*, зарплат*, maas*, ingres*, deposit*, direct deposit""",
    _Says.CARD: """
        debit card*, credit card*, bank card*, card, kreditkarte*, bankkarte*, debitkarte*, karte, carte bancaire,
        carte bleue, carte de credit, carte, tarjeta*, cartao, cartoes, carta di credito, carta di debito, carta,
        creditcard*, betaalkaart*, bankpas*, pinpas*, karta, kartą, karty, карт*, kart*, kredi kart*""",
    _Says.CODE: """
        code*, number, pin, digits, kennziffer*, zahl, nummer, chiffre*, numero, codigo*, cifra*, numeros, codice,
        codici, numeri, kod, kodu, kody, numer, код*, цифр*, числ*, kodu*, numara*, rakam*""",
    _Says.TEXTED: """
        sms, text message, texted, text you, just received, just got, just sent, received by text, digit, digits,
        six digit, 6 digit, 4 digit, stellig*, sechsstellig*, vierstellig*, erhalten haben, bekommen haben,
        chiffres, recevoir, recu, cifras, digitos, recibid*, llegar, acaba de, receb*, cifre, ricev*, appena,
        zescijferig*, viercijferig*, cijfer*, ontvangen, kreeg, kregen, zojuist, cyfrow*, szesciocyfrow*, otrzyma*,
        przyszedl, смс, значны*, шестизначн*, четырехзначн*, пришел*, пришла, пришло, получил*, haneli, gelen,
        aldiginiz, mesajla, text you a code, text me a code""",
    _Says.RESTORE: """
        restore*, reactivat*, regain*, unlock*, reinstate*, appeal*, recover access, wiederherstell*,
        stellen sie ihn, stellen sie es, reaktivier*, entsperr*, freischalt*, retabli*, reactiv*, regularis*,
        debloqu*, restablec*, restablez*, desbloqu*, regulariz*, recuper*, reativ*, riattiv*, ripristin*, sblocc*,
        herstel*, heractiveer*, deblokkeer*, przywro*, odblokuj*, odzyska*, reaktywuj*, восстанов*, разблокир*,
        верните, geri al*, yeniden etkin*, kilidini ac*, kaldirin""",
    _Says.CONFIRM: """
        confirm, verify, validate, provide, supply, provide us, confirm to us, bestatigen sie, bestatige, bestatigt,
        verifizieren sie, verifiziere, validieren sie, geben sie uns, zu bestatigen, confirmez, confirmer, verifiez,
        verifier, validez, valider, fournir, fournissez, nous fournir, confirme, confirmar, confirmen, verifique,
        verifiquen, verificar, proporcione, proporcionar, facilite, facilitar, confirma, verifica, forneca, fornecer,
        informe, confermi, confermare, conferma, confermate, verifichi, verificare, verificate, fornisca, fornire,
        fornite, bevestig, bevestigen, bevestigt, verifieer, verifieren, verstrek, verstrekken, geef ons, potwierdz,
        potwierdzic, potwierdzenie, zweryfikuj, zweryfikowac, podac, podanie, podaj, podajcie, подтвердите, подтверди,
        подтвердить, укажите, предоставьте, предоставить, проверьте, dogrulayin, dogrulayiniz, dogrulamanizi,
        onaylayin, onaylayiniz, onaylamanizi, bildirin, bildiriniz, bildirmenizi, belirtin""",
    _Says.WARNS: """
        criminals, phishing, scam*, fraudsters, betruger*, kriminelle, escroc*, arnaque*, criminels, estafa*,
        delincuentes, golpist*, criminosos, truffator*, criminali, oplichter*, criminelen, oszusci, oszustow,
        przestepc*, мошенник*, злоумышленник*, dolandirici*""",
}
_UNSPACED: Final[dict[_Says, str]] = {
    _Says.SECRET: """
        パスワード 暗証番号 クレジットカード カード番号 カード情報 認証コード 確認コード セキュリティコード 秘密鍵
        リカバリーフレーズ シードフレーズ ログイン情報 密码 密碼 验证码 驗證碼 银行卡号 卡号 信用卡 助记词 私钥
        校验码 动态码""",
    _Says.ASK: """
        入力 確認して 更新して ご確認 再設定 ご提供 输入 輸入 填写 确认 確認您 提供 验证您 更新您 ログイン
        サインイン 登录 登入""",
    _Says.SEND: """
        返信してください ご返信ください お送りください 送ってください 教えてください お知らせください
        お伝えください 回复给我们 发给我们 发送给我 告诉我 回复我 告知我们 回覆給 提供给我们 返信して ご返信
        送信してください 送って下さい お送り 发回 回复 发给 发送给 发我""",
    _Says.REVEAL: """
        发给我 写真 削って コードを 番号を送 拍照 照片 刮开 卡密 コードを送""",
    _Says.NOT: """
        ありません ません しないで いたしません 不会 不要 请勿 切勿 勿 并未 没有 未变 從不 从不""",
    _Says.YOUR: """
        お客様 あなた ご利用 您的 你的 貴方 ご登録""",
    _Says.ACCOUNT: """
        アカウント 口座 サービス カード 账户 账号 帐户 帐号 邮箱 帳戶 帳號""",
    _Says.CLOSED: """
        停止 凍結 ロック 制限 削除 無効 閉鎖 冻结 停用 封禁 关闭 锁定 注销 限制 暂停 停權""",
    _Says.URGENT: """
        至急 緊急 24時間 48時間 直ちに 今すぐ 早急 紧急 立即 24小时 48小时 马上 尽快 否则 立刻""",
    _Says.GIFT: """
        ギフトカード ギフト券 プリペイドカード 礼品卡 購物卡 购物卡 充值卡 禮品卡""",
    _Says.BUY: """
        購入 買って お買い 买 购买 購買""",
    _Says.BANK: """
        振込先 銀行口座 振込口座 お振込先 銀行账户 银行账户 收款账户 银行账号 收款账号 开户行 汇款账户 取引銀行
        開户银行 开户银行 新しい口座""",
    _Says.CHANGED: """
        変更 変わりました 变更 更换 更改 變更 改为 変わり 変わる 換わ 换了 改用""",
    _Says.NEW: """
        新しい 新口座 新的 新账户 新账号 我们新的""",
    _Says.EXPIRES: """
        有効期限 期限切れ 失効 到期 过期 失效 過期""",
    _Says.PAY: """
        支払 お支払 振り込 振込 払って 付款 支付 汇款 汇至 打到 转账 转到 缴纳 缴费 匯款 付到 付至 打至""",
    _Says.CARD: """
        クレジットカード カード 银行卡 信用卡 銀行卡""",
    _Says.CODE: """
        コード 番号 数字 位数字 验证码 代码 号码 驗證碼""",
    _Says.TEXTED: """
        SMS sms 桁 届いた 受け取 短信 位数字 位数 收到 手机""",
    _Says.CONFIRM: """
        ご確認ください 確認してください 教えてください ご提供ください 提供您的 提供你的 提供您
        确认您的 确认你的 確認您的 確認你的 验证您的 验证你的 驗證您的 驗證你的 核实您的""",
    _Says.WARNS: """
        詐欺 フィッシング 诈骗 詐騙 钓鱼 釣魚""",
    _Says.RESTORE: """
        復旧 再開 解除 恢复 解冻 解封 恢復 激活""",
}
"""Of scripts without blanks: what stands there is looked for as it is."""
_TOKEN: Final = on_demand(r"(?P<url>https?://\S{1,4000})|(?P<stop>[!?\u3002;]|[.](?=\s)|\n[ \t]*+\n)|(?P<word>[^\W_]+)")
_NO_BLANKS: Final = on_demand("[\u3040-\u30ff\u3400-\u9fff]")


class _Lexicon(NamedTuple):
    words: dict[str, int]
    stems: dict[str, int]
    lengths: tuple[int, ...]
    phrases: dict[str, list[tuple[tuple[str, ...], bool, int]]]
    """By their first word: the others, whether the last of them is a stem, what it says."""
    unspaced: dict[str, int]
    unspaced_pattern: re.Pattern[str]


@lru_cache(maxsize=1)
def _lexicon() -> _Lexicon:
    words: dict[str, int] = {}
    stems: dict[str, int] = {}
    phrases: dict[str, list[tuple[tuple[str, ...], bool, int]]] = {}
    for says, table in _TABLE.items():
        for entry in table.split(","):
            first, *rest = plain(" ".join(entry.split())).removesuffix("*").split(" ")
            stem = entry.rstrip().endswith("*")
            if rest:
                phrases.setdefault(first, []).append((tuple(rest), stem, int(says)))
            else:
                known = stems if stem else words
                known[first] = known.get(first, 0) | int(says)
    unspaced: dict[str, int] = {}
    for says, table in _UNSPACED.items():
        for word in map(plain, table.split()):
            unspaced[word] = unspaced.get(word, 0) | int(says)
    # The longest is met first, and says what those within it say too.
    unspaced = {word: reduce(or_, (bits for other, bits in unspaced.items() if other in word)) for word in unspaced}
    pattern = re.compile("|".join(sorted(unspaced, key=len, reverse=True)))
    return _Lexicon(words, stems, tuple(sorted({len(stem) for stem in stems})), phrases, unspaced, pattern)


class _Sentence(NamedTuple):
    """Its words that say something, each with how many came before it."""

    said: list[tuple[int, int]]
    asked: bool
    """It ends with a question mark."""

    @property
    def bits(self) -> int:
        bits = 0
        for _, each in self.said:
            bits |= each
        return bits

    def near(self, one: int, other: int, most: int, *, unless: int = 0) -> bool:
        """Whether a word that says `one` stands at most so many words from one that says `other`, and none that says
        `unless` stands before them, between them or right behind."""
        places: dict[int, int] = {}
        for place, bits in self.said:
            for mine, theirs in ((one, other), (other, one)):
                if bits & mine:
                    start = places.get(theirs, place - most - 1)
                    if place - start <= most and not (unless and self._holds(unless, start - _AHEAD, place + _BEHIND)):
                        return True
                    places[mine] = place
        return False

    def _holds(self, what: int, start: int, end: int) -> bool:
        return any(bits & what and start <= place <= end for place, bits in self.said)

    def without(self, before: int, what: int) -> _Sentence:
        """Leaving out each word that says `what` and has one that says `before` right in front of it."""
        kept = [
            (
                place,
                bits & ~what if any(p >= place - 2 and b & before for p, b in self.said[max(0, n - 2) : n]) else bits,
            )
            for n, (place, bits) in enumerate(self.said)
        ]
        return _Sentence(kept, self.asked)


def _sentences(text: str) -> Iterator[_Sentence]:
    lexicon = _lexicon()
    tokens = list(_TOKEN.finditer(plain(text)))
    said: list[tuple[int, int]] = []
    for at, token in enumerate(tokens):
        if token.lastgroup == "stop" or len(said) > _LONGEST:
            if said:
                yield _Sentence(said, token[0] == "?")
            said = []
        elif token.lastgroup == "word":
            word = token[0]
            bits = lexicon.words.get(word, 0)
            for length in lexicon.lengths:
                if length > len(word):
                    break
                bits |= lexicon.stems.get(word[:length], 0)
            for rest, stem, says in lexicon.phrases.get(word, ()):
                following = [each[0] for each in tokens[at + 1 : at + 1 + len(rest)]]
                if len(following) == len(rest) and following[:-1] == list(rest[:-1]):
                    last = following[-1]
                    if last == rest[-1] or (stem and last.startswith(rest[-1])):
                        bits |= says
            if bits:
                said.append((at, bits))
            if not word.isascii() and _NO_BLANKS.search(word):
                said += [(at, lexicon.unspaced[found]) for found in lexicon.unspaced_pattern.findall(word)]
    if said:
        yield _Sentence(said, asked=False)


def fraud(written: str, *, strange: bool) -> Iterator[str]:
    """What `written` does of it. `strange`: there is a link (or a form) that leads to somebody else's house."""
    everything, closing, coded, demanded, rebanked = 0, False, False, False, False
    for sentence in _sentences(written):
        bits = sentence.without(_Says.NOT, _Says.GIFT).bits
        everything |= bits
        if strange and sentence.near(_Says.ASK, _Says.SECRET, _FAR, unless=_Says.NOT):
            yield "it asks to enter a password, a card or a code, and has a link to somewhere else"
        if strange and sentence.near(_Says.EXPIRES, _Says.SECRET, _BESIDE, unless=_Says.NOT):
            yield "it says that a password expires, and has a link to somewhere else"
        if strange and sentence.near(_Says.PAY, _Says.CARD, _FAR, unless=_Says.NOT):
            yield "it asks to pay with a card, and has a link to somewhere else"
        if sentence.near(_Says.SEND, _Says.SECRET, _FAR, unless=_Says.NOT) or (
            (coded or bits & _Says.TEXTED) and sentence.near(_Says.SEND, _Says.CODE, _FAR, unless=_Says.NOT)
        ):
            yield "it asks to be sent a password, a card or a code"
        elif not (strange or bits & _Says.WARNS) and sentence.near(
            _Says.CONFIRM, _Says.SECRET, _BESIDE, unless=_Says.NOT | _Says.NEW | _Says.CODE
        ):
            yield "it asks to confirm a password, a card or a code"
        demanded |= sentence.near(_Says.CONFIRM, _Says.ACCOUNT, _BESIDE, unless=_Says.NOT)
        coded = bool(bits & _Says.CODE and bits & (_Says.TEXTED | _Says.SECRET))
        closing = closing or (
            sentence.near(_Says.ACCOUNT, _Says.CLOSED, _FAR) and sentence.near(_Says.YOUR, _Says.ACCOUNT, _CLOSE)
        )
        if not bits & _Says.NOT and not sentence.asked:
            ours = sentence.without(_Says.YOUR, _Says.BANK | _Says.ACCOUNT)
            if (
                ours.near(_Says.BANK, _Says.CHANGED, _BESIDE)
                or ours.near(_Says.NEW, _Says.BANK, _CLOSE)
                or (bits & _Says.PAY and _IBAN.search(written) and ours.near(_Says.ACCOUNT, _Says.CHANGED, _CLOSE))
                or (bits & _Says.PAY and ours.near(_Says.NEW, _Says.ACCOUNT, _CLOSE))
            ):
                rebanked = True
    if closing and not strange and demanded and everything & _Says.URGENT:
        yield "it presses for time with an account that will be closed unless its owner proves to be that"
    if closing and strange and everything & (_Says.URGENT | _Says.RESTORE):
        yield "it presses for time with an account that will be closed, and has a link to somewhere else"
    if rebanked and (everything & _Says.PAY or _IBAN.search(written)):
        yield "it tells of another bank account"
    if everything & _Says.GIFT and everything & _Says.BUY and everything & _Says.REVEAL:
        yield "it asks for gift cards and their codes"


# ISO 13616: a country, two check digits, up to 30 letters and digits, often in groups of four.
_IBAN: Final = on_demand(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}")
_LONGEST: Final = 100
"""Words that say something, in one sentence."""
_AHEAD: Final = 5
_BEHIND: Final = 2
_CLOSE: Final = 3
_BESIDE: Final = 8
_FAR: Final = 12
