#include "op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comicinfo_types.h"
#include "config.h"
#include "op_book.h"
#include "op_book_options.h"
#include "op_convert.h"
#include "op_delete.h"
#include "op_exec.h"
#include "op_noop.h"
#include "op_plan.h"
#include "op_repair.h"
#include "op_tag.h"
#include "op_undo.h"
#include "op_verify.h"

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
        .previews = true,
        .option_schema = op_book_option_schema,
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
        .previews = true,
        .option_schema = op_book_option_schema,
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
        .previews = true,
        .option_schema = op_normalize_option_schema,
        .check_options = op_normalize_check_options,
        .run = op_normalize_run,
    },
    {
        .name = "tag",
        .verb = "Tagging",
        .label = "Set Tags",
        .text = "Sets the given tags of each book, and takes out those given as null; all others "
                "stay as they are.",
        .accepts = ACCEPTS_BOOKS,
        .changes_files = true,
        .previews = true,
        .option_schema = comicinfo_schema,
        .check_options = op_tag_check_options,
        .run = op_tag_run,
    },
    {
        .name = "undo",
        .verb = "Undoing",
        .label = "Undo",
        .text = "Puts back what a row of the history, or a job, changed in each book: its tags "
                "byte for byte, its name and its marks.",
        .accepts = ACCEPTS_BOOKS,
        .changes_files = true,
        .previews = true,
        .option_schema = op_undo_schema,
        .check_options = op_undo_check_options,
        .run = op_undo_run,
    },
    {
        .name = "convert",
        .verb = "Converting",
        .label = "Convert to CBZ",
        .text = "Makes a CBZ of each CBR, CB7 and CBT; the old file goes to the trash folder.",
        .accepts = ACCEPTS_BOOKS,
        .changes_files = true,
        .previews = true,
        .option_schema = NO_OPTIONS,
        .check_options = op_book_check_options,
        .run = op_convert_run,
    },
    {
        .name = "repair",
        .verb = "Repairing",
        .label = "Repair",
        .text = "Makes a new book of what can be read in a damaged CBZ, beside it; the old file "
                "stays as it is.",
        .accepts = ACCEPTS_BOOKS,
        .changes_files = true,
        .previews = true,
        .option_schema = NO_OPTIONS,
        .check_options = op_book_check_options,
        .run = op_repair_run,
    },
    {
        .name = "verify",
        .verb = "Verifying",
        .label = "Verify",
        .text = "Reads every byte of each book and lists what is wrong with it; changes nothing.",
        .accepts = ACCEPTS_BOOKS,
        .changes_files = false,
        .option_schema = NO_OPTIONS,
        .check_options = op_book_check_options,
        .run = op_verify_run,
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

/* In no list of operations: a job over many files must not delete them by a slip (api_start.c). */
static const struct op own_table[] = {
    {
        .name = "delete",
        .verb = "Deleting",
        .label = "Delete",
        .text = "Moves a book to the trash folder, or deletes it when there is none.",
        .accepts = ACCEPTS_BOOKS,
        .changes_files = true,
        .option_schema = NO_OPTIONS,
        .check_options = op_book_check_options,
        .run = op_delete_run,
    },
};

/* Filled by op_register_commands. */
static struct op commands[CONFIG_COMMANDS_MAX];
static char verbs[CONFIG_COMMANDS_MAX][CONFIG_COMMAND_TITLE_MAX + 16];
static size_t n_commands;

void op_register_commands(const struct config *c)
{
    n_commands = c->n_commands;
    for (size_t i = 0; i < n_commands; i++) {
        const struct config_command *cmd = &c->commands[i];
        (void)snprintf(verbs[i], sizeof(verbs[i]), "Running %s on", cmd->title);
        commands[i] = (struct op){
            .name = cmd->name,
            .verb = verbs[i],
            .label = cmd->title,
            .text = cmd->text,
            .accepts = cmd->accepts_strings ? ACCEPTS_STRINGS : ACCEPTS_BOOKS,
            .changes_files = cmd->changes_files,
            .option_schema = NO_OPTIONS,
            .check_options = op_exec_check_options,
            .run = op_exec_run,
            .config = c,
            .command = cmd,
        };
    }
}

const struct op *op_find(const char *name)
{
    const struct op *op;
    for (size_t i = 0; (op = op_at(i)) != NULL; i++)
        if (strcmp(op->name, name) == 0)
            return op;
    return NULL;
}

const struct op *op_find_any(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(own_table); i++)
        if (strcmp(own_table[i].name, name) == 0)
            return &own_table[i];
    return op_find(name);
}

const struct op *op_at(size_t i)
{
    if (i < ARRAY_LEN(table))
        return &table[i];
    i -= ARRAY_LEN(table);
    return i < n_commands ? &commands[i] : NULL;
}

void op_result_clear(struct op_result *r)
{
    if (!r)
        return;
    free(r->final_path);
    op_tags_clear(&r->before);
    op_tags_clear(&r->after);
    json_decref(r->undo);
    json_decref(r->details);
    if (r->check) {
        free(r->check->problems);
        free(r->check->content);
        free(r->check);
    }
    *r = (struct op_result){0};
}
