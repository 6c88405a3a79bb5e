#include "sandbox_data.h"

#include <apr_strings.h>
#include <string.h>

#include "ground/clock.h"

/* The day on which all accounts began, 2025-06-01, and how many days the bank remembers. */
#define FIRST_DAY 20240
#define DAYS_KEPT 365
/* Rows of a page. */
#define PAGE 1000
/* Four bytes of what is drawn make a movement. */
#define DRAWN_BY 4
#define SALARY 900
#define RENT 901
#define MOVEMENTS_OF_1007 55
/* When 1005 corrects, and 1004 books. */
#define CORRECTED_AFTER 3
#define BOOKED_AFTER 2

static const struct {
    const char *name, *category;
} partners[] = {
    {"Mega Image", "groceries"},
    {"Lidl", "groceries"},
    {"Carrefour", "groceries"},
    {"OMV Petrom", "transport"},
    {"CFR Calatori", "transport"},
    {"Bolt", "transport"},
    {"Orange Romania", "bills"},
    {"Digi", "bills"},
    {"Enel", "bills"},
    {"Sensiblu", "health"},
    {"Catena", "health"},
    {"Carturesti", "leisure"},
    {"Cinema City", "leisure"},
    {"Netflix", "leisure"},
    {"Emag", "shopping"},
    {"Dedeman", "shopping"},
};
#define PARTNERS (sizeof partners / sizeof *partners)

typedef struct {
    int day, number; /* of the day */
    apr_int64_t cents;
    int is_credit;
    int booked_on; /* the day; 0 while it is pending */
    const char *reference, *info, *partner, *category;
} movement;

/* What a page leaves to the next: on the way through the rows from a day on, where the row before its first is to be found. */
typedef struct {
    int since, first; /* of the next page; first is 0 where there is none */
    const sandbox_account *account;
    int day, row;
} page_memory;

struct finq_sandbox_memory {
    apr_int64_t *begun[SANDBOX_ACCOUNTS]; /* what was on an account as each day began, from the first to the one behind today */
    page_memory page;
    apr_pool_t *pool;
};

/* A way through an account's days, and through the rows of the answer. */
typedef struct {
    const sandbox_view *view;
    const sandbox_account *account;
    apr_int64_t balance;  /* cents */
    int since;            /* the first day that is told */
    int first, row;       /* the first row of this page, and the number of the next */
    finq_json_writer *to; /* NULL where the balance alone is of interest */
    apr_pool_t *pool, *day_pool;
} walk;

static const char *money(apr_int64_t cents, apr_pool_t *pool)
{
    apr_int64_t size = cents < 0 ? -cents : cents;
    return apr_psprintf(pool, "%s%" APR_INT64_T_FMT ".%02d", cents < 0 ? "-" : "", size / 100, (int)(size % 100));
}

static const char *time_of(int day, int number, apr_pool_t *pool)
{
    return finq_clock_text((apr_int64_t)day * 86400 + number * 60, pool);
}

static void put_movement(walk *w, const movement *m, int has_balance)
{
    finq_json_writer *to = w->to;
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "account", w->account->key);
    finq_json_put(to, "reference", m->reference);
    finq_json_put(to, "status", m->booked_on ? "booked" : "pending");
    if (m->booked_on)
        finq_json_put(to, "booking_date_time", time_of(m->booked_on, m->number, w->day_pool));
    finq_json_put(to, "amount", money(m->cents, w->day_pool));
    finq_json_put(to, "currency", w->account->currency);
    finq_json_put(to, "credit_debit_indicator", m->is_credit ? "credit" : "debit");
    if (has_balance)
        finq_json_put(to, "balance", money(w->balance, w->day_pool));
    finq_json_put(to, "info", m->info);
    finq_json_put(to, "counterparty", m->partner);
    finq_json_put(to, "category", m->category);
    finq_json_close(to, '}');
}

/* Of 1007 a page begins with what the one before has ended with: the list has moved on, and so has that. */
static int page_begins(const walk *w)
{
    return w->view->persona == 1007 && w->first > 0 ? w->first - 1 : w->first;
}

static void tell(walk *w, const movement *m, int has_balance)
{
    movement now = *m;
    int is_told = w->to && (!m->booked_on || m->booked_on >= w->since);
    if (is_told && w->row < w->first)
        now.info = apr_pstrcat(w->day_pool, m->info, ", settled", NULL);
    if (is_told && w->row >= page_begins(w) && w->row < w->first + PAGE)
        put_movement(w, &now, has_balance);
    w->row += is_told;
}

/* ---- what its persona makes of a movement ---- */

/* Pending for two days, then booked on its second with a tip and a cleaner text; each eighth never is. */
static int settle(walk *w, movement *m, int luck)
{
    int is_pending = m->day > w->view->world->today - BOOKED_AFTER;
    if (w->view->persona != 1004)
        return 1;
    if (!is_pending && luck % 8 == 0)
        return 0;
    m->booked_on = is_pending ? 0 : m->day + 1;
    m->cents += is_pending ? 0 : luck % 4 * 50;
    m->info = is_pending ? apr_pstrcat(w->day_pool, "PENDING CARD AUTHORISATION ", m->partner, NULL) : m->info;
    return 1;
}

