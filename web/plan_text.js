// What the editor needs to know of a plan's text. The text itself is never rewritten: its bytes carry a check sum, and
// only the server decides whether it is a plan that fits.

// Of plans/codec.py, in characters; it travels in every picture that is saved.
const MAX_LENGTH = 160 * 1024
const SCHEMA = /^ditfastattn\.plan\/\d{1,6}$/

/** Whether a text is longer than any plan, so that the server would refuse it. */
export function isTooLong(text) {
  return text.length > MAX_LENGTH
}

/** Id, family, layers and levels of a plan's text; null when it is none. */
export function describePlan(text) {
  if (typeof text !== 'string' || isTooLong(text) || !text.trim().startsWith('{')) return null
  let data
  try {
    data = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof data.schema !== 'string' || !SCHEMA.test(data.schema)) return null
  const sites = data.model?.sites
  return {
    id: String(data.id ?? '?').slice(0, 12),
    family: String(data.model?.family ?? '?').slice(0, 40),
    layers: Array.isArray(sites) ? sites.length : 0
  }
}
