/*
 * Every order of what can happen to a small batch: two callers, one on each worker, ask and go away; their items end and
 * fail; workers die; somebody cancels and hands the job over; two makers make what follows it, a part at a time. The
 * rules of the stores are checked after each step, and what each caller would be told.
 */
#include "model_lab.h"

#define CHUNK 2 /* of what follows: two steps at least */

/* What is in the memory of the workers. A caller has no item (0), or the number of one. */
struct caller {
    bool waits;
    int seq;
};

static struct {
    char job_id[UUID_SIZE];
    char workers[2][BOARD_OWNER_SIZE];
    struct caller callers[2];
    struct follow_up making[2];
    int ended_with_item; /* answers that said job_completed and had an item */
    bool last_was_asked; /* the last item ended for a caller who was still there */
    long followed;
} m;

static void state_text(char ret[2048])
{
    char db[1500];
    (void)text_of(
        "SELECT group_concat(job) FROM (SELECT phase || status || cancelling || drive || "
        "success_items"
        " || error_items || cancelled_items || follow_up_due || ifnull(substr(staged_by, -1), '-') "
        "||"
        " ':' || (SELECT group_concat(CASE WHEN finished_at IS NULL THEN status || attempts ||"
        "                  ifnull(substr(lease_owner, -1), '-') ELSE status END)"
        "           FROM (SELECT * FROM job_items i WHERE i.job_id = j.job_id ORDER BY seq)) AS job"
        " FROM jobs j WHERE phase <> 'deleting' ORDER BY created_at)",
        db, sizeof(db));
    int n = snprintf(ret, 2048, "%s %d%d", db, m.ended_with_item, m.last_was_asked);
    for (int i = 0; i < 2; i++)
        n += snprintf(ret + n, 2048 - (size_t)n, " %d%d%d%ld", m.callers[i].waits, m.callers[i].seq,
                      m.making[i].job_id[0] != '\0', (long)m.making[i].after);
}

/* The batch as a reader sees it. false: deleted (no step does). */
static struct job batch(void)
{
    struct job job;
    struct err err = {0};
    int rc = store_job_get(fx.jobs, m.job_id, &job, &err);
    fx_ok(rc, &err);
    assert_int_equal(rc, 1);
    return job;
}

static const struct model_rule state_rules[] = {
    {"the counters are those of the items",
     "SELECT 1 FROM jobs j WHERE phase = 'live' AND (success_items, error_items, cancelled_items) "
     "IS NOT"
     " (SELECT count(*) FILTER (WHERE status = 'ok'), count(*) FILTER (WHERE status = 'error'),"
     "         count(*) FILTER (WHERE status = 'cancelled') FROM job_items i WHERE i.job_id = "
     "j.job_id)"},
    {"a live job has all its items",
     "SELECT 1 FROM jobs j WHERE phase = 'live' AND total_items <>"
     " (SELECT count(*) FROM job_items i WHERE i.job_id = j.job_id)"},
    {"the active job has not ended",
     "SELECT 1 FROM active a JOIN jobs j ON j.job_id = a.job_id WHERE j.completed_at IS NOT NULL"},
    {"a job that is live and has not ended is the active one",
     "SELECT 1 FROM jobs WHERE completed_at IS NULL AND phase = 'live'"
     " AND (SELECT job_id IS NULL FROM active)"},
    {"results are numbered 1, 2, 3",
     "SELECT 1 FROM jobs j WHERE phase = 'live' AND processed_items <>"
     " (SELECT ifnull(max(result_no), 0) FROM job_items i WHERE i.job_id = j.job_id)"},
    {"the last event of what ended says so",
     "SELECT 1 FROM jobs j JOIN events e ON e.id = j.last_event_id WHERE completed_at IS NOT NULL"
     " AND phase = 'live' AND (json_extract(e.data, '$.status'), json_extract(e.data, '$.version'))"
     " IS NOT (j.status, j.version)"},
    {"one job follows, at most", "SELECT 1 FROM jobs WHERE parent IS NOT NULL GROUP BY parent, "
                                 "parent_kind HAVING count(*) > 1"},
    {"what follows was made of a job that completed",
     "SELECT 1 FROM jobs c JOIN jobs p ON p.job_id = c.parent WHERE p.status <> 'completed'"},
    {"what follows takes what succeeded, under its new name",
     "SELECT 1 FROM jobs c WHERE phase = 'live' AND parent IS NOT NULL AND"
     " (SELECT group_concat(path) FROM (SELECT * FROM job_items i WHERE i.job_id = c.job_id ORDER "
     "BY seq))"
     " IS NOT (SELECT group_concat(coalesce(final_path, path)) FROM (SELECT * FROM job_items i"
     "          WHERE i.job_id = c.parent AND status = 'ok' ORDER BY seq))"},
    {"the parent names what follows it, and only that",
     "SELECT 1 FROM jobs p WHERE parent IS NULL AND phase = 'live' AND json_extract(follow_ups, "
     "'$.noop')"
     " IS NOT (SELECT job_id FROM jobs c WHERE c.parent = p.job_id AND phase = 'live')"},
    {"what was made is not due",
     "SELECT 1 FROM jobs p WHERE follow_up_due = 1 AND EXISTS"
     " (SELECT 1 FROM jobs c WHERE c.parent = p.job_id AND phase = 'live')"},
};

