#!/usr/bin/env python3
"""longbox_batch: drives a batch of Longbox, item by item. Python 3.8 or newer, nothing else.

    longbox_batch.py URL ID                     a batch that is there
    longbox_batch.py URL new OPERATION ITEM...  makes one, prints its id, and drives that

URL is the server with its base path, as http://localhost:8080 or https://host/comics. Or in a program:

    batch = Batch.make('http://localhost:8080', 'process', ['Glass Harbor/Glass Harbor #1 (2009).cbz'])
    for step in batch.drive():
        print(step['progress'])

It may be stopped and started again at any time, and several may drive one batch: each call gets another item. When an
answer is lost, the item has run and counts; calling again is safe and runs the next one.

Exit status: 0 completed, 1 completed with errors of items, 2 wrong usage or no such batch, 3 cancelled, failed or
refused, 4 the server is not reachable, or not again within PATIENCE (60) seconds.
"""
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

LATER = (429, 502, 503, 504)
ENDED = ('completed', 'failed', 'cancelled')


class Refused(Exception):
    """The server said no; `status` is that of HTTP."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Unreachable(Exception):
    """There was no answer for as long as the caller has patience."""


class Batch:
    def __init__(self, url, batch_id, patience_s=60.0, sleep=time.sleep):
        self.base = url.rstrip('/') + '/api/batch-jobs'
        self.id = batch_id
        self.patience_s = patience_s
        self.sleep = sleep

    @classmethod
    def make(cls, url, operation, items, name='From a script', **more):
        """Makes a batch. However often the request has to be sent, there is one: it carries a key."""
        batch = cls(url, None)
        body = {'name': name, 'operation': operation, 'items': list(items), 'drive': 'client', **more}
        _, made = batch.call('POST', '', body, {'Idempotency-Key': uuid.uuid4().hex})
        batch.id = made['id']
        return batch

    def call(self, method, path, body=None, headers=None):
        """One call, repeated while the server is away or asks to come later. Gives HTTP's status and the answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {'Accept': 'application/json', **({'Content-Type': 'application/json'} if data else {}), **(headers or {})}
        end, pause_s = time.monotonic() + self.patience_s, 1.0
        while True:
            request = urllib.request.Request(self.base + path, data=data, headers=headers, method=method)
            try:
                with urllib.request.urlopen(request, timeout=40) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as e:
                why, wait_s = said(e), retry_after(e, pause_s)
                if e.code not in LATER:
                    raise Refused(e.code, why) from e
            except (OSError, ValueError) as e:  # refused, reset, timed out, or cut in the middle of the answer
                why, wait_s = str(e), pause_s
            if time.monotonic() + wait_s > end:
                raise Unreachable(why)
            self.sleep(wait_s)
            pause_s = min(pause_s * 2, 5.0)

    def look(self):
        """The batch with its items."""
        return self.call('GET', '/' + self.id)[1]

    def drive(self):
        """Runs item after item. Yields each answer; the last one's `status` is job_completed or job_cancelled."""
        pause_s = 1.0
        while True:
            try:
                _, answer = self.call('POST', f'/{self.id}/process-next')
            except Refused as e:
                if e.status != 409:  # 409: paused, or the server drives it for now; or it has failed
                    raise
                answer = self.look()
                if answer['status'] in ENDED:
                    yield {**answer, 'status': 'job_' + answer['status']}
                    return
            else:
                yield answer
            if answer['status'].startswith('job_'):
                return
            if answer['status'] == 'processed':
                pause_s = 1.0
            elif answer.get('itemId'):
                self.wait_for(answer['itemId'])
            else:  # no_items: others run the last ones
                self.sleep(pause_s)
                pause_s = min(pause_s * 2, 5.0)

    def wait_for(self, item_id):
        """The item takes longer than an answer may (202): waits until it is done, so that they run one by one."""
        pause_s = 1.0
        while self.call('GET', f'/{self.id}/items/{item_id}')[1]['status'] == 'processing':
            self.sleep(pause_s)
            pause_s = min(pause_s * 2, 5.0)


def said(error):
    try:
        return json.load(error)['error']
    except (OSError, ValueError, KeyError, TypeError):
        return f'status {error.code}'


def retry_after(error, otherwise):
    value = error.headers.get('Retry-After', '')
    return float(value) if value.isdigit() else otherwise


def main(args):
    if len(args) < 2 or (args[1] == 'new' and len(args) < 4):
        print(*__doc__.splitlines()[2:4], sep='\n', file=sys.stderr)
        return 2
    patience_s = float(os.environ.get('PATIENCE', '60'))
    try:
        if args[1] == 'new':
            batch = Batch.make(args[0], args[2], args[3:])
            print(batch.id, flush=True)
        else:
            batch = Batch(args[0], args[1])
        batch.patience_s = patience_s
        for step in batch.drive():
            done = step['progress']
            print(f"{done['completed']} of {done['total']}", flush=True)
    except Refused as e:
        print(f'longbox_batch: {e}', file=sys.stderr)
        return 2 if e.status in (400, 404) else 3
    except Unreachable as e:
        print(f'longbox_batch: the server is not reachable: {e}', file=sys.stderr)
        return 4
    if step['status'] != 'job_completed':
        print(f"longbox_batch: the batch ended as {step['status'][4:]}", file=sys.stderr)
        return 3
    print(f"completed, {done['failed']} failed")
    return 1 if done['failed'] else 0


if __name__ == '__main__':
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
