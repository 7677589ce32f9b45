#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "comicinfo.h"
#include "strbuf.h"

static void assert_refused_bytes(const char *bytes, size_t len, const char *reason)
{
    struct comicinfo *ci = NULL;
    struct err err = {0};
    assert_int_equal(comicinfo_parse(bytes, len, &ci, &err), -1);
    assert_int_equal(err.code, ERR_BOOK);
    if (!strstr(err.msg, reason))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, reason);
}

static void assert_refused(const char *text, const char *reason)
{
    assert_refused_bytes(text, strlen(text), reason);
}

static struct comicinfo *parse(const char *text)
{
    struct comicinfo *ci = NULL;
    struct err err = {0};
    if (comicinfo_parse(text, strlen(text), &ci, &err) < 0)
        fail_msg("%s", err.msg);
    return ci;
}

/* Applies changes to a document and compares all of its bytes; NULL: nothing may change. */
static void assert_becomes(const char *before, const struct book_change *changes, size_t n,
                           const char *after)
{
    struct comicinfo *ci LB_CLEANUP(comicinfo_free) = parse(before);
    struct comicinfo *changed LB_CLEANUP(comicinfo_free) = NULL;
    struct err err = {0};
    if (comicinfo_apply(ci, changes, n, &changed, &err) < 0)
        fail_msg("%s", err.msg);
    if (!after) {
        assert_null(changed);
        return;
    }
    assert_non_null(changed);
    size_t len;
    assert_string_equal(comicinfo_bytes(changed, &len), after);
    assert_int_equal(len, strlen(after));
}

#define BECOMES(before, after, ...)                                                                \
    assert_becomes(before, (const struct book_change[]){__VA_ARGS__},                              \
                   ARRAY_LEN(((const struct book_change[]){__VA_ARGS__})), after)

static void values_are_read_as_text(void **state)
{
    struct comicinfo *ci LB_CLEANUP(comicinfo_free) =
        parse("<ComicInfo><Title>Fox &amp; <![CDATA[<Crow>]]>&#233;<!-- no --></Title><Series/>"
              "<x><Number>9</Number></x><Pages><Page Image=\"0\"/></Pages></ComicInfo>");
    (void)state;
    assert_string_equal(comicinfo_get(ci, "Title"), "Fox & <Crow>\xc3\xa9");
    assert_null(comicinfo_get(ci, "Series"));
    assert_null(comicinfo_get(ci, "Number")); /* not directly below the root */
    assert_null(comicinfo_get(ci, "Year"));
    assert_null(comicinfo_get(ci, "NoSuchElement"));
}

static void only_changed_values_change(void **state)
{
    (void)state;
    BECOMES("\xef\xbb\xbf<?xml version=\"1.0\"?>\r\n<ComicInfo xmlns:my=\"urn:x\" my:a='1'>\r\n"
            "\t<!-- kept --><my:Shelf><![CDATA[a < b]]></my:Shelf>\r\n\t<Title  >Old</Title >\r\n"
            "\t<Future k=\"v\">1</Future>\r\n</ComicInfo>\r\n<!-- end -->",
            "\xef\xbb\xbf<?xml version=\"1.0\"?>\r\n<ComicInfo xmlns:my=\"urn:x\" my:a='1'>\r\n"
            "\t<!-- kept --><my:Shelf><![CDATA[a < b]]></my:Shelf>\r\n\t<Title  >New &amp; "
            "&lt;b&gt;</Title >\r\n"
            "\t<Future k=\"v\">1</Future>\r\n</ComicInfo>\r\n<!-- end -->",
            {"Title", "New & <b>"});
}

static void equal_values_change_nothing(void **state)
{
    (void)state;
    BECOMES("<ComicInfo><Title>A &#38; B</Title></ComicInfo>", NULL, {"Title", "A & B"});
    BECOMES("<ComicInfo><Title/></ComicInfo>", NULL, {"Title", ""}, {"Series", NULL});
    BECOMES("<ComicInfo/>", NULL, {"Title", ""});
}

