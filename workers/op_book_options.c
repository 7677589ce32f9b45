#include "op_book_options.h"

#include <string.h>

#include "bookname_parse.h"
#include "log.h"
#include "settings.h"

#define PARSER_OPTIONS                                                                             \
    "\"parser\": {\"type\": \"string\", \"enum\": [\"compatible\", \"better\"],"                   \
    " \"description\": \"how file names are read: by the rule of the old application, or as a"     \
    " person would; without it the setting name_parser\"}, "                                       \
    "\"min_confidence\": {\"type\": \"number\", \"minimum\": 0, \"maximum\": 1, \"default\": 0.6," \
    " \"description\": \"with parser better: an item whose name is read with less fails and"       \
    " stays as it is\"}"
#define NAME_OPTIONS                                                                               \
    "\"format\": {\"type\": \"string\", \"maxLength\": 512,"                                       \
    " \"description\": \"template of file names for this job; without it the setting\"}, "         \
    "\"padding\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 64,"                        \
    " \"description\": \"places of {issue} before the point; without it the setting\"}, "          \
    "\"name_policy\": {\"type\": \"string\", \"enum\": [\"strict\", \"posix\"],"                   \
    " \"description\": \"which characters names may have: those that every system and SMB takes, " \
    "or"                                                                                           \
    " all that this one takes; without it the setting name_policy\"}"
#define SCHEMA(properties)                                                                         \
    "{\"type\": \"object\", \"properties\": {" properties "}, \"additionalProperties\": false}"

const char op_book_option_schema[] = SCHEMA(PARSER_OPTIONS ", " NAME_OPTIONS);
const char op_normalize_option_schema[] = SCHEMA(PARSER_OPTIONS);

/* The text of an option, else that of the setting, which may be NULL. */
static const char *text_of(const json_t *options, const char *name, const char *setting)
{
    const char *text = json_string_value(json_object_get(options, name));
    return text ? text : setting;
}

struct op_book_options op_book_options_of(const json_t *options, const struct op_env *env)
{
    const char *parser = text_of(options, "parser", env->name_parser);
    const char *policy = text_of(options, "name_policy", env->name_policy);
    const json_t *confidence = json_object_get(options, "min_confidence");
    const json_t *padding = json_object_get(options, "padding");
    struct op_book_options o = {
        .better = parser && strcmp(parser, "better") == 0,
        .min_confidence = confidence ? json_number_value(confidence) : PARSED_SURE,
        .format = text_of(options, "format", env->filename_format),
        .padding = padding ? (int)json_integer_value(padding) : env->issue_padding,
    };
    if (policy)
        (void)bookname_policy_from(policy, &o.policy);
    return o;
}

/* ------------------------------------------------------------------ checks */

static int check_parser(const json_t *v, struct err *err)
{
    const char *name = json_string_value(v);
    if (!name || (strcmp(name, "compatible") != 0 && strcmp(name, "better") != 0))
        return err_field(err, ERR_BAD_FIELD, "parser",
                         "option parser must be \"compatible\" or \"better\"");
    return 0;
}

static int check_confidence(const json_t *v, struct err *err)
{
    if (!json_is_number(v))
        return err_field(err, ERR_BAD_FIELD, "min_confidence",
                         "option min_confidence must be a number");
    double n = json_number_value(v);
    return n >= 0 && n <= 1 ? 0
                            : err_field(err, ERR_RANGE, "min_confidence",
                                        "option min_confidence must be 0 to 1");
}

static int check_format(const json_t *v, struct err *err)
{
    char unknown[BOOKNAME_PLACEHOLDER];
    const char *format = json_string_value(v);
    if (!format || strlen(format) != json_string_length(v))
        return err_field(err, ERR_BAD_FIELD, "format", "option format must be text");
    if (bookname_check_template(format, err) < 0)
        return -1;
    if (bookname_unknown_placeholder(format, unknown))
        return err_field(err, ERR_RANGE, "format",
                         "option format has the placeholder %s, which is not known",
                         LOG_QUOTE(unknown));
    return 0;
}

static int check_padding(const json_t *v, struct err *err)
{
    if (!json_is_integer(v))
        return err_field(err, ERR_BAD_FIELD, "padding", "option padding must be a whole number");
    json_int_t n = json_integer_value(v);
    return n >= 0 && n <= SETTINGS_PADDING_MAX
               ? 0
               : err_field(err, ERR_RANGE, "padding", "option padding must be 0 to %d",
                           SETTINGS_PADDING_MAX);
}

static int check_policy(const json_t *v, struct err *err)
{
    enum bookname_policy policy;
    const char *name = json_string_value(v);
    return name && bookname_policy_from(name, &policy)
               ? 0
               : err_field(err, ERR_BAD_FIELD, "name_policy",
                           "option name_policy must be \"strict\" or \"posix\"");
}

static int check(const json_t *options, bool names, struct err *err)
{
    static const struct {
        const char *name;
        bool of_names;
        int (*check)(const json_t *v, struct err *err);
    } known[] = {{"parser", false, check_parser},
                 {"min_confidence", false, check_confidence},
                 {"format", true, check_format},
                 {"padding", true, check_padding},
                 {"name_policy", true, check_policy}};
    if (!json_is_object(options))
        return err_field(err, ERR_BAD_FIELD, "options", "options is not an object");
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)options, key, v)
    {
        size_t i = 0;
        while (i < ARRAY_LEN(known) && strcmp(known[i].name, key) != 0)
            i++;
        if (i == ARRAY_LEN(known))
            return err_field(err, ERR_BAD_FIELD, "options", "this operation has no option %s",
                             LOG_QUOTE(key));
        if (known[i].of_names && !names)
            return err_field(err, ERR_BAD_FIELD, "options",
                             "normalize leaves names as they are: it has no option %s", key);
        if (known[i].check(v, err) < 0)
            return -1;
    }
    return 0;
}

int op_book_check_options(const json_t *options, struct err *err)
{
    return check(options, true, err);
}

int op_normalize_check_options(const json_t *options, struct err *err)
{
    return check(options, false, err);
}
