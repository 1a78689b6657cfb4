// The steps of a run as bars: how much of the work each one is planned to do, filled as it is done.

import { drawn, element, mark, write } from './element.js'
import { isPlan } from './figures.js'
import { choices } from './choices.js'
import { columnsOf, GUTTER } from './columns.js'
import { makeReadable } from './tooltip.js'

const HEIGHT = 84
// Above the highest bar.
const ROOM = 6
const STUB = 2
const MEASURES = ['model', 'attention', 'time']
const COLUMN = { attention: 0, model: 1, time: 2 }

/** { element, show(run, width), advance(run), picture(run, width) } */
export function createSteps(context) {
  let measure = 'model'
  let drawing = null
  let current = null
  const title = element('h3')
  const picker = choices((chosen) => {
    measure = chosen
    if (current) redraw()
  })
  const chart = element('div', { class: 'dfa-chart', tabindex: 0, role: 'application' })
  const hint = element('div', { class: 'dfa-axis' })
  const root = element('section', { class: 'dfa-section' }, element('header', {}, title, picker.element), chart, hint)

  makeReadable(chart, () => drawing.svg, context.tooltip, {
    size: () => [current?.run.document.steps.length ?? 0, 1],
    at: (x) => {
      const column = drawing.columns.at(x)
      return column === null ? null : [drawing.columns.first(column), 0]
    },
    box: (step) => {
      const frame = drawing.svg.getBoundingClientRect()
      const scale = frame.width / drawing.svg.clientWidth || 1
      const [left, right] = drawing.columns.span(drawing.columns.of(step))
      return {
        left: frame.left + left * scale,
        width: (right - left) * scale,
        top: frame.top,
        bottom: frame.bottom
      }
    },
    say: (step) => linesOf(current.run.document, step, context),
    point: (step) => drawing.point(step)
  })

  // Work is that of a plan; where there is none, time is what there is to see.
  const measureOf = (run) => (isPlan(run.document) ? measure : 'time')

  function show(run, width) {
    current = { run, width }
    const { say } = context
    write(title, say('panel.stepsTitle'))
    const measures = isPlan(run.document) ? MEASURES : ['time']
    picker.show(measures.map((key) => [key, say(`panel.measure.${key}`)]), measureOf(run), say('panel.measureOf'))
    redraw()
  }

  function redraw() {
    const { run, width } = current
    drawing = draw(run.document, width, measureOf(run), context)
    chart.replaceChildren(drawing.svg)
    write(hint, drawing.hint)
    mark(chart, 'aria-label', context.say('panel.stepsLabel', { steps: context.format.count(run.document.steps.length) }))
    advance(run)
  }

  function advance(run) {
    if (!drawing.advance(run.document)) redraw()
  }

  return { element: root, show, advance, picture: (run, width) => finished(run.document, width, context) }
}

function finished(document, width, context) {
  const drawing = draw(document, width, isPlan(document) ? 'model' : 'time', context)
  drawing.advance(document)
  return drawing.svg
}

function linesOf(document, step, { say, format }) {
  const { steps, done } = document
  const { position, attention, model, forecast } = steps[step] ?? {}
  const values = { step: format.count(step + 1), steps: format.count(steps.length) }
  const found = done[step]
  const head = [say('panel.stepOf', values)]
  if (Number.isFinite(position)) head.push(say('panel.noise', { noise: format.noise(position) }))
  const work = (part, whole) =>
    say('panel.stepWork', { attention: format.percent(part), model: format.percent(whole) })
  return [
    head.join(' \u00b7 '),
    forecast ? say('panel.stepForecast') : '',
    found ? work(found[0] / 100, found[1] / 100) : say('panel.stepPlanned', { work: work(attention ?? 1, model ?? 1) }),
    found ? say('panel.stepTime', { time: format.seconds(found[2] / 1000) }) : ''
  ]
}

// -- the drawing ------------------------------------------------------------------------------------------------------