/* The item `seq` as the worker has it that leases it. false: nobody does. */
static bool leased(int seq, struct item *ret, int *ret_worker)
{
    char row[16];
    int attempt;
    if (!lease_of(seq, &attempt, ret_worker))
        return false;
    *ret = (struct item){.seq = seq, .attempt = attempt};
    memcpy(ret->job_id, m.job_id, sizeof(ret->job_id));
    (void)snprintf(row, sizeof(row), "item %d", seq);
    ret->path = mem_strdup(row);
    return true;
}

/* An item of a caller is leased by the caller's worker; two callers never have one item. */
static void check_callers(void)
{
    for (int i = 0; i < 2; i++) {
        const struct caller *c = &m.callers[i];
        struct item it;
        int worker = -1;
        if (c->waits && c->seq)
            broken("a caller who has an item waits for none");
        if (c->seq && (!leased(c->seq, &it, &worker) || worker != i))
            broken("the item of a caller is leased by its worker");
        if (worker >= 0)
            item_clear(&it);
    }
    if (m.callers[0].seq && m.callers[0].seq == m.callers[1].seq)
        broken("two callers have one item");
    if (m.ended_with_item > 1)
        broken("one answer with an item says job_completed");
}

/* What must hold in this state, however it was come to. */
static void check_state(const struct job *now)
{
    check_rules(common_rules, ARRAY_LEN(common_rules));
    check_rules(state_rules, ARRAY_LEN(state_rules));
    check_callers();
    bool ended_here = now->status == JOB_COMPLETED && m.last_was_asked;
    if (ended_here != (m.ended_with_item == 1))
        broken("who asked for the last item is told that it was the last");
}

static void check_step(const struct job *before)
{
    struct job now = batch();
    if (now.version < before->version || now.success < before->success ||
        now.errors < before->errors || now.cancelled < before->cancelled)
        broken("version and counters never go down");
    if (now.processed + now.cancelled > before->processed + before->cancelled &&
        now.version == before->version)
        broken("what is counted raises the version");
    if (job_status_is_final(before->status) && before->status != now.status)
        broken("what ended stays as it is");
}

/* ---- the steps ---- */

enum kind {
    ASK,
    GO_AWAY,
    LOOK,
    CLAIM,
    FINISH_OK,
    FINISH_ERROR,
    PUT_BACK,
    DIE,
    CANCEL,
    CANCEL_MORE,
    DRIVE,
    FOLLOW
};

struct step {
    enum kind kind;
    int arg; /* a worker and its caller, or an item, or who drives */
    const char *name;
};

static const struct step steps[] = {
    {ASK, 0, "caller 1 asks"},
    {ASK, 1, "caller 2 asks"},
    {GO_AWAY, 0, "caller 1 goes away"},
    {LOOK, 0, "caller 1 is looked at"},
    {LOOK, 1, "caller 2 is looked at"},
    {CLAIM, 0, "worker 1 claims"},
    {CLAIM, 1, "worker 2 claims"},
    {FINISH_OK, 1, "item 1 is done and renamed"},
    {FINISH_OK, 2, "item 2 is done and renamed"},
    {FINISH_OK, 3, "item 3 is done and renamed"},
    {FINISH_ERROR, 2, "item 2 fails"},
    {PUT_BACK, 1, "item 1 is put back"},
    {DIE, 0, "worker 1 dies"},
    {DIE, 1, "worker 2 dies"},
    {CANCEL, 0, "it is cancelled"},
    {CANCEL_MORE, 0, "the cancel goes on"},
    {DRIVE, DRIVE_SERVER, "it is handed to the server"},
    {DRIVE, DRIVE_CLIENT, "it is handed to the clients"},
    {FOLLOW, 0, "worker 1 makes a part of what follows"},
    {FOLLOW, 1, "worker 2 makes a part of what follows"},
};

