#include "results_text.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "job.h"
#include "path.h"
#include "utf8.h"

/* One cell of text. */
static void add_text(struct strbuf *out, const char *s)
{
    struct strbuf cell LB_CLEANUP(strbuf_clear) = {0};
    if (*s && strchr("=+-@\t\r", *s))
        strbuf_addc(&cell, '\'');
    utf8_append_lossy(&cell, s, strlen(s));
    const char *text = strbuf_str(&cell);
    if (!strpbrk(text, ",\"\r\n")) {
        strbuf_adds(out, text);
        return;
    }
    strbuf_addc(out, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            strbuf_addc(out, '"');
        strbuf_addc(out, *p);
    }
    strbuf_addc(out, '"');
}

static void add_cell(struct strbuf *out, const char *s)
{
    strbuf_addc(out, ',');
    add_text(out, s ? s : "");
}

/* "2026-11-22T10:58:33.120Z" */
static void add_time(struct strbuf *out, double at)
{
    time_t whole = (time_t)floor(at);
    struct tm tm;
    char text[32] = "";
    if (at > 0 && gmtime_r(&whole, &tm))
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    strbuf_addc(out, ',');
    if (text[0])
        strbuf_addf(out, "%s.%03dZ", text, (int)((at - floor(at)) * 1000));
}

static double seconds_of(const struct job_result *r)
{
    return fmax(0, r->finished_at - r->started_at);
}

void results_csv_head(struct strbuf *out)
{
    strbuf_adds(out, "id,outcome,item,original,final,error,message,code,"
                     "started_at,finished_at,seconds\r\n");
}

void results_csv_row(struct strbuf *out, const struct job_result *r)
{
    json_t *details = r->details ? json_loads(r->details, 0, NULL) : NULL;
    const char *original = json_string_value(json_object_get(details, "original"));
    strbuf_addf(out, "%lld,%s", (long long)r->id, r->success ? "ok" : "error");
    add_cell(out, path_base(r->path));
    add_cell(out, original ? original : r->path);
    add_cell(out, json_string_value(json_object_get(details, "final")));
    add_cell(out, r->success ? NULL : r->message);
    add_cell(out, json_string_value(json_object_get(details, "message")));
    add_cell(out, json_string_value(json_object_get(details, "code")));
    add_time(out, r->started_at);
    add_time(out, r->finished_at);
    strbuf_addf(out, ",%.3f\r\n", seconds_of(r));
    json_decref(details);
}

static json_t *rounded(double t)
{
    return json_real(round(t * 1000) / 1000);
}

void results_json_row(struct strbuf *out, const struct job_result *r)
{
    json_t *details = r->details ? json_loads(r->details, 0, NULL) : NULL;
    json_t *o =
        json_pack("{s:I, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "id", (json_int_t)r->id, "item",
                  json_text(path_base(r->path)), "success", (int)r->success, "error",
                  r->success ? json_null() : json_text(r->message), "details",
                  details ? details : json_object(), "started_at", rounded(r->started_at),
                  "finished_at", rounded(r->finished_at), "seconds", rounded(seconds_of(r)));
    char *text LB_CLEANUP(mem_free) = json_dumps(o, JSON_TEXT_FLAGS);
    must(text != NULL);
    strbuf_adds(out, text);
    json_decref(o);
}
