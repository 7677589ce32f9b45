/*
 * summary.h - what is to be seen of a job's results at a glance: how many finished when, the slowest, why items failed.
 *
 * Results are added once, in their order; what is kept is of one size however many there are, so a summary of a running
 * job can be kept and only be told what is new. A plain value: it may be copied.
 */
#ifndef LB_SUMMARY_H
#define LB_SUMMARY_H

#include <jansson.h>

#include "reason.h"
#include "store.h"
#include "uuid.h"

#define SUMMARY_BUCKETS  300
#define SUMMARY_SLOWEST  20
#define SUMMARY_REASONS  40
#define SUMMARY_EXAMPLES 3

struct summary {
    char job_id[UUID_SIZE];
    int64_t last; /* of the results that were added, the last one */
    double start; /* Unix seconds: where the first bucket begins */
    double width; /* of a bucket, seconds; doubles when there would be too many */
    double busy;  /* seconds that items took, one after the other */
    int n_buckets;
    int32_t ok[SUMMARY_BUCKETS], failed[SUMMARY_BUCKETS];
    struct summary_slow {
        int64_t id;
        double seconds;
    } slowest[SUMMARY_SLOWEST]; /* the slowest first */
    int n_slowest;
    struct summary_reason {
        char reason[REASON_SIZE];
        int64_t n;
        int64_t examples[SUMMARY_EXAMPLES]; /* ids of results */
    } reasons[SUMMARY_REASONS];             /* in the order of their first */
    int n_reasons;
    int64_t n_other; /* failed for a reason for which there was no room */
};

/* started_at: of the job; 0 while it has not begun. */
void summary_init(struct summary *s, const char *job_id, double started_at);
void summary_add(struct summary *s, const struct job_result *r);

#endif
