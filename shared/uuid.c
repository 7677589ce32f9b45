#include "uuid.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base.h"
#include "clock.h"

void uuid_new(char ret[UUID_SIZE])
{
    unsigned char b[16];
    must(getrandom(b, sizeof(b), 0) == sizeof(b));
    uint64_t ms = (uint64_t)clock_wall_ms();
    for (int i = 0; i < 6; i++)
        b[i] = (unsigned char)(ms >> (40 - 8 * i));
    b[6] = (unsigned char)(0x70 | (b[6] & 0x0f));
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
    (void)snprintf(ret, UUID_SIZE,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
}

bool uuid_valid(const char *s)
{
    if (strlen(s) != UUID_SIZE - 1)
        return false;
    for (int i = 0; i < UUID_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
            return false;
    }
    return true;
}

void uuid_lower(const char *uuid, char ret[UUID_SIZE])
{
    must(uuid_valid(uuid));
    for (int i = 0; i < UUID_SIZE; i++)
        ret[i] = (char)tolower((unsigned char)uuid[i]);
}
