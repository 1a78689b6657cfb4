// The dialog that lists the library of plans: load, rename, delete.

import { besideTheGraph, locale, part, say } from './editor.js'
import * as library from './plan_library.js'
import { describePlan } from './plan_text.js'

const STYLES = {
  dialog: `width:min(680px, 92vw); max-height:80vh; padding:0; border:1px solid var(--border-color, #555);
    border-radius:8px; background:var(--comfy-menu-bg, #222); color:var(--fg-color, #eee); font-size:14px;
    line-height:1.45; font-family:inherit;`,
  frame: 'display:flex; flex-direction:column; gap:12px; max-height:calc(80vh - 2px); padding:20px; box-sizing:border-box;',
  title: 'margin:0; font-size:18px; font-weight:600;',
  list: `list-style:none; margin:0; padding:0; overflow-y:auto; display:flex; flex-direction:column;`,
  row: `display:flex; flex-wrap:wrap; align-items:center; gap:6px 12px; padding:10px 2px;
    border-top:1px solid var(--border-color, #555);`,
  texts: 'flex:1 1 240px; min-width:0;',
  name: 'font-weight:600; overflow-wrap:anywhere;',
  about: 'opacity:.8; font-size:13px; overflow-wrap:anywhere;',
  fits: 'font-size:13px;',
  buttons: 'display:flex; gap:6px; flex:none;',
  button: `cursor:pointer; padding:5px 12px; border:1px solid var(--border-color, #555); border-radius:6px;
    background:var(--comfy-input-bg, #333); color:var(--input-text, #ddd); font:inherit; font-size:13px;`,
  input: `width:100%; box-sizing:border-box; padding:4px 8px; border:1px solid var(--border-color, #555);
    border-radius:6px; background:var(--comfy-input-bg, #333); color:var(--input-text, #ddd); font:inherit;`,
  foot: 'display:flex; justify-content:space-between; align-items:center; gap:12px;'
}

/**
 * Let the user choose a plan: its text, or null. model: fingerprint of the node's model, '' where it is not known.
 */
export function choosePlan(model) {
  return new Promise((resolve) => {
    const dialog = part('dialog', STYLES.dialog)
    const list = part('ul', STYLES.list)
    const told = part('span', STYLES.about)
    const title = part('h2', STYLES.title, say('library'))
    title.id = 'ditfastattn-library-title'
    told.setAttribute('role', 'status')
    dialog.setAttribute('aria-labelledby', title.id)
    dialog.dataset.testid = 'ditfastattn-library'
    let chosen = null
    const choose = (text) => {
      chosen = text
      dialog.close()
    }
    const close = button(say('close'), () => dialog.close())
    dialog.append(part('div', STYLES.frame, title, list, part('div', STYLES.foot, told, close)))
    // The editor has keys of its own, of which Delete is one.
    for (const event of ['keydown', 'keyup', 'paste', 'copy']) dialog.addEventListener(event, (e) => e.stopPropagation())
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(chosen)
    })
    besideTheGraph().append(dialog)
    dialog.showModal()
    fill({ list, told, model, choose }).catch((error) => failed(told, error))
  })
}

function failed(told, error) {
  told.textContent = say('libraryFailed', { reason: error.message })
}

async function fill(view, focused = '') {
  const { list, told, model } = view
  const found = await library.list()
  told.textContent = !found.length ? say('libraryEmpty') : model ? '' : say('fitsUnknown')
  list.replaceChildren(...found.map((entry) => row(view, entry)))
  list.querySelector(`[data-name="${CSS.escape(focused)}"] button`)?.focus()
}

function row(view, { name, modified }) {
  const item = part('li', STYLES.row)
  const texts = part('div', STYLES.texts)
  const title = part('div', STYLES.name, name)
  const about = part('div', STYLES.about, '\u2026')
  const fits = part('div', STYLES.fits)
  const buttons = part('div', STYLES.buttons)
  item.dataset.name = name
  texts.append(title, about, fits)
  item.append(texts, buttons)
  const load = button(say('loadThis'), () => view.choose(load.plan), name)
  load.disabled = true
  const attempt = (work) => work().catch((error) => failed(view.told, error))
  const usual = () => {
    texts.replaceChild(title, texts.firstChild)
    buttons.replaceChildren(
      load,
      button(say('rename'), renaming, name),
      button(say('deleteThis'), deleting, name)
    )
  }
  const deleting = () => {
    const sure = button(say('deleteSure'), () => attempt(() => library.remove(name).then(() => fill(view))), name)
    const keep = button(say('keep'), usual, name)
    buttons.replaceChildren(sure, keep)
    keep.focus()
  }
  const renaming = () => {
    const input = part('input', STYLES.input)
    input.value = name
    input.setAttribute('aria-label', say('newName'))
    const done = () => attempt(() => renamed(view, name, input.value, usual))
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') done()
      if (event.key !== 'Escape') return
      event.preventDefault()
      usual()
    })
    texts.replaceChild(input, title)
    buttons.replaceChildren(button(say('rename'), done, name), button(say('keep'), usual, name))
    input.select()
  }
  usual()
  describe(name, modified, view.model).then((found) => {
    about.textContent = found.about
    fits.textContent = found.fits
    load.plan = found.text
    setEnabled(load, found.text !== null)
  })
  return item
}

async function renamed(view, name, wanted, usual) {
  const other = library.cleanName(wanted)
  if (!other || other === name) return usual()
  if (!(await library.rename(name, other))) {
    view.told.textContent = say('nameTaken', { name: other })
    return
  }
  await fill(view, other)
}

/** { text: null where it is no plan, about, fits } of an entry. */
async function describe(name, modified, model) {
  let text = null
  try {
    text = await library.read(name)
  } catch (error) {
    return { text: null, about: say('libraryFailed', { reason: error.message }), fits: '' }
  }
  const plan = describePlan(text)
  if (!plan) return { text: null, about: say('notAPlan'), fits: '' }
  const { sampler, steps, cfg } = plan.measured
  const date = new Date(Date.parse(plan.created) || modified).toLocaleDateString(locale(), { dateStyle: 'medium' })
  const levels = Object.keys(plan.levels)
  const range = levels.length > 3 ? `${levels[0]} \u2026 ${levels.at(-1)}` : levels.join(', ')
  const about = say('planAbout', { family: plan.family, levels: range, sampler, steps, cfg, date, id: plan.id })
  if (!model) return { text, about, fits: '' }
  return { text, about, fits: plan.model === model ? `\u2713 ${say('fits')}` : `\u2260 ${say('fitsNot')}` }
}

function button(text, run, about = '') {
  const element = part('button', STYLES.button, text)
  element.type = 'button'
  if (about) element.setAttribute('aria-label', `${text}: ${about}`)
  element.addEventListener('click', run)
  return element
}

function setEnabled(element, enabled) {
  element.disabled = !enabled
  element.style.opacity = enabled ? 1 : 0.5
}