static void new_elements_go_where_the_schema_wants_them(void **state)
{
    (void)state;
    BECOMES("<ComicInfo>\n  <Title>T</Title>\n  <Year>1</Year>\n</ComicInfo>",
            "<ComicInfo>\n  <Title>T</Title>\n  <Series>S</Series>\n  <Number>2</Number>\n  "
            "<Year>1</Year>\n"
            "  <GTIN>g</GTIN>\n</ComicInfo>",
            {"GTIN", "g"}, {"Number", "2"}, {"Series", "S"});
    BECOMES("<ComicInfo>\r\n\t<Year>1</Year>\r\n</ComicInfo>",
            "<ComicInfo>\r\n\t<Title>T</Title>\r\n\t<Series>S</Series>\r\n\t<Year>1</Year>\r\n</"
            "ComicInfo>",
            {"Series", "S"}, {"Title", "T"});
    BECOMES("<ComicInfo><Year>1</Year></ComicInfo>",
            "<ComicInfo><Title>T</Title><Year>1</Year></ComicInfo>", {"Title", "T"});
    BECOMES(
        "<ComicInfo>\n  <Pages>\n    <Page Image=\"0\" />\n  </Pages>\n</ComicInfo>",
        "<ComicInfo>\n  <AgeRating>G</AgeRating>\n  <Pages>\n    <Page Image=\"0\" />\n  </Pages>\n"
        "  <Review>r</Review>\n</ComicInfo>",
        {"AgeRating", "G"}, {"Review", "r"});
    BECOMES("<ComicInfo>\n  <x/>\n</ComicInfo>",
            "<ComicInfo>\n  <Title>T</Title>\n  <Series>S</Series>\n  <x/>\n</ComicInfo>",
            {"Series", "S"}, {"Title", "T"});
}

static void every_element_is_inserted_in_schema_order(void **state)
{
    static const char *const names[] = {
#define ELEMENT(name, kind) #name,
#include "comicinfo_elements.def"
#undef ELEMENT
    };
    struct comicinfo *ci = comicinfo_new();
    struct strbuf want LB_CLEANUP(strbuf_clear) = {0};
    (void)state;
    for (size_t i = ARRAY_LEN(names); i-- > 0;) { /* last first */
        if (strcmp(names[i], "Pages") == 0)
            continue;
        struct comicinfo *next = NULL;
        struct err err = {0};
        struct book_change change = {names[i], "1"};
        assert_int_equal(comicinfo_apply(ci, &change, 1, &next, &err), 0);
        comicinfo_free(ci);
        ci = next;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], "Pages") != 0)
            strbuf_addf(&want, "\n  <%s>1</%s>", names[i], names[i]);
    strbuf_adds(&want, "\n</ComicInfo>\n");
    size_t len;
    assert_non_null(strstr(comicinfo_bytes(ci, &len), want.data));
    comicinfo_free(ci);
}

static void empty_value_takes_the_element_out(void **state)
{
    (void)state;
    BECOMES("<ComicInfo>\r\n  <Title>T</Title>\r\n  <Series>S</Series>\r\n</ComicInfo>",
            "<ComicInfo>\r\n  <Title>T</Title>\r\n</ComicInfo>", {"Series", ""});
    BECOMES("<ComicInfo><Title>T</Title> <Series>S</Series></ComicInfo>",
            "<ComicInfo> <Series>S</Series></ComicInfo>", {"Title", NULL});
    BECOMES("<ComicInfo>\n  <Title>T</Title>\n  <Year>1</Year>\n</ComicInfo>",
            "<ComicInfo>\n  <Series>S</Series>\n</ComicInfo>", {"Title", ""}, {"Year", ""},
            {"Series", "S"});
}

