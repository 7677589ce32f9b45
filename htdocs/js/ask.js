/*
 * ask.js - a question before something that cannot be taken back by the same button.
 *
 * ask({title, text, yes, no}) gives a promise of true or false; <${Ask} /> draws the question, once in a view that asks.
 */
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { html } from './dom.js';

const asked = signal(null);

export function ask(question) {
  asked.peek()?.answer(false);
  return new Promise((answer) => (asked.value = { ...question, answer }));
}

export function Ask() {
  const dialog = useRef(null);
  const question = asked.value;
  useEffect(() => {
    if (question && !dialog.current.open) dialog.current.showModal();
  }, [question]);
  useEffect(() => () => asked.peek() && end(asked.peek(), false), []);
  if (!question) return null;
  return html`
    <dialog id="ask" ref=${dialog} onClose=${() => end(question, false)} aria-labelledby="ask-title">
      <h2 id="ask-title">${question.title}</h2>
      <p>${question.text}</p>
      <div class="foot">
        <button id="ask-no" onClick=${() => end(question, false)}>${question.no}</button>
        <button id="ask-yes" class="strong" onClick=${() => end(question, true)}>${question.yes}</button>
      </div>
    </dialog>
  `;
}

function end(question, yes) {
  if (asked.peek() === question) asked.value = null;
  question.answer(yes);
}