/* As the writer does it: one item, for the caller when there is one who waits, else by the server's drive. */
static int claim(int worker, struct err *err)
{
    struct item it;
    struct caller *c = &m.callers[worker];
    struct claim_demand demand = {.n = 1};
    memcpy(demand.job_id, m.job_id, sizeof(demand.job_id));
    struct claimer who = {.owner = m.workers[worker],
                          .made_by = "worker 0",
                          .max_attempts = MAX_ATTEMPTS,
                          .demands = &demand,
                          .n_demands = c->waits};
    struct job before = batch();
    if (job_status_is_final(before.status))
        return 0; /* only what follows is left to claim */
    int n = store_claim(fx.jobs, &who, 1, fx_now(), &it, NULL, NULL, err);
    if (n != 1)
        return n;
    if (it.driven != (before.drive == DRIVE_CLIENT) || (it.driven && !c->waits))
        broken("of what a client drives, no item is leased that nobody asked for");
    if (it.driven)
        *c = (struct caller){.seq = (int)it.seq};
    item_clear(&it);
    return 1;
}

/* What the caller of this item is told. */
static void answer(int worker, const struct item *it, const struct job *job)
{
    struct caller *c = &m.callers[worker];
    bool last = job->status == JOB_COMPLETED;
    bool asked = c->seq == it->seq;
    if (job_status_is_final(job->status) != (job->processed + job->cancelled == job->total))
        broken("the commit of the last item ends the job");
    if (!asked)
        return;
    *c = (struct caller){0};
    m.ended_with_item += last;
    m.last_was_asked |= last;
}

static int on_item(const struct step *s, struct err *err)
{
    struct item it;
    int worker;
    char renamed[16];
    if (!leased(s->arg, &it, &worker))
        return 0;
    struct job job;
    const char *owner = m.workers[worker];
    (void)snprintf(renamed, sizeof(renamed), "new %d", s->arg);
    struct item_finish f = {.outcome = s->kind == FINISH_ERROR ? ITEM_ERROR : ITEM_OK,
                            .message = s->kind == FINISH_ERROR ? "broken" : NULL,
                            .final_path = s->kind == FINISH_OK ? renamed : NULL};
    int rc;
    if (s->kind == PUT_BACK) {
        rc = store_item_return(fx.jobs, &it, owner, false, fx_now(), err);
        if (rc == 1 && m.callers[worker].seq == it.seq)
            m.callers[worker] = (struct caller){.waits = true};
    } else {
        rc = store_item_finish(fx.jobs, &it, owner, &f, fx_now(), &job, err);
        if (rc == 1)
            answer(worker, &it, &job);
    }
    item_clear(&it);
    return rc;
}

/* A caller without an item is told what the job says, as api_drive.c does. */
static int look_at(struct caller *c)
{
    struct job job = batch();
    if (!c->waits)
        return 0;
    if (!job_status_is_final(job.status) && !job.cancelling && job.drive == DRIVE_CLIENT)
        return 0; /* it waits on */
    *c = (struct caller){0};
    return 1;
}

/* What it makes is staged under the fixture's name, which lives: now under its own. */
static int orphan(int worker, struct err *err)
{
    char sql[200];
    (void)snprintf(sql, sizeof(sql), "UPDATE jobs SET staged_by = '%s' WHERE job_id = '%s'",
                   m.workers[worker], m.making[worker].job_id);
    return db_exec(fx.jobs, sql, err);
}

static int die(int worker, struct err *err)
{
    if (m.making[worker].job_id[0] && orphan(worker, err) < 0)
        return -1;
    m.callers[worker] = (struct caller){0};
    m.making[worker] = (struct follow_up){0};
    if (store_owner_renew(fx.jobs, m.workers[worker], worker, 1, fx_now(), err) < 0)
        return -1;
    return store_recover(fx.jobs, fx.board, MAX_ATTEMPTS, fx_now(), NULL, NULL, err) < 0 ? -1 : 1;
}

static int set_drive(enum job_drive drive, struct err *err)
{
    struct job job;
    bool changed;
    struct job_change c = {.drive = &drive};
    int rc = store_job_change(fx.jobs, m.job_id, &c, fx_now(), &job, &changed, err);
    if (rc < 0)
        return err->code == ERR_CONFLICT ? 0 : -1; /* it has ended, or is being cancelled */
    return changed;
}

static int follow(int worker, struct err *err)
{
    struct job due, made;
    int rc = store_follow_due(fx.jobs, &due, 1, err);
    if (rc <= 0 && !m.making[worker].job_id[0])
        return rc;
    struct follow_new n = {.parent = m.job_id,
                           .operation = "noop",
                           .title = "What follows",
                           .made_by = "worker 0",
                           .staged_by = fx.owner,
                           .chunk = CHUNK};
    rc = store_follow_step(fx.jobs, fx.board, &n, &m.making[worker], fx_now(), &made, err);
    if (rc < 0)
        return -1;
    if (rc != FOLLOW_MORE)
        m.making[worker] = (struct follow_up){0};
    m.followed += rc == FOLLOW_MADE;
    return 1;
}

