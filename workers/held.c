#include "held.h"

#include <errno.h>

static const char *const names[HELD__COUNT] = {
    [HELD_NOT] = "ok",
    [HELD_FULL] = "disk full",
    [HELD_READ_ONLY] = "read-only disk",
    [HELD_IO] = "disk error",
    [HELD_LOCKED] = "locked by another program",
};

static const char *const of_database[HELD__COUNT] = {
    [HELD_FULL] = "database: disk full",
    [HELD_READ_ONLY] = "database: read-only disk",
    [HELD_IO] = "database: disk error",
    [HELD_LOCKED] = "database: locked by another program",
};

static const char *const of_library[HELD__COUNT] = {
    [HELD_FULL] = "library: disk full",
    [HELD_READ_ONLY] = "library: read-only disk",
    [HELD_IO] = "library: disk error",
    [HELD_LOCKED] = "library: locked by another program",
};

const char *held_name(enum board_held held)
{
    return names[held];
}

enum board_held held_from(const struct err *err)
{
    if (err->code == ERR_NO_SPACE)
        return HELD_FULL;
    if (err->sys == EROFS)
        return HELD_READ_ONLY;
    if (err->code == ERR_BUSY)
        return HELD_LOCKED;
    return err->code == ERR_IO ? HELD_IO : HELD_NOT;
}

bool held_is_disk(const struct err *err)
{
    return err->code == ERR_NO_SPACE || err->sys == EROFS;
}

static enum board_held any(const struct board *b, bool database)
{
    for (uint32_t i = 0; i < b->n_slots; i++) {
        int32_t held = database ? b->slots[i].held_database : b->slots[i].held_library;
        if (held > HELD_NOT && held < HELD__COUNT)
            return (enum board_held)held;
    }
    return HELD_NOT;
}

const char *held_database(const struct board *b)
{
    enum board_held held = any(b, true);
    return held ? names[held] : NULL;
}

const char *held_library(const struct board *b)
{
    enum board_held held = any(b, false);
    return held ? names[held] : NULL;
}

const char *held_reason(const struct board *b)
{
    enum board_held held = any(b, true);
    return held ? of_database[held] : of_library[any(b, false)];
}