/** { svg, columns, hint, advance(document): whether it still fits, point(step) } */
function draw({ steps, done }, width, measure, { say, format }) {
  const columns = columnsOf(steps.length, width)
  const isTime = measure === 'time'
  const plans = isTime ? null : average(columns, (step) => steps[step][measure] ?? 1)
  const values = (all) => average(columns, (step) => valueOf(all[step], measure), all.length)
  const highest = (found) => Math.max(0, ...found.filter(Number.isFinite), ...(plans ?? []), isTime ? 0 : 1)
  const top = highest(values(done)) || 1
  const inner = HEIGHT - ROOM
  const y = (value) => HEIGHT - Math.max(value === null ? 0 : STUB, Math.round((value / top) * inner))

  const ghosts = drawn('g', { class: 'dfa-planned' })
  const bars = drawn('g', { class: 'dfa-done' })
  const rects = []
  for (let column = 0; column < columns.count; column++) {
    const [left, right] = columns.bar(column)
    const area = { x: left, width: right - left }
    if (plans) ghosts.append(drawn('rect', { ...area, y: y(plans[column]), height: HEIGHT - y(plans[column]) }))
    rects.push(drawn('rect', { ...area, y: HEIGHT, height: 0 }))
  }
  bars.append(...rects)
  const line = isTime ? null : HEIGHT - Math.round(inner / top)
  const pointed = drawn('rect', { class: 'dfa-pointed', y: 0, height: HEIGHT, visibility: 'hidden' })
  const now = drawn('rect', { class: 'dfa-now', y: 0, height: HEIGHT, visibility: 'hidden' })
  const label = isTime ? format.seconds(top / 1000) : format.percent(1)
  const svg = drawn(
    'svg',
    { class: 'dfa-svg', width, height: HEIGHT + 1, viewBox: `0 0 ${width} ${HEIGHT + 1}`, 'aria-hidden': 'true' },
    pointed,
    line === null ? null : drawn('path', { class: 'dfa-rule', d: `M${GUTTER} ${line + 0.5}H${width}` }),
    drawn('path', { class: 'dfa-base', d: `M${GUTTER} ${HEIGHT + 0.5}H${width}` }),
    ghosts,
    bars,
    now,
    drawn('text', { class: 'dfa-tick', x: GUTTER - 5, y: isTime ? ROOM + 6 : line + 4, 'text-anchor': 'end', text: label })
  )

  let filled = 0
  function advance(document) {
    const all = document.done
    const found = values(all)
    if (all.length < filled || highest(found) > top * 1.004) return false
    const last = all.length ? columns.of(all.length - 1) : -1
    const from = filled ? columns.of(filled - 1) : 0
    for (let column = from; column <= last; column++) {
      const height = y(found[column])
      mark(rects[column], 'y', height)
      mark(rects[column], 'height', HEIGHT - height)
    }
    filled = all.length
    const isOn = document.state === 'running' && all.length < document.steps.length
    if (isOn) {
      const [left, right] = columns.bar(columns.of(all.length))
      mark(now, 'x', left)
      mark(now, 'width', right - left)
    }
    mark(now, 'visibility', isOn ? 'visible' : 'hidden')
    return true
  }

  function point(step) {
    mark(pointed, 'visibility', step === null ? 'hidden' : 'visible')
    if (step === null) return
    const [left, right] = columns.span(columns.of(step))
    mark(pointed, 'x', left)
    mark(pointed, 'width', right - left)
  }

  return { svg, columns, advance, point, hint: say(isTime ? 'panel.stepsTimeHint' : 'panel.stepsHint') }
}

function valueOf(step, measure) {
  if (!step) return null
  return measure === 'time' ? step[COLUMN.time] : step[COLUMN[measure]] / 100
}

/** The mean of a column's steps that are known; null where none is. */
function average(columns, valueAt, known = columns.steps) {
  return Array.from({ length: columns.count }, (_, column) => {
    const [first, end] = [columns.first(column), Math.min(columns.first(column + 1), known)]
    if (end <= first) return null
    let sum = 0
    for (let step = first; step < end; step++) sum += valueAt(step)
    return sum / (end - first)
  })
}
