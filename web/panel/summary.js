// The head of the panel: what the run is doing, how much faster it is, and what of the work is left.

import { drawn, element, keep, mark, write } from './element.js'
import { headline, isMeasuring, isPlan, isRunning, kept, remaining } from './figures.js'

/** { element, show(run), advance(run) } */
export function createSummary(context) {
  const state = element('span')
  const dot = element('span', { class: 'dfa-dot', 'aria-hidden': 'true' })
  const back = element('button', { class: 'dfa-link', type: 'button', on: { click: context.follow } })
  const main = element('div', { class: 'dfa-headline' })
  const under = element('div', { class: 'dfa-under' })
  const how = element('div', { class: 'dfa-how' })
  const meters = [createMeter(), createMeter(), createMeter()]
  const facts = element('dl', { class: 'dfa-facts' })
  const root = element(
    'section',
    { class: 'dfa-summary' },
    element('div', { class: 'dfa-state' }, dot, state, back),
    main,
    under,
    how,
    element('div', { class: 'dfa-meters' }, ...meters.map((meter) => meter.element)),
    facts
  )

  function show(run) {
    const { document } = run
    mark(dot, 'data-state', document.kind === 'refused' ? 'refused' : document.state)
    write(back, context.say('panel.newest'))
    mark(back, 'hidden', context.isNewest(run))
    mark(meters[0].element, 'hidden', !promises(document) && !isMeasuring(document))
    mark(meters[1].element, 'hidden', !promises(document))
    keep(facts, factsOf(document, context), makeFact, updateFact)
    advance(run)
  }

  function advance({ document }) {
    const { say, format } = context
    write(state, stateText(document, context))
    const { key, values } = headline(document)
    write(main, say(key, written(values, format)))
    write(under, underText(document, context))
    mark(how, 'hidden', !isPlan(document))
    write(how, document.dense?.how && document.state !== 'cancelled' && document.state !== 'failed' ? context.said(document.dense.how) : '')
    const work = isPlan(document) ? kept(document) : document.plan
    const layers = promises(document) ? (work.module ?? null) : null
    mark(meters[2].element, 'hidden', layers === null)
    if (!promises(document)) return meters[0].progress(document, context)
    meters[0].show(say('panel.attention'), work.attention, null, context)
    meters[1].show(say('panel.allWork'), work.model, document.ceiling, context)
    if (layers !== null) meters[2].show(say('panel.module'), layers, null, context, 'panel.savedModule')
  }

  return { element: root, show, advance }
}

/** Whether there is work to show: of this run, or of the runs that follow the plan that this one made. */
function promises(document) {
  return isPlan(document) || (isMeasuring(document) && !isRunning(document) && document.plan !== null)
}

function written(values = {}, format) {
  const { times, saved } = values
  return { times: format.times(times), saved: format.percent(saved) }
}

function stateText(document, { say, format }) {
  const { steps, done, state, kind, started } = document
  const values = { step: format.count(done.length), steps: format.count(steps.length), time: format.clock(started) }
  if (!isRunning(document)) {
    const key = kind === 'refused' && state === 'done' ? 'panel.stateRefused' : `panel.state.${state}`
    return say(key, values)
  }
  const left = remaining(document)
  const doing = say(isMeasuring(document) ? 'panel.state.measuring' : 'panel.state.sampling')
  const parts = [doing, say('panel.stepOf', values)]
  if (left !== null) parts.push(say('panel.left', { seconds: format.wait(left) }))
  return parts.join(' \u00b7 ')
}

function underText(document, { say, format }) {
  const { kind, state, seconds, dense, levels, done, steps } = document
  const source = dense?.source === 'measured' ? 'measured' : 'estimated'
  if (isPlan(document) && !isRunning(document) && state !== 'done') {
    return say('panel.stoppedAt', { step: format.count(done.length), steps: format.count(steps.length) })
  }
  if (isPlan(document) && seconds && dense?.seconds) {
    // While it runs, both are of the whole run or neither is said.
    if (isRunning(document)) return say(`panel.${source}So`, { dense: format.seconds(dense.seconds) })
    return say(`panel.${source}`, { seconds: format.seconds(seconds), dense: format.seconds(dense.seconds) })
  }
  if (isRunning(document)) return say(`panel.${kind}Under`)
  if (isMeasuring(document) && state === 'done' && levels.length) return say('panel.levelsReady')
  return seconds ? say('panel.took', { seconds: format.seconds(seconds) }) : ''
}

