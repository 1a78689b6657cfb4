// A run as a picture: the panel's own charts, at a width of their own, on one sheet with the colours of the theme.

import { drawn } from './element.js'
import { headline, isPlan, kept } from './figures.js'
import { RULES } from './style.js'

const WIDTH = 720
const MARGIN = 24
const INNER = WIDTH - 2 * MARGIN
const SCALE = 2
const GAP = 22

/** A PNG as a Blob. */
export async function pictureOf(context) {
  const sheet = await draw(context)
  const { width, height } = sheet.viewBox.baseVal
  const address = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(sheet)], { type: 'image/svg+xml' }))
  try {
    const image = new Image()
    image.src = address
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = width * SCALE
    canvas.height = height * SCALE
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height)
    return await new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error('no picture'))), 'image/png'))
  } finally {
    URL.revokeObjectURL(address)
  }
}

async function draw({ shown, charts, say, format, said, root }) {
  const run = shown()
  const { document } = run
  const parts = []
  let y = MARGIN + 24
  const line = (name, text, step) => {
    parts.push(drawn('text', { class: name, x: MARGIN, y, text }))
    y += step
  }
  const { key, values = {} } = headline(document)
  line('dfa-picture-head', say(key, { times: format.times(values.times), saved: format.percent(values.saved) }), 24)
  for (const text of factsOf(document, say, format)) line('dfa-picture-text', text, 18)
  y += GAP - 12
  for (const [title, svg] of charts(run, INNER)) {
    line('dfa-picture-title', title, 12)
    svg.setAttribute('x', MARGIN)
    svg.setAttribute('y', y)
    parts.push(svg)
    y += Number(svg.getAttribute('height')) + GAP + 12
  }
  for (const note of document.notes) for (const text of wrapped(said(note), 104)) line('dfa-picture-text', text, 18)
  const height = y + MARGIN - GAP
  const sheet = drawn('svg', { class: 'dfa-picture', width: WIDTH, height, viewBox: `0 0 ${WIDTH} ${height}` })
  sheet.append(drawn('style', { text: rulesOf(root) }), drawn('rect', { class: 'dfa-picture-paper', width: WIDTH, height }), ...parts)
  return sheet
}

function factsOf(document, say, format) {
  const { model, sampler, plan, seconds, dense, cache } = document
  const work = kept(document)
  const settings = [model.family, sampler.sampler, say('panel.steps', { count: format.count(sampler.steps) }), `CFG ${sampler.cfg}`]
  const lines = [settings.filter(Boolean).join(' \u00b7 ')]
  if (isPlan(document)) {
    lines.push(`${say('panel.attention')} ${format.percent(work.attention)} \u00b7 ${say('panel.allWork')} ${format.percent(work.model)}`)
    if (plan) lines.push(`${say('panel.levelOfPlan', { level: plan.level, id: plan.id })} \u00b7 ${say('panel.fact.error')} ${say('panel.predicted', { error: format.error(plan.error) })}`)
  }
  if (seconds && dense?.seconds) {
    const key = dense.source === 'measured' ? 'panel.measured' : 'panel.estimated'
    lines.push(say(key, { seconds: format.seconds(seconds), dense: format.seconds(dense.seconds) }))
  }
  if (Number.isFinite(cache?.bytes)) lines.push(`${say('panel.fact.cache')} ${format.bytes(cache.bytes)}`)
  return lines
}

/** The panel's rules with the colours that they have now: a picture knows no page. */
function rulesOf(root) {
  const style = getComputedStyle(root)
  const colours = [...RULES.matchAll(/var\((--dfa-[\w-]+)/g)].map(([, name]) => name)
  const set = [...new Set(colours)].map((name) => `${name}: ${style.getPropertyValue(name)};`).join(' ')
  return `${RULES}\n.dfa-picture { ${set} }`
}

function wrapped(text, most) {
  const lines = ['']
  for (const word of text.split(' ')) {
    if (lines.at(-1) && lines.at(-1).length + word.length >= most) lines.push('')
    lines[lines.length - 1] += `${lines.at(-1) ? ' ' : ''}${word}`
  }
  return lines
}
