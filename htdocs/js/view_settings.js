/*
 * view_settings.js - what can be set while the service runs, each in a form of its own; and, to read, what the server
 * was started with. Changes made elsewhere appear, but never in a field that is being typed in.
 */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { effect } from '@preact/signals';
import { html, Name } from './dom.js';
import * as store from './store.js';
import * as texts from './strings.js';
import { canInstall, isWanted, setWanted } from './install.js';
import { takeSamples } from './samples.js';
import { grouped, parseDraft, withValues } from './settings.js';
import { View as NoticeChoices } from './view_notices.js';

/* The settings as they are, kept up to date by the stream: {settings, fixed}, or null. */
function useSettings(app) {
  const [all, setAll] = useState(null);
  const [error, setError] = useState(null);
  const take = (answer) => {
    setAll(answer);
    setError(null);
  };
  const read = () => app.api.get('api/settings').then(take, (failure) => setError(failure.text));
  useEffect(() => {
    void read();
    let first = true; /* what came before is in the answer */
    let wasLive = store.quality.peek() === 'live';
    const stopMessages = effect(() => {
      const message = store.message.value;
      if (first || message?.type !== 'settings_changed') return;
      const { kind, values } = message.data;
      if (kind === 'settings') setAll((known) => known && { ...known, settings: withValues(known.settings, values) });
      else if ('theme' in values) void app.preferences.read();
    });
    first = false;
    const stopQuality = effect(() => { /* changes may have been missed */
      const live = store.quality.value === 'live';
      if (live && !wasLive) void read();
      wasLive = live;
    });
    return () => {
      stopMessages();
      stopQuality();
    };
  }, []);
  return { all, error, read, take };
}

/* ---- one setting ---- */

/* Saves; `state` is one of idle, saving, saved. */
function useSaving(app, setting, take) {
  const [draft, setDraft] = useState(null); /* null: as the server has it */
  const [state, setState] = useState('idle');
  const [error, setError] = useState(null);
  async function save(value) {
    setState('saving');
    setError(null);
    try {
      take(await app.api.patch('api/settings', { [setting.key]: value }, { tries: 3 })); /* the same twice is the same */
      setDraft(null);
      setState('saved');
    } catch (failure) {
      setError(texts.notSaved(failure.text));
      setState('idle');
    }
  }
  function type(text) {
    setDraft(text);
    setState('idle');
    const { error: wrong } = parseDraft(setting, text);
    setError(wrong ?? null);
  }
  function undo() {
    setDraft(null);
    setState('idle');
    setError(null);
  }
  return { draft, state, error, save, type, undo, setError };
}

/* One that is on or off: saved at once. */
function Switch({ app, setting, take }) {
  const id = useId();
  const { state, error, save } = useSaving(app, setting, take);
  const [wanted, setWanted] = useState(null); /* while it is being saved */
  async function change(event) {
    setWanted(event.currentTarget.checked);
    await save(event.currentTarget.checked);
    setWanted(null);
  }
  return html`
    <div class="setting" data-key=${setting.key} data-state=${state}>
      <div class="setting-row">
        <label class="field kept"><input id=${id} type="checkbox" checked=${wanted ?? setting.value} aria-disabled=${state === 'saving' ? 'true' : null}
          aria-describedby=${`${id}-text ${id}-error`} onChange=${change} />${texts.settingNames[setting.key] ?? setting.key}</label>
        <span class="saved" role="status">${state === 'saved' ? texts.saved : ''}</span>
      </div>
      <p class="dim" id=${`${id}-text`}>${setting.text}</p>
      <p class="why" id=${`${id}-error`} aria-live="polite">${error}</p>
    </div>
  `;
}

