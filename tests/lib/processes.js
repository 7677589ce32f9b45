// Processes as /proc shows them: enough to find what a server started and to end it.
import fs from 'node:fs';

function stat(pid) {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    const close = text.lastIndexOf(')');
    const rest = text.slice(close + 2).split(' ');
    return { pid, name: text.slice(text.indexOf('(') + 1, close), state: rest[0], parent: Number(rest[1]) };
  } catch {
    return null; // ended meanwhile
  }
}

// The process and everything below it that still runs, parents first.
export function tree(root) {
  const all = fs.readdirSync('/proc').filter((n) => /^\d+$/.test(n)).map((n) => stat(Number(n))).filter(Boolean);
  const found = all.filter((p) => p.pid === root);
  for (let i = 0; i < found.length; i++) found.push(...all.filter((p) => p.parent === found[i].pid));
  return found.filter((p) => p.state !== 'Z');
}

export function isAlive(pid) {
  const p = stat(pid);
  return p !== null && p.state !== 'Z';
}

export function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (e) {
    if (e.code !== 'ESRCH') throw e;
  }
}

export function commandLine(pid) {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // ended meanwhile
  }
}
