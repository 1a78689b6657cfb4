// Numbers as people read them, in the editor's language. One unit each: fractions in per cent, times, bytes and factors
// never mix.

const MIB = 2 ** 20
const GIB = 2 ** 30
// A number and its unit stay in one line.
const SPACE = '\u00a0'
const UNKNOWN = '\u2013'

/** Formatters for a language of the front end. What is not known is a dash. */
export function formats(locale) {
  const decimals = (most, least = most) => {
    const options = { maximumFractionDigits: most, minimumFractionDigits: least, useGrouping: false }
    return numberFormat(locale, options)
  }
  const [whole, one, two, three] = [0, 1, 2, 3].map((digits) => decimals(digits))
  const known = (write) => (value) => (Number.isFinite(value) ? write(value) : UNKNOWN)
  const clock = timeFormat(locale)
  const unit = (number, name) => `${number}${SPACE}${name}`
  const minutes = (value) => {
    const [full, rest] = [Math.floor(Math.round(value) / 60), Math.round(value) % 60]
    if (full < 60) return `${unit(full, 'min')} ${unit(rest, 's')}`
    return `${unit(Math.floor(full / 60), 'h')} ${unit(full % 60, 'min')}`
  }
  return {
    count: known((value) => whole.format(value)),
    percent: known((value) => unit(whole.format(100 * value), '%')),
    times: known((value) => `${(value < 9.95 ? two : one).format(value)}\u00d7`),
    error: known((value) => (value < 0.0995 ? three : two).format(value)),
    noise: known((value) => two.format(value)),
    seconds: known((value) => {
      if (value < 0.9995) return unit(whole.format(1000 * value), 'ms')
      if (value < 9.95) return unit(two.format(value), 's')
      if (value < 59.95) return unit(one.format(value), 's')
      return minutes(value)
    }),
    // Not finer than it is known.
    wait: known((value) => (value < 59.5 ? unit(whole.format(Math.max(1, Math.ceil(value))), 's') : minutes(value))),
    bytes: known((value) =>
      value < 0.95 * GIB ? unit((value < 9.95 * MIB ? one : whole).format(value / MIB), 'MiB') : unit(one.format(value / GIB), 'GiB')
    ),
    clock: known((value) => clock.format(new Date(1000 * value)))
  }
}

function numberFormat(locale, options) {
  return safely((language) => new Intl.NumberFormat(language, options), locale)
}

function timeFormat(locale) {
  return safely((language) => new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' }), locale)
}

/** The browser may not know a language of the front end. */
function safely(make, locale) {
  try {
    return make(locale)
  } catch {
    return make('en')
  }
}
