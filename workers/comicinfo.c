/* comicinfo.c - reading: where each known element lies, and its text. comicinfo_apply is in
 * comicinfo_edit.c. */
#include "comicinfo.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "comicinfo_doc.h"
#include "comicinfo_encoding.h"

static const char *const element_names[EL__COUNT] = {
#define ELEMENT(name, kind) [EL_##name] = #name,
#include "comicinfo_elements.def"
#undef ELEMENT
};

enum comicinfo_element comicinfo_element_find(const char *name)
{
    for (int i = 0; i < EL__COUNT; i++)
        if (strcmp(element_names[i], name) == 0)
            return (enum comicinfo_element)i;
    return EL__COUNT;
}

const char *comicinfo_element_name(enum comicinfo_element e)
{
    must(e < EL__COUNT);
    return element_names[e];
}

/* One pass of the parser. A handler that refuses fills err and stops it. */
struct reader {
    XML_Parser parser;
    struct comicinfo *ci;
    struct err *err;
    bool utf8; /* whatever the document declares */
    int depth;
    size_t n_elements;
    bool in_child;
    bool stopped;
    struct strbuf value; /* of the child we are in */
};

static void reader_clear(struct reader *r)
{
    if (r->parser)
        XML_ParserFree(r->parser);
    strbuf_clear(&r->value);
}
LB_DEFINE_CLEANUP(struct reader, reader_clear)

static void stop(struct reader *r, const char *why)
{
    if (r->stopped)
        return; /* expat may still call for the end of an empty element */
    r->stopped = true;
    (void)err_set(r->err, ERR_BOOK, "ComicInfo.xml is refused: %s", why);
    (void)XML_StopParser(r->parser, XML_FALSE);
}

static size_t token_start(const struct reader *r)
{
    return (size_t)XML_GetCurrentByteIndex(r->parser);
}

static size_t token_end(const struct reader *r)
{
    return token_start(r) + (size_t)XML_GetCurrentByteCount(r->parser);
}

static struct comicinfo_child *new_child(struct comicinfo *ci)
{
    if (ci->n_children == ci->cap_children) {
        ci->cap_children =
            ci->cap_children ? 2 * ci->cap_children : 32; /* bounded by MAX_ELEMENTS */
        ci->children = realloc(ci->children, ci->cap_children * sizeof(*ci->children));
        must(ci->children != NULL);
    }
    struct comicinfo_child *c = &ci->children[ci->n_children++];
    *c = (struct comicinfo_child){0};
    return c;
}

static void XMLCALL on_start(void *ctx, const char *name, const char **attributes)
{
    struct reader *r = ctx;
    (void)attributes;
    if (r->stopped)
        return;
    if (++r->n_elements > COMICINFO_MAX_ELEMENTS)
        return stop(r, "it has too many elements");
    if (++r->depth > COMICINFO_MAX_DEPTH)
        return stop(r, "its elements are nested too deeply");
    if (r->depth == 1) {
        if (strcmp(name, "ComicInfo") != 0)
            return stop(r, "its first element is not <ComicInfo>");
        r->ci->root_inner = token_end(r);
    } else if (r->depth == 2) {
        enum comicinfo_element e = comicinfo_element_find(name);
        r->in_child = e != EL__COUNT;
        if (!r->in_child)
            return;
        strbuf_reset(&r->value);
        struct comicinfo_child *c = new_child(r->ci);
        c->element = e;
        c->start = token_start(r);
        c->inner_start = token_end(r);
    }
}

static void XMLCALL on_end(void *ctx, const char *name)
{
    struct reader *r = ctx;
    (void)name;
    if (r->stopped)
        return;
    if (r->depth == 2 && r->in_child) {
        struct comicinfo_child *c = &r->ci->children[r->ci->n_children - 1];
        c->inner_end = token_start(r);
        c->end = token_end(r);
        c->value = mem_strndup(strbuf_str(&r->value), r->value.len);
        r->in_child = false;
    } else if (r->depth == 1) {
        r->ci->root_end = token_end(r);
    }
    r->depth--;
}

