/*
 * op_exec.h - commands of the configuration: an operation that runs a program for each item. See `commands` in
 * docs/CONFIGURATION.md for what users are promised; entries of the table in op.c.
 */
#ifndef LB_OP_EXEC_H
#define LB_OP_EXEC_H

#include "op.h"

/* What placeholders stand for. */
struct exec_values {
    const char *path, *relative_path, *name, *folder, *job_id, *seq;
};
/* `arg` with each placeholder replaced once; what was put in is not read again. malloc'd; NULL over 128 KiB. */
char *op_exec_expand(const char *arg, const struct exec_values *values);

/* Commands know no options. */
int op_exec_check_options(const json_t *options, struct err *err);
/* Ends what still lives of the run that declared this for an item of the job. Returns whether there was anything. */
bool op_exec_kill(const json_t *intent, const char *job_id);
int op_exec_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
                struct err *err);

#endif
