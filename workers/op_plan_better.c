/* What the parser "better" makes of a book: it fills in what is missing, and only what it is sure of. */
#include <stdlib.h>
#include <string.h>

#include "bookname_parse.h"
#include "log.h"
#include "op_plan_parts.h"
#include "path.h"

/* A tag that is not set takes what the name says. */
static void fill(char **tag, const char *text)
{
    if (!text[0] || (*tag && (*tag)[strspn(*tag, " \t\n")]))
        return;
    free(*tag);
    *tag = mem_strdup(text);
}

static void fill_whole(char **tag, const char *text)
{
    if (strspn(text, "0123456789") == strlen(text))
        fill(tag, text); /* Volume and Year are whole numbers in ComicInfo */
}

/* Do the tag and the name give the same number? Then the name was read rightly. */
static bool agrees(const char *tag, const char *issue)
{
    char *end_tag, *end_issue;
    if (!tag || !issue[0])
        return false;
    double a = strtod(tag, &end_tag), b = strtod(issue, &end_issue);
    return !*end_tag && !*end_issue ? a == b : strcmp(tag, issue) == 0;
}

static int unsure(const struct bookname_parsed *read, double limit, struct err *err)
{
    char series[80];
    log_quote(read->series, series, sizeof(series));
    int percent = (int)(read->confidence * 100 + 0.5), least = (int)(limit * 100 + 0.5);
    if (!read->issue[0])
        return err_set(err, ERR_RANGE,
                       "only %d %% sure (%d %% needed) that the name means series %s without a "
                       "number; nothing was changed: tag the book, or lower min_confidence",
                       percent, least, series);
    return err_set(err, ERR_RANGE,
                   "only %d %% sure (%d %% needed) that the name means number %s of series %s; "
                   "nothing was changed: tag the book, or lower min_confidence",
                   percent, least, read->issue, series);
}

int op_plan_better(const struct op_book_options *o, const char *folder, unsigned what,
                   struct op_plan *p, struct op_tags *filled, struct err *err)
{
    struct bookname_parsed read;
    bookname_parse(path_base(p->from), folder, &read);
    if (agrees(p->before.issue, read.issue) && read.confidence < 0.95)
        read.confidence = 0.95;
    p->parsed = bookname_parsed_json(&read);
    fill(&filled->series, read.series);
    fill(&filled->issue, read.issue);
    fill(&filled->title, read.title);
    fill_whole(&filled->volume, read.volume);
    fill_whole(&filled->year, read.year);
    bool writes = (what & PLAN_TAGS) && !op_tags_equal(&p->before, filled);
    bool names = (what & PLAN_NAME) && filled->issue && (!p->before.issue || !p->before.series);
    return (writes || names) && read.confidence < o->min_confidence
               ? unsure(&read, o->min_confidence, err)
               : 0;
}