/* What is not told has none; a reversal is told later than what it reverses. */
static void refer(walk *w, movement *m)
{
    m->reference = "";
    if (!w->to || m->day + CORRECTED_AFTER < w->since)
        return;
    const char *own = apr_psprintf(w->day_pool, "%.4s%.2s%.2s-%03d", time_of(m->day, 0, w->day_pool),
                                   time_of(m->day, 0, w->day_pool) + 5, time_of(m->day, 0, w->day_pool) + 8, m->number);
    switch (w->view->persona) {
    case 1001:
        own = "";
        break;
    case 1002:
        own = "9998";
        break;
    case 1003: /* by tonight's numbers */
        own = apr_psprintf(w->day_pool, "%d%s", w->view->world->today, own);
        m->info = apr_psprintf(w->day_pool, "%s, No. %s", m->info, own);
        break;
    default:
        break;
    }
    m->reference = own;
}

static void correct(walk *w, movement *m, int luck)
{
    if (w->view->persona == 1005 && luck % 8 == 0 && m->day + CORRECTED_AFTER <= w->view->world->today)
        m->cents += 100;
}

static void reverse(walk *w, const movement *m, int luck)
{
    movement back = *m;
    if (w->view->persona != 1005 || luck % 8 != 1 || m->day + CORRECTED_AFTER > w->view->world->today)
        return;
    back.booked_on = m->day + CORRECTED_AFTER;
    back.is_credit = !m->is_credit;
    back.reference = apr_pstrcat(w->day_pool, m->reference, "-R", NULL);
    back.info = apr_pstrcat(w->day_pool, "Reversal of ", m->info, NULL);
    w->balance += back.is_credit ? back.cents : -back.cents;
    tell(w, &back, 0);
}

static void pass(walk *w, movement *m, int luck)
{
    m->booked_on = m->day;
    if (!settle(w, m, luck))
        return;
    refer(w, m);
    correct(w, m, luck);
    if (m->booked_on)
        w->balance += m->is_credit ? m->cents : -m->cents;
    tell(w, m, m->booked_on != 0);
    reverse(w, m, luck);
}

/* ---- days ---- */

static movement drawn_movement(const walk *w, int day, int number, const unsigned char *drawn)
{
    movement m = {.day = day, .number = number, .cents = 300 + ((drawn[0] << 8) | drawn[1]) % 12000};
    size_t partner = drawn[2] % PARTNERS;
    m.partner = partners[partner].name;
    m.category = partners[partner].category;
    m.info = apr_pstrcat(w->day_pool, "Card payment ", m.partner, NULL);
    if (!w->account->is_busy) {
        m.is_credit = 1;
        m.partner = "";
        m.category = NULL;
        m.info = "Transfer to savings";
    }
    return m;
}

/* Salary on the 25th, rent on the 1st, and only on the account that salaries go to. */
static void fixed_movements(walk *w, int day)
{
    apr_time_exp_t date;
    movement salary = {.day = day,
                       .number = SALARY,
                       .cents = 650000,
                       .is_credit = 1,
                       .info = "Salary",
                       .partner = "Example SRL",
                       .category = "income"};
    movement rent = {.day = day, .number = RENT, .cents = 180000, .info = "Rent", .partner = "Ion Popa", .category = "housing"};
    if (strcmp(w->account->key, "current") != 0)
        return;
    apr_time_exp_gmt(&date, apr_time_from_sec((apr_int64_t)day * 86400));
    if (date.tm_mday == 25)
        pass(w, &salary, 2);
    if (date.tm_mday == 1)
        pass(w, &rent, 2);
}

static int movements_of(const walk *w, const unsigned char *drawn)
{
    if (w->view->persona == 1007 && w->account->is_busy)
        return MOVEMENTS_OF_1007;
    return w->account->is_busy ? drawn[0] % 5 : drawn[0] % 16 == 0;
}

static finq_error *day_walk(walk *w, int day)
{
    unsigned char drawn[FINQ_MAC_BYTES];
    const char *own = apr_pstrcat(w->day_pool, w->account->key, "/", apr_itoa(w->day_pool, day), NULL);
    FINQ_TRY(sandbox_draw(drawn, w->view, own, w->day_pool));
    int count = movements_of(w, drawn);
    for (int i = 0; i < count; i++) {
        int place = i * DRAWN_BY % FINQ_MAC_BYTES;
        if (place == 0)
            FINQ_TRY(
                sandbox_draw(drawn, w->view, apr_pstrcat(w->day_pool, own, "/", apr_itoa(w->day_pool, i), NULL), w->day_pool));
        movement m = drawn_movement(w, day, i, drawn + place);
        pass(w, &m, drawn[place + 3]);
    }
    fixed_movements(w, day);
    return NULL;
}

