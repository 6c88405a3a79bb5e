#include "httpd/mpm.h"

#include <ap_mpm.h>

static int ask(int question, int otherwise)
{
    int answer = otherwise;
    return ap_mpm_query(question, &answer) == APR_SUCCESS ? answer : otherwise;
}

int finq_mpm_is_stopping(void)
{
    return ask(AP_MPMQ_MPM_STATE, AP_MPMQ_RUNNING) == AP_MPMQ_STOPPING;
}

int finq_mpm_can_wait(void)
{
    return ask(AP_MPMQ_CAN_WAITIO, 0) > 0;
}

int finq_mpm_threads(void)
{
    return ask(AP_MPMQ_MAX_THREADS, 0);
}

int finq_mpm_half_of_threads(void)
{
    return finq_mpm_threads() / 2;
}

int finq_mpm_quarter_of_threads(void)
{
    int quarter = finq_mpm_threads() / 4;
    return quarter > 0 ? quarter : 1;
}

int finq_mpm_serving(void)
{
    int children = ask(AP_MPMQ_MAX_DAEMONS, 1);
    return children > 0 ? children : 1;
}

int finq_mpm_share(int number)
{
    int share = number / finq_mpm_serving();
    return share > 0 ? share : 1;
}

int finq_mpm_children(void)
{
    int most = ask(AP_MPMQ_HARD_LIMIT_DAEMONS, 1);
    return most > 0 ? most : 1;
}