function Setting({ app, setting, take, onDraft }) {
  const id = useId();
  const { draft, state, error, save, type, undo, setError } = useSaving(app, setting, take);
  const seen = useRef(setting.value); /* when typing began */
  const current = String(setting.value);
  const shown = draft ?? current;
  const isEdited = draft !== null && draft !== current;
  const elsewhere = draft !== null && seen.current !== setting.value;
  useEffect(() => onDraft?.(setting.key, draft === null ? null : parseDraft(setting, draft)), [draft]);

  function submit(event) {
    event.preventDefault();
    const parsed = parseDraft(setting, shown);
    if (parsed.error) setError(parsed.error);
    else if (isEdited && state !== 'saving') void save(parsed.value);
  }
  function input(event) {
    if (draft === null) seen.current = setting.value;
    type(event.currentTarget.value);
  }
  return html`
    <form class="setting" data-key=${setting.key} data-state=${state} onSubmit=${submit} novalidate>
      <label for=${id}>${texts.settingNames[setting.key] ?? setting.key}</label>
      <p class="dim" id=${`${id}-text`}>${setting.text} · ${texts.rangeOf(setting)} · ${texts.defaultIs(setting)}</p>
      <div class="setting-row">
        <input id=${id} type="text" dir="ltr" autocomplete="off" spellcheck=${false} inputmode=${setting.type === 'integer' ? 'numeric' : null} value=${shown}
          onInput=${input} aria-invalid=${error ? 'true' : null} aria-describedby=${`${id}-text ${id}-error`} />
        <span class="count">${texts.alsoAs(setting, shown)}</span>
        <button class="strong" type="submit" disabled=${!isEdited || state === 'saving'}>${state === 'saving' ? texts.saving : texts.save}</button>
        ${isEdited && html`<button type="button" onClick=${undo}>${texts.undoTyping}</button>`}
        ${setting.value !== setting.default && !isEdited && html`<button type="button" data-reset onClick=${() => save(setting.default)}>${texts.reset}</button>`}
        <span class="saved" role="status">${state === 'saved' ? texts.saved : ''}</span>
      </div>
      <p class="why" id=${`${id}-error`} aria-live="polite">${error}</p>
      ${elsewhere && html`<p class="elsewhere" role="status">${texts.changedElsewhere(current)} <button type="button" onClick=${undo}>${texts.takeIt}</button></p>`}
    </form>
  `;
}

/* ---- what the template gives ---- */

