/* What bookname_parse found, as JSON. */
#include <math.h>

#include "bookname_parse.h"

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

json_t *bookname_parsed_json(const struct bookname_parsed *p)
{
    json_t *j = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f}", "series",
                          text_or_null(p->series), "issue", text_or_null(p->issue), "issue_count",
                          text_or_null(p->issue_count), "volume", text_or_null(p->volume), "year",
                          text_or_null(p->year), "title", text_or_null(p->title), "chapter",
                          text_or_null(p->issue), "confidence", round(p->confidence * 100) / 100);
    must(j != NULL); /* all of it is UTF-8 */
    return j;
}
