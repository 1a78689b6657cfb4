// The levels of a plan as a curve: what each costs in work and in error. A click or a key sets one on the node.

import { drawn, element, keep, mark, write } from './element.js'
import { GUTTER } from './columns.js'

const HEIGHT = 132
const MARGIN = { top: 14, right: 26, bottom: 20 }
const OFF = 'off'

/** { element, show(run, width), refresh(run), picture(run, width) } */
export function createLevels(context) {
  let current = null
  let drawing = null
  let looked = null
  const title = element('h3')
  const chart = element('div', { class: 'dfa-chart dfa-curve' })
  const buttons = element('div', { class: 'dfa-levels', role: 'group' })
  const detail = element('div', { class: 'dfa-detail' })
  const reason = element('div', { class: 'dfa-hint' })
  const root = element('section', { class: 'dfa-section' }, element('header', {}, title), chart, buttons, detail, reason)

  chart.addEventListener('pointermove', (event) => look(nearest(event)))
  chart.addEventListener('pointerleave', () => look(null))
  chart.addEventListener('click', (event) => {
    const name = nearest(event)
    if (name) take(name)
  })

  function nearest(event) {
    const frame = drawing.svg.getBoundingClientRect()
    const scale = frame.width / drawing.svg.clientWidth || 1
    return drawing.nearest((event.clientX - frame.left) / scale, (event.clientY - frame.top) / scale)
  }

  function show(run, width) {
    current = { run, width }
    mark(root, 'hidden', !run.document.levels.length)
    if (root.hidden) return
    write(title, context.say('panel.levelsTitle'))
    drawing = draw(run.document, width, context)
    chart.replaceChildren(drawing.svg)
    refresh(run)
  }

  /** What is set on the node may have changed. */
  function refresh(run) {
    if (root.hidden || !current) return
    const { say } = context
    const set = context.actions.levelOf(run)
    const items = [OFF, ...run.document.levels.map(({ name }) => name)].map((name) => {
      return { key: name, text: name === OFF ? say('panel.off') : name, isSet: set.level === name, isFree: set.reason === null }
    })
    mark(buttons, 'aria-label', say('panel.levelsLabel'))
    keep(buttons, items, make, update)
    chart.classList.toggle('dfa-free', set.reason === null)
    mark(reason, 'hidden', set.reason === null)
    write(reason, set.reason === null ? '' : say(set.reason))
    drawing.mark(set.level ?? run.document.plan?.level, looked)
    describe(looked ?? set.level ?? run.document.plan?.level)
  }

  function make({ key }) {
    const there = () => look(key)
    const gone = () => look(null)
    const on = { click: () => take(key), pointerenter: there, focus: there, pointerleave: gone, blur: gone }
    return element('button', { type: 'button', on })
  }

  function update(button, { text, isSet, isFree }) {
    write(button, text)
    mark(button, 'aria-pressed', String(isSet))
    mark(button, 'aria-disabled', isFree ? null : 'true')
  }

  function look(name) {
    looked = name
    if (current) refresh(current.run)
  }

  function take(name) {
    if (context.actions.setLevel(current.run, name)) refresh(current.run)
  }

  function describe(name) {
    const { say, format } = context
    const level = current.run.document.levels.find((one) => one.name === name)
    if (!level) return write(detail, say(name === OFF ? 'panel.offDetail' : 'panel.levelHint'))
    const cache = level.cache_bytes > 0 ? say('panel.levelCache', { cache: format.bytes(level.cache_bytes) }) : ''
    const values = {
      level: level.name,
      attention: format.percent(level.attention),
      model: format.percent(level.model),
      error: format.error(level.error)
    }
    write(detail, [say('panel.levelDetail', values), cache].filter(Boolean).join(' \u00b7 '))
  }

  return { element: root, show, refresh, picture: (run, width) => pictureOf(run.document, width, context) }
}

function pictureOf(document, width, context) {
  const drawing = draw(document, width, context)
  drawing.mark(document.plan?.level, null)
  return drawing.svg
}

/** { svg, nearest(x, y): a level's name, mark(set, looked) } */
function draw({ levels }, width, { say, format }) {
  const least = Math.min(...levels.map(({ model }) => model))
  const low = Math.max(0, Math.floor(least * 20 - 0.5) / 20)
  const highest = Math.max(...levels.map(({ error }) => error)) * 1.08 || 1
  const x = (model) => GUTTER + ((model - low) / (1 - low)) * (width - GUTTER - MARGIN.right)
  const y = (error) => HEIGHT - MARGIN.bottom - (error / highest) * (HEIGHT - MARGIN.top - MARGIN.bottom)
  const floor = HEIGHT - MARGIN.bottom
  const points = levels.map((level) => ({ name: level.name, x: x(level.model), y: y(level.error) }))
  const line = [...points].sort((a, b) => a.x - b.x).map((point) => `${point.x.toFixed(1)} ${point.y.toFixed(1)}`)

  const svg = drawn('svg', {
    class: 'dfa-svg',
    width,
    height: HEIGHT,
    viewBox: `0 0 ${width} ${HEIGHT}`,
    'aria-hidden': 'true'
  })
  const text = (given, written) => drawn('text', { class: 'dfa-tick', ...given, text: written })
  svg.append(drawn('path', { class: 'dfa-base', d: `M${GUTTER} ${floor + 0.5}H${width - MARGIN.right}` }))
  for (const part of ticks(low)) {
    svg.append(
      drawn('path', { class: 'dfa-rule', d: `M${Math.round(x(part)) + 0.5} ${MARGIN.top}V${floor}` }),
      text({ x: x(part), y: HEIGHT - 6, 'text-anchor': 'middle' }, format.percent(part))
    )
  }
  const step = niceStep(highest / 2.5)
  for (let error = 0; error <= highest; error += step) {
    svg.append(text({ x: GUTTER - 5, y: y(error) + 4, 'text-anchor': 'end' }, error ? format.error(error) : '0'))
  }
  svg.append(drawn('path', { class: 'dfa-line', d: `M${line.join('L')}L${x(1).toFixed(1)} ${y(0).toFixed(1)}` }))
  const dots = points.map((point) => {
    const dot = drawn('circle', { class: 'dfa-point', cx: point.x, cy: point.y, r: 4.5 })
    const label = drawn('text', { class: 'dfa-point-name', x: point.x + 8, y: point.y - 5, text: point.name })
    svg.append(dot, label)
    return { name: point.name, dot, label }
  })
  svg.append(text({ class: 'dfa-tick', x: 0, y: 9 }, say('panel.axisError')))

  function nearest(px, py) {
    const distance = (point) => Math.abs(point.x - px) + 0.5 * Math.abs(point.y - py)
    return points.reduce((best, point) => (distance(point) < distance(best) ? point : best)).name
  }

  function markLevels(set, looked) {
    for (const { name, dot, label } of dots) {
      for (const one of [dot, label]) {
        one.classList.toggle('dfa-set', name === set)
        one.classList.toggle('dfa-looked', name === looked)
      }
      mark(dot, 'r', name === set || name === looked ? 6 : 4.5)
    }
  }

  return { svg, nearest, mark: markLevels }
}

function ticks(low) {
  const step = 1 - low > 0.55 ? 0.25 : 1 - low > 0.25 ? 0.1 : 0.05
  const found = []
  for (let part = 1; part >= low - 1e-9; part -= step) found.push(Math.round(part * 100) / 100)
  return found
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough))
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough)
}
