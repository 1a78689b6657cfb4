// The panel: one component, in the sidebar and in the node. It shows one run and keeps up with it; a step that is
// finished changes what differs and builds nothing anew.

import { serverSentence, sentence } from '../strings.js'
import { element, mark, write } from './element.js'
import { createEmpty } from './empty.js'
import { createExports } from './exports.js'
import { isPlan, isRunning } from './figures.js'
import { formats } from './format.js'
import { createHistory } from './history.js'
import { createLevels } from './levels.js'
import { createMap } from './map.js'
import { createNotes } from './notes.js'
import { createSteps } from './steps.js'
import { RULES } from './style.js'
import { createSummary } from './summary.js'
import { createTable } from './table.js'
import { createTooltip } from './tooltip.js'

const NARROWEST = 120

/**
 * { element, changed(), look() }. editor: see editor.js. runs: see runs.js. feed: see feed.js. actions: see actions.js.
 * title: a heading of its own. pick(): the run to show when the user chose none. missing(): a sentence of the
 * server, { text }, on why there is no run. changed(): something of the runs did; look(): the graph may have.
 */
export function createView({ editor, runs, feed, actions, pick, title, missing }) {
  let chosen = null
  let locale = null
  let drawn = null
  let width = 0
  let asked = false

  const root = element('div', { class: 'dfa', 'data-testid': 'ditfastattn-panel' })
  const tooltip = createTooltip(root)
  const context = {
    root,
    actions,
    tooltip,
    say: (key, values) => sentence(locale, key, values),
    said: (message) => serverSentence(locale, message),
    format: formats('en'),
    ask: editor.ask,
    shown,
    missing: () => missing?.(),
    isNewest: (run) => run === pick(),
    follow: () => choose(null),
    choose,
    charts
  }
  const empty = createEmpty(context, feed)
  const summary = createSummary(context)
  const steps = createSteps(context)
  const map = createMap(context)
  const levels = createLevels(context)
  const notes = createNotes(context)
  const history = createHistory(context)
  const table = createTable(context)
  const exports = createExports(context)
  const spoken = element('div', { class: 'dfa-unseen', role: 'status' })
  const body = element('div', { class: 'dfa-body' }, ...[summary, steps, map, levels, notes, history, table, exports].map((part) => part.element))
  if (title) root.append(element('h2', { class: 'dfa-title', text: title }))
  root.append(element('style', { text: RULES }), empty.element, body, spoken, ...tooltip.elements)

  // A place that is not on screen has no width, and nothing is drawn in it.
  new ResizeObserver(([{ contentRect }]) => {
    const next = Math.floor(contentRect.width)
    if (next === width) return
    width = next
    changed()
  }).observe(body.parentElement)

  function shown() {
    return (chosen && runs.find(chosen.document.id)) ?? pick()
  }

  function choose(run) {
    chosen = run === pick() ? null : run
    root.scrollTop = 0
    changed()
  }

  /** Draw before the next frame, however many changes come until then. */
  function changed() {
    if (asked || width < NARROWEST) return
    asked = true
    requestAnimationFrame(() => {
      asked = false
      if (width >= NARROWEST && root.isConnected) paint()
    })
  }

  function paint() {
    const language = editor.locale()
    if (language !== locale) {
      locale = language
      context.format = formats(locale)
      drawn = null
    }
    const run = shown()
    empty.show(!run)
    mark(body, 'hidden', !run)
    if (!run) return
    const now = { run, width, whole: run.whole, runs: runs.all(), newest: pick() }
    const isSame = drawn && Object.keys(now).every((key) => now[key] === drawn[key])
    if (!isSame) announce(run)
    drawn = now
    if (isSame) advance(run)
    else show(run)
  }

  function show(run) {
    tooltip.hide()
    const inner = width
    const hasSteps = run.document.steps.length > 0 && run.document.kind !== 'refused'
    mark(steps.element, 'hidden', !hasSteps)
    summary.show(run)
    if (hasSteps) steps.show(run, inner)
    map.show(run, inner)
    levels.show(run, inner)
    notes.show(run)
    history.show(runs.all(), run)
    mark(table.element, 'hidden', !hasSteps)
    table.show(run)
    exports.show()
  }

  function advance(run) {
    summary.advance(run)
    if (!steps.element.hidden) steps.advance(run)
    map.advance(run)
    table.advance(run)
    if (runs.newest() !== run) history.show(runs.all(), run)
  }

  /** Begin and end of a run, for those who do not see them; not its steps. */
  function announce({ document }) {
    const state = `${document.id} ${document.state}`
    if (root.dataset.announced === state) return
    const isFirst = root.dataset.announced === undefined
    mark(root, 'data-announced', state)
    if (!isFirst) write(spoken, context.say(isRunning(document) ? 'panel.begun' : `panel.state.${document.state}`, { time: context.format.clock(document.started) }))
  }

  function look() {
    if (width < NARROWEST || !root.isConnected) return
    if (editor.locale() !== locale) return changed()
    const run = shown()
    if (!run || !drawn) return
    levels.refresh(run)
    notes.refresh(run)
  }

  function charts(run, inner) {
    const found = []
    const { document } = run
    if (document.steps.length) found.push([context.say('panel.stepsTitle'), steps.picture(run, inner)])
    if (document.map.length && isPlan(document)) found.push([context.say('panel.mapTitle'), map.picture(run, inner)])
    if (document.levels.length) found.push([context.say('panel.levelsTitle'), levels.picture(run, inner)])
    return found
  }

  return { element: root, changed, look }
}
