// The sentences that the editor shows by itself, in the languages that the pack is translated to. Each language has one
// file in locales/, with the keys of English, which stands in where a key is missing.

import en from './locales/en.js'
import zh from './locales/zh.js'

// By the front end's name of the language, in lower case.
const CATALOGUES = { en, zh }

/** The sentences of a language of the front end: its own, else those of the language without its region, else English. */
function catalogueOf(locale) {
  const name = String(locale ?? 'en').toLowerCase()
  return CATALOGUES[name] ?? CATALOGUES[name.split('-')[0]] ?? en
}

/** A sentence in the editor's language, with {name} replaced by values.name; for a state, [headline, sentence]. */
export function sentence(locale, key, values = {}) {
  const text = catalogueOf(locale)[key] ?? en[key]
  return Array.isArray(text) ? text.map((part) => filled(part, values)) : filled(text, values)
}

/**
 * A sentence of the server in the editor's language, { text, key, values }: key is its English template, which is looked
 * up like any other; values may be sentences again. What is not translated stays English.
 */
export function serverSentence(locale, { text, key, values }) {
  if (!key) return text
  const texts = catalogueOf(locale)
  const isSentence = (value) => typeof value?.text === 'string'
  const parts = Object.entries(values ?? {})
  // A clause stands inside another sentence, without its full stop.
  const template = texts[key] ?? texts[`${key}.`]?.replace(/[.\u3002]$/, '')
  if (!template && !parts.some(([, value]) => isSentence(value))) return text
  const said = ([name, value]) => [name, isSentence(value) ? serverSentence(locale, value) : value]
  return filled(template ?? key, Object.fromEntries(parts.map(said)))
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '?')
}

/** Figures as people read them: fractions in per cent, the error with two digits; null for what is not known. */
export function readable({ attention, model, error }) {
  const percent = (part) => (part === null ? null : `${Math.round(100 * part)} %`)
  return { attention: percent(attention), model: percent(model), error: error === null ? null : error.toFixed(2) }
}
