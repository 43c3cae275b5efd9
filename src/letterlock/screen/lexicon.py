"""Words of many languages by what they mean to a screen: to override, earlier, instructions, an assistant, to send, ...

`concepts(text)` walks a text once and gives the words that mean something, as bits, with where they stand. A trailing
`*` in the tables means "and whatever follows". Linear: a set look-up for each word, no search for each table entry.
"""

from __future__ import annotations

import re
from enum import IntFlag
from functools import lru_cache
from typing import Final, NamedTuple

from letterlock.patterns import on_demand


class Concept(IntFlag):
    OVERRIDE = 1
    PRIOR = 2
    ORDERS = 4
    ALL = 8
    YOUR = 16
    MINE = 32
    AI = 64
    MUST = 128
    ATTENTION = 256
    SEND = 512
    SECRET = 1024
    REVEAL = 2048
    NOT = 4096
    TELL = 8192
    USER = 16384
    QUIET = 32768
    APPEND = 65536
    SYSTEM = 131072
    PROMPT = 262144
    CALL = 524288
    DECODE = 1048576
    ADDRESS = 2097152
    URL = 4194304
    PHONE = 8388608
    NOTE = 33554432
    MAIL = 67108864
    """To send, or what is sent."""
    LATE = 16777216
    """A word to override with in a language that puts its verbs last."""
    # From here on only the trained model asks.
    ROLE = 1 << 27
    ANSWER = 1 << 28
    WRITE = 1 << 29
    AUTHORITY = 1 << 30
    FREE = 1 << 31
    NEW = 1 << 32
    DELETE = 1 << 33
    PAY = 1 << 34
    OPEN = 1 << 35
    CHANGE = 1 << 36
    ASK = 1 << 37
    ME = 1 << 38
    YOU = 1 << 39
    PERSON = 1 << 40
    """What belongs to a person: date of birth, address, account."""
    TOOL = 1 << 41
    MODEL = 1 << 42


