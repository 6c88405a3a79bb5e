#include "page/qr.h"

#include <apr_strings.h>
#include <errno.h>
#include <qrencode.h>
#include <string.h>

/* Modules of white that readers want around a code. */
#define MARGIN 4
/* A run of black modules: "M61 61h61v1h-61z". */
#define RUN_MOST 40

static apr_status_t code_free(void *code)
{
    QRcode_free(code);
    return APR_SUCCESS;
}

/* The runs of black modules, row by row, as a path. */
static const char *path_of(const QRcode *code, apr_pool_t *pool)
{
    int width = code->width;
    char *path = apr_palloc(pool, (apr_size_t)width * (apr_size_t)(width / 2 + 1) * RUN_MOST), *end = path;
    *end = '\0';
    for (int y = 0; y < width; y++) {
        for (int x = 0, run; x < width; x += run) {
            const unsigned char *module = code->data + y * width + x;
            for (run = 1; x + run < width && ((module[run] ^ module[0]) & 1) == 0; run++)
                ;
            if (module[0] & 1)
                end += apr_snprintf(end, RUN_MOST, "M%d %dh%dv1h-%dz", x + MARGIN, y + MARGIN, run, run);
        }
    }
    return path;
}

finq_error *finq_qr_html(finq_html *to, const char *text, const char *label, apr_pool_t *pool)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
    if (!code)
        return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "libqrencode: %s", strerror(errno));
    apr_pool_cleanup_register(pool, code, code_free, apr_pool_cleanup_null);
    int side = code->width + 2 * MARGIN;
    finq_html_open(to, "svg");
    finq_html_put(to, "class", "qr");
    finq_html_put(to, "role", "img");
    finq_html_put(to, "aria-label", label);
    finq_html_put(to, "viewBox", apr_psprintf(pool, "0 0 %d %d", side, side));
    finq_html_put(to, "shape-rendering", "crispEdges");
    finq_html_open(to, "path");
    finq_html_put(to, "d", path_of(code, pool));
    finq_html_close(to);
    finq_html_close(to);
    return NULL;
}