// -- one bar of work --------------------------------------------------------------------------------------------------

function createMeter() {
  const name = element('span', { class: 'dfa-meter-name' })
  const figure = element('span', { class: 'dfa-meter-figure' })
  const under = element('span', { class: 'dfa-meter-under' })
  // The figures beside it say the same to those who do not see it.
  const fill = drawn('rect', { class: 'dfa-meter-fill', width: 0, height: 1 })
  const track = drawn('svg', { class: 'dfa-meter-track', viewBox: '0 0 1 1', preserveAspectRatio: 'none' }, fill)
  const tick = element('span', { class: 'dfa-meter-tick' })
  const bar = element('div', { class: 'dfa-meter-bar', 'aria-hidden': 'true' }, track, tick)
  const root = element('div', { class: 'dfa-meter' }, name, figure, bar, under)

  function show(label, part, ceiling, { say, format }, saved = 'panel.savedPart') {
    const gain = part === null ? '' : say(saved, { saved: format.percent(Math.max(0, 1 - part)) })
    const least = ceiling === null ? '' : say('panel.least', { least: format.percent(ceiling) })
    draw(label, format.percent(part), part ?? 0, ceiling, [gain, least].filter(Boolean).join(' \u00b7 '))
  }

  function draw(label, number, part, limit, explained) {
    write(name, label)
    write(figure, number)
    write(under, explained)
    mark(fill, 'width', Math.min(1, part).toFixed(4))
    mark(tick, 'hidden', limit === null)
    if (limit !== null) mark(tick, 'style', `left: ${Math.round(1000 * limit) / 10}%`)
  }

  function progress({ done, steps, ceiling }, { say, format }) {
    const part = steps.length ? done.length / steps.length : 0
    const best = ceiling === null ? '' : say('panel.best', { least: format.percent(ceiling) })
    draw(say('panel.progress'), format.percent(part), part, null, best)
  }

  return { element: root, show, progress }
}

// -- facts ------------------------------------------------------------------------------------------------------------

function factsOf(document, { say, format }) {
  const { plan, cache, model, sampler, device, guard } = document
  const facts = []
  const add = (key, value, detail = '') => value && facts.push({ key, name: say(`panel.fact.${key}`), value, detail })
  if (plan) {
    const checked = Number.isFinite(plan.verified) ? say('panel.verified', { error: format.error(plan.verified) }) : ''
    add('error', Number.isFinite(plan.error) ? say('panel.predicted', { error: format.error(plan.error) }) : '', checked)
    add('plan', plan.level && plan.id ? say('panel.levelOfPlan', { level: plan.level, id: plan.id }) : plan.id)
  }
  if (cache?.bytes > 0) {
    const limit = Number.isFinite(cache.limit) ? say('panel.of', { limit: format.bytes(cache.limit) }) : ''
    add('cache', format.bytes(cache.bytes), limit)
  }
  const size = Number.isFinite(model.tokens) ? say('panel.tokens', { count: format.count(model.tokens) }) : ''
  add('model', model.family, [say('panel.layers', { count: format.count(model.layers) }), size].filter(Boolean).join(' \u00b7 '))
  if (guard) {
    const count = format.count(guard.promoted?.length ?? 0)
    add('guard', say('panel.promoted', { count }), say('panel.checks', { count: format.count(guard.checks) }))
  }
  const settings = []
  if (Number.isFinite(sampler.steps)) settings.push(say('panel.steps', { count: format.count(sampler.steps) }))
  if (Number.isFinite(sampler.cfg)) settings.push(`CFG ${Number(sampler.cfg.toFixed(2))}`)
  add('sampler', [sampler.sampler, sampler.scheduler].filter(Boolean).join(' \u00b7 '), settings.join(' \u00b7 '))
  add('device', device)
  return facts
}

function makeFact() {
  return element('div', {}, element('dt'), element('dd', {}, element('span'), element('small')))
}

function updateFact(row, { name, value, detail }) {
  const [title, text] = row.children
  write(title, name)
  write(text.children[0], value)
  write(text.children[1], detail)
}
