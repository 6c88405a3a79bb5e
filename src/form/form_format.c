#include <apr_lib.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "ground/id.h"
#include "form_tree.h"

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int is_alnum(char c)
{
    return is_digit(c) || is_alpha(c);
}

static int is_one_of(char c, const char *set)
{
    return c && strchr(set, c) != NULL;
}

/* Reads exactly `count` digits; -1 if they are not there. */
static int digits(const char *text, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (!is_digit(text[i]))
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* RFC 3339 full-date; `text` has at least 10 bytes. */
static int date_at(const char *text)
{
    int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
    if (text[4] != '-' || text[7] != '-' || year < 0 || month < 1 || month > 12)
        return 0;
    return day >= 1 && day <= days_in(year, month);
}

static int is_date(const char *text, apr_size_t length)
{
    return length == 10 && date_at(text);
}

/* RFC 3339 time-offset, in minutes, up to the end of the text. Returns 0 if it is none. */
static int offset_at(const char *text, int *minutes)
{
    *minutes = 0;
    if (text[0] == 'Z' || text[0] == 'z')
        return text[1] == '\0';
    if ((text[0] != '+' && text[0] != '-') || strlen(text) != 6 || text[3] != ':')
        return 0;
    int hour = digits(text + 1, 2), minute = digits(text + 4, 2);
    *minutes = (text[0] == '-' ? -1 : 1) * (hour * 60 + minute);
    return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59;
}

/* RFC 3339 full-time. A leap second is one only as the last of a day in UTC. `text` has at least 9 bytes. */
static int time_at(const char *text)
{
    int hour = digits(text, 2), minute = digits(text + 3, 2), second = digits(text + 6, 2), offset;
    const char *rest = text + 8;
    if (text[2] != ':' || text[5] != ':' || hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return 0;
    if (*rest == '.') {
        if (!is_digit(*++rest))
            return 0;
        while (is_digit(*rest))
            rest++;
    }
    if (!offset_at(rest, &offset) || second < 0 || second > 60)
        return 0;
    return second < 60 || (hour * 60 + minute - offset + 2 * 1440) % 1440 == 1439;
}

static int is_date_time(const char *text, apr_size_t length)
{
    return length >= 20 && date_at(text) && (text[10] == 'T' || text[10] == 't') && time_at(text + 11);
}

static int is_uuid(const char *text, apr_size_t length)
{
    finq_id id;
    return length == FINQ_ID_TEXT && finq_id_parse(&id, text);
}

static int is_atext(char c)
{
    return is_alnum(c) || is_one_of(c, "!#$%&'*+-/=?^_`{|}~");
}

/* RFC 5321 Dot-string. */
static int is_dot_atom(const char *text, const char *end)
{
    for (const char *c = text; c < end; c++) {
        int dot = *c == '.';
        if (dot ? c == text || c + 1 == end || c[1] == '.' : !is_atext(*c))
            return 0;
    }
    return text < end;
}

/* RFC 5321 Quoted-string. */
static int is_quoted(const char *text, const char *end)
{
    if (end - text < 2 || *text != '"' || end[-1] != '"')
        return 0;
    for (const char *c = text + 1; c < end - 1; c++) {
        if (*c == '"' || (*c == '\\' && ++c == end - 1))
            return 0;
        if (*c < ' ' || *c > '~')
            return 0;
    }
    return 1;
}

/* Labels of letters, digits and inner hyphens, 63 long at most. */
static int is_domain(const char *text, const char *end)
{
    const char *label = text;
    for (const char *c = text; c <= end; c++) {
        if (c < end && *c != '.') {
            if (!is_alnum(*c) && *c != '-')
                return 0;
            continue;
        }
        if (c == label || c - label > 63 || *label == '-' || c[-1] == '-')
            return 0;
        label = c + 1;
    }
    return 1;
}

static int is_address(int family, const char *text, const char *end)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char address[16];
    if (end <= text || (size_t)(end - text) >= sizeof copy)
        return 0;
    memcpy(copy, text, (size_t)(end - text));
    copy[end - text] = '\0';
    return inet_pton(family, copy, address) == 1;
}

/* RFC 5321 address-literal, its brackets included. */
static int is_mail_literal(const char *text, const char *end)
{
    if (end - text < 3 || *text != '[' || end[-1] != ']')
        return 0;
    if (end - text > 6 && strncasecmp(text + 1, "IPv6:", 5) == 0)
        return is_address(AF_INET6, text + 6, end - 1);
    return is_address(AF_INET, text + 1, end - 1);
}

static int is_email(const char *text, apr_size_t length)
{
    const char *end = text + length, *at = strrchr(text, '@');
    if (!at || length > 254 || at - text > 64)
        return 0;
    if (!is_dot_atom(text, at) && !is_quoted(text, at))
        return 0;
    return is_domain(at + 1, end) || is_mail_literal(at + 1, end);
}

/* RFC 3986's characters: unreserved, sub-delims, percent-encodings, and the `extra` ones of the place. */
static int is_uri_text(const char *text, const char *end, const char *extra)
{
    for (const char *c = text; c < end; c++) {
        if (*c == '%') {
            if (end - c < 3 || !apr_isxdigit(c[1]) || !apr_isxdigit(c[2]))
                return 0;
            c += 2;
        } else if (!is_alnum(*c) && !is_one_of(*c, "-._~!$&'()*+,;=") && !is_one_of(*c, extra)) {
            return 0;
        }
    }
    return 1;
}

/* The first of `set` between text and end, or end. */
static const char *find(const char *text, const char *end, const char *set)
{
    while (text < end && !is_one_of(*text, set))
        text++;
    return text;
}

static int is_port(const char *text, const char *end)
{
    while (text < end && is_digit(*text))
        text++;
    return text == end;
}

/* "[v1.anything]", of the literal's inside. */
static int is_future_address(const char *text, const char *end)
{
    const char *dot = find(text, end, ".");
    if (end - text < 4 || (*text != 'v' && *text != 'V') || dot == text + 1 || dot + 1 >= end)
        return 0;
    for (const char *c = text + 1; c < dot; c++) {
        if (!apr_isxdigit(*c))
            return 0;
    }
    return is_uri_text(dot + 1, end, ":") && find(dot, end, "%") == end;
}

static int is_uri_literal(const char *text, const char *end)
{
    const char *close = find(text, end, "]");
    if (close == end || (close + 1 < end && close[1] != ':'))
        return 0;
    if (!is_address(AF_INET6, text + 1, close) && !is_future_address(text + 1, close))
        return 0;
    return close + 1 == end || is_port(close + 2, end);
}

static int is_authority(const char *text, const char *end)
{
    const char *at = find(text, end, "@"), *host = at < end ? at + 1 : text;
    if (at < end && !is_uri_text(text, at, ":"))
        return 0;
    if (host < end && *host == '[')
        return is_uri_literal(host, end);
    const char *colon = find(host, end, ":");
    return is_uri_text(host, colon, "") && (colon == end || is_port(colon + 1, end));
}

static int is_hierarchy(const char *text, const char *end)
{
    const char *path = text;
    if (end - text >= 2 && text[0] == '/' && text[1] == '/') {
        path = find(text + 2, end, "/");
        if (!is_authority(text + 2, path))
            return 0;
    }
    return is_uri_text(path, end, ":@/");
}

static int is_uri(const char *text, apr_size_t length)
{
    const char *end = text + length, *colon = find(text, end, ":");
    if (colon == end || !is_alpha(*text))
        return 0;
    for (const char *c = text; c < colon; c++) {
        if (!is_alnum(*c) && !is_one_of(*c, "+-."))
            return 0;
    }
    const char *fragment = find(colon, end, "#"), *query = find(colon, fragment, "?");
    return is_hierarchy(colon + 1, query) && (query == fragment || is_uri_text(query + 1, fragment, ":@/?")) &&
           (fragment == end || is_uri_text(fragment + 1, end, ":@/?"));
}

/* Lengths of the IBAN registry (ISO 13616), as "CCnn". */
static const char iban_lengths[] = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27D"
                                   "K18DO28EE20EG29ES24FI18FK18FO18FR27"
                                   "GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28L"
                                   "C32LI21LT20LU20LV21LY25MC27MD24ME22"
                                   "MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24S"
                                   "C31SD18SE24SI19SK24SM27SO23ST25SV28"
                                   "TL23TN24TR26UA29VA22VG24XK20YE30";

static int iban_length(const char *country)
{
    for (const char *row = iban_lengths; *row; row += 4) {
        if (row[0] == country[0] && row[1] == country[1])
            return digits(row + 2, 2);
    }
    return -1;
}

/* The electronic form: upper case, no spaces, as long as the country's are. */
static int iban_is_shaped(const char *text, apr_size_t length)
{
    if (length < 5 || iban_length(text) != (int)length || digits(text + 2, 2) < 0)
        return 0;
    for (const char *c = text; *c; c++) {
        if (!is_digit(*c) && !(*c >= 'A' && *c <= 'Z'))
            return 0;
    }
    return 1;
}

/* Letters count 10 to 35, and the first four characters come last. Check digits are 98 less a remainder (ISO 13616, ISO 7064):
 * 00, 01 and 99 would have the right remainder too, and are never given. */
static int is_iban(const char *text, apr_size_t length)
{
    unsigned remainder = 0;
    if (!iban_is_shaped(text, length) || digits(text + 2, 2) < 2 || digits(text + 2, 2) > 98)
        return 0;
    for (apr_size_t i = 0; i < length; i++) {
        char c = text[(i + 4) % length];
        remainder = is_digit(c) ? (remainder * 10 + (unsigned)(c - '0')) % 97 : (remainder * 100 + (unsigned)(c - 'A') + 10) % 97;
    }
    return remainder == 1;
}

static const char *iban_explain(const char *text, apr_size_t length)
{
    return iban_is_shaped(text, length)
               ? "must be an IBAN whose check digits fit: a character is wrong, or two have changed places"
               : "must be an IBAN, in capitals and without spaces, as long as its country's are";
}

const form_format *form_format_find(const char *name)
{
    static const form_format formats[] = {
        {"date", is_date, "must be a date such as 2024-02-29 (RFC 3339)", NULL},
        {"date-time", is_date_time, "must be a date and time such as 2024-02-29T12:00:00Z (RFC 3339)", NULL},
        {"email", is_email, "must be an e-mail address", NULL},
        {"uuid", is_uuid, "must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057", NULL},
        {"uri", is_uri, "must be an absolute URI such as https://example.org/path (RFC 3986)", NULL},
        {"iban", is_iban, NULL, iban_explain},
    };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    }
    return NULL;
}
