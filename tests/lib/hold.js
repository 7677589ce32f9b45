// Books that are worked on for as long as a test wants: a command of the configuration that waits for a file.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { until } from './until.js';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lb-hold-'));
after(() => fs.rmSync(dir, { recursive: true, force: true }));
fs.writeFileSync(path.join(dir, 'config.yaml'), `commands:
  - name: hold
    argv: ["sh", "-c", "while [ ! -e \\"$0.go\\" ]; do sleep 0.02; done; rm \\"$0.go\\"", "{path}"]
`);

// Flags of a server that has the command.
export const holdArgs = ['--config', path.join(dir, 'config.yaml')];

// Holds books (relative paths), each on a thread of its own. Gives {job, release}.
export async function hold(s, books) {
  const r = await s.api.post('/api/jobs', { operation: 'hold', files: books });
  assert.equal(r.status, 201, r.text);
  const id = r.json.job_id;
  await until('the books to be held', 20, async () => {
    const [row] = await s.sqlite(`SELECT count(*) AS n FROM job_items WHERE job_id = '${id}' AND status = 'leased'`);
    return row.n === books.length;
  });
  return { job: id, release: () => books.forEach((b) => fs.writeFileSync(path.join(s.library, `${b}.go`), '')) };
}
