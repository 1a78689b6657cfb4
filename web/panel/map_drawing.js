// The map as a drawing: one path a way, however many cells there are. Where a letter has no room, a hatch says the same.

import { columnsOf, GUTTER } from './columns.js'
import { drawn, mark } from './element.js'
import { HATCHES, isShared, WAYS, wayOf } from './ways.js'

const TALLEST = 280
const LOWEST_ROW = 3
const HIGHEST_ROW = 16
// A letter needs so much of both sides of a cell.
const ROOM_FOR_LETTER = 10
const ROOM_FOR_GAP = 5
const ROOM_FOR_CORNER = 4
const LABEL_EVERY = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
const LABEL_ROOM = 16

let drawings = 0

/**
 * { svg, columns, cells, at(x, y): [step, row] or null, box(column, row), point(column, row), advance(finished) } of
 * cells, thinned by map_data.js to as many columns as there is room for.
 */
export function drawMap(cells, width) {
  const columns = columnsOf(cells.steps, width)
  const row = Math.max(LOWEST_ROW, Math.min(HIGHEST_ROW, Math.floor(TALLEST / Math.max(1, cells.rows))))
  const height = row * cells.rows
  const gap = Math.min(row, columns.each) >= ROOM_FOR_GAP ? 1 : 0
  const lettered = Math.min(row, columns.each) >= ROOM_FOR_LETTER
  const number = ++drawings

  const svg = drawn('svg', {
    class: 'dfa-svg',
    width,
    height: height + 1,
    viewBox: `0 0 ${width} ${height + 1}`,
    'aria-hidden': 'true'
  })
  if (!lettered) svg.append(drawn('defs', {}, ...HATCHES.map((hatch) => pattern(hatch, `dfa-${number}-${hatch}`))))
  const later = drawn('rect', { class: 'dfa-later', y: 0, height: height + 1, visibility: 'hidden' })
  const pointed = drawn('rect', { class: 'dfa-cell-pointed', visibility: 'hidden' })
  svg.append(...paint(), ...labels(), later, pointed)

  function paint() {
    const ways = new Map(WAYS.map((way) => [way, { path: '', x: [], y: [], text: '' }]))
    let corners = ''
    for (let column = 0; column < cells.columns; column++) {
      const [left, right] = columns.span(column)
      for (let place = 0; place < cells.rows; place++) {
        const letter = cells.at(place, column)
        const way = ways.get(wayOf(letter))
        const top = place * row
        way.path += `M${left} ${top}h${right - left - gap}v${row - gap}h${left - right + gap}z`
        way.x.push((left + right - gap) / 2)
        way.y.push(top + (row - gap) / 2 + 3.5)
        way.text += letter
        if (isShared(letter) && !lettered && Math.min(row, columns.each) >= ROOM_FOR_CORNER) {
          const side = Math.min(4, Math.floor(row / 2))
          corners += `M${right - gap} ${top}v${side}l${-side} ${-side}z`
        }
      }
    }
    const parts = []
    for (const [{ letter, hatch }, { path, x, y, text }] of ways) {
      if (!path) continue
      const name = letter === '?' ? 'x' : letter
      parts.push(drawn('path', { class: `dfa-way dfa-way-${name}`, d: path }))
      if (lettered) parts.push(drawn('text', { class: `dfa-letter dfa-mark-${name}`, x: x.join(' '), y: y.join(' '), text }))
      else if (hatch) {
        parts.push(drawn('path', { d: path, fill: `url(#dfa-${number}-${hatch})` }))
      }
    }
    if (corners) parts.push(drawn('path', { class: 'dfa-corner', d: corners }))
    return parts
  }

  function labels() {
    const every = LABEL_EVERY.find((step) => step * row >= LABEL_ROOM) ?? LABEL_EVERY.at(-1)
    const found = []
    for (let place = 0; place < cells.rows; place += every) {
      const text = String(cells.rowOf(place))
      found.push(drawn('text', { class: 'dfa-tick', x: GUTTER - 5, y: place * row + row / 2 + 4, 'text-anchor': 'end', text }))
    }
    return found
  }

  function at(x, y) {
    const column = columns.at(x)
    const place = Math.floor(y / row)
    return column === null || place < 0 || place >= cells.rows ? null : [columns.first(column), place]
  }

  function box(column, place) {
    const frame = svg.getBoundingClientRect()
    const scale = frame.width / svg.clientWidth || 1
    const [left, right] = columns.span(column)
    const top = frame.top + place * row * scale
    return { left: frame.left + left * scale, width: (right - left) * scale, top, bottom: top + row * scale }
  }

  function point(column, place) {
    mark(pointed, 'visibility', column === null ? 'hidden' : 'visible')
    if (column === null) return
    const [left, right] = columns.span(column)
    for (const [name, value] of Object.entries({ x: left, y: place * row, width: right - left - gap, height: row - gap })) {
      mark(pointed, name, value)
    }
  }

  /** Pale what is still to come. */
  function advance(finished) {
    const isWhole = finished >= columns.steps
    mark(later, 'visibility', isWhole ? 'hidden' : 'visible')
    if (isWhole) return
    const [left] = columns.span(columns.of(finished))
    mark(later, 'x', left)
    mark(later, 'width', width - left)
  }

  return { svg, columns, cells, at, box, point, advance }
}

/** What cells too small for a letter are drawn with, once for all of them. */
function pattern(hatch, id) {
  const lines = {
    falling: 'M-1 5L1 7M0 0L6 6M5 -1L7 1',
    rising: 'M-1 1L1 -1M0 6L6 0M5 7L7 5',
    level: 'M0 3H6',
    crossed: 'M-1 1L1 -1M0 6L6 0M5 7L7 5M-1 5L1 7M0 0L6 6M5 -1L7 1',
    dotted: 'M2 2h1.5v1.5h-1.5z'
  }
  return drawn(
    'pattern',
    { id, width: 6, height: 6, patternUnits: 'userSpaceOnUse' },
    drawn('path', { class: `dfa-line-${hatch}`, d: lines[hatch] })
  )
}
