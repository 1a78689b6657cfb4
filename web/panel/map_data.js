// The map of a run as letters: rows of layers, or of the heads of one layer, against steps. No page.

import { FORECAST } from './ways.js'

/** { rows, columns, at(row, column): a letter } of all layers. */
export function layersOf({ map, sites }) {
  const rows = sites.length || (map[0]?.length ?? 0)
  return { rows, columns: map.length, at: (row, column) => map[column]?.[row] ?? '?' }
}

/** The same of the heads of one layer; null where the document has no heads. */
export function headsOf({ head_map: written, heads }, layer) {
  if (!written.length || !(heads[layer] > 0)) return null
  const first = heads.slice(0, layer).reduce((sum, count) => sum + count, 0)
  const steps = written.map((step) => spelled(step).slice(first, first + heads[layer]))
  const at = (row, column) => (written[column] === '' ? FORECAST : (steps[column]?.[row] ?? '?'))
  return { rows: heads[layer], columns: written.length, at }
}

const MOST_HEADS = 1 << 16

/** Run lengths spelled out: "f3w" is "fffw". */
export function spelled(text) {
  let letters = ''
  for (const [, letter, count] of text.matchAll(/([a-zA-Z?])(\d*)/g)) {
    letters += letter.repeat(Math.min(Number(count || 1), MOST_HEADS))
    if (letters.length > MOST_HEADS) break
  }
  return letters
}

/**
 * The same with at most so many rows and columns: of several neighbours, the commonest letter. steps: how many columns
 * there were; rowOf(row): the first row that stands in a place.
 */
export function thinned(cells, mostRows, mostColumns) {
  const rows = Math.min(cells.rows, mostRows)
  const columns = Math.min(cells.columns, mostColumns)
  if (rows === cells.rows && columns === cells.columns) return { ...cells, steps: cells.columns, rowOf: same }
  const border = (index, count, all) => Math.floor((index * all) / count)
  const at = (row, column) => {
    const counts = new Map()
    for (let y = border(row, rows, cells.rows); y < border(row + 1, rows, cells.rows); y++) {
      for (let x = border(column, columns, cells.columns); x < border(column + 1, columns, cells.columns); x++) {
        const letter = cells.at(y, x)
        counts.set(letter, (counts.get(letter) ?? 0) + 1)
      }
    }
    return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best), ['?', 0])[0]
  }
  return {
    rows,
    columns,
    at,
    steps: cells.columns,
    rowOf: (row) => border(row, rows, cells.rows)
  }
}

const same = (index) => index

/** The step whose result a reused one is: the last before it that computed; null where there is none. */
export function sourceOf(cells, row, column) {
  for (let step = column - 1; step >= 0; step--) {
    const letter = cells.at(row, step).toLowerCase()
    if (letter !== 'r' && letter !== FORECAST) return step
  }
  return null
}

/** [[letter, share]] of lower-case letters, in no order. */
export function sharesOf(cells) {
  const counts = new Map()
  for (let column = 0; column < cells.columns; column++) {
    for (let row = 0; row < cells.rows; row++) {
      const letter = cells.at(row, column).toLowerCase()
      counts.set(letter, (counts.get(letter) ?? 0) + 1)
    }
  }
  const total = Math.max(1, cells.rows * cells.columns)
  return new Map([...counts].map(([letter, count]) => [letter, count / total]))
}
