/*
 * cli.h - the commands of the program `longbox`. Each gets its arguments with its own name as argv[0] and returns the
 * exit code.
 */
#ifndef LB_CLI_H
#define LB_CLI_H

#define CLI_OK     0
#define CLI_FAILED 1
#define CLI_USAGE  2 /* also a configuration that is refused */

int cli_serve(int argc, char **argv);       /* cli_serve.c */
int cli_config(int argc, char **argv);      /* cli_config.c */
int cli_parse_name(int argc, char **argv);  /* cli_names.c */
int cli_format_name(int argc, char **argv); /* cli_names.c */
int cli_submit(int argc, char **argv);      /* cli_jobs.c */
int cli_jobs(int argc, char **argv);        /* cli_jobs.c */
int cli_show(int argc, char **argv);        /* cli_jobs.c */
int cli_cancel(int argc, char **argv);      /* cli_jobs.c */
int cli_watch(int argc, char **argv);       /* cli_watch.c */

#endif
