#!/usr/bin/env python3
"""python_zipfile.py FILE...: what Python's zipfile reads. One line of JSON for each file, as all readers here print:
{"file": F, "entries": [[NAME, SHA256 of the content], ...]} in the order of the archive, or {"file": F, "error": TEXT}.
"""
import hashlib
import json
import sys
import zipfile

for path in sys.argv[1:]:
    try:
        with zipfile.ZipFile(path) as z:
            entries = [[i.filename, hashlib.sha256(z.read(i)).hexdigest()] for i in z.infolist()]
        print(json.dumps({'file': path, 'entries': entries}))
    except Exception as e:  # any complaint is the answer
        print(json.dumps({'file': path, 'error': '%s: %s' % (type(e).__name__, e)}))