finq_sandbox_memory *finq_sandbox_memory_new(apr_pool_t *pool)
{
    finq_sandbox_memory *memory = apr_pcalloc(pool, sizeof *memory);
    memory->pool = pool;
    return memory;
}

/* What each day of an account began with; worked out once. */
static finq_error *begun_find(const apr_int64_t **begun, const sandbox_view *view, const sandbox_account *account,
                              apr_pool_t *day_pool)
{
    finq_sandbox_memory *memory = view->world->memory;
    apr_int64_t **of = &memory->begun[account - sandbox_accounts_of(view->persona)];
    walk w = {.view = view, .account = account, .balance = account->cents, .day_pool = day_pool};
    int days = view->world->today - FIRST_DAY + 1;
    if (!*of) {
        apr_int64_t *all = apr_palloc(memory->pool, sizeof *all * (apr_size_t)(days + 1));
        for (int day = 0; day < days; day++) {
            apr_pool_clear(day_pool);
            all[day] = w.balance;
            FINQ_TRY(day_walk(&w, FIRST_DAY + day));
        }
        all[days] = w.balance;
        *of = all;
    }
    *begun = *of;
    return NULL;
}

/* Where the next page is to begin: what it begins with may be told with the last row of this one. */
static void page_note(walk *w, int day)
{
    if (w->row >= w->first + PAGE)
        return;
    w->view->world->memory->page = (page_memory){w->since, w->first + PAGE, w->account, day, w->row};
}

/* The rows of the days that may have any. What is booked or reversed later is told with its own day. */
static finq_error *account_walk(walk *w, const sandbox_account *account, int from)
{
    int today = w->view->world->today, first_day = w->since - CORRECTED_AFTER;
    const apr_int64_t *begun;
    w->account = account;
    FINQ_TRY(begun_find(&begun, w->view, account, w->day_pool));
    first_day = first_day < FIRST_DAY ? FIRST_DAY : first_day > today ? today : first_day;
    from = from < first_day ? first_day : from;
    w->balance = begun[from - FIRST_DAY];
    for (int day = from; day <= today; day++) {
        apr_pool_clear(w->day_pool);
        page_note(w, day);
        FINQ_TRY(day_walk(w, day));
    }
    return NULL;
}

/* ---- answers ---- */

static void put_balance(finq_json_writer *to, const walk *w, const char *type, int is_of_today)
{
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "account", w->account->key);
    finq_json_put(to, "type", type);
    finq_json_put(to, "amount", money(w->balance < 0 ? -w->balance : w->balance, w->pool));
    finq_json_put(to, "currency", w->account->currency);
    finq_json_put(to, "credit_debit_indicator", w->balance < 0 ? "debit" : "credit");
    finq_json_put_bool(to, "credit_limit_included", 0);
    if (is_of_today)
        finq_json_put(to, "native_timestamp", time_of(w->view->world->today, 0, w->pool));
    else
        finq_json_put(to, "native_date", apr_pstrndup(w->pool, time_of(w->view->world->today, 0, w->pool), 10));
    finq_json_close(to, '}');
}

static finq_error *balances(finq_json_writer *to, walk *w)
{
    const apr_int64_t *begun;
    finq_json_open(to, "balances", '[');
    for (const sandbox_account *account = sandbox_accounts_of(w->view->persona); account->key; account++) {
        if (!sandbox_account_is_shared(account, w->view))
            continue;
        FINQ_TRY(begun_find(&begun, w->view, account, w->day_pool));
        w->account = account;
        w->balance = begun[w->view->world->today - FIRST_DAY + 1];
        put_balance(to, w, "InterimAvailable", 1);
        put_balance(to, w, "ClosingBooked", 0);
    }
    finq_json_close(to, ']');
    return NULL;
}

static finq_error *transactions(finq_json_writer *to, walk *w)
{
    const page_memory before = w->view->world->memory->page;
    const sandbox_account *account = sandbox_accounts_of(w->view->persona);
    int from = 0;
    if (w->first > 0 && before.first == w->first && before.since == w->since) {
        account = before.account;
        from = before.day;
        w->row = before.row;
    }
    w->to = to;
    finq_json_open(to, "transactions", '[');
    for (; account->key; account++, from = 0) {
        if (sandbox_account_is_shared(account, w->view))
            FINQ_TRY(account_walk(w, account, from));
    }
    finq_json_close(to, ']');
    if (w->row > w->first + PAGE)
        finq_json_put(to, "next", apr_itoa(w->pool, w->first + PAGE));
    return NULL;
}

finq_error *sandbox_movements_answer(finq_json_writer *to, const finq_bank_question *question, const sandbox_view *view,
                                     apr_pool_t *pool)
{
    int oldest = view->world->today - DAYS_KEPT, since = (int)(question->since / 86400);
    walk w = {.view = view,
              .since = since > oldest ? since : oldest,
              .first = question->next ? (int)apr_atoi64(question->next) : 0,
              .pool = pool};
    apr_pool_create(&w.day_pool, pool);
    return question->ask == FINQ_BANK_BALANCES ? balances(to, &w) : transactions(to, &w);
}
