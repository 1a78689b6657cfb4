// What an Apply node says of itself, from what is set on it and what the server last said of it. No graph and no page.

import { figuresOf } from './plan_text.js'
import { without } from './strings.js'

// Of attention/applied/message.py and attention/applied/kept.py.
export const WATCHING = 'watching'
export const MADE = 'made'
export const IN_USE = 'in use'
export const NOTHING = 'nothing to save'
const REFUSED = 'refused'
const CANCELLED = 'cancelled'
export const AGAIN = 'again'
export const WHEN_NEEDED = 'when needed'
const NEVER = 'never'
const OFF = 'off'
// Templates of attention/applied/apply.py that say what the headline says already.
const SAID = {
  watched: ['The next run is watched.', 'The next run is watched: its picture is the full one, and every run after it is compressed.'],
  nothing: ['Nothing to save.'],
  inFull: ['The picture is made with full attention.', 'The run was made with full attention.']
}

/** Whether a report is of the node as it is set now. */
export function isOf(report, settings) {
  if (!report) return false
  const { text, calibrate } = report.settings
  if (text !== settings.text || calibrate !== settings.calibrate) return false
  return settings.level === null || report.level === settings.level
}

/**
 * { key, tone, values, figures, notes } for the node's line. key: of a sentence. tone: of TONES in node_line.js.
 * figures: { attention, model, error } or null. notes: sentences of the server, { text, key, values }.
 * settings: of graph.js. plan: of plan_text.js. report: the server's last message, with the settings that it met.
 * Its kept is the id of the plan that the node made, which the server follows even where the node has lost it.
 * busy: whether the prompt of that report is being executed, or 'unknown' where one is of which nothing was said.
 */
export function stateOf(settings, plan, report, busy) {
  if (settings.skipped) return quiet('skipped')
  if (settings.level === OFF) return quiet(plan ? 'offKept' : 'off', plan)
  if (busy === 'unknown') return { ...quiet('busy'), tone: 'busy' }
  // Whatever was changed since: this is what the run was queued as.
  if (busy && report?.state === WATCHING) return { ...quiet('watching'), tone: 'busy', notes: reasonOf(report, SAID.watched) }
  return (isOf(report, settings) && reported(report, plan)) || expected(settings, plan, report)
}

function reported(report, plan) {
  const values = { level: report.level, id: report.plan_id }
  const promised = figuresOf(report.levels?.find(({ name }) => name === report.level))
  // Undone, removed, or sent to a page that was reloaded: what the server follows is not what is saved here.
  if ([MADE, IN_USE].includes(report.state) && plan?.id !== report.plan_id) return null
  const notes = [...report.told.differences, ...report.told.notes]
  switch (report.state) {
    case WATCHING:
      return { key: 'next', tone: 'quiet', values, figures: null, notes: reasonOf(report, SAID.watched) }
    case MADE:
      return { key: 'made', tone: 'good', values, figures: promised, notes, measured: plan?.measured }
    case IN_USE: {
      const { attention_flops_kept: attention, model_flops_kept: model, predicted_error: error } = report.figures ?? {}
      const tone = report.differences?.length ? 'warn' : 'good'
      const figures = figuresOf({ attention, model, error })
      return { key: 'inUse', tone, values, figures, notes, measured: plan?.measured }
    }
    case NOTHING:
      return { key: 'nothing', tone: 'quiet', values, figures: null, notes: reasonOf(report, SAID.nothing) }
    case REFUSED:
      return { key: 'refused', tone: 'bad', values, figures: null, notes: reasonOf(report, SAID.inFull) }
    case CANCELLED:
      return { key: 'cancelled', tone: 'quiet', values, figures: null, notes: [report.told.sentence] }
    case OFF:
      return quiet(plan ? 'offKept' : 'off', plan)
    default:
      return null
  }
}

/** What the next run will be, as far as the node alone tells. */
function expected({ text, level, calibrate }, plan, report) {
  if (calibrate === AGAIN) return quiet('again', plan)
  if (plan && level !== null && !plan.levels[level]) {
    return { ...quiet('noLevel', plan), tone: 'bad', values: { level, levels: Object.keys(plan.levels).join(', ') } }
  }
  if (plan) {
    const { id, levels, measured } = plan
    const known = level === null ? { key: 'readyAny', figures: null } : { key: 'ready', figures: levels[level] }
    return { ...known, tone: 'good', values: { level, id }, notes: [], measured }
  }
  if (text.trim()) return { ...quiet(calibrate === NEVER ? 'damagedNever' : 'damaged'), tone: 'bad' }
  if (report?.kept && calibrate !== NEVER) return quiet('remembered', { id: report.kept })
  return quiet(calibrate === NEVER ? 'never' : 'none')
}

function quiet(key, plan) {
  return { key, tone: 'quiet', values: { id: plan?.id }, figures: null, notes: [] }
}

/** What a report says beside its headline, which is `said`. */
function reasonOf(report, said) {
  const reason = without(report.told.sentence, said)
  return reason ? [reason] : []
}
