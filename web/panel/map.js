// The map of a run: which way each layer, or each head of one layer, is computed at each step.

import { choices } from './choices.js'
import { columnsOf } from './columns.js'
import { element, keep, mark, write } from './element.js'
import { isPlan } from './figures.js'
import { drawMap } from './map_drawing.js'
import { headsOf, layersOf, sharesOf, sourceOf, thinned } from './map_data.js'
import { makeReadable } from './tooltip.js'
import { FORECAST, isShared, WAYS, wayOf } from './ways.js'

// More rows than this share a place.
const MOST_ROWS = 160
const MOST_WINDOWS = 3

/** { element, show(run, width), advance(run), picture(run, width) } */
export function createMap(context) {
  let view = 'layers'
  let layer = 0
  let current = null
  let drawing = null
  let cells = null
  const title = element('h3')
  const picker = choices((chosen) => open(chosen))
  const layers = element('select', { class: 'dfa-select', on: { change: () => open('heads', Number(layers.value)) } })
  const chart = element('div', { class: 'dfa-chart', tabindex: 0, role: 'application' })
  const axis = element('div', { class: 'dfa-axis' })
  const legend = element('ul', { class: 'dfa-legend' })
  const root = element(
    'section',
    { class: 'dfa-section' },
    element('header', {}, title, layers, picker.element),
    chart,
    axis,
    legend
  )

  makeReadable(chart, () => drawing.svg, context.tooltip, {
    size: () => [cells?.columns ?? 0, cells?.rows ?? 0],
    at: (x, y) => {
      const place = drawing.at(x, y)
      return place && [place[0], drawing.cells.rowOf(place[1])]
    },
    box: (column, row) => drawing.box(drawing.columns.of(column), rowIn(row)),
    say: (column, row) => linesOf(column, row),
    point: (column, row) => drawing.point(column === null ? null : drawing.columns.of(column), rowIn(row)),
    choose: (_, row) => view === 'layers' && hasHeads() && open('heads', row)
  })

  const rowIn = (row) => {
    let place = Math.min(drawing.cells.rows - 1, Math.floor((row * drawing.cells.rows) / Math.max(1, cells.rows)))
    while (place + 1 < drawing.cells.rows && drawing.cells.rowOf(place + 1) <= row) place += 1
    return place
  }
  const hasHeads = () => Boolean(headsOf(current.run.document, 0))

  function open(chosen, number = layer) {
    view = chosen
    layer = number
    redraw()
  }

  function show(run, width) {
    current = { run, width }
    // Where all is computed in full there is nothing to map.
    mark(root, 'hidden', !isPlan(run.document) || !run.document.map.length)
    if (root.hidden) return
    if (view === 'heads' && !hasHeads()) view = 'layers'
    layer = Math.min(layer, Math.max(0, run.document.sites.length - 1))
    redraw()
  }

  function redraw() {
    const { document } = current.run
    const { say, format } = context
    write(title, say('panel.mapTitle'))
    const views = hasHeads() ? ['layers', 'heads'] : ['layers']
    picker.show(views.map((key) => [key, say(`panel.view.${key}`)]), view, say('panel.viewOf'))
    mark(title, 'hidden', view === 'heads')
    mark(layers, 'hidden', !title.hidden)
    keep(layers, document.sites.map((site, key) => ({ key, site })), makeOption, (option, { key, site }) => {
      mark(option, 'value', key)
      write(option, say('panel.layerNamed', { layer: format.count(key), name: site }))
    })
    layers.value = String(layer)
    mark(layers, 'aria-label', say('panel.layerChoice'))
    cells = view === 'heads' ? headsOf(document, layer) : layersOf(document)
    drawing = drawMap(fitted(cells, current.width), current.width)
    chart.replaceChildren(drawing.svg)
    mark(chart, 'aria-label', say(view === 'heads' ? 'panel.headsLabel' : 'panel.layersLabel', countsOf(document)))
    write(axis, say(view === 'heads' ? 'panel.headsHint' : 'panel.layersHint'))
    keep(legend, legendOf(cells), makeEntry, updateEntry)
    advance(current.run)
  }

  function countsOf(document) {
    const { count } = context.format
    return { steps: count(document.map.length), layers: count(document.sites.length), layer: count(layer) }
  }

  function advance({ document }) {
    if (!root.hidden) drawing.advance(document.state === 'running' ? document.done.length : document.map.length)
  }

  // -- words --

  function linesOf(step, row) {
    const { document } = current.run
    const { say, format } = context
    const letter = cells.at(row, step)
    const number = view === 'heads' ? layer : row
    const head = say(view === 'heads' ? 'panel.cellHead' : 'panel.cellLayer', {
      head: format.count(row),
      layer: format.count(number),
      name: document.sites[number] ?? '',
      step: format.count(step + 1)
    })
    return [head, describe(letter, row, step, document), view === 'layers' ? mixed(document, number, step) : '', hint(letter)]
  }

  function describe(letter, row, step, document) {
    const { say, format } = context
    const name = say(wayOf(letter).name)
    const parts = [name]
    if (letter.toLowerCase() === 'r') {
      const source = sourceOf(cells, row, step)
      if (source !== null) parts.push(say('panel.ofStep', { step: format.count(source + 1) }))
    }
    const windows = document.windows[letter.toLowerCase()]
    if (Array.isArray(windows) && windows.length) {
      parts.push(windows.slice(0, MOST_WINDOWS).map(textOf).join(', ') + (windows.length > MOST_WINDOWS ? ' \u2026' : ''))
    }
    return parts.join(' \u00b7 ')
  }

  const textOf = (window) => (typeof window === 'string' ? window : context.said(window))

  /** The heads of a layer where they are not all alike. */
  function mixed(document, number, step) {
    const heads = headsOf(document, number)
    if (!heads) return ''
    const counts = new Map()
    for (let head = 0; head < heads.rows; head++) {
      const letter = heads.at(head, step).toLowerCase()
      counts.set(letter, (counts.get(letter) ?? 0) + 1)
    }
    if (counts.size < 2) return ''
    const { say, format } = context
    const each = WAYS.filter(({ letter }) => counts.has(letter)).map(({ letter, name }) =>
      say('panel.headsOfWay', { count: format.count(counts.get(letter)), way: say(name) })
    )
    return say('panel.headsMixed', { list: each.join(', ') })
  }

  function hint(letter) {
    if (letter === FORECAST) return context.say('panel.forecastHint')
    return isShared(letter) ? context.say('panel.sharedHint') : ''
  }

  // -- legend --

  function legendOf(all) {
    const { say, format } = context
    const shares = sharesOf(all)
    const entries = WAYS.filter(({ letter }) => shares.has(letter)).map(({ letter, name }) => {
      return { key: letter, letter, name: say(name), share: format.percent(shares.get(letter)) }
    })
    if (anyShared(all)) entries.push({ key: 'shared', letter: 'R', name: say('panel.wayShared'), share: '' })
    return entries
  }

  return { element: root, show, advance, picture: (run, width) => pictureOf(run.document, width) }
}

function pictureOf(document, width) {
  const drawing = drawMap(fitted(layersOf(document), width), width)
  drawing.advance(document.state === 'running' ? document.done.length : document.map.length)
  return drawing.svg
}

function fitted(cells, width) {
  return thinned(cells, MOST_ROWS, columnsOf(cells.columns, width).count)
}

function anyShared(cells) {
  for (let column = 0; column < cells.columns; column++) {
    for (let row = 0; row < cells.rows; row++) if (isShared(cells.at(row, column))) return true
  }
  return false
}

function makeOption() {
  return element('option')
}

function makeEntry({ letter }) {
  const swatch = element('span', { class: `dfa-swatch dfa-way-${wayOf(letter).letter === '?' ? 'x' : letter.toLowerCase()}` })
  swatch.setAttribute('aria-hidden', 'true')
  if (isShared(letter)) swatch.classList.add('dfa-swatch-shared')
  return element('li', {}, swatch, element('span'), element('small'))
}

function updateEntry(entry, { letter, name, share }) {
  const [swatch, text, part] = entry.children
  write(swatch, letter)
  write(text, name)
  write(part, share)
}
