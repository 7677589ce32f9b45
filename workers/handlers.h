/*
 * handlers.h - what answers each route; the table is in api_routes.c. Each handler fills call->reply, or returns -1
 * with err, which the dispatcher turns into the answer (api.h). What is not said to be for the loop may wait for the
 * writer or the disk.
 */
#ifndef LB_HANDLERS_H
#define LB_HANDLERS_H

#include "err.h"

struct api_call;

/* ---- starting jobs: api_start.c. They read the library folder first. ---- */
int api_start_process_all(struct api_call *call, struct err *err);
int api_start_process_selected(struct api_call *call, struct err *err);
int api_start_process_unmarked(struct api_call *call, struct err *err);
int api_start_rename_all(struct api_call *call, struct err *err);
int api_start_rename_selected(struct api_call *call, struct err *err);
int api_start_rename_unmarked(struct api_call *call, struct err *err);
int api_start_normalize_all(struct api_call *call, struct err *err);
int api_start_normalize_selected(struct api_call *call, struct err *err);
int api_start_normalize_unmarked(struct api_call *call, struct err *err);
int api_job_create(struct api_call *call, struct err *err);

/* ---- the calls of the old application that wait for the end of a job: api_old.c ---- */
int api_old_process_all(struct api_call *call, struct err *err);
int api_old_process_selected(struct api_call *call, struct err *err);
int api_old_process_unmarked(struct api_call *call, struct err *err);
int api_old_rename_all(struct api_call *call, struct err *err);
int api_old_rename_selected(struct api_call *call, struct err *err);
int api_old_rename_unmarked(struct api_call *call, struct err *err);
int api_old_normalize_all(struct api_call *call, struct err *err);
int api_old_normalize_selected(struct api_call *call, struct err *err);
int api_old_normalize_unmarked(struct api_call *call, struct err *err);

/* ---- one file: api_file.c, api_tags.c, api_cover.c. But for api_tags_get and the cover, they wait for a job. ---- */
int api_file_cover(struct api_call *call, struct err *err);
int api_file_process(struct api_call *call, struct err *err);
int api_file_rename(struct api_call *call, struct err *err);
int api_file_normalize(struct api_call *call, struct err *err);
int api_file_delete(struct api_call *call, struct err *err);
int api_tags_get(struct api_call *call, struct err *err);
int api_tags_post(struct api_call *call, struct err *err);
int api_tags_post_many(struct api_call *call, struct err *err);

/* ---- jobs: api_jobs.c ---- */
int api_job_get(struct api_call *call, struct err *err); /* for the loop */
int api_job_list(struct api_call *call, struct err *err);
int api_job_results(struct api_call *call, struct err *err);
int api_job_results_csv(struct api_call *call, struct err *err);
int api_job_results_json(struct api_call *call, struct err *err);
int api_job_summary(struct api_call *call, struct err *err);
int api_job_cancel(struct api_call *call, struct err *err);
int api_job_delete(struct api_call *call, struct err *err);

/* ---- control of jobs: api_control.c ---- */
int api_job_pause(struct api_call *call, struct err *err);
int api_job_resume(struct api_call *call, struct err *err);
int api_job_patch(struct api_call *call, struct err *err);
int api_job_retry(struct api_call *call, struct err *err);
int api_jobs_pause(struct api_call *call, struct err *err);
int api_jobs_resume(struct api_call *call, struct err *err);

/* ---- batches: api_batch.c, api_drive.c, api_control.c ---- */
int api_batch_create(struct api_call *call, struct err *err);
int api_batch_get(struct api_call *call, struct err *err);  /* for the loop */
int api_batch_item(struct api_call *call, struct err *err); /* for the loop */
int api_batch_patch(struct api_call *call, struct err *err);
int api_batch_cancel(struct api_call *call, struct err *err);
int api_batch_follow_up(struct api_call *call, struct err *err);
int api_batch_process_next(struct api_call *call, struct err *err); /* for the loop */
/* ---- the history, and putting back: api_history.c, api_undo.c ---- */
int api_history_list(struct api_call *call, struct err *err);
int api_history_undo(struct api_call *call, struct err *err);
int api_job_undo(struct api_call *call, struct err *err);

/* ---- the active job: api_active.c ---- */
int api_active_get(struct api_call *call, struct err *err); /* for the loop */
int api_active_post(struct api_call *call, struct err *err);
int api_active_delete(struct api_call *call, struct err *err);

/* ---- library: api_files.c. Lists read library.db for up to tenths of a second. ---- */
int api_files_list(struct api_call *call, struct err *err);
int api_files_ids(struct api_call *call, struct err *err);
int api_folders(struct api_call *call, struct err *err);
int api_files_same(struct api_call *call, struct err *err);
int api_scan_unmarked(struct api_call *call, struct err *err); /* for the loop */

/* ---- preferences, settings, version, config: api_settings.c. All _get are for the loop. ---- */
int api_preferences_get(struct api_call *call, struct err *err);
int api_preferences_post(struct api_call *call, struct err *err);
int api_settings_get(struct api_call *call, struct err *err);
int api_settings_patch(struct api_call *call, struct err *err);
int api_log_max_get(struct api_call *call, struct err *err);
int api_log_max_post(struct api_call *call, struct err *err);
int api_filename_format_get(struct api_call *call, struct err *err);
int api_filename_format_post(struct api_call *call, struct err *err);
int api_issue_padding_get(struct api_call *call, struct err *err);
int api_issue_padding_post(struct api_call *call, struct err *err);
/* Old dialogs ask for these; nothing is stored. */
int api_watcher_enabled_get(struct api_call *call, struct err *err);
int api_watcher_enabled_post(struct api_call *call, struct err *err);
int api_watcher_status(struct api_call *call, struct err *err); /* for the loop */
int api_github_token_get(struct api_call *call, struct err *err);
int api_github_token_post(struct api_call *call, struct err *err);
int api_github_repository_get(struct api_call *call, struct err *err);
int api_github_repository_post(struct api_call *call, struct err *err);
int api_github_assignee_get(struct api_call *call, struct err *err);
int api_github_assignee_post(struct api_call *call, struct err *err);
int api_version(struct api_call *call, struct err *err); /* for the loop */
int api_config(struct api_call *call, struct err *err);  /* for the loop */

/* ---- the kept log: api_logs.c ---- */
int api_logs_get(struct api_call *call, struct err *err);

/* ---- figures for Prometheus: api_metrics.c ---- */
int api_metrics(struct api_call *call, struct err *err);

/* ---- health: api_health.c. All but api_health are for the loop. ---- */
int api_health(struct api_call *call, struct err *err);
int api_health_live(struct api_call *call, struct err *err);
int api_health_ready(struct api_call *call, struct err *err);
int api_status(struct api_call *call, struct err *err); /* api_status.c */
int api_events_stats(struct api_call *call, struct err *err);

#endif
