/*
 * Every order of what can happen to a small job: two workers claim, declare, finish, put back and die; somebody cancels
 * and deletes, pauses and resumes. From each state that can be reached, each step is tried once, and the rules are checked after it.
 *
 * All of it is one transaction: a step is a savepoint, so going back to a state is a rollback. Both workers have names of
 * processes that do not live, and stand in the table of owners only in the moment in which they die.
 */
#include "model_lab.h"

static struct {
    char job_id[UUID_SIZE];
    char workers[2][BOARD_OWNER_SIZE];
    bool pauses; /* twice as many states */
} m;

/* ---- looking at the state ---- */

/* All that decides what can happen next: no times, no versions, no event ids. */
static void state_text(char ret[1024])
{
    (void)text_of(
        "SELECT (SELECT phase || ' ' || status || ' ' || cancelling || paused || ' ' || "
        "success_items || "
        "error_items ||"
        " cancelled_items FROM jobs) || ' ' || (SELECT group_concat(status || attempts || path ||"
        " ifnull(substr(lease_owner, -1), '-') || ifnull(target, '-')) FROM (SELECT * FROM "
        "job_items ORDER BY seq))"
        " || (SELECT job_id IS NULL FROM active)",
        ret, 1024);
}

struct view {
    char status[16];
    int64_t version, processed, success, errors, cancelled;
    bool ended, no_active, swept;
};

static struct view look(void)
{
    struct view v = {0};
    char row[256], status[32] = "";
    int ended = 0, no_active = 0;
    (void)text_of("SELECT version || ' ' || processed_items || ' ' || success_items || ' ' || "
                  "error_items || ' ' ||"
                  " cancelled_items || ' ' || (completed_at IS NOT NULL) || ' ' || (SELECT job_id "
                  "IS NULL FROM active)"
                  " || ' ' || status FROM jobs",
                  row, sizeof(row));
    if (sscanf(row, "%ld %ld %ld %ld %ld %d %d %31s", &v.version, &v.processed, &v.success,
               &v.errors, &v.cancelled, &ended, &no_active, status) != 8) {
        v.swept = true;
        return v;
    }
    (void)snprintf(v.status, sizeof(v.status), "%.15s", status);
    v.ended = ended;
    v.no_active = no_active;
    return v;
}

/* Rows that break a rule within one state. */
static const struct model_rule state_rules[] = {
    {"what ended has nothing left to run",
     "SELECT 1 FROM jobs WHERE completed_at IS NOT NULL AND EXISTS"
     " (SELECT 1 FROM job_items WHERE status IN ('queued', 'leased'))"},
    {"the counters are those of the items",
     "SELECT 1 FROM jobs WHERE (success_items, error_items, cancelled_items) IS NOT (SELECT"
     " count(*) FILTER (WHERE status = 'ok'), count(*) FILTER (WHERE status = 'error'),"
     " count(*) FILTER (WHERE status = 'cancelled') FROM job_items) AND (phase = 'live' OR "
     "completed_at IS NULL)"},
    {"the active job is cleared if and only if it ended",
     "SELECT 1 FROM jobs WHERE (completed_at IS NOT NULL) <> (SELECT job_id IS NULL FROM active)"},
    {"two leases hold one path",
     "SELECT 1 FROM job_items a JOIN job_items b ON a.seq < b.seq AND a.status = 'leased' AND "
     "b.status = 'leased'"
     " WHERE a.path = b.path OR a.target = b.target OR a.path = b.target OR a.target = b.path"},
    {"a path is held by nobody's lease",
     "SELECT 1 FROM leased_paths l WHERE NOT EXISTS (SELECT 1 FROM job_items i WHERE i.seq = l.seq "
     "AND i.status = 'leased')"},
    {"results are numbered 1, 2, 3",
     "SELECT 1 FROM jobs WHERE processed_items <> (SELECT ifnull(max(result_no), 0) FROM job_items)"
     " AND (phase = 'live' OR completed_at IS NULL)"}, /* what ended and is deleted loses its items first */
    {"the last event of what ended says so",
     "SELECT 1 FROM jobs j JOIN events e ON e.id = j.last_event_id WHERE completed_at IS NOT NULL "
     "AND"
     " (json_extract(e.data, '$.status'), json_extract(e.data, '$.version')) IS NOT (j.status, "
     "j.version)"},
};

