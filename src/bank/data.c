#include "bank/data.h"

#include <apr_strings.h>
#include <string.h>

#include "ground/clock.h"

static const char *const kinds[FINQ_BANK_KINDS] = {"accounts", "balances", "transactions"};

const char *finq_bank_kind_name(finq_bank_kind kind)
{
    return kinds[kind];
}

const char *finq_bank_question_text(const finq_bank_question *question, apr_pool_t *pool)
{
    finq_json_writer *to = finq_json_write(pool);
    int is_data = question->ask < FINQ_BANK_KINDS;
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "event", is_data ? "data" : "revoke");
    finq_json_put(to, "ask", is_data ? kinds[question->ask] : NULL);
    finq_json_put(to, "attempt", finq_id_text(&question->attempt, pool));
    finq_json_put(to, "skill", question->skill);
    finq_json_put(to, "environment", question->environment);
    finq_json_put(to, "reference", question->reference);
    if (question->since)
        finq_json_put(to, "since", finq_clock_text(question->since, pool));
    finq_json_put(to, "next", question->next);
    if (is_data)
        finq_json_put_bool(to, "attended", question->is_attended);
    finq_json_close(to, '}');
    return finq_json_written(to);
}

/* ---- words ---- */

/* Sorted, so that a reader finds one, each behind a blank. */
static const char currencies[] =
    " AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CLF"
    " CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS"
    " INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR"
    " MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE"
    " SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XOF"
    " XPF YER ZAR ZMW ZWL ";

int finq_bank_is_currency(const char *text)
{
    const char *found = strlen(text) == 3 ? strstr(currencies, text) : NULL;
    return found && found[-1] == ' ' && found[3] == ' ';
}

int finq_bank_minor_digits(const char *currency)
{
    /* those that are not counted in hundredths */
    static const struct {
        const char *currencies;
        int digits;
    } others[] = {
        {" BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF ", 0},
        {" BHD IQD JOD KWD LYD OMR TND ", 3},
        {" CLF UYW ", 4},
    };
    if (!finq_bank_is_currency(currency))
        return -1;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strstr(others[i].currencies, currency))
            return others[i].digits;
    }
    return 2;
}

int finq_bank_is_balance_type(const char *text)
{
    static const char *const types[] = {
        "ClosingAvailable", "ClosingBooked",    "ClosingCleared",         "Expected",       "ForwardAvailable",
        "Information",      "InterimAvailable", "InterimBooked",          "InterimCleared", "OpeningAvailable",
        "OpeningBooked",    "OpeningCleared",   "PreviouslyClosedBooked",
    };
    size_t i = 0;
    while (i < sizeof types / sizeof *types && strcmp(types[i], text) != 0)
        i++;
    return i < sizeof types / sizeof *types;
}

int finq_bank_is_decimal(const char *text, apr_size_t whole, apr_size_t fraction)
{
    apr_size_t before = strspn(text, "0123456789"), behind = text[before] == '.' ? strspn(text + before + 1, "0123456789") : 0;
    int leads = text[0] == '0' && before > 1; /* 007 has another spelling */
    const char *end = text + before + (behind ? behind + 1 : 0);
    return before >= 1 && before <= whole && behind <= fraction && !leads && *end == '\0';
}
