// What the panel reads out of a run's document. Fractions are of the work with full attention, times are seconds. No page.

import { RUNNING } from './runs.js'

/** Runs that follow a plan; all others are computed in full. */
export const isPlan = ({ kind }) => kind === 'plan' || kind === 'verify'
/** Runs from which a plan is made. */
export const isMeasuring = ({ kind }) => kind === 'watch' || kind === 'calibrate'
export const isRunning = ({ state }) => state === RUNNING

/**
 * { attention, module, model }: what is kept of the work of the steps that are finished; of the whole run before the
 * first. null where the server says that it is not known, and for attention's modules where it says nothing.
 */
export function kept({ done, steps, plan, kept: told }) {
  if (!done.length) return planned({ steps, plan })
  if (told) return { attention: told.attention, module: told.module ?? null, model: told.model }
  return { attention: mean(done, 0), module: null, model: mean(done, 1) }
}

/** The same of the whole run as it is planned. */
function planned({ steps, plan }) {
  const average = (name) => (steps.length ? steps.reduce((sum, step) => sum + (step[name] ?? 1), 0) / steps.length : null)
  return { attention: plan?.attention ?? average('attention'), module: null, model: plan?.model ?? average('model') }
}

function mean(done, column) {
  return done.length ? done.reduce((sum, step) => sum + step[column], 0) / done.length / 100 : null
}

/** Seconds that the rest of a run takes if its steps go on as they went; null before there is anything to go by. */
export function remaining({ steps, done, seconds }) {
  if (!done.length || done.length >= steps.length || !seconds) return null
  // What a step takes without the model's work: a forecast is not free.
  const cost = (fraction) => 0.03 + fraction
  const paid = done.reduce((sum, step) => sum + cost(step[1] / 100), 0)
  const left = steps.slice(done.length).reduce((sum, step) => sum + cost(step.model ?? 1), 0)
  return (seconds / paid) * left
}

/** The main thing to say of a run: { key: of a sentence, values } with numbers that are not yet text. */
export function headline(document) {
  const { kind, state, speed } = document
  if (kind === 'refused') return { key: 'panel.refused' }
  if (kind === 'full') return { key: 'panel.full' }
  if (isMeasuring(document) || kind === 'verify') {
    const ended = state === 'done' ? 'Done' : state === RUNNING ? '' : 'Stopped'
    return { key: `panel.${kind}${ended}` }
  }
  const times = speed?.times
  if (times >= 1.005) return { key: 'panel.faster', values: { times } }
  if (times <= 0.995) return { key: 'panel.slower', values: { times: 1 / times } }
  if (times) return { key: 'panel.asFast' }
  const work = kept(document)
  if (work.model === null) return { key: 'panel.compressed' }
  return { key: 'panel.saved', values: { saved: Math.max(0, 1 - work.model) } }
}

/** What stands on the tab's icon: short, and empty where there is nothing to say. */
export function badge(document) {
  if (!document) return ''
  if (document.kind === 'refused' || document.state === 'failed') return '!'
  if (isMeasuring(document)) return isRunning(document) ? '\u2026' : ''
  if (!isPlan(document)) return ''
  const { attention } = kept(document)
  return attention === null ? '' : `-${Math.max(0, Math.round(100 * (1 - attention)))}%`
}
