// A run as plain text for a bug report: in English whatever the editor's language is, since others have to read it. It
// names no prompt, no file and no user.

import { sentence } from '../strings.js'
import { headline, kept } from './figures.js'
import { formats } from './format.js'
import { WAYS } from './ways.js'
import { layersOf, sharesOf } from './map_data.js'

const format = formats('en')
const say = (key, values) => sentence('en', key, values)

/** The text. */
export function reportOf(document) {
  const { id, kind, state, model, sampler, device, plan, cache, dense, speed, seconds, ceiling, done, steps } = document
  const { key, values = {} } = headline(document)
  const work = kept(document)
  const source = (one, text) => (one ? `${text} (${one.source})` : '\u2013')
  const lines = [
    `DiTFastAttn run ${id}: ${say(key, { times: format.times(values.times), saved: format.percent(values.saved) })}`,
    row('State', `${kind}, ${state}, ${done.length} of ${steps.length} steps`),
    row('Model', `${model.family}, ${model.layers} layers of ${model.heads} heads, ${model.tokens ?? '?'} tokens + ${model.reference_tokens ? `${model.reference_tokens} of references + ` : ''}${model.text_tokens ?? '?'}`),
    row('Sampler', `${sampler.sampler ?? '?'} / ${sampler.scheduler ?? '?'}, ${sampler.steps ?? '?'} steps, CFG ${sampler.cfg ?? '?'}`),
    row('Device', device ?? '?'),
    plan && row('Plan', `${plan.id}, level ${plan.level}, predicted error ${format.error(plan.error)}, verified ${format.error(plan.verified)}`),
    row('Attention', `${format.percent(work.attention)} of full attention`),
    Number.isFinite(work.module) && row('Layers', `${format.percent(work.module)} of attention layers, projections included`),
    row('All work', `${format.percent(work.model)}, ${format.percent(ceiling)} if attention were free`),
    row('Time', `${format.seconds(seconds)}, full attention ${source(dense, format.seconds(dense?.seconds))}`),
    row('Speed', source(speed, format.times(speed?.times))),
    row('Cache', `${format.bytes(cache?.bytes)} of ${format.bytes(cache?.limit)}`),
    row('Calls', counts(document.backends)),
    document.map.length > 0 && row('Ways', ways(document)),
    done.length > 0 && row('Steps', done.map(([attention, all, time]) => `${Math.round(attention)}/${Math.round(all)}/${Math.round(time)}`).join(' ')),
    done.length > 0 && row('', 'per step: % of attention / % of all work / ms'),
    ...document.levels.map(({ name, attention, model: all, error }) => {
      return row(`Level ${name}`, `attention ${format.percent(attention)}, all work ${format.percent(all)}, error ${format.error(error)}`)
    }),
    document.guard && row('Guard', `${document.guard.checks} checks, ${document.guard.promoted?.length ?? 0} heads made full`),
    dense?.how && row('Estimate', dense.how.text),
    ...document.notes.map(({ text }) => row('Note', text)),
    row('Browser', navigator.userAgent)
  ]
  return `${lines.filter(Boolean).join('\n')}\n`
}

function row(name, text) {
  return `${`${name}${name ? ':' : ''}`.padEnd(11)}${text}`
}

function counts(numbers) {
  const parts = Object.entries(numbers).filter(([, count]) => count)
  return parts.map(([name, count]) => `${count} ${name}`).join(', ') || '\u2013'
}

function ways(document) {
  const shares = sharesOf(layersOf(document))
  const parts = WAYS.filter(({ letter }) => shares.has(letter))
  return parts.map(({ letter, name }) => `${say(name)} ${format.percent(shares.get(letter))}`).join(', ')
}