static void check(const struct view *before)
{
    struct view now = look();
    if (now.swept)
        return;
    check_rules(common_rules, ARRAY_LEN(common_rules));
    check_rules(state_rules, ARRAY_LEN(state_rules));
    if (now.version < before->version || now.success < before->success ||
        now.errors < before->errors || now.cancelled < before->cancelled)
        broken("version and counters never go down");
    if (now.processed + now.cancelled > before->processed + before->cancelled &&
        now.version == before->version)
        broken("what is counted raises the version");
    if (before->ended && strcmp(before->status, now.status) != 0)
        broken("what ended stays as it is");
}

/* ---- the steps ---- */

/* The item `seq` as the worker has it that leases it. false: nobody does. */
static bool leased(int seq, struct item *ret, int *ret_worker)
{
    char sql[160], row[160];
    int attempt;
    if (!lease_of(seq, &attempt, ret_worker))
        return false;
    *ret = (struct item){.seq = seq, .attempt = attempt};
    memcpy(ret->job_id, m.job_id, sizeof(ret->job_id));
    (void)snprintf(sql, sizeof(sql), "SELECT path FROM job_items WHERE seq = %d", seq);
    ret->path = mem_strdup(text_of(sql, row, sizeof(row)));
    return true;
}

enum kind {
    CLAIM,
    DIE,
    FINISH_OK,
    FINISH_RENAMED,
    FINISH_ERROR,
    FINISH_CANCELLED,
    DECLARE,
    RETURN,
    CANCEL,
    CANCEL_MORE,
    DELETE,
    SWEEP,
    PAUSE,
    RESUME
};

struct step {
    enum kind kind;
    int arg; /* a worker, or an item */
    const char *name;
};

static const struct step steps[] = {
    {CLAIM, 0, "worker 1 claims"},
    {CLAIM, 1, "worker 2 claims"},
    {FINISH_OK, 1, "item 1 is done"},
    {FINISH_OK, 2, "item 2 is done"},
    {FINISH_OK, 3, "item 3 is done"},
    {FINISH_RENAMED, 1, "item 1 is done and renamed"},
    {FINISH_RENAMED, 3, "item 3 is done and renamed"},
    {FINISH_ERROR, 1, "item 1 fails"},
    {FINISH_ERROR, 3, "item 3 fails"},
    {FINISH_CANCELLED, 1, "item 1 stops"},
    {DECLARE, 1, "item 1 declares its new name"},
    {DECLARE, 3, "item 3 declares the same name"},
    {RETURN, 1, "item 1 is put back"},
    {DIE, 0, "worker 1 dies"},
    {DIE, 1, "worker 2 dies"},
    {CANCEL, 0, "it is cancelled"},
    {CANCEL_MORE, 0, "the cancel goes on"},
    {DELETE, 0, "it is deleted"},
    {SWEEP, 0, "the sweep"},
    {PAUSE, 0, "it is paused"},
    {RESUME, 0, "it is resumed"},
};

static int claim(int worker, struct err *err)
{
    struct item it;
    struct claimer who = {
        .owner = m.workers[worker], .made_by = "worker 0", .max_attempts = MAX_ATTEMPTS};
    int n = store_claim(fx.jobs, &who, 1, fx_now(), &it, NULL, NULL, err);
    if (n == 1)
        item_clear(&it);
    return n;
}

static int die(int worker, struct err *err)
{
    if (store_owner_renew(fx.jobs, m.workers[worker], worker, 1, fx_now(), err) < 0)
        return -1;
    return store_recover(fx.jobs, fx.board, MAX_ATTEMPTS, fx_now(), NULL, NULL, err);
}

static int on_item(const struct step *s, struct err *err)
{
    struct item it;
    int worker;
    if (!leased(s->arg, &it, &worker))
        return 0;
    struct job job;
    const char *owner = m.workers[worker];
    struct item_finish f = {.outcome = s->kind == FINISH_ERROR       ? ITEM_ERROR
                                       : s->kind == FINISH_CANCELLED ? ITEM_CANCELLED
                                                                     : ITEM_OK,
                            .message = s->kind == FINISH_ERROR ? "broken" : NULL,
                            .final_path = s->kind == FINISH_RENAMED ? "new" : NULL};
    int rc;
    if (s->kind == DECLARE)
        rc = store_item_declare(fx.jobs, &it, owner, "{}", "new", err) < 0
                 ? (err->code == ERR_CONFLICT ? 0 : -1)
                 : 1;
    else if (s->kind == RETURN)
        rc = store_item_return(fx.jobs, &it, owner, false, fx_now(), err);
    else
        rc = store_item_finish(fx.jobs, &it, owner, &f, fx_now(), &job, err);
    item_clear(&it);
    return rc;
}

