/* test_comicinfo_types.c - what may be set, element by element, and the schema that says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "comicinfo_types.h"

/* What the JSON value becomes, or the error: "bad_field: <text>". */
static const char *value_of(const char *element, const char *json)
{
    static char text[512];
    struct strbuf got LB_CLEANUP(strbuf_clear) = {0};
    struct err err = {0};
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    int rc = comicinfo_value(element, value, &got, &err);
    json_decref(value);
    if (rc < 0)
        (void)snprintf(text, sizeof(text), "%s: %s", err_name(err.code), err.msg);
    else
        (void)snprintf(text, sizeof(text), "%s", strbuf_str(&got));
    return text;
}

#define IS(element, json, text) assert_string_equal(value_of(element, json), text)

static void text_takes_strings_and_numbers(void **state)
{
    (void)state;
    IS("Title", "\"Fox & Crow\"", "Fox & Crow");
    IS("Number", "3", "3");
    IS("Number", "3.5", "3.5");
    IS("Number", "\"003.50\"", "003.50");
    IS("Summary", "\"two\\nlines\\t\\u00e9\\ud83d\\ude00\"",
       "two\nlines\t\xc3\xa9\xf0\x9f\x98\x80");
    IS("Title", "null", "");
    IS("Title", "\"\"", "");
    IS("Title", "true", "bad_field: Title must be a string, a number or null");
    IS("Title", "[\"a\"]", "bad_field: Title must be a string, a number or null");
    IS("Title", "\"a\\u0007b\"",
       "bad_field: the value of Title holds a character that XML cannot hold");
    IS("Title", "\"\\uffff\"",
       "bad_field: the value of Title holds a character that XML cannot hold");
}

static void numbers_are_whole_and_in_range(void **state)
{
    (void)state;
    static const char *const plain[] = {"Count", "Volume", "AlternateCount", "Year"};
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        IS(plain[i], "2014", "2014");
        IS(plain[i], "\"+007\"", "7");
        IS(plain[i], "-1", "-1");
        IS(plain[i], "null", "");
        IS(plain[i], "2147483647", "2147483647");
        assert_memory_equal(value_of(plain[i], "2147483648"), "out_of_range: ", 14);
        assert_memory_equal(value_of(plain[i], "\"99999999999999999999\""), "out_of_range: ", 14);
        assert_memory_equal(value_of(plain[i], "2014.5"), "bad_field: ", 11);
        assert_memory_equal(value_of(plain[i], "\"2014 \""), "bad_field: ", 11);
        assert_memory_equal(value_of(plain[i], "\"-\""), "bad_field: ", 11);
    }
    IS("Month", "12", "12");
    IS("Month", "-1", "-1");
    IS("Month", "13", "out_of_range: Month must be 1 to 12, or -1 for unknown, not \"13\"");
    IS("Month", "0", "out_of_range: Month must be 1 to 12, or -1 for unknown, not \"0\"");
    IS("Day", "31", "31");
    IS("Day", "32", "out_of_range: Day must be 1 to 31, or -1 for unknown, not \"32\"");
    IS("PageCount", "0", "0");
    IS("PageCount", "-1", "out_of_range: PageCount must be 0 to 2147483647, not \"-1\"");
    IS("Year", "\"soon\"", "bad_field: Year must be a whole number, not \"soon\"");
}

static void words_are_those_of_the_schema(void **state)
{
    (void)state;
    IS("BlackAndWhite", "\"Yes\"", "Yes");
    IS("BlackAndWhite", "\"YesAndRightToLeft\"",
       "bad_field: BlackAndWhite must be one of: Unknown, No, Yes");
    IS("Manga", "\"YesAndRightToLeft\"", "YesAndRightToLeft");
    IS("Manga", "\"yes\"", "bad_field: Manga must be one of: Unknown, No, Yes, YesAndRightToLeft");
    IS("Manga", "\"\"", "");
    static const char *const ages[] = {"Unknown",
                                       "Adults Only 18+",
                                       "Early Childhood",
                                       "Everyone",
                                       "Everyone 10+",
                                       "G",
                                       "Kids to Adults",
                                       "M",
                                       "MA15+",
                                       "Mature 17+",
                                       "PG",
                                       "R18+",
                                       "Rating Pending",
                                       "Teen",
                                       "X18+"};
    for (size_t i = 0; i < ARRAY_LEN(ages); i++) {
        char json[64];
        (void)snprintf(json, sizeof(json), "\"%s\"", ages[i]);
        IS("AgeRating", json, ages[i]);
    }
    const char *why = value_of("AgeRating", "\"18\"");
    assert_non_null(strstr(why, "Adults Only 18+, Early Childhood"));
    assert_non_null(strstr(why, "Teen, X18+"));
}

static void rating_is_0_to_5(void **state)
{
    (void)state;
    IS("CommunityRating", "0", "0");
    IS("CommunityRating", "4.5", "4.5");
    IS("CommunityRating", "\"4.25\"", "4.25");
    IS("CommunityRating", "\"5.00\"", "5.00");
    IS("CommunityRating", "\"4.\"", "4");
    static const char *const over[] = {"5.1", "6", "4.255", "\"5.001\"", "123456"};
    for (size_t i = 0; i < ARRAY_LEN(over); i++)
        assert_memory_equal(value_of("CommunityRating", over[i]), "out_of_range: ", 14);
    static const char *const wrong[] = {"-1",     "\"good\"",  "\"4,5\"",
                                        "\".5\"", "\"4.5.1\"", "\"1e0\""};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_memory_equal(value_of("CommunityRating", wrong[i]), "bad_field: ", 11);
}

static void what_is_no_tag_is_named(void **state)
{
    (void)state;
    IS("Pages", "\"x\"", "bad_field: Pages can be read, but not set");
    IS("writer", "\"x\"", "bad_field: \"writer\" is not a tag; did you mean Writer?");
    IS("Wrter", "\"x\"", "bad_field: \"Wrter\" is not an element of ComicInfo 2.1");
    IS("", "\"x\"", "bad_field: \"\" is not an element of ComicInfo 2.1");
}

static void schema_names_every_element(void **state)
{
    (void)state;
    static const char *const names[] = {
#define ELEMENT(name, kind) #name,
#include "comicinfo_elements.def"
#undef ELEMENT
    };
    json_t *schema = json_loads(comicinfo_schema, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(schema);
    json_t *tags = json_object_get(json_object_get(schema, "properties"), "tags");
    json_t *elements = json_object_get(tags, "properties");
    assert_int_equal(json_object_size(elements), ARRAY_LEN(names));
    assert_int_equal(ARRAY_LEN(names), 44);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_non_null(json_object_get(elements, names[i]));
    assert_true(json_is_false(json_object_get(elements, "Pages")));
    json_t *words = json_object_get(json_object_get(elements, "Manga"), "enum");
    assert_int_equal(json_array_size(words), 6); /* four, "" and null */
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_takes_strings_and_numbers),
        cmocka_unit_test(numbers_are_whole_and_in_range),
        cmocka_unit_test(words_are_those_of_the_schema),
        cmocka_unit_test(rating_is_0_to_5),
        cmocka_unit_test(what_is_no_tag_is_named),
        cmocka_unit_test(schema_names_every_element),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
