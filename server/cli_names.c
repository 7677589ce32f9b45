/* longbox parse-name and longbox format-name: the rules for names, without a server. */
#include "cli.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bookname.h"
#include "bookname_parse.h"
#include "log.h"

#define PADDING_DEFAULT 4
#define PADDING_MAX     64
#define VALUE_SIZE      64 /* of a number given as a JSON number */

static const char parse_help[] =
    "longbox parse-name [--parser compatible|better] [--folder NAME] < NAMES\n"
    "\n"
    "Reads file names, one a line, and prints for each a line with a JSON object: series, issue, "
    "issue_count,\n"
    "volume, year, title, chapter, confidence (0 to 1); null where the parser says nothing.\n"
    "\n"
    "  --parser NAME   compatible (default): the number after \"ch\" or \"chapter\", else the "
    "first number\n"
    "                  that is not next to a bracket; better: what a person would read\n"
    "  --folder NAME   with better, the name of the folder that the files are in: a hint at their "
    "series\n"
    "  --help          this text\n";

static const char format_help[] =
    "longbox format-name --template T [--padding N] [--name-policy strict|posix] < TAGS\n"
    "\n"
    "Reads JSON objects, one a line, and prints for each the file name that the template gives. "
    "Members: series,\n"
    "issue, title, volume, year, publisher, the elements of ComicInfo (Writer, Count, ...; text or "
    "number), and ext,\n"
    "the extension (default \".cbz\"). A line that gives no name prints an empty line, and says "
    "why "
    "on standard error;\n"
    "the exit status is then 1.\n"
    "\n"
    "  --template T      text with {series} {issue} {issue_no_pad} {title} {volume} {year} "
    "{publisher} and elements\n"
    "                    of ComicInfo, as {Writer}; {issue:3} pads to 3 places; what is between < "
    "and > goes when\n"
    "                    a placeholder in it is empty: \"{series}< v{volume}> {issue}\"\n"
    "  --padding N       places of {issue} before the point, 0 to 64 (default 4)\n"
    "  --name-policy P   strict (default): names that every system and SMB takes; posix: all but "
    "slashes and\n"
    "                    control characters may stay\n"
    "  --help            this text\n";

/*
 * Takes the option `name` with its value from argv[*at], as "--name value" or "--name=value". 1 =
 * it is this option, 0 = it is not, -1 = the value is missing.
 */
static int take_option(int argc, char **argv, int *at, const char *name, const char **ret)
{
    const char *arg = argv[*at];
    size_t len = strlen(name);
    if (strncmp(arg, name, len) != 0)
        return 0;
    if (arg[len] == '=') {
        *ret = arg + len + 1;
        return 1;
    }
    if (arg[len] != '\0')
        return 0;
    if (*at + 1 >= argc) {
        (void)fprintf(stderr, "longbox: %s needs a value\n", name);
        return -1;
    }
    *ret = argv[++*at];
    return 1;
}

static int usage_error(const char *command, const char *arg)
{
    (void)fprintf(stderr, "longbox: %s does not know %s; see longbox %s --help\n", command,
                  LOG_QUOTE(arg), command);
    return CLI_USAGE;
}

/* The next line of standard input without its line feed; false at the end. */
static bool next_line(char **line, size_t *size, size_t *ret_len)
{
    ssize_t n = getline(line, size, stdin);
    if (n < 0)
        return false;
    *ret_len = (size_t)n;
    if (*ret_len > 0 && (*line)[*ret_len - 1] == '\n')
        (*line)[--*ret_len] = '\0';
    return true;
}

/* 0 when all that was read and written arrived. */
static int finish(int status)
{
    if (fflush(stdout) != 0 || ferror(stdin)) {
        perror("longbox");
        return CLI_FAILED;
    }
    return status;
}

static void print_parsed(const char *name, bool better, const char *folder)
{
    struct bookname_parsed p = {0};
    char number[BOOKNAME_MAX + 1];
    if (better)
        bookname_parse(name, folder, &p);
    json_t *j = bookname_parsed_json(&p);
    if (!better) { /* knows numbers only, and not how sure it is */
        json_t *found =
            bookname_number(name, number, sizeof(number)) ? json_string(number) : json_null();
        (void)json_object_set(j, "issue", found);
        (void)json_object_set_new(j, "chapter", found);
        (void)json_object_set_new(j, "confidence", json_null());
    }
    (void)json_dumpf(j, stdout, JSON_REAL_PRECISION(4));
    (void)putchar('\n');
    json_decref(j);
}

int cli_parse_name(int argc, char **argv)
{
    const char *parser = "compatible", *folder = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            (void)fputs(parse_help, stdout);
            return CLI_OK;
        }
        int at = i;
        int rc = take_option(argc, argv, &i, "--parser", &parser);
        if (rc == 0)
            rc = take_option(argc, argv, &i, "--folder", &folder);
        if (rc < 0)
            return CLI_USAGE;
        if (rc == 0)
            return usage_error("parse-name", argv[at]);
    }
    bool better = strcmp(parser, "better") == 0;
    if (!better && strcmp(parser, "compatible") != 0) {
        (void)fprintf(stderr,
                      "longbox: there is no parser %s; \"compatible\" and \"better\" are known\n",
                      LOG_QUOTE(parser));
        return CLI_USAGE;
    }
    char *line LB_CLEANUP(mem_free) = NULL;
    size_t size = 0, len;
    while (next_line(&line, &size, &len))
        print_parsed(line, better, folder);
    return finish(CLI_OK);
}

