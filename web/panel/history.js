// The last runs, newest first: to look at an earlier one again.

import { element, keep, mark, write } from './element.js'
import { badge, isMeasuring, isPlan } from './figures.js'

/** { element, show(runs, shown) } */
export function createHistory(context) {
  const title = element('h3')
  const list = element('div', { class: 'dfa-runs', role: 'group' })
  const root = element('section', { class: 'dfa-section' }, element('header', {}, title), list)

  function show(runs, shown) {
    mark(root, 'hidden', !runs.length)
    write(title, context.say('panel.runsTitle'))
    mark(list, 'aria-label', context.say('panel.runsTitle'))
    const items = [...runs].reverse().map((run) => ({ key: run.document.id, run, isShown: run === shown }))
    keep(list, items, make, update)
  }

  function make({ run }) {
    const parts = ['dfa-dot', 'dfa-run-time', 'dfa-run-name', 'dfa-run-figure'].map((name) => element('span', { class: name }))
    return element('button', { type: 'button', on: { click: () => context.choose(run) } }, ...parts)
  }

  function update(button, { run, isShown }) {
    const { document } = run
    const [dot, time, name, figure] = button.children
    mark(dot, 'data-state', document.kind === 'refused' ? 'refused' : document.state)
    write(time, context.format.clock(document.started))
    write(name, nameOf(document, context))
    write(figure, figureOf(document, context))
    mark(button, 'aria-current', isShown ? 'true' : null)
    mark(button, 'title', context.say(`panel.state.${document.state}`, { time: context.format.clock(document.started) }))
  }

  return { element: root, show }
}

function nameOf({ kind, plan, model }, { say }) {
  const what = kind === 'plan' ? plan?.level : say(`panel.kind.${kind}`)
  return [what, model.family].filter(Boolean).join(' \u00b7 ')
}

function figureOf(document, { format }) {
  if (isPlan(document)) return document.speed ? format.times(document.speed.times) : badge(document).replace('-', '\u2212').replace('%', '\u00a0%')
  if (isMeasuring(document) && document.state === 'running') return '\u2026'
  return document.seconds ? format.seconds(document.seconds) : ''
}