static void XMLCALL on_text(void *ctx, const char *text, int len)
{
    struct reader *r = ctx;
    if (!r->stopped && r->in_child && r->depth == 2)
        strbuf_add(&r->value, text, (size_t)len);
}

static void XMLCALL on_doctype(void *ctx, const char *name, const char *system_id,
                               const char *public_id, int has_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_subset;
    stop(ctx, "it has a document type (<!DOCTYPE>), which can do harm");
}

static void XMLCALL on_declaration(void *ctx, const char *version, const char *encoding,
                                   int standalone)
{
    struct reader *r = ctx;
    (void)version;
    (void)standalone;
    r->ci->ascii_only = encoding && !r->utf8;
}

static int not_well_formed(const struct reader *r, struct err *err)
{
    enum XML_Error code = XML_GetErrorCode(r->parser);
    if (code == XML_ERROR_UNKNOWN_ENCODING || code == XML_ERROR_INCORRECT_ENCODING)
        return err_set(err, ERR_BOOK,
                       "ComicInfo.xml is in an encoding that we cannot read, or names a wrong one");
    return err_set(err, ERR_BOOK,
                   "ComicInfo.xml is not well-formed XML: %s at line %lu, column %lu",
                   XML_ErrorString(code), XML_GetCurrentLineNumber(r->parser),
                   XML_GetCurrentColumnNumber(r->parser) + 1);
}

/* Fills the rest of ci from its text. */
static int read_text(struct comicinfo *ci, bool utf8, struct err *err)
{
    struct reader r LB_CLEANUP(reader_clear) = {.ci = ci, .err = err, .utf8 = utf8};
    r.parser = XML_ParserCreate(utf8 ? "UTF-8" : NULL);
    must(r.parser != NULL);
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    XML_SetXmlDeclHandler(r.parser, on_declaration);
    enum XML_Status st = XML_Parse(r.parser, strbuf_str(&ci->text), (int)ci->text.len, XML_TRUE);
    if (r.stopped)
        return -1; /* err says why */
    return st == XML_STATUS_OK ? 0 : not_well_formed(&r, err);
}

int comicinfo_parse(const char *bytes, size_t len, struct comicinfo **ret, struct err *err)
{
    struct comicinfo *ci LB_CLEANUP(comicinfo_free) = mem_new(sizeof(*ci));
    if (len == 0)
        return err_set(err, ERR_BOOK, "ComicInfo.xml is empty");
    if (len > COMICINFO_MAX_BYTES)
        return err_set(err, ERR_BOOK, "ComicInfo.xml is too large: over %u bytes",
                       COMICINFO_MAX_BYTES);
    bool utf8;
    if (comicinfo_decode(bytes, len, &ci->text, &utf8, err) < 0 || read_text(ci, utf8, err) < 0)
        return -1;
    *ret = ci;
    ci = NULL;
    return 0;
}

struct comicinfo *comicinfo_new(void)
{
    static const char empty[] = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                                "<ComicInfo xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
                                " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">\n"
                                "</ComicInfo>\n";
    struct comicinfo *ci = NULL;
    struct err err = {0};
    int rc = comicinfo_parse(empty, sizeof(empty) - 1, &ci, &err);
    must(rc == 0);
    return ci;
}

void comicinfo_free(struct comicinfo *ci)
{
    if (!ci)
        return;
    for (size_t i = 0; i < ci->n_children; i++)
        free(ci->children[i].value);
    free(ci->children);
    strbuf_clear(&ci->text);
    free(ci);
}

const char *comicinfo_get(const struct comicinfo *ci, const char *element)
{
    enum comicinfo_element e = comicinfo_element_find(element);
    for (size_t i = 0; i < ci->n_children; i++)
        if (ci->children[i].element == e)
            return ci->children[i].value[0] ? ci->children[i].value : NULL;
    return NULL;
}

const char *comicinfo_bytes(const struct comicinfo *ci, size_t *ret_len)
{
    *ret_len = ci->text.len;
    return strbuf_str(&ci->text);
}
