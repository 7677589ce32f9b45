/* Every route, once. docs/API.md says what each one takes and gives. */
#include "api.h"
#include "handlers.h"

#define SMALL_BODY 65536
#define ANY_BODY   (-1)

/* clang-format off */
const struct api_route api_routes[] = {
    {"POST",   "/api/jobs/process-all",        api_start_process_all,        API_ON_THREAD, SMALL_BODY},
    {"POST",   "/api/jobs/process-selected",   api_start_process_selected,   API_ON_THREAD, ANY_BODY},
    {"POST",   "/api/jobs/process-unmarked",   api_start_process_unmarked,   API_ON_THREAD, SMALL_BODY},
    {"POST",   "/api/jobs/rename-all",         api_start_rename_all,         API_ON_THREAD, SMALL_BODY},
    {"POST",   "/api/jobs/rename-selected",    api_start_rename_selected,    API_ON_THREAD, ANY_BODY},
    {"POST",   "/api/jobs/rename-unmarked",    api_start_rename_unmarked,    API_ON_THREAD, SMALL_BODY},
    {"POST",   "/api/jobs/normalize-all",      api_start_normalize_all,      API_ON_THREAD, SMALL_BODY},
    {"POST",   "/api/jobs/normalize-selected", api_start_normalize_selected, API_ON_THREAD, ANY_BODY},
    {"POST",   "/api/jobs/normalize-unmarked", api_start_normalize_unmarked, API_ON_THREAD, SMALL_BODY},
    {"GET",    "/api/jobs",                    api_job_list,                 API_ON_THREAD, 0},
    {"POST",   "/api/jobs",                    api_job_create,               API_ON_THREAD, ANY_BODY},
    {"POST",   "/api/jobs/pause",              api_jobs_pause,               API_ON_THREAD, 0},
    {"POST",   "/api/jobs/resume",             api_jobs_resume,              API_ON_THREAD, 0},
    {"GET",    "/api/jobs/{id}",               api_job_get,                  API_ON_LOOP,   0},
    {"PATCH",  "/api/jobs/{id}",               api_job_patch,                API_ON_THREAD, SMALL_BODY},
    {"DELETE", "/api/jobs/{id}",               api_job_delete,               API_ON_THREAD, 0},
    {"GET",    "/api/jobs/{id}/results",       api_job_results,              API_ON_THREAD, 0},
    {"POST",   "/api/jobs/{id}/cancel",        api_job_cancel,               API_ON_THREAD, 0},
    {"POST",   "/api/jobs/{id}/pause",         api_job_pause,                API_ON_THREAD, 0},
    {"POST",   "/api/jobs/{id}/resume",        api_job_resume,               API_ON_THREAD, 0},
    {"POST",   "/api/jobs/{id}/retry",         api_job_retry,                API_ON_THREAD, 0},
    {"POST",   "/api/jobs/{id}/undo",          api_job_undo,                 API_ON_THREAD, SMALL_BODY},

    {"POST",   "/api/batch-jobs",                   api_batch_create,       API_ON_THREAD, ANY_BODY},
    {"GET",    "/api/batch-jobs/{id}",              api_batch_get,          API_ON_LOOP,   0},
    {"GET",    "/api/batch-jobs/{id}/status",       api_batch_get,          API_ON_LOOP,   0},
    {"PATCH",  "/api/batch-jobs/{id}",              api_batch_patch,        API_ON_THREAD, SMALL_BODY},
    {"GET",    "/api/batch-jobs/{id}/items/{item}", api_batch_item,         API_ON_LOOP,   0},
    {"POST",   "/api/batch-jobs/{id}/process-next", api_batch_process_next, API_ON_LOOP,   0},
    {"POST",   "/api/batch-jobs/{id}/cancel",       api_batch_cancel,       API_ON_THREAD, 0},
    {"POST",   "/api/batch-jobs/{id}/follow-up",    api_batch_follow_up,    API_ON_THREAD, SMALL_BODY},
    {"POST",   "/api/process-all",             api_old_process_all,          API_ON_THREAD, SMALL_BODY},
    {"POST",   "/api/process-selected",        api_old_process_selected,     API_ON_THREAD, ANY_BODY},
    {"POST",   "/api/process-unmarked",        api_old_process_unmarked,     API_ON_THREAD, SMALL_BODY},
    {"POST",   "/api/rename-all",              api_old_rename_all,           API_ON_THREAD, SMALL_BODY},
    {"POST",   "/api/rename-selected",         api_old_rename_selected,      API_ON_THREAD, ANY_BODY},
    {"POST",   "/api/rename-unmarked",         api_old_rename_unmarked,      API_ON_THREAD, SMALL_BODY},
    {"POST",   "/api/normalize-all",           api_old_normalize_all,        API_ON_THREAD, SMALL_BODY},
    {"POST",   "/api/normalize-selected",      api_old_normalize_selected,   API_ON_THREAD, ANY_BODY},
    {"POST",   "/api/normalize-unmarked",      api_old_normalize_unmarked,   API_ON_THREAD, SMALL_BODY},

    {"GET",    "/api/active-job",              api_active_get,               API_ON_LOOP,   0},
    {"POST",   "/api/active-job",              api_active_post,              API_ON_THREAD, SMALL_BODY},
    {"DELETE", "/api/active-job",              api_active_delete,            API_ON_THREAD, 0},

    {"GET",    "/api/events/stats",            api_events_stats,             API_ON_LOOP,   0},

    {"GET",    "/api/files",                   api_files_list,               API_ON_THREAD, 0},
    {"GET",    "/api/scan-unmarked",           api_scan_unmarked,            API_ON_THREAD, 0},
    {"GET",    "/api/processing-history",      api_history_list,             API_ON_THREAD, 0},
    {"POST",   "/api/history/{id}/undo",       api_history_undo,             API_ON_THREAD, SMALL_BODY},

    {"GET",    "/api/preferences",             api_preferences_get,          API_ON_THREAD, 0},
    {"POST",   "/api/preferences",             api_preferences_post,         API_ON_THREAD, SMALL_BODY},
    {"GET",    "/api/settings",                api_settings_get,             API_ON_THREAD, 0},
    {"PATCH",  "/api/settings",                api_settings_patch,           API_ON_THREAD, SMALL_BODY},
    {"GET",    "/api/settings/log-max-bytes",         api_log_max_get,             API_ON_THREAD, 0},
    {"POST",   "/api/settings/log-max-bytes",         api_log_max_post,            API_ON_THREAD, SMALL_BODY},
    {"GET",    "/api/settings/filename-format",       api_filename_format_get,     API_ON_THREAD, 0},
    {"POST",   "/api/settings/filename-format",       api_filename_format_post,    API_ON_THREAD, SMALL_BODY},
    {"GET",    "/api/settings/issue-number-padding",  api_issue_padding_get,       API_ON_THREAD, 0},
    {"POST",   "/api/settings/issue-number-padding",  api_issue_padding_post,      API_ON_THREAD, SMALL_BODY},
    {"GET",    "/api/settings/github-token",          api_github_token_get,        API_ON_THREAD, 0},
    {"POST",   "/api/settings/github-token",          api_github_token_post,       API_ON_THREAD, SMALL_BODY},
    {"GET",    "/api/settings/github-repository",     api_github_repository_get,   API_ON_THREAD, 0},
    {"POST",   "/api/settings/github-repository",     api_github_repository_post,  API_ON_THREAD, SMALL_BODY},
    {"GET",    "/api/settings/github-issue-assignee", api_github_assignee_get,     API_ON_THREAD, 0},
    {"POST",   "/api/settings/github-issue-assignee", api_github_assignee_post,    API_ON_THREAD, SMALL_BODY},

    {"GET",    "/api/logs",                    api_logs_get,                 API_ON_THREAD, 0},
    {"GET",    "/metrics",                     api_metrics,                  API_ON_THREAD, 0},
    {"GET",    "/api/version",                 api_version,                  API_ON_LOOP,   0},
    {"GET",    "/api/config",                  api_config,                   API_ON_LOOP,   0},
    {"GET",    "/api/health",                  api_health,                   API_ON_THREAD, 0},
    {"GET",    "/health",                      api_health,                   API_ON_THREAD, 0},
    {"GET",    "/health/live",                 api_health_live,              API_ON_LOOP,   0},
    {"GET",    "/health/ready",                api_health_ready,             API_ON_THREAD, 0},
    {0},
};
/* clang-format on */
