/*
 * lead.js - which tab of this browser does a thing that one is to do for all: drive a batch, hold the stream.
 *
 * The lead is a lease in localStorage that its holder renews each second. A tab that is closed or frozen gives it
 * back and says so over a BroadcastChannel; one that was killed, or sleeps, loses it when LEASE_MS are over. Who
 * takes it looks again after SETTLE_MS: of two that took it in the same instant the one whose name stands there
 * leads. Should two lead for a moment all the same, the server gives them different items. Without storage every
 * tab leads. Neither needs HTTPS, as Web Locks would. The channel is open only while the tab wants the lead and is awake,
 * because an open one keeps a page out of the page cache.
 *
 * createLead({key, tab, memory, openChannel, clock, random, page, changed, told})
 *   key       name of the lease in `memory`
 *   tab       name of this tab
 *   openChannel()  {postMessage, onmessage, close}, or null where there is none: then others notice within a second
 *   page      {window, document}
 *   changed(who)  who leads now: 'me', 'other' or 'nobody'
 *   told(word)    another tab said something with tell()
 * leadOfTabs({key, memory, clock, changed, told}) is the same in a browser.
 */
import { randomKey } from './api.js';

const TICK_MS = 1000;
const LEASE_MS = 4000;
const SETTLE_MS = 120;

export function createLead({ key, tab, memory, openChannel, clock, random = Math.random, page, changed, told = () => {} }) {
  let wanted = false;
  let asleep = false; /* the page is being closed, frozen or kept in the page cache */
  let who = 'nobody';
  let channel = null;
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

  function heard({ data }) {
    if (data === 'free') arm(random() * SETTLE_MS); /* not all at once */
    else if (data !== 'taken') told(data);
    else if (who !== 'me') tick();
  }

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

  function begin() {
    if (!wanted || asleep) return;
    channel ||= openChannel();
    if (channel) channel.onmessage = heard;
    tick();
  }

  function giveBack() {
    clock.clearTimeout(timer);
    timer = null;
    const mine = holder() === tab;
    if (mine) memory.remove(key);
    say('nobody');
    if (mine) tell('free');
    if (channel) channel.close();
    channel = null;
  }

  function sleep() {
    asleep = true;
    giveBack();
  }

  function wake() {
    asleep = false;
    begin();
  }

  page.window.addEventListener('pagehide', sleep);
  page.window.addEventListener('pageshow', wake);
  page.document.addEventListener('freeze', sleep);
  page.document.addEventListener('resume', wake);

  return {
    /* Whether this tab would lead. */
    want(value) {
      if (value === wanted) return;
      wanted = value;
      if (wanted) begin();
      else giveBack();
    },
    /* The leader is alive although its timers are slow, as those of hidden tabs are. */
    renew() {
      if (who === 'me') tick();
    },
    /* A word to all other tabs that want the lead. */
    tell,
    who: () => who,
  };
}

export const leadOfTabs = (options) =>
  createLead({
    tab: randomKey(),
    openChannel: () => (window.BroadcastChannel ? new BroadcastChannel(`longbox.${options.key}`) : null),
    page: { window, document },
    ...options,
  });
