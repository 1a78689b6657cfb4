// How a head is computed, as the panel shows it: the letters of the server's documents. Colours stand in style/frame.js.

export const FORECAST = 'p'
const UNKNOWN = '?'

// letter: as in the documents. name: of a sentence. hatch: for cells too small for a letter.
export const WAYS = [
  { letter: 'f', name: 'panel.wayFull', hatch: '' },
  { letter: 'q', name: 'panel.wayInt8', hatch: 'falling' },
  { letter: 'w', name: 'panel.wayWindow', hatch: 'rising' },
  { letter: 'b', name: 'panel.wayBand', hatch: 'level' },
  { letter: 'd', name: 'panel.wayResidual', hatch: 'crossed' },
  { letter: 'r', name: 'panel.wayReuse', hatch: 'dotted' },
  { letter: FORECAST, name: 'panel.wayForecast', hatch: '' },
  { letter: UNKNOWN, name: 'panel.wayUnknown', hatch: '' }
]

const BY_LETTER = new Map(WAYS.map((way) => [way.letter, way]))
export const HATCHES = ['falling', 'rising', 'level', 'crossed', 'dotted']

/** The way of a letter, whichever case. */
export function wayOf(letter) {
  return BY_LETTER.get(letter?.toLowerCase()) ?? BY_LETTER.get(UNKNOWN)
}

/** Whether the conditional branch's result serves the other one: a capital letter. */
export function isShared(letter) {
  return letter !== undefined && letter !== letter.toLowerCase()
}