static void empty_tags_are_opened(void **state)
{
    (void)state;
    BECOMES("<ComicInfo><Title a='1' /></ComicInfo>",
            "<ComicInfo><Title a='1' >T</Title></ComicInfo>", {"Title", "T"});
    BECOMES("<ComicInfo x='1' />", "<ComicInfo x='1' ><Title>T</Title></ComicInfo>",
            {"Title", "T"});
}

static void second_element_of_a_name_goes(void **state)
{
    (void)state;
    BECOMES("<ComicInfo>\n<Title>A</Title>\n<Title>B</Title>\n</ComicInfo>",
            "<ComicInfo>\n<Title>C</Title>\n</ComicInfo>", {"Title", "C"});
    BECOMES("<ComicInfo>\n<Title>A</Title>\n<Title>B</Title>\n</ComicInfo>",
            "<ComicInfo>\n<Title>A</Title>\n</ComicInfo>", {"Title", "A"});
    BECOMES("<ComicInfo>\n<Title>A</Title>\n<Title>B</Title>\n</ComicInfo>",
            "<ComicInfo>\n</ComicInfo>", {"Title", ""});
}

static void carriage_return_in_a_value_survives(void **state)
{
    (void)state;
    BECOMES("<ComicInfo><Notes>x</Notes></ComicInfo>",
            "<ComicInfo><Notes>a&#13;\nb\tc</Notes></ComicInfo>", {"Notes", "a\r\nb\tc"});
}

static void utf16_becomes_utf8_when_changed(void **state)
{
    static const char text[] =
        "<?xml version=\"1.0\" encoding=\"utf-16\"?>\r\n<ComicInfo><Title>E</Title></ComicInfo>";
    (void)state;
    for (int big = 0; big <= 1; big++) {
        struct strbuf wide LB_CLEANUP(strbuf_clear) = {0};
        struct comicinfo *ci LB_CLEANUP(comicinfo_free) = NULL;
        struct comicinfo *changed LB_CLEANUP(comicinfo_free) = NULL;
        struct err err = {0};
        strbuf_add(&wide, big ? "\xfe\xff" : "\xff\xfe", 2);
        for (const char *p = text; *p; p++) {
            bool fox = *p == 'E'; /* U+1F98A, a pair */
            strbuf_add(&wide,
                       fox   ? (big ? "\xd8\x3e\xdd\x8a" : "\x3e\xd8\x8a\xdd")
                       : big ? (char[]){0, *p}
                             : (char[]){*p, 0},
                       fox ? 4 : 2);
        }
        assert_int_equal(comicinfo_parse(wide.data, wide.len, &ci, &err), 0);
        assert_string_equal(comicinfo_get(ci, "Title"), "\xf0\x9f\xa6\x8a");
        struct book_change change = {"Number", "7"};
        assert_int_equal(comicinfo_apply(ci, &change, 1, &changed, &err), 0);
        size_t len;
        assert_string_equal(
            comicinfo_bytes(changed, &len),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<ComicInfo><Title>\xf0\x9f\xa6\x8a"
            "</Title><Number>7</Number></ComicInfo>");
        assert_refused_bytes(wide.data, wide.len - 1, "UTF-16");
    }
}

static void half_a_utf16_pair_is_refused(void **state)
{
    (void)state;
    assert_refused_bytes("\xff\xfe<\0\x8a\xdd", 6, "UTF-16");
    assert_refused_bytes("\xff\xfe<\0\x3e\xd8", 6, "UTF-16");
    assert_refused_bytes("\xff\xfe\x3e\xd8<\0", 6, "UTF-16");
    assert_refused_bytes("\xfe\xff\0<\0\0", 6, "UTF-16");
}

static void latin1_keeps_its_bytes(void **state)
{
    (void)state;
    BECOMES(
        "<?xml version='1.0' encoding='ISO-8859-1'?><ComicInfo><Title>caf\xe9</Title></ComicInfo>",
        "<?xml version='1.0' encoding='ISO-8859-1'?><ComicInfo><Title>caf\xe9</Title>"
        "<Series>&#233;&#8364;</Series></ComicInfo>",
        {"Series", "\xc3\xa9\xe2\x82\xac"}, {"Title", "caf\xc3\xa9"});
}

