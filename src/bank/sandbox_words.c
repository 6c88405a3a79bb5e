/* The words of the bank's pages: what the code says in English, and the same in other languages. */
#include <string.h>

#include "ground/text.h"
#include "sandbox_page.h"

static const char *const languages[] = {"en", "ro", "de", "fr", "ar", NULL};
#define LANGUAGES (sizeof languages / sizeof *languages - 1)

static const struct {
    const char *english, *other[LANGUAGES - 1];
} rows[] = {
    /* the frame */
    {"Error:", {"Eroare:", "Fehler:", "Erreur :", "خطأ:"}},
    {"This page cannot be shown",
     {"Pagina nu poate fi afișată", "Diese Seite kann nicht gezeigt werden", "Cette page ne peut pas être affichée",
      "لا يمكن عرض هذه الصفحة"}},
    {"Go back to the application that sent you here, and start again.",
     {"Întoarceți-vă la aplicația care v-a trimis aici și începeți din nou.",
      "Gehen Sie zurück zu der Anwendung, von der Sie kommen, und beginnen Sie von vorn.",
      "Retournez à l’application qui vous a envoyé ici, et recommencez.", "ارجع إلى التطبيق الذي أرسلك إلى هنا، وابدأ من جديد."}},
    {"This is no real bank. Any customer number and any PIN will do; do not enter those of a real account.",
     {"Aceasta nu este o bancă adevărată. Orice număr de client și orice PIN sunt bune; nu le introduceți pe cele ale unui cont adevărat.",
      "Das ist keine echte Bank. Jede Kundennummer und jede PIN sind recht; geben Sie keine eines echten Kontos ein.",
      "Ce n’est pas une vraie banque. Tout numéro de client et tout code conviennent ; ne saisissez pas ceux d’un vrai compte.",
      "هذا ليس مصرفًا حقيقيًا. أي رقم عميل وأي رمز سري مقبولان؛ لا تُدخل ما يخص حسابًا حقيقيًا."}},
    /* who asks */
    {"An application", {"O aplicație", "Eine Anwendung", "Une application", "تطبيق"}},
    {"asks to see accounts of yours, with their balances and transactions.",
     {"cere să vadă conturi ale dvs., cu soldurile și tranzacțiile lor.",
      "möchte Konten von Ihnen sehen, mit deren Salden und Umsätzen.",
      "demande à voir des comptes à vous, avec leurs soldes et leurs opérations.",
      "يطلب الاطلاع على حسابات لك، مع أرصدتها ومعاملاتها."}},
    {"asks you to order a payment.",
     {"vă cere să ordonați o plată.", "bittet Sie, eine Zahlung zu beauftragen.", "vous demande d’ordonner un paiement.",
      "يطلب منك إصدار أمر دفع."}},
    {"asks for your consent at this bank.",
     {"vă cere acordul la această bancă.", "bittet um Ihre Zustimmung bei dieser Bank.",
      "demande votre accord auprès de cette banque.", "يطلب موافقتك لدى هذا المصرف."}},
    /* the form */
    {"Log in and consent", {"Autentificare și acord", "Anmelden und zustimmen", "Connexion et accord", "تسجيل الدخول والموافقة"}},
    {"Check and approve", {"Verificați și aprobați", "Prüfen und freigeben", "Vérifier et approuver", "تحقّق ووافق"}},
    {"Log in", {"Autentificare", "Anmelden", "Connexion", "تسجيل الدخول"}},
    {"Customer number", {"Număr de client", "Kundennummer", "Numéro de client", "رقم العميل"}},
    {"PIN", {"Cod PIN", "Geheimzahl (PIN)", "Code secret (PIN)", "الرمز السري"}},
    {"Which accounts", {"Care conturi", "Welche Konten", "Quels comptes", "أي الحسابات"}},
    {"Pay from", {"Plătiți din", "Bezahlen von", "Payer depuis", "الدفع من"}},
    {"Current account, RON", {"Cont curent, RON", "Girokonto, RON", "Compte courant, RON", "حساب جارٍ، RON"}},
    {"for salary and bills",
     {"pentru salariu și facturi", "für Gehalt und Rechnungen", "pour le salaire et les factures", "للراتب والفواتير"}},
    {"Savings account, EUR", {"Cont de economii, EUR", "Sparkonto, EUR", "Compte d’épargne, EUR", "حساب توفير، EUR"}},
    {"for later", {"pentru mai târziu", "für später", "pour plus tard", "لوقت لاحق"}},
    {"Your consent", {"Acordul dvs.", "Ihre Zustimmung", "Votre accord", "موافقتك"}},
    {"Your answer", {"Răspunsul dvs.", "Ihre Antwort", "Votre réponse", "جوابك"}},
    {"Continue", {"Continuați", "Weiter", "Continuer", "متابعة"}},
    {"Cancel and go back", {"Renunțați și întoarceți-vă", "Abbrechen und zurück", "Annuler et revenir", "إلغاء والعودة"}},
    /* the choices */
    {"Approve", {"Aprob", "Zustimmen", "Approuver", "أوافق"}},
    {"You share what was asked for.",
     {"Împărtășiți ce s-a cerut.", "Sie teilen, worum gebeten wurde.", "Vous partagez ce qui est demandé.", "تشارك ما طُلب."}},
    {"You order the payment.",
     {"Ordonați plata.", "Sie beauftragen die Zahlung.", "Vous ordonnez le paiement.", "تصدر أمر الدفع."}},
    {"Refuse", {"Refuz", "Ablehnen", "Refuser", "أرفض"}},
    {"You share nothing.", {"Nu împărtășiți nimic.", "Sie teilen nichts.", "Vous ne partagez rien.", "لا تشارك شيئًا."}},
    {"Nothing is paid, now or later.",
     {"Nu se plătește nimic, nici acum, nici mai târziu.", "Nichts wird bezahlt, weder jetzt noch später.",
      "Rien n’est payé, ni maintenant ni plus tard.", "لا يُدفع شيء، لا الآن ولا لاحقًا."}},
    {"Approve later", {"Aprob mai târziu", "Später zustimmen", "Approuver plus tard", "أوافق لاحقًا"}},
    {"The bank asks you again afterwards, on your phone.",
     {"Banca vă întreabă din nou după aceea, pe telefon.", "Die Bank fragt Sie danach noch einmal, auf Ihrem Telefon.",
      "La banque vous redemande ensuite, sur votre téléphone.", "يسألك المصرف مرة أخرى بعد ذلك، على هاتفك."}},
    {"Let the bank fail", {"Banca să dea greș", "Die Bank scheitern lassen", "Faire échouer la banque", "دع المصرف يخفق"}},
    {"The bank reports a fault.",
     {"Banca anunță o defecțiune.", "Die Bank meldet einen Fehler.", "La banque signale une panne.", "يُبلغ المصرف عن عطل."}},
    {"The bank reports a fault; the payment can still be approved.",
     {"Banca anunță o defecțiune; plata mai poate fi aprobată.",
      "Die Bank meldet einen Fehler; die Zahlung kann noch freigegeben werden.",
      "La banque signale une panne ; le paiement peut encore être approuvé.",
      "يُبلغ المصرف عن عطل؛ وتبقى الموافقة على الدفع ممكنة."}},
    {"Approve slowly", {"Aprob încet", "Langsam zustimmen", "Approuver lentement", "أوافق ببطء"}},
    {"You share what was asked for; the bank takes its time.",
     {"Împărtășiți ce s-a cerut; banca nu se grăbește.", "Sie teilen, worum gebeten wurde; die Bank lässt sich Zeit.",
      "Vous partagez ce qui est demandé ; la banque prend son temps.", "تشارك ما طُلب؛ والمصرف يأخذ وقته."}},
    {"You order the payment; the bank takes its time.",
     {"Ordonați plata; banca nu se grăbește.", "Sie beauftragen die Zahlung; die Bank lässt sich Zeit.",
      "Vous ordonnez le paiement ; la banque prend son temps.", "تصدر أمر الدفع؛ والمصرف يأخذ وقته."}},
    {"For developers", {"Pentru dezvoltatori", "Für Entwickler", "Pour les développeurs", "للمطورين"}},
    {"What the bank does", {"Ce face banca", "Was die Bank tut", "Ce que fait la banque", "ما يفعله المصرف"}},
    /* what is missing */
    {"Enter a customer number of at most 64 characters.",
     {"Introduceți un număr de client de cel mult 64 de caractere.", "Geben Sie eine Kundennummer von höchstens 64 Zeichen ein.",
      "Saisissez un numéro de client de 64 caractères au plus.", "أدخل رقم عميل لا يزيد على 64 حرفًا."}},
    {"Enter a PIN of at most 64 characters.",
     {"Introduceți un cod PIN de cel mult 64 de caractere.", "Geben Sie eine PIN von höchstens 64 Zeichen ein.",
      "Saisissez un code de 64 caractères au plus.", "أدخل رمزًا سريًا لا يزيد على 64 حرفًا."}},
    {"Choose an answer.", {"Alegeți un răspuns.", "Wählen Sie eine Antwort.", "Choisissez une réponse.", "اختر جوابًا."}},
    {"Choose an account at least, or refuse.",
     {"Alegeți cel puțin un cont, sau refuzați.", "Wählen Sie mindestens ein Konto, oder lehnen Sie ab.",
      "Choisissez au moins un compte, ou refusez.", "اختر حسابًا واحدًا على الأقل، أو ارفض."}},
    /* an order */
    {"Your payment", {"Plata dvs.", "Ihre Zahlung", "Votre paiement", "دفعتك"}},
    {"Your payments", {"Plățile dvs.", "Ihre Zahlungen", "Vos paiements", "دفعاتك"}},
    {"More transfers", {"Alte transferuri", "Weitere Überweisungen", "Autres virements", "تحويلات أخرى"}},
    {"From", {"Din", "Von", "De", "من"}},
    {"Of", {"Titular", "Inhaber", "Titulaire", "صاحب الحساب"}},
    {"To", {"Către", "An", "À", "إلى"}},
    {"Checked", {"Verificat", "Geprüft", "Vérifié", "التحقّق"}},
    {"Account", {"Cont", "Konto", "Compte", "الحساب"}},
    {"Bank", {"Banca", "Bank", "Banque", "المصرف"}},
    {"Amount", {"Suma", "Betrag", "Montant", "المبلغ"}},
    {"Reference", {"Detalii", "Zweck", "Référence", "المرجع"}},
    {"On", {"La data", "Am", "Le", "في"}},
    {"Total", {"În total", "Summe", "En tout", "المجموع"}},
    {"Fee", {"Comision", "Gebühr", "Frais", "الرسوم"}},
    {"none", {"fără", "keine", "aucuns", "بلا"}},
    {"The account is this payee's.",
     {"Contul este al acestui beneficiar.", "Das Konto gehört diesem Empfänger.", "Le compte est celui de ce bénéficiaire.",
      "الحساب لهذا المستفيد."}},
    {"Close match: the account belongs to",
     {"Aproape: contul este al lui", "Fast richtig: Das Konto gehört", "Presque : le compte appartient à",
      "تطابق تقريبي: الحساب يعود إلى"}},
    {"No match: the account belongs to somebody with another name.",
     {"Nu se potrivește: contul este al cuiva cu alt nume.", "Falsch: Das Konto gehört jemandem mit einem anderen Namen.",
      "Non : le compte appartient à quelqu’un d’un autre nom.", "لا تطابق: الحساب لشخص باسم آخر."}},
    /* what is decided */
    {"You have approved this payment. It is ordered, and cannot be taken back here.",
     {"Ați aprobat această plată. Este ordonată și nu mai poate fi retrasă aici.",
      "Sie haben diese Zahlung freigegeben. Sie ist beauftragt und kann hier nicht zurückgenommen werden.",
      "Vous avez approuvé ce paiement. Il est ordonné et ne peut plus être retiré ici.",
      "لقد وافقت على هذه الدفعة. صدر أمرها، ولا يمكن سحبها هنا."}},
    {"This payment was cancelled. Nothing was paid, and nothing will be.",
     {"Această plată a fost anulată. Nu s-a plătit și nu se va plăti nimic.",
      "Diese Zahlung wurde abgebrochen. Nichts wurde bezahlt, und nichts wird es.",
      "Ce paiement a été annulé. Rien n’a été payé, et rien ne le sera.", "أُلغيت هذه الدفعة. لم يُدفع شيء، ولن يُدفع."}},
    {"Go back to the application",
     {"Înapoi la aplicație", "Zurück zur Anwendung", "Retour à l’application", "العودة إلى التطبيق"}},
    {"Approved already", {"Aprobată deja", "Schon freigegeben", "Déjà approuvé", "تمت الموافقة من قبل"}},
    {"Cancelled already", {"Anulată deja", "Schon abgebrochen", "Déjà annulé", "أُلغيت من قبل"}},
};

const char *sandbox_say(const char *language, const char *english)
{
    size_t column = LANGUAGES - 1;
    while (column > 0 && strcmp(languages[column], language) != 0)
        column--;
    for (size_t i = 0; column > 0 && i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].english, english) == 0)
            return rows[i].other[column - 1];
    }
    return english;
}

const char *sandbox_direction(const char *language)
{
    return strcmp(language, "ar") == 0 ? "rtl" : "ltr";
}

const char *finq_sandbox_language(const char *accepted, apr_pool_t *pool)
{
    const char *language = finq_text_language(accepted, finq_text_array(languages, pool), pool);
    return language ? language : languages[0];
}
