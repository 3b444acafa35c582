// @ts-check
// The controls of one camera, as a form that changes them at once. Rows are changed in place, so that a slider stays under the finger.

import { make } from '../lib/dom.js';
import { controlName } from '../text/camera.js';
import { t } from '../text/home.js';

/**
 * A control as the API tells it; see docs/API.md.
 * @typedef {object} Control
 * @property {string} name
 * @property {string} title
 * @property {'integer' | 'boolean' | 'menu' | 'button'} kind
 * @property {number} [min]
 * @property {number} [max]
 * @property {number} [step]
 * @property {number} [default]
 * @property {number} [value]
 * @property {{ value: number, name: string, title: string }[]} [items]
 * @property {string} [kept]
 * @property {boolean} [readOnly]
 * @property {boolean} [inactive]
 * @property {boolean} [busy]
 *
 * @typedef {number | boolean | string | null} Value
 * @typedef {(name: string, value: Value) => void} Set
 */

export class ControlForm {
  #set;
  /** @type {Map<string, Row>} by name */
  #rows = new Map();

  /** @param {Set} set is called when somebody changes a control */
  constructor(set) {
    this.#set = set;
    this.element = make('div', { class: 'controls' });
  }

  /** @param {Control[]} controls */
  show(controls) {
    const before = this.#rows;
    this.#rows = new Map();
    for (const control of controls) {
      const old = before.get(control.name);
      const row = old?.fits(control) ? old : new Row(control, this.#set);
      if (row === old) before.delete(control.name);
      row.update(control);
      this.#rows.set(control.name, row);
    }
    for (const gone of before.values()) gone.element.remove();
    [...this.#rows.values()].forEach(({ element }, index) => {
      if (this.element.children[index] !== element) this.element.insertBefore(element, this.element.children[index] ?? null);
    });
  }
}

/** What a control can be changed with. */
class Row {
  #control;
  #input;
  #output = make('output', {});
  #reset = make('button', { type: 'button', class: 'reset' }, t('controlDefault'));

  /** @param {Control} control @param {Set} set */
  constructor(control, set) {
    this.#control = control;
    const id = `control-${control.name}`;
    const label = controlName(control);
    this.#input = inputOf(control, id, label, (value) => set(control.name, value));
    if (this.#input instanceof HTMLInputElement && this.#input.type === 'range') {
      const slider = this.#input;
      slider.addEventListener('input', () => { this.#output.textContent = slider.value; });
    }
    this.#reset.setAttribute('aria-label', t('controlDefaultOf', { name: label }));
    this.#reset.addEventListener('click', () => set(control.name, null));
    const name = control.kind === 'button' ? make('span', {}) : make('label', { for: id, title: control.title }, label);
    this.element = make('div', { class: 'control', 'data-kind': control.kind }, name, this.#input, this.#output, this.#reset);
  }

  /** @param {Control} control whether the row is one of it, changed or not */
  fits(control) {
    const { kind, min, max, items } = this.#control;
    return kind === control.kind && min === control.min && max === control.max && items?.length === control.items?.length;
  }

  /** @param {Control} control */
  update(control) {
    this.#control = control;
    const fixed = Boolean(control.readOnly || control.busy);
    const input = this.#input;
    input.disabled = fixed;
    this.#reset.hidden = fixed || control.kind === 'button' || control.value === control.default;
    this.element.classList.toggle('inactive', Boolean(control.inactive));
    this.element.title = control.inactive ? t('controlInactive') : control.busy ? t('controlBusy') : '';
    if (control.value === undefined) return;
    if (input instanceof HTMLInputElement && input.type === 'checkbox') {
      input.checked = control.value !== 0;
    } else if (!(input instanceof HTMLButtonElement)) {
      input.value = String(control.value);
      this.#output.textContent = input instanceof HTMLSelectElement ? '' : String(control.value);
    }
  }
}

/**
 * @param {Control} control
 * @param {string} id
 * @param {string} label
 * @param {(value: Value) => void} set
 * @returns {HTMLInputElement | HTMLSelectElement | HTMLButtonElement}
 */
function inputOf(control, id, label, set) {
  switch (control.kind) {
    case 'button': {
      const button = make('button', { id, type: 'button' }, label);
      button.addEventListener('click', () => set(true));
      return button;
    }
    case 'boolean': {
      const box = make('input', { id, type: 'checkbox' });
      box.addEventListener('change', () => set(box.checked));
      return box;
    }
    case 'menu': {
      const items = control.items ?? [];
      const menu = make('select', { id }, ...items.map(({ value, title }) => make('option', { value: String(value) }, title)));
      menu.addEventListener('change', () => {
        const item = items.find(({ value }) => String(value) === menu.value);
        if (item) set(item.name);
      });
      return menu;
    }
    case 'integer': {
      const { min = 0, max = 0, step = 1 } = control;
      const slider = make('input', { id, type: 'range', min: String(min), max: String(max), step: String(Math.max(step, 1)) });
      slider.addEventListener('input', () => set(Number(slider.value)));
      return slider;
    }
  }
}
