/*
 * op_tag.h - tag: sets the ComicInfo elements that the options name, {"tags": {"Writer": "A. Bell", "Year": 2014,
 * "Notes": null}}, and nothing else. An entry of the table in op.c; see op.h for what a run may do.
 */
#ifndef LB_OP_TAG_H
#define LB_OP_TAG_H

#include "op.h"

/* Every element and value is checked as comicinfo_types.h says. ERR_RANGE: more than COMICINFO_VALUES_MAX_BYTES. */
int op_tag_check_options(const json_t *options, struct err *err);

int op_tag_run(const struct op_env *env, const struct op_item *item, struct op_result *ret,
               struct err *err);

#endif