_TABLE: Final[dict[Concept, str]] = {
    Concept.OVERRIDE: """
        ignore ignores ignoring disregard* forget override overriding overrule bypass neglect discard ignoriere*
        ignorieren missachte* vergiss vergessen übergehe* ignorez ignorer oublie oublier oubliez négligez ignora
        ignorar ignore ignoren ignoras olvida olvidar olvide olviden descarta omite ignorem esqueça esqueca
        esquecer desconsidere desconsiderar desconsidera ignorare ignorate dimentica dimenticare dimenticate
        trascura negeer negeren vergeet vergeten zignoruj ignoruj ignorować zapomnij pomiń игнорируй*
        игнорировать проигнорируй* забудь* забыть strunta ignorera glöm bortse ignorer glem ignoroi unohda
        abaikan lupakan kalimutan تجاهل انس נתעלם התעלם שכח ignoră uită bỏ quên ausblenden verwirf* verwerfen
        umgeh* outrepasse* contourne* désactive* anula anular desactiva* saltate ignóralo desobedece* anule burle
        ignorá bypassa aggira annulla omzeil* obejdź pomijaj ignoruj* zapomen* ignorova* přehlédn* vynech*
        обойди* отбрось* ігнору* проігнору* обійди* ignoroi* unohda* ohita* unut* görmezden atla* تجاهل* انسى
        انسوا تخطى تجاوز התעלמו התעלמי שכחי תשכח* فراموش अनदेखा अनदेखी नज़रअंदाज़ नजरअंदाज उपेक्षा भूल भूलकर
        উপেক্ষা অগ্রাহ্য ভুলে abaikan* lupakan* lewati balewalain αγνόησ* αγνοήσ* ξέχν* ξεχάσ* παράκαμψ*
        παράβλεψ* ignorați uitați nesocotește felejts felejtsd mellőzd puuza sahau 무시* 잊어* 잊으* 잊고 무효화*
        نادیده""",
    Concept.LATE: """
        yoksay unut görmezden अनदेखा नजरअंदाज भूल উপেক্ষা ভুলে 무시* 잊어* 잊으* 잊고 unut* atla* অগ্রাহ্য अनदेखी
        नज़रअंदाज़""",
    Concept.PRIOR: """
        previous previously prior earlier above preceding foregoing former past before existing original initial
        vorherig* bisherig* früher* obig* vorangegangen* vorig* ursprünglich* précédent* antérieur* ci-dessus
        préalable* anterior* previa* previo* anteriormente prévia* prévio* acima precedent* preceden* sopra
        vorige eerdere voorgaande bovenstaande poprzedni* wcześniejsz* powyższ* предыдущ* прежн* ранее
        вышеуказанн* tidigare föregående ovanstående foregående tidligere aiemmat sebelumnya nakaraang önceki
        السابقة סעיף הקודמות पिछले পূর্ববর্তী আগের trước zuvor bislang précédemment auparavant avant antes arriba
        originales originais originale prima finora hierboven voorheen eerder wcześniej dotychczas* pierwotn*
        předchoz* dřívěj* výše původn* раньше выше исходн* первоначальн* попередн* раніше вище початков*
        ursprungliga ursprunglig forrige ovenfor aiemm* aikaisemm* edellis* yllä önce yukarıda* ilk السابق* سابقا
        أعلاه قبل הקודמ* קודמ* לעיל קודם قبلی پیشین بالا पिछली पिछला पहले पूर्व ऊपर উপরের আগে পূর্বের nãy đầu
        awal tadi diatas naunang nauna προηγούμεν* παραπάνω πριν αρχικ* anterioare korábbi fenti előző* awali
        iliyopita 이전* 앞선 앞의 지금까지""",
    Concept.ORDERS: """
        instruction* directions directive* prompts rules guidelines guardrails commands programming constraints
        restrictions policies safeguards orders task tasks anweisung* instruktion* vorgabe* regeln befehle
        richtlinien consigne* directives règles ordres instruccion* indicaciones reglas órdenes ordenes
        directrices instruç* instruco* regras ordens diretrizes istruzion* indicazioni regole ordini direttive
        instructies aanwijzingen regels opdrachten instrukcj* polece* zasad* reguł* инструкц* указани* правил*
        instruktioner anvisningar regler besked instrukser ohjeet instruksi tagubilin talimat* التعليمات ההוראות
        निर्देश* নির্দেশ* hướng auftrag aufträge aufgabe aufgaben anordnung* regel tâche tâches mission tarea
        tareas misión orden tarefa tarefas missão regra compito compiti incarico taak opdracht zadanie zadania
        úkol* pokyn* pravid* příkaz* задач* задани* команд* приказ* інструкц* вказів* завдан* uppgift* opgave*
        oppgave* ohjei* tehtäv* sääntö* görev* komut* kural* yönerge* تعليمات أوامر الأوامر مهمة مهمتك القواعد
        قواعد توجيهات התעלמות הוראות משימה המשימה כללים הנחיות دستور* وظیفه قوانین आदेश आदेशों नियम नियमों कार्य
        নিয়ম কাজ lệnh nhiệm quy perintah tugas* aturan petunjuk tagubilin* utos patakaran gawain οδηγί* εντολ*
        εργασία κανόν* καθήκον instrucțiun* sarcin* utasítás* feladat* szabály* maagizo kazi sheria amri 지시*
        지침* 명령* 규칙* 임무* 작업* regulă reguli regulile regulas""",
    Concept.ALL: """
        all any every everything alle alles sämtliche toutes tous tout todas todos todo tutte tutti tutto
        wszystkie wszystko все всё alla allt jede hepsini tüm allem jegliche* sämtlich* gesamte* toute quoi
        totalmente cualquier toda qualquer qualsiasi tutta iedere elke każd* všechn* všech* всех любой любые усі
        всі kaikki kaiken bütün كل جميع כל همه सभी सब हर সব সমস্ত সকল mọi tất semua seluruh setiap lahat bawat
        όλα όλες κάθε όλους toate tot orice összes minden yote kila 모든 전부 모두 تمام""",
    Concept.YOUR: """
        your deine deinen ihre ihren vos tes tus sus teu seus suas tue tuoi vostre jouw uw twoje твои ваши dina
        deiner deinem ton vosotros vuestras tua tuo vostra jij twoja twoich tvoje tvé твой твоя твоих твої ditt
        din dine sinun senin kendi خاصتك שלך שלכם तुम्हारे तुम्हारा आपके आपका आपकी তোমার আপনার kamu anda iyong
        mong σου σας tău tale voastră yako 너의 당신의""",
    Concept.MINE: """
        my our meine unsere mes nos mis nuestras meus nossas mie nostre mijn onze moje nasze мои наши mina våra i""",
    Concept.AI: """
        ai llm llms assistant* agent agents chatbot* bot bots gpt chatgpt claude gemini copilot ki assistent*
        assistenz* ia asistente* assistente* asystent* ассистент* помощник* ии бот assistenten copiloto copilota
        sprachmodell* agenten agente agentes agenti taalmodel taalmodellen agenta agentů umělá агент* бота
        асистент* помічник* ші språkmodell* agent* tekoäly* avustaja* agentti* yapay zeka asistan* botu المساعد
        مساعد مساعدا الوكيل الذكاء الاصطناعي עוזר העוזר בינה סוכן הבינה دستیار هوش مصنوعی सहायक एआई असिस्टेंट
        एजेंट বট সহায়ক সহকারী এআই এজেন্ট trợ asisten agen katulong ahente βοηθ* τεχνητή πράκτορ* asistent*
        agentul asszisztens* ügynök* msaidizi wakala 어시스턴트* 에이전트* 인공지능* 비서* 챗봇*""",
    Concept.MUST: """
        must should shall has have need needs muss musst soll müssen doit doivent devez debe debes deben deve
        devono devi moet moeten musi musisz należy должен должна обязан* måste ska skal sollst sollen solltest
        devriez tienes tenéis precisa precisam tens devete dovete dient powinieneś trzeba musíš má должны нужно
        надо повинен мусиш потрібно bör må täytyy pitää zorunda* gerek* malısın melisin يجب عليك עליך חייב צריך
        باید चाहिए होगा অবশ্যই হবে phải cần harus wajib dapat kailangan πρέπει οφείλεις trebuie kell muszáj
        lazima 해야* 반드시""",
    Concept.NOTE: """
        note notice message memo hinweis nachricht mitteilung avis nota mensaje mensagem messaggio bericht
        wiadomość uwaga сообщение примечание meddelande p.s ps nachrichten anmerkung remarque aviso aviso*
        anotação notitie uwagi poznámka zpráva примітка повідомлення zprávy huomautus mesaj* bildirim* ملاحظة
        رسالة تنبيه הודעה הערה پیام नोट सूचना संदेश বার্তা নোট catatan pesan paalala mensahe σημείωση μήνυμα notă
        mesaj megjegyzés üzenet ujumbe 메시지* 알림* 참고""",
    Concept.ATTENTION: """
        attention attn achtung atención atencion atenção attenzione uwaga внимание aandacht""",
    Concept.SEND: """
        send sends sending forward forwards forwarding post upload transmit exfiltrate submit transfer deliver cc
        bcc copy share dispatch sende* schick* weiterleit* leite übermittl* maile envoie envoyer envoyez
        transfère transférer transférez transmets envía envia enviar envíe envie reenvía reenvia reenviar reenvíe
        manda mandar encaminhe encaminhar encaminha mande invia inviare inoltra inoltrare spedisci stuur sturen
        doorsturen wyślij wysłać prześlij przesłać przekaż отправь* отправить перешли* переслать пришли* skicka
        sänd vidarebefordra send videresend lähetä kirim gönder ارسل أرسل שלח भेजें পাঠান gửi verschick*
        verschicken kopiere* veröffentliche* übertrage* partage partagez envoies copie copiez publie comparte
        compartir publica remite mándame copia compartilhe compartilhar publique repasse condividi condividere
        pubblica deel verzend verzenden verstuur kopieer udostępnij skopiuj opublikuj pošli pošlete přepošli*
        odešli* sdílej отправляй* поделись скопируй* опубликуй* надішли* відправ* поділись skicka* dela
        videresend* lähetä* jaa välitä gönder* ilet* yolla* paylaş* yönlendir* أرسلي إرسال حول شارك مرر توجيه
        שלחי העבר העברי שתף ارسال भेजो भेजिए भेजना भेज अग्रेषित फॉरवर्ड साझा পাঠাও পাঠিয়ে ফরওয়ার্ড শেয়ার
        chuyển kirim* teruskan bagikan ipadala ipasa ibahagi magpadala στείλε στείλτε προώθησ* κοινοποίησ*
        αποστολή trimite* redirecționează transmite* küld* továbbíts* oszd tuma sambaza peleka 보내* 전달* 전송*
        공유* 발송* بفرست بفرستید""",
    Concept.MAIL: """
        mail email e-mail mails emails mailen nachrichten courriel* correo correos posta письм* письма листи
        poczt* meddelanden بريد البريد מייל הדוא ईमेल ইমেইল ইমেল thư surel barua mensaje* mensagens messaggi
        μηνύματα 이메일* 메일*""",
    Concept.SECRET: """
        password passwords passcode* code codes otp otps credential* token tokens secret secrets login logins
        inbox mailbox contacts contact-list address-book cookies keys apikey* api-key* pin pins payroll salary
        salaries conversation history contents invoices passwort* passwörter kennwort* kennwörter zugangsdaten
        codes geheimnis* posteingang adressbuch mot-de-passe passe identifiants secrets contraseña* contrasena*
        código* codigo* credencial* claves senha* credenciais codice codici credenziali wachtwoord* inloggegevens
        hasła hasło hasł* kod* kody пароль пароли паролей код коды кодов lösenord* koder koden adressbok* kode
        kata-sandi sandi şifre* كلمة كلمات mật geheim* schlüssel zugang* anmeldedaten clé clés identifiant clave
        secreto secretos llave llaves segredo segredos chave chaves segreto segreti chiave chiavi geheim geheime
        sleutel* klucz* tajn* sekret* heslo hesla hesel klíč* секрет* ключ* код* парол* логин* ключі таємн*
        hemlig* adgangskode* passord* salasana* salaisu* koodi* avain* parola* gizli anahtar* السر سر سرية
        المفتاح مفاتيح رمز الرمز المرور مرور بيانات סיסמה סיסמאות הסיסמה סוד סודות מפתח קוד הקוד گذرواژه کلید
        पासवर्ड गुप्त गोपनीय कोड कुंजी রহস্য পাসওয়ার্ড গোপন কোড চাবি khẩu khóa mã rahasia kunci sikreto lihim
        κωδικ* μυστικ* κλειδι* συνθηματικ* parol* parola secrete cheile jelsz* titk* kulcs* nywila nenosiri siri
        msimbo funguo 비밀* 암호* 패스워드* 키를 코드* 열쇠* cod codul coduri codurile""",
    Concept.REVEAL: """
        reveal reveals disclose expose leak print output repeat display show hand give extract dump list quote
        verrate* zeige offenbare* gib révèle révéler révélez affiche affichez donne donnez revela revelar muestra
        mostrar dime revele mostre rivela rivelare mostra onthul toon ujawnij pokaż раскрой* покажи* выведи* visa
        avslöja zeig zeigen nenne nennen enthülle* ausgeben ausgabe wiederhole* drucke liste gebe montre montrez
        répète répétez donner dame enseña imprime repite enumera entrega dê diga imprima repita dammi mostrami
        stampa ripeti elenca geef noem herhaal druk pokazać podaj wypisz powtórz wydrukuj ukaž* zobraz* prozraď*
        vypiš* zopakuj назови* выдай* повтори* напечатай* дай розкри* назви* виведи* ge upprepa vis gi näytä
        paljasta kerro anna tulosta toista göster* söyle* açıkla* ver yazdır* tekrarla* اكشف أظهر اعرض أعطني كرر
        اطبع גלה הצג תגיד תן הדפס חזור نشان بده افشا दिखाओ दिखाएं बताओ बताएं बताइए खुलासा दोहराओ दो দেখাও বলো
        বলুন প্রকাশ দিন đưa lặp tampilkan ungkapkan berikan sebutkan cetak ulangi ipakita ibunyag ibigay ulitin
        δείξε αποκάλυψε δώσε εμφάνισε τύπωσε επανάλαβε arată dezvăluie afișează repetă mutasd áruld írd ismételd
        onyesha fichua nipe rudia 보여* 공개* 알려* 출력* 반복*""",
    Concept.NOT: """
        not never don't dont without no nicht niemals ohne keine kein ne jamais sans pas nunca sin não nao sem
        non mai senza niet nooit zonder nie nigdy bez не никогда без inte aldrig utan ikke nichts kein* rien
        ningún nada tampouco nemmeno niente niets geen nic ani žádn* nikdy нет ничего ні ніколи ingen ingenting
        älä ilman ei değil olmadan asla hiç لا لن بدون لم ليس אל לא בלי نکن नहीं मत बिना না নয় ছাড়া không đừng
        jangan tidak tanpa huwag hindi walang μην δεν χωρίς ποτέ nu fără niciodată nem nélkül soha bila kamwe
        말고 마세요 않고 없이 말아* 마라""",
    Concept.TELL: """
        tell telling mention mentioning inform informing notify notifying alert alerting report say saying warn
        show reveal sag sage sagen erwähne* informiere* benachrichtig* dis dire dites mentionne* informe*
        informer diga decir menciona* mencione* avise avisar dire informare menzionare vertel vermeld mów
        wspominaj informuj говори* сообщай* упоминай* berätta nämn erzähle* antworte* prévenez raconte cuéntale
        avísale díselo informa conte dica di racconta avvisa zeg vertel* meld* powiedz poinformuj wspomnij řekni*
        zmiň* informuj* скажи* расскажи* сообщи* упомяни* повідом* розкажи* згадуй* säg berätta* si fortell sano
        mainitse* kerro* söyle* anlat* bahset* bildir* قل أخبر تخبر أبلغ تذكر אמור ספר תספר הודע تذکر कहो कहें
        बताना जानकारी বলো জানাও উল্লেখ nói kể báo katakan beritahu sebutkan sabihin banggitin πες πείτε ενημέρωσε
        αναφέρεις spune spuneți menționa* mondd szólj említsd mwambie sema taja 말해* 말하* 알리* 언급* بگو
        بگویید""",
    Concept.USER: """
        user users owner human reader recipient principal nutzer* benutzer* besitzer* utilisateur* usuario*
        usuário* utente gebruiker* użytkownik* пользовател* användare* ägaren anwender* inhaber* kunde*
        empfänger* leser propriétaire destinataire lecteur propietario destinatario lector dueño proprietário
        destinatário leitor dono proprietario lettore eigenaar ontvanger lezer właściciel* odbiorc* uživatel*
        příjemc* владел* получател* користувач* власник* ägare brukeren eier käyttäjä* omistaja* kullanıcı*
        sahibi* alıcı* المستخدم للمستخدم مستخدم المالك משתמש המשתמש למשתמש הבעלים کاربر उपयोगकर्ता यूज़र यूजर
        मालिक ব্যবহারকারী ব্যবহারকারীর ব্যবহারকারীকে মালিক dùng pengguna pemilik gumagamit χρήστη* ιδιοκτήτη*
        παραλήπτη* utilizator* felhasznál* tulajdonos* mtumiaji mmiliki 사용자* 유저* 주인* صاحب proprietario
        proprietária proprietário proprietarul""",
    Concept.QUIET: """
        silently secretly quietly covertly discreetly stealthily unnoticed heimlich stillschweigend unauffällig
        discrètement secrètement silencieusement secretamente silenciosamente discretamente segretamente
        silenziosamente stiekem stilletjes potajemnie cicho тайно незаметно молча tysthet hemlighet unbemerkt
        leise secret cachette sigilosamente escondidas escondido nascosto nascostamente ukradkiem tajně potichu
        втайне тихо таємно непомітно tyst salaa hiljaa gizlice sessizce سرا بهدوء בסתר בשקט चुपके चुपचाप গোপনে
        চুপিচুপি diam palihim tahimik κρυφά σιωπηλά ascuns discret titokban csendben kimya 몰래 조용히 비밀리에""",
    Concept.APPEND: """
        append appended appending parameter querystring anhängen angehängt ajoute ajouter ajoutant añade añadir
        agrega acrescente aggiungi end füge ergänze* ajoutez insère insérez inclus añada incluye inserta adicione
        adicionar inclua insira aggiungere includi inserisci voeg toevoegen dodaj dołącz wstaw přidej vlož
        добавь* вставь* включи* додай* встав* lägg infoga lisää ekle* dahil* أضف أدرج הוסף צרף जोड़ो जोड़ें शामिल
        যোগ যুক্ত thêm chèn tambahkan sertakan idagdag isama πρόσθεσε συμπερίλαβε adaugă include fűzd tedd ongeza
        추가* 덧붙* 포함*""",
    Concept.SYSTEM: """
        system système sistema systeem systemu система systems systemen systemnachricht* systemprompt* système*
        sistemas systeem* systemow* systém* системн* системы системна järjestelm* sistem* النظام نظام מערכת
        המערכת सिस्टम সিস্টেম sistem sistemang σύστημα συστήματος sistemului rendszer* mfumo 시스템*""",
    Concept.PROMPT: """
        prompt prompts prompt* systemprompt* invite eingabeaufforderung* промпт* موجه प्रॉम्प्ट প্রম্পট promptul
        프롬프트*""",
    Concept.CALL: """
        phone call dial ring rufe anrufen appelle appelez llama llame ligue chiama bel zadzwoń позвони*
        telefoniere* telefonla* اتصل התקשר फ़ोन फोन কল gọi telepon telpon tumawag κάλεσε sună hívd piga 전화*""",
    Concept.DECODE: """
        decode decoded decrypt base64 rot13 hex dekodier* entschlüssel* décode* decodifica* dekóduj* расшифруй*
        декодир* розшифруй* avkoda koodaa çöz* kodla* encode encoded encrypt morse فك ترميز פענח डिकोड ডিকোড
        dekode αποκωδικοποίησε decodează dekódold 해독* 디코딩* 인코딩*""",
    Concept.ROLE: """
        pretend pretending act acting role roles roleplay persona character imagine suppose assume simulate
        behave impersonate play scenario hypothetical* fictional rolle rollen spiele schauspiel* verhalte* stell
        vorstell* simuliere* szenario rôle jouer joue prétends imaginez simule comporte* scénario papel finge
        fingir actúa imagina suponga supongamos simula escenario personaje finja atue suponha cenário personagem
        ruolo fingi immagina supponi interpreta personaggio rol speel gedraag veronderstel rola rolę udawaj
        wyobraź zachowuj załóż předstírej představ předpokládej роль роли притворись представь* предположи*
        сценари* персонаж* уяви* припусти* прикинься roll låtsas föreställ spela forestill rooli kuvittele
        teeskentele esitä rolü davran* hayal varsay* taklit senaryo* دور تظاهر تخيل افترض تصرف تقمص תפקיד העמד
        דמיין תאר נניח نقش تصور فرض भूमिका कल्पना मान अभिनय ভূমিকা কল্পনা ধরুন অভিনয় vai tưởng giả peran
        bayangkan berpura* anggap isipin magpanggap kunwari ρόλο ρόλος φαντάσου προσποιήσου υπόθεσε rolul
        imaginează prefă presupune szerep* képzeld tégy jukumu jifanye fikiria 역할* 상상* 가정* 행동* سيناريو""",
    Concept.ANSWER: """
        answer answers reply respond response responses summary summarize summarise summarizing completion output
        antworte* antwort antworten zusammenfass* réponds répondez réponse réponses résumé résume responde
        responda respuesta respuestas resumen resume resposta respostas resumo resuma rispondi rispondere
        risposta risposte riassunto riassumi antwoord antwoorden samenvat* odpowiedz odpowiedź odpowiadaj
        podsumuj* podsumowani* odpověz* odpověď shrň shrnutí ответь* ответ* отвечай* резюм* кратк* відповід*
        підсум* svara svar sammanfatt* svare vastaa* vastaus* tiivist* cevap* cevapla* yanıt* özet* أجب إجابة
        الإجابة رد ملخص ענה תשובה סכם תקציר پاسخ جواب उत्तर जवाब सारांश উত্তর জবাব সারাংশ trả jawab* ringkas*
        sagot sagutin buod απάντησ* απαντ* περίληψη răspunde răspuns* rezumat rezumă válaszolj válasz*
        összefoglal* jibu muhtasari 대답* 답변* 답하* 요약* לסכם رسالة""",
    Concept.WRITE: """
        write compose translate poem essay story song joke generate create haiku article sentence word words
        letters rewrite draft say speak schreib* verfasse* übersetz* gedicht* aufsatz geschichte witz erstelle*
        wort wörter satz écris écrivez rédige* traduis traduire poème essai histoire mot mots phrase escribe
        escriba redacta traduce poema ensayo historia palabra palabras frase escreva redija traduza ensaio
        história palavra palavras scrivi scrivere traduci poesia saggio storia parola parole schrijf vertaal
        gedicht opstel verhaal woord woorden zin napisz przetłumacz wiersz esej słowo słowem zdanie napiš přelož
        báseň slovo slovem напиши* переведи* стих* эссе рассказ* слово словом слова переклади* вірш* твір skriv
        översätt dikt uppsats ord oversett kirjoita käännä runo sana yaz yazın çevir* şiir* makale kelime*
        hikaye* اكتب ترجم قصيدة مقال قصة كلمة الكلمة כתוב תרגם שיר סיפור מילה המילה بنویس ترجمه شعر داستان लिखो
        लिखें लिखिए अनुवाद कविता निबंध कहानी शब्द লেখো লিখুন লিখ অনুবাদ কবিতা গল্প শব্দ viết dịch thơ truyện từ
        tulis terjemahkan puisi esai cerita kata sumulat isulat isalin tula sanaysay kuwento salita γράψε
        μετάφρασ* ποίημα έκθεση ιστορία λέξη scrie traduce* poezie eseu poveste cuvânt* írj fordítsd vers*
        történet szó andika tafsiri shairi hadithi neno 쓰세요 써줘 작성* 번역* 시를 이야기* 단어*""",
    Concept.AUTHORITY: """
        developer developers administrator admin boss creator authorized authorised permission approved authority
        authenticated maintenance debugging engineer security entwickler* administrator* chef vorgesetzt*
        erlaubnis berechtig* genehmigt* autorisiert* développeur* administrateur* patron autorisation autorisé*
        créateur desarrollador* administrador* jefe permiso autorizad* creador desenvolvedor* chefe permissão
        sviluppatore amministratore capo permesso autorizzat* creatore ontwikkelaar beheerder baas toestemming
        programist* szef* pozwolenie zgod* zatwierdził* vývojář* správce šéf* povolen* разработчик*
        администратор* начальник* разрешени* одобрил* создател* розробник* адміністратор* дозвіл схвали*
        utvecklare administratör tillstånd utvikler sjef kehittäjä* pomo* lupa* geliştirici* yönetici* patron*
        izin izni* onayla* مطور المطور مطورك مدير المدير إذن صلاحية وافق מפתח מנהל הרשאה אישר مدیر اجازه डेवलपर
        प्रशासक बॉस अनुमति विकासकर्ता ডেভেলপার প্রশাসক বস অনুমতি sếp phép pengembang* atasan* pinuno
        tagapangasiwa pahintulot προγραμματιστή* διαχειριστή* αφεντικό άδεια ενέκρινε dezvoltator* șef*
        permisiun* fejlesztő* rendszergazda* főnök* engedély* msanidi msimamizi bosi ruhusa 개발자* 관리자* 상사*
        허가* 승인*""",
    Concept.FREE: """
        unrestricted uncensored jailbreak jailbroken unlimited limitless filter filters unfiltered restriction
        censorship anything uneingeschränkt grenzenlos* regellos* einschränkung* illimité* restrictions filtré
        ilimitad* restriccion* censura ilimitado restriç* illimitat* restrizion* onbeperkt* beperking* ograniczeń
        nieograniczon* omezení neomezen* ограничени* неограниченн* обмежен* begränsningar rajoitu* sınırsız*
        kısıtlama* قيود הגבלות محدودیت प्रतिबंध सीमा সীমাবদ্ধতা batasan pembatasan limitasyon περιορισμ*
        restricți* korlátoz* mipaka 제한*""",
    Concept.NEW: """
        new now instead next actually henceforth onwards begin neue neuen neues jetzt nun stattdessen ab fortan
        nouvelle nouveau nouvelles maintenant désormais plutôt nueva nuevas nuevo ahora adelante lugar agora nova
        novas novo diante vez ora adesso nuovo nuova nuove invece poi nieuwe nu vanaf plaats nowe nowa nowy teraz
        odtąd zamiast nové nová nyní odteď místo новая новые новое теперь отныне вместо нова нові тепер відтепер
        замість ny nya istället nye nå isteden uusi nyt sijaan yeni şimdi artık yerine الآن جديدة جديد بدلا חדש
        חדשה במקום עכשיו اکنون جدید अब नया नई बजाय এখন নতুন পরিবর্তে giờ mới thay sekarang baru mulai ngayon bago
        halip τώρα νέα νέες αντί acum nouă noi schimb most új helyette sasa mpya badala 이제 지금부터 새로운 대신""",
    Concept.DELETE: """
        delete erase remove wipe destroy lösch* entferne* supprime* efface* borra borre elimina elimine apague
        apagar exclua cancella cancellare verwijder* usuń skasuj smaž* odstraň* удали* сотри* видали* radera
        slett* slet poista* sil silin احذف امسح מחק מחקי حذف हटाओ हटाएं मिटाओ মুছে xóa hapus* burahin διάγραψε
        σβήσε șterge töröld futa 삭제* 지워*""",
    Concept.PAY: """
        pay payment transfer money dollars euros wire bank purchase buy gift refund überweis* geld kaufe* zahl*
        virement payez paie argent achète transfiere dinero paga compra dinheiro pague compre transfira bonifico
        denaro soldi overmaken betaal koop przelew* przelej pieniądze zapłać kup převeď peníze zaplať перевод*
        деньги оплати* купи* переказ* гроші pengar betala köp penger betal rahaa maksa osta para öde* satın
        havale حول المال ادفع دولار اشتر העבר כסף שלם קנה پول पैसे भुगतान खरीदो টাকা পরিশোধ tiền mua uang bayar*
        beli pera bayaran bilhin χρήματα πλήρωσε αγόρασε bani plătește cumpără pénz fizess utal* pesa lipa nunua
        돈을 송금* 결제* 구매*""",
    Concept.OPEN: """
        open click visit download run execute install navigate browse fetch follow öffne* klick* besuch*
        herunterlad* führe ouvre* clique* télécharge* exécute* abre abra haz clic descarga ejecuta clique baixe
        apri clicca scarica esegui klik voer otwórz kliknij pobierz uruchom otevři klikni stáhni spusť открой*
        нажми* скачай* выполни* запусти* відкрий* натисни* завантаж* виконай* öppna klicka ladda kör åpne klikk
        avaa napsauta lataa suorita aç tıkla* indir* çalıştır* افتح انقر حمل نفذ פתח לחץ הורד הרץ باز کلیک खोलो
        खोलें क्लिक डाउनलोड চালাও খুলুন ক্লিক ডাউনলোড mở nhấp tải chạy buka unduh jalankan buksan άνοιξε κατέβασε
        εκτέλεσε deschide apasă descarcă execută nyisd kattints töltsd futtasd fungua bofya pakua 열어* 클릭*
        다운로드* 실행*""",
    Concept.CHANGE: """
        add change update set grant approve accept create register invite enable disable ändere* ändern gewähre*
        genehmige* akzeptiere* lege richte modifie accorde approuve accepte crée cambia cambie modifica concede
        aprueba acepta altere mude conceda aprove aceite concedi approva accetta wijzig verander keur geef zmień
        przyznaj zatwierdź zaakceptuj utwórz změň schval přijmi vytvoř измени* предоставь* одобри* прими* создай*
        зміни* надай* схвали* ändra godkänn skapa endre godkjenn muuta hyväksy luo değiştir* onayla* kabul
        oluştur* غير وافق اقبل أنشئ שנה אשר צור تغییر बदलो बदलें स्वीकार बनाओ পরিবর্তন অনুমোদন tạo ubah setujui
        buat baguhin aprubahan άλλαξε έγκρινε δημιούργησε schimbă aprobă creează változtasd badilisha idhinisha
        변경* 승인* 수락* 생성*""",
    Concept.ASK: """
        what who which how why whose wer wie warum welche* wessen quel quelle quels comment pourquoi qué quién
        cuál cómo qual quem como che chi quale perché wat welk* waarom jaki jakie jaka kto jaké jaký kdo какой
        какая какие кто как почему який яка хто чому vad vem vilken hva hvem mikä kuka nasıl nedir ما من كيف ماذا
        لماذا מה מי איך למה چه کیست क्या कौन कैसे क्यों কি কী কে কেন gì sao nào apa siapa bagaimana mengapa ano
        sino paano bakit τι ποιος ποια πώς γιατί cine care cum ki milyen hogyan nini nani vipi 무엇* 누구* 어떻게""",
    Concept.ME: """
        me us mir uns mich moi nous mí nosotros nos noi mij ons mnie nam mně nám мне нам мені mig oss meg minulle
        bana bize لي لنا לי לנו मुझे हमें আমাকে আমাদের tôi saya aku kami akin μου μας mie nouă nekem nekünk nami
        나에게 내게 저에게""",
    Concept.YOU: """
        you du sie ihr ti tu toi vous usted tú vosotros eres você vocês voi sei je jij ty jesteś wy jsi ты вы
        тебе тобі ти ви dig sinä olet sen sensin أنت أنتم أنك אתה את אתם تو شما तुम आप तू তুমি আপনি bạn mày kamu
        anda engkau ikaw εσύ είσαι ești dumneavoastră vagy wewe 너는 당신은 당신이""",
    Concept.PERSON: """
        birth birthday address number account card credit private personal geburts* adresse kontonummer
        kreditkarte* persönlich* naissance compte carte nacimiento dirección cuenta tarjeta personales nascimento
        endereço conta cartão nascita indirizzo conto carta geboorte* adres rekening* urodzenia adres* konta
        karty narození účtu рождения адрес* счёт* карт* народження рахун* födelse* adress* konto* fødsels*
        syntymä* osoite* tili* doğum hesap* kart* الميلاد عنوان حساب بطاقة לידה כתובת חשבון כרטיס تولد आधार जन्म
        पता खाता कार्ड জন্ম ঠিকানা অ্যাকাউন্ট sinh thẻ lahir alamat rekening kartu kapanganakan tirahan γέννησης
        διεύθυνση λογαριασμ* κάρτα* naștere* adresa cont* card* születés* cím* számla* kártya* kuzaliwa anwani
        akaunti 생년월일* 주소* 계좌* 카드*""",
    Concept.TOOL: """
        tool tools function functions api shell terminal command script plugin database code browser calendar
        werkzeug* funktion* befehl skript datenbank kalender outil* fonction commande calendrier herramienta*
        función comando calendario ferramenta* função calendário strument* funzione hulpmiddel* functie agenda
        narzędzi* funkcj* kalendarz* nástroj* funkc* kalendář* инструмент* функци* календар* інструмент* функці*
        verktyg* kalender* verktøy työkalu* toiminto* araç* fonksiyon* takvim* أداة أدوات وظيفة التقويم כלי כלים
        פונקציה יומן ابزار उपकरण फ़ंक्शन कैलेंडर টুল ফাংশন ক্যালেন্ডার hàm lịch alat fungsi kasangkapan εργαλεί*
        συνάρτηση ημερολόγιο instrument* funcți* calendar* eszköz* függvény* naptár* zana 도구* 함수* 캘린더*
        일정*""",
    Concept.MODEL: """
        מודל نموذج model models automat* ia inteligencia inteligența inteligência intelligence intelligenza
        modele modelem modell modello modells modelo modelo* modelu modèle robot temsilci* μοντέλο модел* модели
        модель روبوت बट मॉडल মডেল 모델*""",
}
# Scripts written without blanks: what stands there is looked for as it is.
_UNSPACED_TABLE: Final[dict[Concept, str]] = {
    Concept.OVERRIDE: """
        忽略 无视 忘记 忽視 忽视 不理会 不用管 别管 忘掉 抛开 跳过 無視する 忘れて 取り消 ละเว้น เพิกเฉย ไม่สนใจ
        ลืม ข้าม มองข้าม""",
    Concept.LATE: """
        無視 忘れ 무시 잊""",
    Concept.PRIOR: """
        之前 以前 以上 上述 先前 これまで 前の 이전 上面 前面 此前 先前的 最初 原来 原始 元の 上記 先ほど 今まで
        ก่อนหน้า ข้างต้น ก่อน ด้านบน เดิม""",
    Concept.ALL: """
        所有 すべて 全部 一切 任何 全て 全部の あらゆる 每个 ทั้งหมด ทุก""",
    Concept.ORDERS: """
        指令 指示 说明 命令 규칙 지시 명령 规则 ルール 任务 規則 規定 指南 准则 準則 指引 任務 タスク 命じ 規約
        ガイドライン คำสั่ง คำแนะนำ กฎ คําสั่ง คําแนะนํา ภารกิจ งาน""",
    Concept.AI: """
        助手 人工智能 アシスタント エージェント 机器人 機器人 智能体 代理 模型 人工智慧 助理 モデル ボット
        人工知能 ผู้ช่วย เอไอ บอท โมเดล ปัญญาประดิษฐ์ ตัวแทน""",
    Concept.NOTE: """
        致 注意 通知 备注 お知らせ 注記 หมายเหตุ ข้อความ""",
    Concept.SEND: """
        발송 发送 转发 發送 轉發 送信 転送 送って 보내 전달 寄给 发给 發給 傳送 轉寄 分享 上传 送り 送る 共有
        ส่งต่อ ส่ง แชร์ แบ่งปัน""",
    Concept.SECRET: """
        密码 密碼 验证码 パスワード コード 비밀번호 密钥 金鑰 秘密 驗證碼 口令 凭据 機密 机密 秘密の 暗証 鍵
        รหัสผ่าน รหัส ความลับ ลับ กุญแจ""",
    Concept.USER: """
        用户 ユーザー 使用者 用戶 主人 利用者 持ち主 ผู้ใช้ เจ้าของ""",
    Concept.NOT: """
        不要 不 别 勿 ないで せずに なしで ไม่ อย่า โดยไม่ ห้าม""",
    Concept.TELL: """
        告诉 告訴 说 說 通知用户 伝え 言って 知らせ 言う บอก พูด แจ้ง กล่าว""",
    Concept.QUIET: """
        秘密 偷偷 こっそり 悄悄 暗中 默默 密かに 黙って แอบ เงียบ""",
    Concept.YOUR: """
        你的 您的 あなたの 君の ของคุณ""",
    Concept.MUST: """
        必须 必須 应该 應該 务必 しなければ べき ต้อง ควร จำเป็น จําเป็น""",
    Concept.REVEAL: """
        显示 顯示 透露 输出 輸出 打印 重复 重複 给我 給我 泄露 表示して 教えて 明かして 出力 繰り返 แสดง เปิดเผย
        บอก พิมพ์ ให้ฉัน""",
    Concept.APPEND: """
        添加 附加 加上 加入 追加 付け加え เพิ่ม แนบ""",
    Concept.SYSTEM: """
        系统 系統 システム ระบบ""",
    Concept.PROMPT: """
        提示词 提示 プロンプト พรอมต์""",
    Concept.MAIL: """
        邮件 郵件 电子邮件 メール อีเมล""",
    Concept.CALL: """
        打电话 致电 電話 โทร""",
    Concept.DECODE: """
        解码 解碼 编码 编碼 解読 エンコード デコード ถอดรหัส เข้ารหัส""",
    Concept.ROLE: """
        扮演 角色 假装 假裝 想象 想像 假设 假設 演じ 役割 役に ふりをし 想像して 仮定 シナリオ บทบาท แสร้ง สมมติ
        จินตนาการ สวมบท""",
    Concept.ANSWER: """
        回答 回复 回覆 答复 摘要 总结 總結 答え 返答 要約 回答して ตอบ คำตอบ สรุป""",
    Concept.WRITE: """
        写 寫 翻译 翻譯 诗 詩 作文 故事 单词 這個詞 书写 書いて 訳して 翻訳 物語 単語 เขียน แปล บทกวี เรียงความ
        นิทาน คำว่า คําว่า""",
    Concept.AUTHORITY: """
        开发者 開發者 开发人员 管理员 管理員 老板 授权 授權 批准 许可 権限 許可 開発者 管理者 上司 承認 นักพัฒนา
        ผู้ดูแล เจ้านาย หัวหน้า อนุญาต อนุมัติ""",
    Concept.FREE: """
        没有限制 不受限制 限制 制限 何でも ข้อจำกัด จำกัด""",
    Concept.NEW: """
        现在 現在 从现在 新的 改为 而是 今から 新しい 代わりに これから ตอนนี้ ใหม่ แทน ต่อจากนี้""",
    Concept.DELETE: """
        删除 刪除 清除 削除 消して ลบ""",
    Concept.PAY: """
        转账 轉帳 付款 购买 送金 支払 購入 โอนเงิน จ่าย ซื้อ เงิน""",
    Concept.OPEN: """
        打开 打開 点击 點擊 下载 下載 运行 執行 执行 開いて クリック ダウンロード 実行 เปิด คลิก ดาวน์โหลด รัน""",
    Concept.CHANGE: """
        更改 修改 接受 创建 變更 変更 承諾 作成 เปลี่ยน แก้ไข ยอมรับ สร้าง""",
    Concept.ASK: """
        什么 什麼 谁 誰 怎么 如何 为什么 何ですか どう なぜ อะไร ใคร อย่างไร ทำไม""",
    Concept.ME: """
        我 私に 僕に ฉัน ผม เรา""",
    Concept.YOU: """
        你 您 あなた お前 คุณ เธอ""",
    Concept.PERSON: """
        出生 生日 地址 电话 账户 信用卡 生年月日 住所 口座 電話番号 カード วันเกิด ที่อยู่ บัญชี บัตร หมายเลข""",
    Concept.TOOL: """
        工具 函数 接口 脚本 日历 ツール 関数 コマンド カレンダー เครื่องมือ ฟังก์ชัน ปฏิทิน""",
}


