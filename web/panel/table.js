// The figures as tables, for screen readers and for copying. Written only while they are open.

import { element, keep, mark, write } from './element.js'

/** { element, show(run), advance(run) } */
export function createTable(context) {
  const summary = element('summary')
  const steps = createGrid()
  const levels = createGrid()
  const root = element('details', { class: 'dfa-section dfa-tables' }, summary, steps.element, levels.element)
  let current = null

  root.addEventListener('toggle', () => current && show(current))

  function show(run) {
    current = run
    write(summary, context.say('panel.tableTitle'))
    advance(run)
    const { document } = run
    mark(levels.element, 'hidden', !document.levels.length)
    if (!root.open || !document.levels.length) return
    const { say, format } = context
    const names = ['panel.levelsTitle', 'panel.attention', 'panel.allWork', 'panel.fact.error', 'panel.fact.cache']
    levels.show(
      say('panel.levelsTitle'),
      names.map((name) => say(name)),
      document.levels.map(({ name, attention, model, error, cache_bytes: cache }) => {
        return [name, format.percent(attention), format.percent(model), format.error(error), format.bytes(cache)]
      })
    )
  }

  function advance(run) {
    if (!root.open) return
    const { say, format } = context
    const { document } = run
    const names = ['panel.column.step', 'panel.column.noise', 'panel.column.planned', 'panel.attention', 'panel.allWork', 'panel.column.time']
    const rows = document.steps.map(({ position, attention, model }, step) => {
      const [one, all, time] = document.done[step] ?? [null, null, null]
      const plan = `${format.percent(attention ?? 1)} / ${format.percent(model ?? 1)}`
      const done = [one, all].map((value) => (value === null ? format.percent(null) : format.percent(value / 100)))
      return [format.count(step + 1), format.noise(position), plan, ...done, format.seconds(time === null ? null : time / 1000)]
    })
    steps.show(say('panel.stepsTitle'), names.map((name) => say(name)), rows)
  }

  return { element: root, show, advance }
}

function createGrid() {
  const caption = element('caption')
  const head = element('tr')
  const body = element('tbody')
  const table = element('table', {}, caption, element('thead', {}, head), body)
  const root = element('div', { class: 'dfa-scroll', tabindex: 0, role: 'region' }, table)

  function show(name, columns, rows) {
    write(caption, name)
    mark(root, 'aria-label', name)
    keep(head, columns.map((text, key) => ({ key, text })), () => element('th', { scope: 'col' }), (cell, { text }) => write(cell, text))
    keep(body, rows.map((texts, key) => ({ key, texts })), makeRow, updateRow)
  }

  return { element: root, show }
}

function makeRow({ texts }) {
  return element('tr', {}, ...texts.map((_, place) => element(place ? 'td' : 'th', place ? {} : { scope: 'row' })))
}

function updateRow(row, { texts }) {
  texts.forEach((text, place) => write(row.children[place], text))
}