function Samples({ app, options }) {
  const [state, setState] = useState({ of: null, samples: null, error: null });
  const question = JSON.stringify(options);
  const ended = useRef(new AbortController());
  useEffect(() => () => ended.current.abort(), []);
  async function show() {
    ended.current.abort();
    ended.current = new AbortController();
    const { signal } = ended.current;
    setState({ of: question, samples: null, error: null });
    try {
      const samples = await takeSamples({ api: app.api, clock: app.clock, options, signal });
      if (!signal.aborted) setState({ of: question, samples, error: null });
    } catch (failure) {
      if (!signal.aborted) setState({ of: question, samples: null, error: texts.samplesFailed(failure.text ?? failure.message) });
    }
  }
  const { samples, error } = state.of === question ? state : {};
  const running = state.of === question && !samples && !error;
  return html`
    <div class="samples" id="samples" aria-busy=${running}>
      <h3>${texts.samplesTitle}</h3>
      ${!samples && html`<p><button id="btn-samples" aria-disabled=${running} onClick=${() => !running && show()}>${texts.showSamples}</button></p>`}
      <p class="dim" role="status">${running ? texts.samplesRunning : samples && !samples.length ? texts.samplesNone : ''}</p>
      ${error && html`<p class="why" role="alert">${error}</p>`}
      ${samples?.length > 0 && html`
        <table class="plain-table">
          <thead><tr>${texts.samplesHeads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
          <tbody>${samples.map((sample) => html`<tr>
            <td><${Name} text=${sample.now} /></td>
            <td>${sample.then ? html`<${Name} text=${sample.then} />` : html`<span class="dim">${sample.duplicate ? texts.sampleTaken : sample.why ?? texts.sampleSame}</span>`}</td>
          </tr>`)}</tbody>
        </table>`}
    </div>
  `;
}

/* What a rename would be started with: what is typed, where it can be used, else what is saved. */
function renameOptions(settings, drafts) {
  const value = (key) => drafts[key]?.value ?? settings.find((setting) => setting.key === key)?.value;
  return { format: value('filename_format'), padding: value('issue_number_padding') };
}

/* ---- what the server was started with ---- */

function Fixed({ keys }) {
  const changed = keys.filter((key) => key.value !== key.default).length;
  return html`
    <section class="sheet">
      <h2>${texts.fixedTitle}</h2>
      <p class="dim">${texts.fixedText}</p>
      <details>
        <summary>${texts.fixedShow(keys.length, changed)}</summary>
        <div class="wide" role="region" tabindex="0" aria-label=${texts.fixedTitle}>
          <table class="plain-table" id="fixed">
            <thead><tr>${texts.fixedHeads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
            <tbody>${keys.map((key) => html`<tr key=${key.key} data-changed=${key.value !== key.default ? 'yes' : null}>
              <th scope="row">${key.key}</th><td><bdi>${texts.valueOf(key)}</bdi></td><td>${key.text}</td><td>${texts.applies[key.applies]}</td>
            </tr>`)}</tbody>
          </table>
        </div>
      </details>
    </section>
  `;
}

function Look({ app }) {
  return html`
    <section class="sheet">
      <h2>${texts.preferencesTitle}</h2>
      <fieldset class="choice">
        <legend>${texts.colours}</legend>
        <p class="dim">${texts.coloursText}</p>
        ${Object.entries(texts.themes).map(([name, text]) => html`
          <label class="field"><input type="radio" name="colours" value=${name} checked=${store.theme.value === name} onChange=${() => app.preferences.setTheme(name)} />${text}</label>`)}
      </fieldset>
      <label class="field kept"><input type="checkbox" id="show-covers" checked=${store.covers.value}
        onChange=${(event) => app.library.setCovers(event.currentTarget.checked)} />${texts.showCovers}</label>
      ${canInstall(window) && html`<${Kept} app=${app} />`}
    </section>
  `;
}

/* Whether this browser keeps the page for when the server is away (install.js). */
function Kept({ app }) {
  const [wanted, setWantedState] = useState(isWanted(app.memory));
  function change(event) {
    setWantedState(event.currentTarget.checked);
    void setWanted({ window, memory: app.memory, base: document.baseURI }, event.currentTarget.checked);
  }
  return html`
    <label class="field kept"><input type="checkbox" id="keep-page" checked=${wanted} onChange=${change} />${texts.keepPage}</label>
  `;
}

export function View({ app }) {
  const { all, error, read, take } = useSettings(app);
  const [drafts, setDrafts] = useState({});
  const onDraft = (key, parsed) => setDrafts((known) => ({ ...known, [key]: parsed }));
  return html`
    <div class="settings" data-read=${all ? 'yes' : 'no'}>
      <h1>${texts.settingsTitle}</h1>
      <${Look} app=${app} />
      <${NoticeChoices} app=${app} />
      ${error && html`<p class="why" role="alert">${texts.settingsFailed(error)} <button onClick=${read}>${texts.retry}</button></p>`}
      ${all && grouped(all.settings).map(([group, settings]) => html`
        <section class="sheet" key=${group}>
          <h2>${texts.settingGroups[group]}</h2>
          ${settings.map((setting) => html`<${setting.type === 'boolean' ? Switch : Setting} key=${setting.key} app=${app} setting=${setting} take=${take} onDraft=${group === 'names' ? onDraft : null} />`)}
          ${group === 'names' && html`<${Samples} app=${app} options=${renameOptions(settings, drafts)} />`}
        </section>
      `)}
      ${all && html`<${Fixed} keys=${all.fixed} />`}
    </div>
  `;
}