static void utf8_under_its_odd_name_is_utf8(void **state)
{
    (void)state;
    BECOMES(
        "<?xml version='1.0' encoding='utf8'?>\n<ComicInfo><Title>\xc3\xa9</Title></ComicInfo>",
        "<?xml version='1.0' encoding='utf8'?>\n<ComicInfo><Title>\xe2\x82\xac</Title></ComicInfo>",
        {"Title", "\xe2\x82\xac"});
}

/* A title in its encoding and in UTF-8; the documents are those that programs of the time wrote. */
static const struct {
    const char *encoding, *bytes, *utf8;
} legacy[] = {
    {"windows-1252", "\x80 caf\xe9 \x93q\x94",
     "\xe2\x82\xac caf\xc3\xa9 \xe2\x80\x9cq\xe2\x80\x9d"},
    {"Windows-1251", "\xcc\xe8\xf0", "\xd0\x9c\xd0\xb8\xd1\x80"},
    {"cp1250", "\x8a\xe8", "\xc5\xa0\xc4\x8d"},
    {"iso-8859-15", "\xa4", "\xe2\x82\xac"},
    {"latin1", "\xe9\x85", "\xc3\xa9\xc2\x85"},
    {"koi8-r", "\xed\xc9\xd2", "\xd0\x9c\xd0\xb8\xd1\x80"},
    {"Shift_JIS", "\x83\x8f\x83\x93\x87\x54\x8d\xe8",
     "\xe3\x83\xaf\xe3\x83\xb3\xe2\x85\xa0\xe5\xb4\x8e"},
    {"EUC-JP", "\xa5\xef\xa5\xf3", "\xe3\x83\xaf\xe3\x83\xb3"},
    {"ISO-2022-JP", "\x1b$B%o%s\x1b(B", "\xe3\x83\xaf\xe3\x83\xb3"},
    {"gb2312", "\xc2\xfe\xbb\xad", "\xe6\xbc\xab\xe7\x94\xbb"},
    {"GBK", "\x82\x40\xc2\xfe", "\xe4\xbe\xa4\xe6\xbc\xab"},
    {"big5", "\xba\xa9\xb5\x65", "\xe6\xbc\xab\xe7\x95\xab"},
    {"euc-kr", "\xb8\xb8\xc8\xad", "\xeb\xa7\x8c\xed\x99\x94"},
};

static void legacy_encodings_become_utf8_when_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(legacy); i++) {
        struct strbuf doc LB_CLEANUP(strbuf_clear) = {0}, want LB_CLEANUP(strbuf_clear) = {0};
        strbuf_addf(&doc,
                    "<?xml version=\"1.0\" encoding='%s' standalone=\"yes\"?>\r\n<ComicInfo>\r\n "
                    "<Title>%s</Title><!-- %s -->\r\n</ComicInfo>",
                    legacy[i].encoding, legacy[i].bytes, legacy[i].bytes);
        strbuf_addf(
            &want,
            "<?xml version=\"1.0\" encoding='utf-8' standalone=\"yes\"?>\r\n<ComicInfo>\r\n "
            "<Title>%s</Title>\r\n <Number>7</Number><!-- %s -->\r\n</ComicInfo>",
            legacy[i].utf8, legacy[i].utf8);
        struct comicinfo *ci LB_CLEANUP(comicinfo_free) = parse(doc.data);
        if (strcmp(comicinfo_get(ci, "Title"), legacy[i].utf8) != 0)
            fail_msg("%s is read as %s", legacy[i].encoding, comicinfo_get(ci, "Title"));
        BECOMES(doc.data, NULL, {"Title", legacy[i].utf8});
        BECOMES(doc.data, want.data, {"Number", "7"});
    }
}

