/*
 * libzip FILE DIR: what libzip reads, with its strict checks. Writes the content of entry i to DIR/i and prints its
 * name, a line each. Fails, and says why, at the first complaint.
 */
#include <stdio.h>
#include <zip.h>

static int fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s\n", what, why);
    return 1;
}

static int write_entry(zip_t *z, zip_uint64_t i, const char *dir)
{
    char path[4096];
    char buf[65536];
    zip_int64_t n;
    (void)snprintf(path, sizeof(path), "%s/%llu", dir, (unsigned long long)i);
    FILE *out = fopen(path, "wb");
    zip_file_t *f = zip_fopen_index(z, i, 0);
    if (!out || !f)
        return fail(path, zip_strerror(z));
    while ((n = zip_fread(f, buf, sizeof(buf))) > 0)
        if (fwrite(buf, 1, (size_t)n, out) != (size_t)n)
            return fail(path, "cannot write");
    if (n < 0)
        return fail(path, zip_file_strerror(f));
    if (fclose(out) != 0 || zip_fclose(f) != 0)
        return fail(path, "the entry's checksum is wrong");
    (void)printf("%s\n", zip_get_name(z, i, ZIP_FL_ENC_GUESS));
    return 0;
}

int main(int argc, char **argv)
{
    int code = 0;
    if (argc != 3)
        return fail("usage", "libzip FILE DIR");
    zip_t *z = zip_open(argv[1], ZIP_RDONLY | ZIP_CHECKCONS, &code);
    if (!z) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        return fail(argv[1], zip_error_strerror(&error));
    }
    for (zip_int64_t i = 0; i < zip_get_num_entries(z, 0); i++)
        if (write_entry(z, (zip_uint64_t)i, argv[2]) != 0)
            return 1;
    zip_discard(z);
    return 0;
}
