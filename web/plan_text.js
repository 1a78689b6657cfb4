// What the editor needs to know of a plan's text. The text itself is never rewritten: its bytes carry a check sum, and
// only the server decides whether it is a plan that fits.

// Of plans/codec.py, in characters; it travels in every picture that is saved.
export const MAX_LENGTH = 160 * 1024
const SCHEMA = /^ditfastattn\.plan\/\d{1,6}$/
const MOST = 40

/** Whether a text is longer than any plan, so that the server would refuse it. */
export function isTooLong(text) {
  return text.length > MAX_LENGTH
}

/**
 * What a plan's text says; null when it is none. levels: { attention, model, error } by name, fractions of the dense
 * run's work and the predicted relative error. measured: { sampler, steps, cfg, size } of the run that it stands on.
 * model: fingerprint of the one that it is for. created: when it was measured, as a date's text.
 */
export function describePlan(text) {
  if (typeof text !== 'string' || isTooLong(text) || !text.trim().startsWith('{')) return null
  let data
  try {
    data = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof data.schema !== 'string' || !SCHEMA.test(data.schema)) return null
  const measured = data.measured ?? {}
  return {
    id: short(data.id, 12),
    family: short(data.model?.family),
    model: short(data.model?.fingerprint, 64),
    created: short(measured.created),
    layers: list(data.model?.sites).length,
    levels: Object.fromEntries(list(data.levels).map((one) => [short(one?.name), figuresOf(one)])),
    measured: {
      sampler: short(measured.sampler),
      steps: short(measured.steps),
      cfg: short(measured.cfg),
      size: list(measured.grid).slice(0, 3).map(Number).join(' × ')
    }
  }
}

/** { attention, model, error } of a level; null for what is no number. */
export function figuresOf(level) {
  const number = (value) => (Number.isFinite(value) ? value : null)
  return { attention: number(level?.attention), model: number(level?.model), error: number(level?.error) }
}

function short(value, most = MOST) {
  return String(value ?? '?').slice(0, most)
}

function list(value) {
  return Array.isArray(value) ? value : []
}
