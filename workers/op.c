#include "op.h"

#include <stdlib.h>
#include <string.h>

#include "op_book.h"
#include "op_noop.h"
#include "op_plan.h"

#define NO_OPTIONS "{\"type\": \"object\", \"properties\": {}, \"additionalProperties\": false}"

static const struct op table[] = {
    {
        .name = "process",
        .verb = "Processing",
        .label = "Process",
        .text = "Sets title, series and number of each book from its folder and name, and renames "
                "it by the template.",
        .accepts = ACCEPTS_BOOKS,
        .changes_files = true,
        .option_schema = NO_OPTIONS,
        .check_options = op_book_check_options,
        .run = op_process_run,
    },
    {
        .name = "rename",
        .verb = "Renaming",
        .label = "Rename",
        .text = "Renames each book by the template; its tags stay as they are.",
        .accepts = ACCEPTS_BOOKS,
        .changes_files = true,
        .option_schema = NO_OPTIONS,
        .check_options = op_book_check_options,
        .run = op_rename_run,
    },
    {
        .name = "normalize",
        .verb = "Normalizing",
        .label = "Normalize",
        .text = "Sets title, series and number of each book from its folder and name; its name "
                "stays as it is.",
        .accepts = ACCEPTS_BOOKS,
        .changes_files = true,
        .option_schema = NO_OPTIONS,
        .check_options = op_book_check_options,
        .run = op_normalize_run,
    },
    {
        .name = "noop",
        .verb = "Testing",
        .label = "Do Nothing",
        .text = "Does nothing; for load tests.",
        .accepts = ACCEPTS_STRINGS,
        .changes_files = false,
        .option_schema =
            "{\"type\": \"object\", \"properties\": {"
            "\"ms\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 600000, \"default\": 0,"
            " \"description\": \"how long an item takes, in ms\"}, "
            "\"fail_every\": {\"type\": \"integer\", \"minimum\": 1,"
            " \"description\": \"every n-th item fails\"}}, \"additionalProperties\": false}",
        .check_options = op_noop_check_options,
        .run = op_noop_run,
    },
};

const struct op *op_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

const struct op *op_at(size_t i)
{
    return i < ARRAY_LEN(table) ? &table[i] : NULL;
}

void op_result_clear(struct op_result *r)
{
    if (!r)
        return;
    free(r->final_path);
    op_tags_clear(&r->before);
    op_tags_clear(&r->after);
    json_decref(r->details);
    *r = (struct op_result){0};
}
