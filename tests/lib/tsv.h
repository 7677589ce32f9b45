/*
 * tsv.h - rows of the tables in tests/data, found from the root of the tree, where `make unit` runs, or at $LB_TEST_DATA.
 */
#ifndef LB_TSV_H
#define LB_TSV_H

#include <stdio.h>

#define TSV_CELLS 24

FILE *tsv_open(const char *name);
/*
 * The next row's cells, \\ \t \n undone; returns their number, 0 at the end. Comments and the heading are skipped;
 * cells that a row does not have are "".
 */
int tsv_row(FILE *f, char *line, int size, char *cells[TSV_CELLS]);

#endif
