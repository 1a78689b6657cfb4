// Where steps stand: the same columns in every chart of the panel, on whole pixels, so that charts can be read together.

// Left of the first column: room for the numbers of the vertical axis.
export const GUTTER = 40
const NARROWEST = 3

/**
 * The columns of a run's steps in a chart of a width. More steps than there is room for share columns.
 * span(column): [left, right]; bar(column): the same without the gap; at(x): the column, or null; of(step): its column;
 * first(column): its first step.
 */
export function columnsOf(steps, width) {
  const room = Math.max(NARROWEST, width - GUTTER)
  const count = Math.max(1, Math.min(steps, Math.floor(room / NARROWEST)))
  const border = (column) => GUTTER + Math.round((column * room) / count)
  const each = room / count
  const gap = each >= 9 ? 2 : each >= 4 ? 1 : 0
  const first = (column) => Math.floor((column * steps) / count)
  return {
    count,
    steps,
    each,
    first,
    span: (column) => [border(column), border(column + 1)],
    bar: (column) => [border(column), border(column + 1) - gap],
    at: (x) => (x < GUTTER || x >= width ? null : Math.min(count - 1, Math.floor(((x - GUTTER) * count) / room))),
    of: (step) => {
      let column = Math.min(count - 1, Math.floor((step * count) / Math.max(1, steps)))
      while (column + 1 < count && first(column + 1) <= step) column += 1
      return column
    }
  }
}