static void bytes_that_an_encoding_does_not_have_are_refused(void **state)
{
    (void)state;
    assert_refused("<?xml version='1.0' encoding='windows-1252'?><ComicInfo><Title>\x81</Title></"
                   "ComicInfo>",
                   "it is not sound \"windows-1252\"");
    assert_refused("<?xml version='1.0' encoding='Shift_JIS'?><ComicInfo><Title>\x83</Title></"
                   "ComicInfo>",
                   "it is not sound \"Shift_JIS\"");
    assert_refused("<?xml version='1.0' encoding='gbk'?><!DOCTYPE x><ComicInfo/>", "document type");
}

static void mark_and_bytes_are_right_against_the_declaration(void **state)
{
    (void)state;
    BECOMES("<?xml version='1.0' encoding='utf-16'?><ComicInfo><Title>\xc3\xa9</Title></ComicInfo>",
            "<?xml version='1.0' encoding='utf-16'?><ComicInfo><Title>\xe2\x82\xac</Title></"
            "ComicInfo>",
            {"Title", "\xe2\x82\xac"});
    BECOMES("\xef\xbb\xbf<?xml version='1.0' encoding='windows-1252'?><ComicInfo><Title>\xc3\xa9"
            "</Title></ComicInfo>",
            "\xef\xbb\xbf<?xml version='1.0' encoding='windows-1252'?><ComicInfo><Title>\xc3\xa9"
            "</Title><Number>1</Number></ComicInfo>",
            {"Number", "1"}, {"Title", "\xc3\xa9"});
}

static void utf16_needs_no_mark(void **state)
{
    static const char text[] = "<ComicInfo><Title>x</Title></ComicInfo>";
    (void)state;
    for (int big = 0; big <= 1; big++) {
        struct strbuf wide LB_CLEANUP(strbuf_clear) = {0};
        struct comicinfo *ci LB_CLEANUP(comicinfo_free) = NULL;
        struct err err = {0};
        for (const char *p = text; *p; p++)
            strbuf_add(&wide, big ? (char[]){0, *p} : (char[]){*p, 0}, 2);
        assert_int_equal(comicinfo_parse(wide.data, wide.len, &ci, &err), 0);
        assert_string_equal(comicinfo_get(ci, "Title"), "x");
    }
}

static void what_is_not_sound_is_refused(void **state)
{
    (void)state;
    assert_refused("", "empty");
    assert_refused("<ComicInfo><Title>Fox & Crow</Title></ComicInfo>", "line 1");
    assert_refused("<ComicInfo><Title>half", "not well-formed");
    assert_refused("<ComicInfo><Title>caf\xe9</Title></ComicInfo>", "not well-formed");
    assert_refused("<ComicInfo><Title>a\x01</Title></ComicInfo>", "not well-formed");
    assert_refused("<ComicInfo/><ComicInfo/>", "not well-formed");
    assert_refused("<html><body/></html>", "not <ComicInfo>");
    assert_refused("<?xml version='1.0' encoding='ebcdic-cp-us'?><ComicInfo/>",
                   "in an encoding that we cannot read, \"ebcdic-cp-us\"");
    assert_refused("<?xml version='1.0' encoding='utf-7'?><ComicInfo/>", "\"utf-7\"");
    assert_refused("<?xml version='1.0' encoding='a name that is longer than any encoding has'?>",
                   "cannot read");
    assert_refused("<?xml version='1.0' encoding=''?><ComicInfo/>", "cannot read");
}

static void document_types_are_refused(void **state)
{
    (void)state;
    assert_refused("<!DOCTYPE c SYSTEM \"http://127.0.0.1:9/x.dtd\"><ComicInfo/>", "document type");
    assert_refused("<!DOCTYPE c [<!ENTITY a \"lol\"><!ENTITY b "
                   "\"&a;&a;&a;\">]><ComicInfo><Title>&b;</Title></ComicInfo>",
                   "document type");
    assert_refused(
        "<!DOCTYPE c [<!ENTITY x SYSTEM \"file:///etc/hostname\">]><ComicInfo>&x;</ComicInfo>",
        "document type");
}

