/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The lexing rules as tables: one line in, words out, joined with '|'; or a part of the complaint.
 */
#include "collect.h"

#include "conf/lex.h"

static const struct {
    const char *line, *words; /* words NULL: an error */
    const char *why;
} lines[] = {
    {"", "", NULL},
    {"   \t ", "", NULL},
    {"# comment", "", NULL},
    {"; comment", "", NULL},
    {"  # 'unclosed \" in a comment \\", "", NULL},
    {"verb 4", "verb|4", NULL},
    {"\tverb\t \t4  ", "verb|4", NULL},
    {"verb 4\r", "verb|4", NULL},
    {"verb 4 # why", "verb|4", NULL},
    {"verb 4 ;why", "verb|4", NULL},
    {"up a#b", "up|a#b", NULL},
    {"up a;b", "up|a;b", NULL},
    {"up \"a b\"", "up|a b", NULL},
    {"up 'a b'", "up|a b", NULL},
    {"up \"# no comment\"", "up|# no comment", NULL},
    {"up '; none'", "up|; none", NULL},
    {"up \"a\"b", "up|a|b", NULL},
    {"up a\"b", "up|a\"b", NULL},
    {"up a'b", "up|a'b", NULL},
    {"up \"it's\"", "up|it's", NULL},
    {"up 'say \"x\"'", "up|say \"x\"", NULL},
    {"up \"\"", "up|", NULL},
    {"up ''", "up|", NULL},
    {"up a\\ b", "up|a b", NULL},
    {"up \\ ", "up| ", NULL},
    {"up a\\\\b", "up|a\\b", NULL},
    {"up \\\"x", "up|\"x", NULL},
    {"up \"a\\\"b\"", "up|a\"b", NULL},
    {"up \"C:\\\\up.cmd\"", "up|C:\\up.cmd", NULL},
    {"up 'C:\\up.cmd'", "up|C:\\up.cmd", NULL},
    {"up caf\xc3\xa9", "up|caf\xc3\xa9", NULL},
    {"a 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "a|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16", NULL},
    {"a 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 # 17", "a|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16", NULL},
    {"a 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", NULL, "too many words"},
    {"up C:\\up.cmd", NULL, "backslash"},
    {"up \"C:\\up.cmd\"", NULL, "backslash"},
    {"up a\\'b", NULL, "backslash"},
    {"up a\\", NULL, "backslash ends"},
    {"up \"a", NULL, "closing \""},
    {"up \"a\\\"", NULL, "closing \""},
    {"up 'a", NULL, "closing '"},
    {"up \"", NULL, "closing \""},
};

static const char *joined(const struct lex_words *words)
{
    static char text[4096];
    size_t n = 0;
    text[0] = 0;
    for (size_t i = 0; i < words->argc; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, i ? "|%s" : "%s", words->argv[i]);
    return text;
}

static void lines_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct lex_words words;
        const char *why = "";
        int got = lex_line(lines[i].line, strlen(lines[i].line), &words, &why);
        int want = !lines[i].words ? -1 : *lines[i].words ? 1 : 0;
        if (got != want)
            print_error("case %zu: %s\n", i, lines[i].line);
        assert_int_equal(got, want);
        if (want > 0)
            assert_string_equal(joined(&words), lines[i].words);
        if (want < 0)
            assert_non_null(strstr(why, lines[i].why));
    }
}

/* The longest line that is allowed, and one byte more. */
static void long_lines(void **state)
{
    (void)state;
    static char line[LEX_LINE_MAX + 2];
    struct lex_words words;
    const char *why = "";
    memset(line, 'x', sizeof line);
    assert_int_equal(lex_line(line, LEX_LINE_MAX, &words, &why), 1);
    assert_int_equal(strlen(words.argv[0]), LEX_LINE_MAX);
    assert_int_equal(lex_line(line, LEX_LINE_MAX + 1, &words, &why), -1);
    assert_non_null(strstr(why, "too long"));
}

static void texts_go_on_behind_errors(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf--verb 1\n\nup \"\n  --x\n--\nlast";
    static const struct {
        int got;
        unsigned line;
        const char *word;
    } want[] = {{1, 1, "verb"}, {-1, 3, NULL}, {1, 4, "x"}, {1, 5, "--"}, {1, 6, "last"}, {0, 6, NULL}};
    struct lex lex;
    struct lex_words words;
    const char *why;
    lex_open(&lex, text, sizeof text - 1);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_int_equal(lex_next(&lex, &words, &why), want[i].got);
        assert_int_equal(lex.line, want[i].line);
        if (want[i].word)
            assert_string_equal(words.argv[0], want[i].word);
    }
}

static const struct {
    const char *text; /* behind the line <ca> */
    const char *block, *next;
} blocks[] = {
    {"a\nb\n</ca>\nverb 1\n", "a\nb\n", "verb"},
    {"</ca>\nverb 1\n", "", "verb"},
    {"a\n  </ca> trailing\nverb 1\n", "a\n", "verb"},
    {"</cax>\n</ca>\nverb 1\n", "</cax>\n", "verb"},
    {"<ca>\n</ca>\nverb 1", "<ca>\n", "verb"},
    {"a </ca>\n</ca>\nverb 1", "a </ca>\n", "verb"},
    {"a\n", NULL, NULL},
    {"a\n</cert>\n", NULL, NULL},
    {"a\n</ca", NULL, NULL},
    {"", NULL, NULL},
};

static void blocks_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        struct lex lex;
        struct lex_words words;
        const char *text, *why = "";
        size_t len;
        lex_open(&lex, blocks[i].text, strlen(blocks[i].text));
        int got = lex_block(&lex, "ca", &text, &len, &why);
        assert_int_equal(got, blocks[i].block ? 0 : -1);
        if (!blocks[i].block) {
            assert_non_null(strstr(why, "never ends"));
            assert_int_equal(lex_next(&lex, &words, &why), 0);
            continue;
        }
        assert_int_equal(len, strlen(blocks[i].block));
        assert_memory_equal(text, blocks[i].block, len);
        assert_int_equal(lex_next(&lex, &words, &why), 1);
        assert_string_equal(words.argv[0], blocks[i].next);
    }
}

static void long_blocks(void **state)
{
    (void)state;
    size_t n = LEX_BLOCK_MAX + 16;
    char *text = malloc(n + 1);
    struct lex lex;
    const char *block, *why = "";
    size_t len;
    for (size_t over = 0; over < 2; over++) {
        size_t body = LEX_BLOCK_MAX + over;
        memset(text, 'x', body);
        text[body - 1] = '\n';
        strcpy(text + body, "</ca>\n");
        lex_open(&lex, text, strlen(text));
        assert_int_equal(lex_block(&lex, "ca", &block, &len, &why), over ? -1 : 0);
        if (over)
            assert_non_null(strstr(why, "too long"));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_split),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(texts_go_on_behind_errors),
        cmocka_unit_test(blocks_end),
        cmocka_unit_test(long_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
