/*
 * lead.js - which tab of this browser drives a batch: one leads, the others watch.
 *
 * The lead is a lease in localStorage that its holder renews each second. A tab that is closed or frozen gives it
 * back and says so over a BroadcastChannel; one that was killed, or sleeps, loses it when LEASE_MS are over. Who
 * takes it looks again after SETTLE_MS: of two that took it in the same instant the one whose name stands there
 * leads. Should two lead for a moment all the same, the server gives them different items. Without storage every
 * tab leads. Neither needs HTTPS, as Web Locks would.
 *
 * createLead({key, tab, memory, channel, clock, random, page, changed})
 *   key       name of the lease in `memory`
 *   tab       name of this tab
 *   channel   {postMessage, onmessage}, or null where there is none: then others notice within a second
 *   page      {window, document}
 *   changed(who)  who leads now: 'me', 'other' or 'nobody'
 */
const TICK_MS = 1000;
const LEASE_MS = 4000;
const SETTLE_MS = 120;

export function createLead({ key, tab, memory, channel, clock, random = Math.random, page, changed }) {
  let wanted = false;
  let asleep = false; /* the page is being closed, frozen or kept in the page cache */
  let who = 'nobody';
  let timer = null;

  function say(next) {
    if (next === who) return;
    who = next;
    changed(who);
  }

  /* The name of the tab that holds the lease, or null. One that ends too late was written by a clock since set back. */
  function holder() {
    const lease = memory.get(key);
    if (!lease || typeof lease.tab !== 'string') return null;
    const left = lease.until_ms - clock.now();
    return left > 0 && left <= LEASE_MS ? lease.tab : null;
  }

  const write = () => memory.set(key, { tab, until_ms: clock.now() + LEASE_MS });
  const tell = (word) => channel && channel.postMessage(word);

  function arm(ms) {
    clock.clearTimeout(timer);
    timer = clock.setTimeout(tick, ms);
  }

  /* Nobody leads: takes the lead, and looks again. */
  function take() {
    write();
    clock.clearTimeout(timer);
    timer = clock.setTimeout(() => {
      const stands = holder();
      if (stands !== null && stands !== tab) return tick();
      say('me');
      tell('taken');
      return arm(TICK_MS);
    }, SETTLE_MS);
  }

  function tick() {
    if (!wanted || asleep) return;
    const held = holder();
    if (held !== null && held !== tab) say('other');
    else if (who === 'me') write();
    else return take();
    arm(TICK_MS);
  }

  function giveBack() {
    clock.clearTimeout(timer);
    timer = null;
    const mine = holder() === tab;
    if (mine) memory.remove(key);
    say('nobody');
    if (mine) tell('free');
  }

  function sleep() {
    asleep = true;
    giveBack();
  }

  function wake() {
    asleep = false;
    tick();
  }

  if (channel)
    channel.onmessage = ({ data }) => {
      if (!wanted || asleep) return;
      if (data === 'free') arm(random() * SETTLE_MS); /* not all at once */
      else if (data === 'taken' && who !== 'me') tick();
    };
  page.window.addEventListener('pagehide', sleep);
  page.window.addEventListener('pageshow', wake);
  page.document.addEventListener('freeze', sleep);
  page.document.addEventListener('resume', wake);

  return {
    /* Whether this tab would lead: the batch is one for clients and has not ended. */
    want(value) {
      if (value === wanted) return;
      wanted = value;
      if (wanted) tick();
      else giveBack();
    },
    /* The leader is alive although its timers are slow, as those of hidden tabs are. */
    renew() {
      if (who === 'me') tick();
    },
    who: () => who,
  };
}
