/* schema.h - the schema files of shared/schema/, built into the program by embed.sh. */
#ifndef LB_SCHEMA_H
#define LB_SCHEMA_H

struct schema_step {
    const char *db; /* "jobs", "preferences", "library"; NULL ends the table */
    int version;    /* PRAGMA user_version after it */
    const char *sql;
};
extern const struct schema_step schema_steps[]; /* in order of version within each db */

#endif
