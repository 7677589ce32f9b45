#!/bin/sh
# Prints C that holds every schema file: const struct schema_step schema_steps[] = {{"jobs", 1, "SQL..."}, ..., {0}}.
# Usage: embed.sh FOLDER, which has one folder for each database with NNN-name.sql files in it.
set -eu
cd "$1"
printf '#include "schema.h"\n\nconst struct schema_step schema_steps[] = {\n'
for file in */[0-9][0-9][0-9]-*.sql; do
    db=${file%%/*}
    base=${file##*/}
    number=$(printf '%s' "$base" | cut -c1-3 | sed 's/^0*//')
    printf '    {"%s", %s,\n' "$db" "$number"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/     "/' -e 's/$/\\n"/' "$file"
    printf '    },\n'
done
printf '    {0},\n};\n'
