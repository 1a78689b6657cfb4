// A few exclusive choices side by side.

import { element, keep, mark, write } from './element.js'

/** { element, show([[key, text]], chosen, label) }. choose(key): called when the user takes one. */
export function choices(choose) {
  let chosen = null
  const root = element('div', { class: 'dfa-choices', role: 'group' })

  function show(items, now, label) {
    chosen = now
    mark(root, 'hidden', items.length < 2)
    mark(root, 'aria-label', label)
    keep(root, items.map(([key, text]) => ({ key, text })), make, update)
  }

  function make({ key }) {
    return element('button', { type: 'button', on: { click: () => pick(key) } })
  }

  function pick(key) {
    chosen = key
    for (const button of root.children) mark(button, 'aria-pressed', String(button.dataset.key === key))
    choose(key)
  }

  function update(button, { key, text }) {
    write(button, text)
    mark(button, 'aria-pressed', String(key === chosen))
  }

  return { element: root, show }
}