/* A member as text: a string, or a number written into buf; NULL when absent or null. */
static int member_text(const json_t *tags, const char *name, char buf[VALUE_SIZE], const char **ret,
                       struct err *err)
{
    const json_t *v = json_object_get(tags, name);
    *ret = NULL;
    if (json_is_string(v))
        *ret = json_string_value(v);
    else if (json_is_integer(v))
        (void)snprintf(buf, VALUE_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (json_is_real(v))
        (void)snprintf(buf, VALUE_SIZE, "%.15g", json_real_value(v));
    else if (v && !json_is_null(v))
        return err_field(err, ERR_BAD_FIELD, name, "%s is neither text nor a number", name);
    if (json_is_number(v))
        *ret = buf;
    return 0;
}

/* The elements that a line has, as text. */
struct elements {
    const json_t *tags;
    char buf[VALUE_SIZE];
};

/* A member by the element's name in any case, with or without underscores: "CoverArtist", "cover_artist". */
static bool is_member(const char *key, const char *element)
{
    for (; *key; key++) {
        if (*key == '_')
            continue;
        if ((*key | 32) != (*element | 32))
            return false;
        element++;
    }
    return *element == '\0';
}

static const char *element_of(void *ctx, const char *name)
{
    struct elements *e = ctx;
    const char *key, *text = NULL;
    json_t *v;
    struct err err = {0};
    json_object_foreach((json_t *)(uintptr_t)e->tags, key, v)
    {
        if (is_member(key, name) && member_text(e->tags, key, e->buf, &text, &err) == 0)
            return text;
    }
    return NULL;
}

static int format_line(const char *line, size_t len, const char *template, int padding,
                       enum bookname_policy policy, char ret[BOOKNAME_MAX + 1], struct err *err)
{
    json_error_t why;
    json_t *tags = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
    if (!tags)
        return err_set(err, ERR_BAD_JSON, "not JSON: %s", why.text);
    struct elements elements = {.tags = tags};
    struct bookname_tags t = {.element = element_of, .ctx = &elements};
    const char *extension = NULL;
    struct {
        const char *name, **at;
        char buf[VALUE_SIZE];
    } members[] = {
        {"series", &t.series, ""}, {"title", &t.title, ""},         {"volume", &t.volume, ""},
        {"year", &t.year, ""},     {"publisher", &t.publisher, ""}, {"issue", &t.issue, ""},
        {"ext", &extension, ""},
    };
    int rc = json_is_object(tags) ? 0 : err_set(err, ERR_BAD_JSON, "not a JSON object");
    for (size_t i = 0; i < ARRAY_LEN(members) && rc == 0; i++)
        rc = member_text(tags, members[i].name, members[i].buf, members[i].at, err);
    if (rc == 0)
        rc = bookname_format(template, padding, policy, extension ? extension : ".cbz", &t, ret,
                             err);
    json_decref(tags);
    return rc;
}

static int format_lines(const char *template, int padding, enum bookname_policy policy)
{
    char *line LB_CLEANUP(mem_free) = NULL;
    size_t size = 0, len;
    int status = CLI_OK;
    for (long n = 1; next_line(&line, &size, &len); n++) {
        char name[BOOKNAME_MAX + 1] = "";
        struct err err = {0};
        if (format_line(line, len, template, padding, policy, name, &err) < 0) {
            (void)fprintf(stderr, "longbox: line %ld: %s\n", n, err.msg);
            status = CLI_FAILED;
        }
        (void)puts(name);
    }
    return finish(status);
}

int cli_format_name(int argc, char **argv)
{
    const char *template = NULL, *padding_text = NULL, *policy_text = "strict";
    enum bookname_policy policy;
    long padding = PADDING_DEFAULT;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            (void)fputs(format_help, stdout);
            return CLI_OK;
        }
        int at = i;
        int rc = take_option(argc, argv, &i, "--template", &template);
        if (rc == 0)
            rc = take_option(argc, argv, &i, "--padding", &padding_text);
        if (rc == 0)
            rc = take_option(argc, argv, &i, "--name-policy", &policy_text);
        if (rc < 0)
            return CLI_USAGE;
        if (rc == 0)
            return usage_error("format-name", argv[at]);
    }
    if (!template) {
        (void)fputs("longbox: format-name needs --template; see longbox format-name --help\n",
                    stderr);
        return CLI_USAGE;
    }
    if (padding_text) {
        char *end;
        padding = strtol(padding_text, &end, 10);
        if (end == padding_text || *end || padding < 0 || padding > PADDING_MAX) {
            (void)fprintf(stderr, "longbox: --padding is a number from 0 to %d\n", PADDING_MAX);
            return CLI_USAGE;
        }
    }
    if (!bookname_policy_from(policy_text, &policy)) {
        (void)fputs("longbox: --name-policy is strict or posix\n", stderr);
        return CLI_USAGE;
    }
    return format_lines(template, (int)padding, policy);
}