static int set_paused(bool paused, struct err *err)
{
    struct job job;
    bool changed;
    struct job_change c = {.paused = &paused};
    int rc = store_job_change(fx.jobs, m.job_id, &c, fx_now(), &job, &changed, err);
    if (rc < 0)
        return err->code == ERR_CONFLICT ? 0 : -1; /* it has ended, or is being cancelled */
    return rc == 1 && changed;
}

/* 1: something was done. 0: it is not possible here. */
static int take(const struct step *s, struct err *err)
{
    struct job job;
    bool ended;
    switch (s->kind) {
    case CLAIM:
        return claim(s->arg, err);
    case DIE:
        return die(s->arg, err);
    case CANCEL:
        return store_job_cancel(fx.jobs, m.job_id, fx_now(), &job, err);
    case CANCEL_MORE:
        return store_job_cancel_more(fx.jobs, fx_now(), &job, &ended, err);
    case DELETE:
        return store_job_delete(fx.jobs, m.job_id, fx_now(), err);
    case SWEEP: {
        struct store_limits l = fx_limits(0, 1000000);
        return store_sweep(fx.jobs, fx.board, &l, err);
    }
    case PAUSE:
    case RESUME:
        return m.pauses ? set_paused(s->kind == PAUSE, err) : 0;
    default:
        return on_item(s, err);
    }
}

/* A worker that lost its lease speaks late, of every attempt there was: nothing changes. */
static void late_words_change_nothing(void)
{
    char before[1024], after[1024];
    state_text(before);
    for (int seq = 1; seq <= ITEMS; seq++) {
        struct item holder;
        int holds = -1, current = 0;
        if (leased(seq, &holder, &holds)) {
            current = holder.attempt;
            item_clear(&holder);
        }
        for (int i = 0; i < 2 * MAX_ATTEMPTS; i++) {
            int worker = i % 2, attempt = 1 + i / 2;
            if (holds == worker && current == attempt)
                continue;
            struct err err = {0};
            struct job job;
            struct item it = {.seq = seq, .attempt = attempt, .path = (char *)"p"};
            memcpy(it.job_id, m.job_id, sizeof(it.job_id));
            struct item_finish f = {.outcome = ITEM_OK, .final_path = "other"};
            if (store_item_finish(fx.jobs, &it, m.workers[worker], &f, fx_now(), &job, &err) != 0)
                broken("a late word was taken");
        }
    }
    state_text(after);
    if (strcmp(before, after) != 0)
        broken("a late word changed something");
}

static void explore(void)
{
    char text[1024];
    state_text(text);
    if (known(text))
        return;
    lab.states++;
    struct view here = look();
    if (here.ended || here.swept)
        lab.ends++;
    if (!here.swept)
        late_words_change_nothing();
    bool goes_on = false;
    must(lab.depth < MODEL_DEPTH);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct err err = {0};
        fx_ok(store_part_begin(fx.store, GATE_JOBS, &err), &err);
        lab.path[lab.depth++] = steps[i].name;
        lab.steps++;
        int rc = take(&steps[i], &err);
        if (rc < 0)
            broken(err.msg);
        if (rc > 0) { /* else the writer undoes its part, as we do */
            check(&here);
            goes_on |= steps[i].kind != CANCEL && steps[i].kind != DELETE && steps[i].kind != PAUSE;
            explore();
        }
        lab.depth--;
        fx_ok(store_part_end(fx.store, GATE_JOBS, false, &err), &err);
    }
    /* without anybody cancelling it, a job that has not ended can always go on */
    if (!here.ended && !here.swept && !goes_on)
        broken("it is stuck");
}

static void every_order_keeps_the_rules(const char *const *paths, bool pauses)
{
    memset(&m, 0, sizeof(m));
    m.pauses = pauses;
    name_workers(m.workers);
    fx_start_paths(paths, ITEMS, m.job_id);
    lab_begin();
    explore();
    print_message("%ld states, %ld steps, %ld ends\n", lab.states, lab.steps, lab.ends);
    assert_true(lab.states > 500 && lab.ends > 10);
}

static void every_order_of_three_books(void **state)
{
    (void)state;
    static const char *const paths[] = {"a", "b", "c"};
    every_order_keeps_the_rules(paths, false);
}

/* The same book twice, and a name that is another's new name. */
static void every_order_of_books_in_each_other_s_way(void **state)
{
    (void)state;
    static const char *const paths[] = {"a", "a", "new"};
    every_order_keeps_the_rules(paths, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_order_of_three_books, fixture_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(every_order_of_books_in_each_other_s_way, fixture_setup,
                                        lab_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