def _tables() -> tuple[dict[str, int], dict[str, int], tuple[int, ...], dict[str, int]]:
    whole: dict[str, int] = {}
    stems: dict[str, int] = {}
    unspaced: dict[str, int] = {}
    for concept, words in _TABLE.items():
        for word in words.split():
            table = stems if word.endswith("*") else whole
            key = word.rstrip("*")
            table[key] = table.get(key, 0) | int(concept)
    for concept, words in _UNSPACED_TABLE.items():
        for word in words.split():
            unspaced[word] = unspaced.get(word, 0) | int(concept)
    return whole, stems, tuple(sorted({len(stem) for stem in stems})), unspaced


_WHOLE, _STEMS, _LENGTHS, _UNSPACED = _tables()
_RULES: Final = int(Concept.ROLE) - 1
"""What the rules ask for."""
# Letters, and the marks that are written around them.
_LETTER: Final = r"\w\u0300-\u036f\u0591-\u05bd\u064b-\u0652\u0900-\u0963\u0966-\u0dff\u0e30-\u0e4e"
_TOKEN: Final = on_demand(
    r"(?P<stop>[.!?;](?=\s)|[\u0964\u3002\uff01\uff1f]|\n[ \t]*+\n|\n[ \t]*+[-*>|])"
    r"|(?P<url>https?://[^\s<>\"]{3,2000})|(?P<phone>\+?\d[\d()./-]*+(?: \d[\d()./-]*+)++)"
    rf"|(?P<word>[{_LETTER}]++(?:['’-][{_LETTER}]++)*+)(?P<address>@[\w-]++\.[\w.-]++)?",
)
_AT_A_GLANCE: Final = on_demand(re.sub(r"\(\?P<\w+>", "(?:", _TOKEN.pattern))
_STOPS: Final = frozenset(".!?;\u0964\u3002\uff01\uff1f\n")
_NO_BLANKS: Final = on_demand("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
UNSPACED_WORDS: Final = "|".join(sorted(_UNSPACED, key=len, reverse=True))
"""A pattern for words that mean something in writing without blanks."""
_UNSPACED_WORD: Final = on_demand(UNSPACED_WORDS)


SENTENCE: Final = 100
"""By how much `place` grows from one sentence to the next, beside its words."""


_PARTS: Final = on_demand("['’-]")


class Meaning(NamedTuple):
    """A word that means something: how many words came before it (`place`), what it means, where it stands."""

    place: int
    bits: int
    start: int
    end: int


@lru_cache(maxsize=16_384)
def _bits(word: str) -> int:
    bits = _WHOLE.get(word, 0)
    for length in _LENGTHS:
        if length > len(word):
            break
        bits |= _STEMS.get(word[:length], 0)
    if "\u0590" <= word[:1] <= "\u06ff":
        # "And", "the", "to" are letters before the word in Hebrew and Arabic.
        for at in range(1, min(4, len(word) - 2)):
            if word[at - 1] not in _BEFORE:
                break
            bits |= _WHOLE.get(word[at:], 0)
    if not word.isalnum():
        for part in _PARTS.split(word):
            if part != word:
                bits |= _bits(part)
    return bits


_BEFORE: Final = "والبفكسהובכלמש"


def meaning(word: str) -> int:
    """What one word in lower case means, as bits of Concept."""
    return _UNSPACED.get(word, 0) or (_bits(word) if len(word) <= _LONGEST_WORD else 0)


def concepts(text: str) -> list[Meaning]:
    """The meaning words of `text` in order."""
    found: list[Meaning] = []
    place = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        place += 1
        if kind == "stop":
            # What one sentence says and what the next one says do not make an order together.
            place += SENTENCE
            continue
        if kind == "word":
            word = match["word"]
            bits = _bits(word.lower()) & _RULES if len(word) <= _LONGEST_WORD else 0
            if not bits:
                if not word.isascii() and _NO_BLANKS.search(word):
                    found += _unspaced(word, place, match.start())
                    place += len(word) // 2
                continue
        elif kind == "address":
            bits = int(Concept.ADDRESS)
        elif kind == "url":
            bits = int(Concept.URL)
        else:
            bits = int(Concept.PHONE) if sum(map(str.isdigit, match[0])) >= _LEAST_DIGITS else 0
            if not bits:
                continue
        found.append(Meaning(place, bits, match.start(), match.end()))
    return found


def glance(text: str) -> list[tuple[int, int]] | None:
    """`place` and `bits` of each of concepts(text), which takes three times as long; None where it must be asked."""
    if not text.isascii() and _NO_BLANKS.search(text):
        return None
    found: list[tuple[int, int]] = []
    place = 0
    for token in _AT_A_GLANCE.findall(text):
        place += 1
        if bits := _glanced(token) if len(token) <= _LONGEST_WORD else _kept_apart(token):
            if bits < 0:
                place += SENTENCE
            else:
                found.append((place, bits))
    return found


_LONGEST_WORD: Final = 40


@lru_cache(maxsize=16_384)
def _glanced(token: str) -> int:
    return _kept_apart(token) or _bits(token.lower()) & _RULES


def _kept_apart(token: str) -> int:
    """The bits of a token that is no word, -1 for one that ends a sentence; 0 for words."""
    if token[0] in _STOPS:
        return -1
    if "://" in token:
        return int(Concept.URL)
    if "@" in token:
        return int(Concept.ADDRESS)
    return int(Concept.PHONE) if " " in token and sum(map(str.isdigit, token)) >= _LEAST_DIGITS else 0


_LEAST_DIGITS: Final = 7


def _unspaced(word: str, place: int, start: int) -> list[Meaning]:
    """Meanings within a run of text without blanks, where two characters count as a word."""
    return [
        Meaning(place + match.start() // 2, bits, start + match.start(), start + match.end())
        for match in _UNSPACED_WORD.finditer(word)
        if (bits := _UNSPACED[match[0]] & _RULES)
    ]
