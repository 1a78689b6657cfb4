// One explanation at a time, beside what it explains, inside the panel: it moves and scales with it on the canvas.

import { element, write } from './element.js'

const GAP = 8

/**
 * { element, show(target, lines, aloud), hide() }. root: what the explanation has to stay in. target: a rectangle as
 * getBoundingClientRect gives it. lines: texts, the first one strong. aloud: also for screen readers.
 */
export function createTooltip(root) {
  const box = element('div', { class: 'dfa-tooltip', hidden: true, 'aria-hidden': 'true' })
  const spoken = element('div', { class: 'dfa-unseen', role: 'status' })

  function show(target, lines, aloud = false) {
    const shown = lines.filter(Boolean)
    while (box.children.length > shown.length) box.lastChild.remove()
    shown.forEach((line, place) => {
      if (!box.children[place]) box.append(element('div'))
      write(box.children[place], line)
    })
    box.hidden = false
    place(target)
    if (aloud) write(spoken, shown.join('. '))
  }

  function place(target) {
    const frame = root.getBoundingClientRect()
    // The canvas scales what stands in a node.
    const scale = frame.width / root.offsetWidth || 1
    const left = (target.left + target.width / 2 - frame.left) / scale - box.offsetWidth / 2
    const above = (target.top - frame.top) / scale - box.offsetHeight - GAP
    const below = (target.bottom - frame.top) / scale + GAP
    const most = root.clientWidth - box.offsetWidth - GAP
    box.style.left = `${Math.max(GAP, Math.min(left, most)) + root.scrollLeft}px`
    box.style.top = `${(above >= 0 ? above : below) + root.scrollTop}px`
  }

  function hide() {
    box.hidden = true
    write(spoken, '')
  }

  return { elements: [box, spoken], show, hide }
}

/**
 * Let a chart be read by pointer and by keys. cells: { size(): [columns, rows], at(x, y): [column, row] of a place in
 * the picture, box(column, row): rectangle of it, say(column, row): lines, choose?(column, row) }.
 */
export function makeReadable(target, svgOf, tooltip, cells) {
  let [column, row] = [0, 0]

  const clamp = (value, count) => Math.max(0, Math.min(value, count - 1))

  function reveal(aloud) {
    const [columns, rows] = cells.size()
    if (!columns || !rows) return tooltip.hide()
    column = clamp(column, columns)
    row = clamp(row, rows)
    tooltip.show(cells.box(column, row), cells.say(column, row), aloud)
    cells.point?.(column, row)
  }

  function leave() {
    tooltip.hide()
    cells.point?.(null, null)
  }

  function placeOf(event) {
    const svg = svgOf()
    const frame = svg.getBoundingClientRect()
    const scale = frame.width / svg.clientWidth || 1
    return cells.at((event.clientX - frame.left) / scale, (event.clientY - frame.top) / scale)
  }

  target.addEventListener('pointermove', (event) => {
    const place = placeOf(event)
    if (!place) return leave()
    ;[column, row] = place
    reveal(false)
  })
  target.addEventListener('pointerleave', leave)
  target.addEventListener('click', (event) => {
    const place = placeOf(event)
    if (place) cells.choose?.(...place)
  })
  target.addEventListener('focus', () => {
    if (target.matches(':focus-visible')) reveal(true)
  })
  target.addEventListener('blur', leave)
  target.addEventListener('keydown', (event) => {
    const [columns, rows] = cells.size()
    const moves = {
      ArrowLeft: () => (column -= 1),
      ArrowRight: () => (column += 1),
      ArrowUp: () => (row -= 1),
      ArrowDown: () => (row += 1),
      Home: () => (column = 0),
      End: () => (column = columns - 1),
      PageUp: () => (row = 0),
      PageDown: () => (row = rows - 1)
    }
    if (moves[event.key]) {
      moves[event.key]()
      reveal(true)
    } else if (event.key === 'Escape') {
      leave()
    } else if (event.key === 'Enter' && cells.choose) {
      cells.choose(column, row)
      reveal(true)
    } else {
      return
    }
    // Keys of the editor: arrows move nodes, Enter and Escape have meanings of their own.
    event.preventDefault()
    event.stopPropagation()
  })
}