static void depth_count_and_size_are_bounded(void **state)
{
    struct strbuf doc LB_CLEANUP(strbuf_clear) = {0};
    (void)state;
    strbuf_adds(&doc, "<ComicInfo>");
    for (int i = 0; i < COMICINFO_MAX_DEPTH; i++)
        strbuf_adds(&doc, "<a>");
    assert_refused(doc.data, "nested too deeply");
    strbuf_reset(&doc);
    strbuf_adds(&doc, "<ComicInfo>");
    for (int i = 0; i < COMICINFO_MAX_ELEMENTS; i++)
        strbuf_adds(&doc, "<a/>");
    assert_refused(doc.data, "too many elements");
    strbuf_reset(&doc);
    strbuf_adds(&doc, "<ComicInfo/>");
    memset(strbuf_reserve(&doc, COMICINFO_MAX_BYTES), ' ', COMICINFO_MAX_BYTES);
    doc.len += COMICINFO_MAX_BYTES;
    assert_refused_bytes(doc.data, doc.len, "too large");
}

static void wrong_changes_are_refused(void **state)
{
    static const struct {
        struct book_change change;
        enum err_code code;
    } cases[] = {
        {{"NoSuchElement", "x"}, ERR_BAD_FIELD},    {{"Pages", "x"}, ERR_BAD_FIELD},
        {{"Title", "a\x01"}, ERR_BAD_FIELD},        {{"Title", "\xff"}, ERR_BAD_FIELD},
        {{"Title", "\xef\xbf\xbf"}, ERR_BAD_FIELD},
    };
    struct comicinfo *ci LB_CLEANUP(comicinfo_free) = comicinfo_new();
    struct comicinfo *changed = NULL;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        assert_int_equal(comicinfo_apply(ci, &cases[i].change, 1, &changed, &err), -1);
        assert_int_equal(err.code, cases[i].code);
        assert_string_equal(err.field, cases[i].change.element);
    }
    char *huge LB_CLEANUP(mem_free) = mem_new(COMICINFO_MAX_BYTES + 1);
    memset(huge, 'x', COMICINFO_MAX_BYTES);
    struct err err = {0};
    struct book_change change = {"Title", huge};
    assert_int_equal(comicinfo_apply(ci, &change, 1, &changed, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_as_text),
        cmocka_unit_test(only_changed_values_change),
        cmocka_unit_test(equal_values_change_nothing),
        cmocka_unit_test(new_elements_go_where_the_schema_wants_them),
        cmocka_unit_test(every_element_is_inserted_in_schema_order),
        cmocka_unit_test(empty_value_takes_the_element_out),
        cmocka_unit_test(empty_tags_are_opened),
        cmocka_unit_test(second_element_of_a_name_goes),
        cmocka_unit_test(carriage_return_in_a_value_survives),
        cmocka_unit_test(utf16_becomes_utf8_when_changed),
        cmocka_unit_test(half_a_utf16_pair_is_refused),
        cmocka_unit_test(latin1_keeps_its_bytes),
        cmocka_unit_test(utf8_under_its_odd_name_is_utf8),
        cmocka_unit_test(legacy_encodings_become_utf8_when_changed),
        cmocka_unit_test(bytes_that_an_encoding_does_not_have_are_refused),
        cmocka_unit_test(mark_and_bytes_are_right_against_the_declaration),
        cmocka_unit_test(utf16_needs_no_mark),
        cmocka_unit_test(what_is_not_sound_is_refused),
        cmocka_unit_test(document_types_are_refused),
        cmocka_unit_test(depth_count_and_size_are_bounded),
        cmocka_unit_test(wrong_changes_are_refused),
    };
    return cmocka_run_group_tests_name("comicinfo", tests, NULL, NULL);
}
