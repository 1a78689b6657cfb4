// The sentences that the editor shows, in the languages that the pack is translated to. Its own have keys, and each
// language a file in locales/editor/ with the keys of English, which stands in where one is missing. The server's have
// their English templates for keys.

import en from './locales/editor/en.js'
import ja from './locales/editor/ja.js'
import ko from './locales/editor/ko.js'
import zhTW from './locales/editor/zh-TW.js'
import zh from './locales/editor/zh.js'
import serverJa from './locales/ja.js'
import serverKo from './locales/ko.js'
import serverZhTW from './locales/zh-TW.js'
import serverZh from './locales/zh.js'

// By the front end's name of the language, in lower case.
const CATALOGUES = { en, ja, ko, zh, 'zh-tw': zhTW }
const TEMPLATES = { ja: serverJa, ko: serverKo, zh: serverZh, 'zh-tw': serverZhTW }

/** What there is for a language of the front end: of its own, else of the language without its region. */
function ofLanguage(tables, locale) {
  const name = String(locale ?? 'en').toLowerCase()
  return tables[name] ?? tables[name.split('-')[0]] ?? {}
}

/** A sentence in the editor's language, with {name} replaced by values.name; for a state, [headline, sentence]. */
export function sentence(locale, key, values = {}) {
  const text = ofLanguage(CATALOGUES, locale)[key] ?? en[key]
  return Array.isArray(text) ? text.map((part) => filled(part, values)) : filled(text, values)
}

/** A sentence of the server, { text, key, values }, in the editor's language. */
export function serverSentence(locale, message) {
  return translated(ofLanguage(TEMPLATES, locale), message)
}

/**
 * The same with texts: translations by template. key: the template, null for what is no text of ours; values: what stands
 * in its places, which may be sentences again. What is not translated stays English.
 */
export function translated(texts, { text, key, values }) {
  if (!key) return text
  const isSentence = (value) => typeof value?.text === 'string'
  const parts = Object.entries(values ?? {})
  // A clause stands inside another sentence, without its full stop.
  const template = texts[key] ?? texts[`${key}.`]?.replace(/[.\u3002]$/, '')
  if (!template && !parts.some(([, value]) => isSentence(value))) return text
  const said = ([name, value]) => [name, isSentence(value) ? translated(texts, value) : value]
  return filled(template ?? key, Object.fromEntries(parts.map(said)))
}

// Of sentences.py: one sentence after another.
const TOGETHER = '{first} {second}'

/** A sentence of the server without those of its parts that have one of these templates; null where nothing is left. */
export function without(message, keys) {
  if (keys.includes(message.key)) return null
  if (message.key !== TOGETHER) return message
  const { first, second } = message.values
  const left = [first, second].map((part) => (typeof part === 'string' ? { text: part, key: null } : without(part, keys)))
  const [one, other] = left.filter((part) => part?.text)
  if (!other) return one ?? null
  return { ...message, text: `${one.text} ${other.text}`, values: { first: one, second: other } }
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '?')
}

/** Figures as people read them: fractions in per cent, the error with two digits; null for what is not known. */
export function readable({ attention, model, error }) {
  const percent = (part) => (part === null ? null : `${Math.round(100 * part)} %`)
  return { attention: percent(attention), model: percent(model), error: error === null ? null : error.toFixed(2) }
}
