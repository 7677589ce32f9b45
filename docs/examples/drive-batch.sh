#!/bin/sh
# drive-batch.sh - drives a batch of Longbox, item by item, with sh and curl.
#
#   drive-batch.sh URL ID                     a batch that is there
#   drive-batch.sh URL new OPERATION ITEM...  makes one, prints its id, and drives that
#
# URL is the server with its base path, as http://localhost:8080 or https://host/comics. Each step prints "k of n".
#
# It may be stopped and started again at any time, and several may drive one batch: each call gets another item. When
# an answer is lost, the item has run and counts; calling again is safe and runs the next one. Only making a batch is
# not repeated without its Idempotency-Key.
#
# Exit status: 0 completed, 1 completed with errors of items, 2 wrong usage or no such batch, 3 cancelled, failed or
# refused, 4 the server is not reachable, or not again within PATIENCE (60) seconds.
set -u
PATIENCE=${PATIENCE:-60}

usage() {
    sed -n '4,5s/^#  *//p' "$0" >&2
    exit 2
}
[ $# -ge 2 ] || usage
url=${1%/}/api/batch-jobs
tmp=$(mktemp -d) || exit 4
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

# A member of the answer's own object: text or number. What its items say is cut away first.
field() {
    sed 's/"items":.*//; s/"followUp":.*//' "$tmp/body" | sed -n 's/.*"'"$1"'": *"\{0,1\}\([^",}]*\).*/\1/p'
}

# One request. Sets code (000: no answer), and later: what Retry-After says, else nothing.
call() {
    : >"$tmp/head"
    : >"$tmp/body"
    code=$(curl -sS --max-time 40 -D "$tmp/head" -o "$tmp/body" -w '%{http_code}' "$@" 2>"$tmp/why") || code=000
    later=$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9][0-9]*\).*/\1/p' "$tmp/head")
}

fail() { # STATUS TEXT
    said=$(field error)
    echo "drive-batch: $2${said:+: $said}" >&2
    exit "$1"
}

# The server is away or asks to come later: waits, or gives up.
gone_s=0
pause_s=1
come_later() {
    [ "$gone_s" -lt "$PATIENCE" ] || fail 4 "the server is not reachable ($(cat "$tmp/why"))"
    sleep "${later:-$pause_s}"
    gone_s=$((gone_s + ${later:-$pause_s}))
    be_slower
}

# Others run the last items, or the server does: waits a little longer each time.
be_slower() {
    pause_s=$((pause_s < 3 ? pause_s * 2 : 5))
}

# The batch as it is; ends when it has ended.
look() {
    call "$url/$id"
    case $code in
    200) ended_with "$(field status)" ;;
    404) fail 2 "there is no batch $id" ;;
    esac
}

# The item takes longer than an answer may (202): waits until it is done, so that they run one by one.
wait_for() { # ITEM
    while :; do
        call "$url/$id/items/$1"
        [ "$code" = 200 ] && [ "$(field status)" != processing ] && break
        sleep "$pause_s"
        be_slower
    done
    pause_s=1
}

ended_with() {
    case $1 in
    completed | job_completed)
        failed=$(field failed)
        echo "completed, $failed failed"
        [ "$failed" -eq 0 ] && exit 0
        exit 1
        ;;
    cancelled | job_cancelled) fail 3 'the batch was cancelled' ;;
    failed) fail 3 'the batch failed' ;;
    esac
}

quote() { # TEXT: as JSON
    printf '"%s"' "$(printf %s "$1" | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

make() { # OPERATION ITEM...
    items=
    operation=$(quote "$1")
    shift
    for item; do items="$items${items:+,}$(quote "$item")"; done
    key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    while :; do
        call -H 'Content-Type: application/json' -H "Idempotency-Key: $key" \
            -d "{\"name\": \"From a script\", \"operation\": $operation, \"items\": [$items], \"drive\": \"client\"}" "$url"
        case $code in
        200 | 201) break ;;
        000 | 429 | 502 | 503 | 504) come_later ;;
        *) fail 2 'the batch was not made' ;;
        esac
    done
    id=$(field id)
    echo "$id"
}

if [ "$2" = new ]; then
    [ $# -ge 4 ] || usage
    shift 2
    make "$@"
else
    id=$2
fi

while :; do
    call -X POST "$url/$id/process-next"
    case $code in
    2??) gone_s=0 ;;
    404) fail 2 "there is no batch $id" ;;
    409) look && sleep "$pause_s" && be_slower && continue ;; # paused, or the server drives it for now; or it has failed
    000 | 429 | 502 | 503 | 504) come_later && continue ;;
    *) fail 3 "the server answered with status $code" ;;
    esac
    echo "$(field completed) of $(field total)"
    case $(field status) in
    processed) pause_s=1 ;;
    job_*) ended_with "$(field status)" ;;
    processing) wait_for "$(field itemId)" ;;
    *) # no_items: others run the last ones
        sleep "$pause_s"
        be_slower
        ;;
    esac
done