/* 1: something was done. 0: it is not possible here. */
static int take(const struct step *s, struct err *err)
{
    struct caller *c = &m.callers[s->arg & 1];
    struct job job;
    bool ended;
    switch (s->kind) {
    case ASK:
        if (c->waits || c->seq)
            return 0;
        c->waits = true;
        return 1;
    case GO_AWAY:
        if (!c->waits && !c->seq)
            return 0;
        *c = (struct caller){0};
        return 1;
    case LOOK:
        return look_at(c);
    case CLAIM:
        return claim(s->arg, err);
    case DIE:
        return die(s->arg, err);
    case CANCEL:
        return store_job_cancel(fx.jobs, m.job_id, fx_now(), &job, err);
    case CANCEL_MORE:
        return store_job_cancel_more(fx.jobs, fx_now(), &job, &ended, err);
    case DRIVE:
        return set_drive((enum job_drive)s->arg, err);
    case FOLLOW:
        return follow(s->arg, err);
    default:
        return on_item(s, err);
    }
}

/* Does this kind of step bring the job forward? */
static bool is_progress(enum kind k)
{
    return k == CLAIM || k == FINISH_OK || k == FINISH_ERROR || k == ASK || k == FOLLOW ||
           k == CANCEL_MORE;
}

static void explore(void)
{
    char text[2048];
    state_text(text);
    if (known(text))
        return;
    lab.states++;
    struct job here = batch();
    check_state(&here);
    lab.ends += job_status_is_final(here.status);
    char due[8];
    bool is_due = *text_of("SELECT 1 FROM jobs WHERE follow_up_due = 1 AND status = 'completed'",
                           due, sizeof(due));
    bool goes_on = false;
    must(lab.depth < MODEL_DEPTH);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct err err = {0};
        struct caller callers[2] = {m.callers[0], m.callers[1]};
        struct follow_up making[2] = {m.making[0], m.making[1]};
        int ended = m.ended_with_item;
        bool asked = m.last_was_asked;
        fx_ok(store_part_begin(fx.store, GATE_JOBS, &err), &err);
        lab.path[lab.depth++] = steps[i].name;
        lab.steps++;
        int rc = take(&steps[i], &err);
        if (rc < 0)
            broken(err.msg);
        if (rc > 0) { /* else the writer undoes its part, as we do */
            check_step(&here);
            goes_on |= is_progress(steps[i].kind);
            explore();
        }
        lab.depth--;
        fx_ok(store_part_end(fx.store, GATE_JOBS, false, &err), &err);
        memcpy(m.callers, callers, sizeof(callers));
        memcpy(m.making, making, sizeof(making));
        m.ended_with_item = ended;
        m.last_was_asked = asked;
    }
    /* without anybody cancelling it, a job that has not ended can go on, and what is due can be made */
    if ((!job_status_is_final(here.status) || is_due) && !goes_on)
        broken("it is stuck");
}

static void start(void)
{
    struct err err = {0};
    struct job job;
    uuid_new(m.job_id);
    struct job_new n = {.job_id = m.job_id,
                        .operation = "noop",
                        .title = "A batch",
                        .options = "{}",
                        .total = ITEMS,
                        .priority = PRIORITY_NORMAL,
                        .made_by = "worker 0",
                        .staged_by = fx.owner,
                        .drive = DRIVE_CLIENT,
                        .follow_up = "[\"noop\"]"};
    fx_ok(store_job_stage(fx.jobs, &n, fx_now(), &err), &err);
    static const char *const paths[] = {"item 1", "item 2", "item 3"};
    fx_ok(store_job_stage_items(fx.jobs, m.job_id, 1, paths, ITEMS, &err), &err);
    fx_ok(store_job_publish(fx.jobs, m.job_id, fx_now(), &job, &err), &err);
}

static void every_order_of_two_callers_and_three_items(void **state)
{
    (void)state;
    memset(&m, 0, sizeof(m));
    name_workers(m.workers);
    lab_begin();
    start();
    explore();
    print_message("%ld states, %ld steps, %ld ends, %ld times followed\n", lab.states, lab.steps,
                  lab.ends, m.followed);
    assert_true(lab.states > 1000 && lab.ends > 100 && m.followed > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_order_of_two_callers_and_three_items, fixture_setup,
                                        lab_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
