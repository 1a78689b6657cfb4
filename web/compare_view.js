// What DiTFastAttn A/B shows: two pictures under a slider, their difference, and figures. No graph.

import { part, said, say } from './editor.js'

const STRONG = 'var(--component-node-foreground, var(--fg-color, currentColor))'
const LINE = 'var(--component-node-border, var(--border-color, #888))'
// On top of pictures of any colour, in every theme.
const ON_PICTURE = 'background:rgb(0 0 0 / .65); color:#fff;'

const STYLES = {
  root: `display:flex; flex-direction:column; gap:6px; box-sizing:border-box; width:100%; height:100%; min-height:0;
    overflow:hidden; font-size:12px; line-height:1.4; color:${STRONG}; text-align:left;`,
  // As large as the room allows, in the picture's own proportions.
  stage: `flex:1 1 0; min-height:120px; container-type:size; display:flex; align-items:center; justify-content:center;
    overflow:hidden; border-radius:6px;`,
  frame: `position:relative; overflow:hidden; flex:none; touch-action:none; user-select:none; cursor:ew-resize;`,
  pictures: 'position:absolute; inset:0; isolation:isolate;',
  picture: 'position:absolute; inset:0; width:100%; height:100%; object-fit:fill; display:block; pointer-events:none;',
  label: `position:absolute; top:6px; padding:1px 7px; border-radius:4px; font-size:11px; pointer-events:none;
    max-width:45%; overflow:hidden; text-overflow:ellipsis; white-space:nowrap; ${ON_PICTURE}`,
  slider: 'position:absolute; top:0; bottom:0; width:0; cursor:ew-resize;',
  rule: `position:absolute; top:0; bottom:0; left:-1px; width:2px; background:#fff; box-shadow:0 0 0 1px rgb(0 0 0 / .5);`,
  knob: `position:absolute; top:50%; left:0; width:28px; height:28px; transform:translate(-50%, -50%);
    border-radius:50%; display:flex; align-items:center; justify-content:center; font-size:18px;
    line-height:1; padding-bottom:3px; box-sizing:border-box;
    box-shadow:0 0 0 2px #fff; ${ON_PICTURE}`,
  empty: `flex:1 1 0; display:flex; align-items:center; justify-content:center; text-align:center; padding:12px;
    border:1px dashed ${LINE}; border-radius:6px;`,
  bar: 'flex:none; display:flex; flex-wrap:wrap; align-items:center; gap:6px 8px;',
  headline: 'font-weight:600; font-size:13px; margin-right:auto; font-variant-numeric:tabular-nums;',
  button: `cursor:pointer; padding:2px 9px; border:1px solid ${LINE}; border-radius:5px; color:inherit; font:inherit;
    background:var(--component-node-widget-background, var(--comfy-input-bg, transparent));`,
  figures: 'flex:none; font-variant-numeric:tabular-nums;',
  // Two lines beside figures; a reason why there are none has more room.
  notes: 'flex:none; max-height:2.8em; overflow-y:auto; scrollbar-width:thin;',
  reason: 'flex:none; max-height:7em; overflow-y:auto; scrollbar-width:thin;'
}

/** { element, show(result, urlOf) }: result as the server sends it, null for none; urlOf(picture): its address. */
export function createView() {
  const element = part('div', STYLES.root)
  element.dataset.testid = 'ditfastattn-compare'
  const place = { at: 50, difference: false, number: 0 }
  let shown = ''
  // Dragging here is not dragging the node.
  for (const event of ['pointerdown', 'pointermove', 'pointerup', 'dblclick']) {
    element.addEventListener(event, (e) => e.stopPropagation())
  }
  return {
    element,
    show(result, urlOf) {
      const text = JSON.stringify(result)
      if (text === shown) return
      shown = text
      Object.assign(place, { difference: false, number: 0 })
      element.dataset.state = result?.state ?? 'empty'
      draw(element, result, urlOf, place)
    }
  }
}

function draw(element, result, urlOf, place) {
  if (!result) {
    element.replaceChildren(part('div', STYLES.empty, say('compareEmpty')))
    return
  }
  const stage = part('div', STYLES.stage)
  const notes = part('div', result.state === 'compared' ? STYLES.notes : STYLES.reason)
  notes.dataset.captureWheel = 'true'
  const turn = () => {
    const pair = result.pairs[place.number]
    const gone = () => stage.replaceChildren(part('div', `${STYLES.empty} height:100%;`, say('compareGone')))
    stage.replaceChildren(pictures(result, pair, urlOf, place, gone))
  }
  turn()
  const controls = bar(result, place, turn)
  element.replaceChildren(stage, ...(controls.childElementCount ? [controls] : []), ...figures(result), notes)
  notes.append(...sentences(result).map((sentence) => part('div', '', sentence)))
  notes.hidden = !notes.childElementCount
  // Scrolled by keys as well where the text is longer than its place.
  notes.tabIndex = 0
}

// -- the pictures -----------------------------------------------------------------------------------------------------

function pictures(result, pair, urlOf, place, gone) {
  const ratio = result.width / result.height
  const frame = part('div', STYLES.frame)
  frame.style.width = `min(100cqw, calc(100cqh * ${ratio}))`
  frame.style.aspectRatio = String(ratio)
  const image = (name, alt) => {
    const picture = part('img', STYLES.picture)
    picture.src = urlOf(pair[name])
    picture.alt = alt
    picture.draggable = false
    picture.addEventListener('error', gone)
    return picture
  }
  const full = image('dense', say('compareFull'))
  if (result.state !== 'compared') {
    frame.style.cursor = 'default'
    frame.append(full)
    return frame
  }
  const plan = image('compressed', say('comparePlan', result))
  const both = part('div', STYLES.pictures, full, plan)
  const [left, right] = [say('compareFull'), say('comparePlan', result)].map((text) => part('div', STYLES.label, text))
  left.style.left = right.style.right = '6px'
  frame.append(both, left, right)
  if (place.difference) {
    frame.style.cursor = 'default'
    for (const label of [left, right]) label.remove()
    plan.style.mixBlendMode = 'difference'
    both.style.filter = `brightness(${result.amplify})`
    both.dataset.testid = 'ditfastattn-difference'
    return frame
  }
  frame.append(slider(frame, place, (at) => {
    plan.style.clipPath = `inset(0 0 0 ${at}%)`
    left.style.opacity = at < 12 ? 0 : 1
    right.style.opacity = at > 88 ? 0 : 1
  }))
  return frame
}

function slider(frame, place, moved) {
  const knob = part('div', STYLES.knob, '\u2039\u203a')
  const element = part('div', STYLES.slider, part('div', STYLES.rule), knob)
  element.tabIndex = 0
  const attributes = { role: 'slider', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-orientation': 'horizontal' }
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.setAttribute('aria-label', say('compareSlider'))
  const move = (to) => {
    place.at = Math.min(100, Math.max(0, to))
    element.style.left = `${place.at}%`
    element.setAttribute('aria-valuenow', Math.round(place.at))
    element.setAttribute('aria-valuetext', say('compareAt', { percent: Math.round(place.at) }))
    moved(place.at)
  }
  const follow = (event) => {
    const { left, width } = frame.getBoundingClientRect()
    move((100 * (event.clientX - left)) / width)
  }
  frame.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return
    frame.setPointerCapture(event.pointerId)
    follow(event)
    element.focus({ preventScroll: true })
    event.preventDefault()
  })
  frame.addEventListener('pointermove', (event) => {
    if (frame.hasPointerCapture(event.pointerId)) follow(event)
  })
  element.addEventListener('keydown', (event) => {
    const step = event.shiftKey ? 10 : 1
    const to = {
      ArrowLeft: place.at - step,
      ArrowDown: place.at - step,
      ArrowRight: place.at + step,
      ArrowUp: place.at + step,
      PageDown: place.at - 10,
      PageUp: place.at + 10,
      Home: 0,
      End: 100
    }[event.key]
    if (to === undefined) return
    // Arrow keys move nodes, too.
    event.preventDefault()
    event.stopPropagation()
    move(to)
  })
  element.addEventListener('focus', () => (knob.style.outline = '3px solid #4aa3ff'))
  element.addEventListener('blur', () => (knob.style.outline = ''))
  move(place.at)
  return element
}

// -- beside them ------------------------------------------------------------------------------------------------------

function bar(result, place, turn) {
  const element = part('div', STYLES.bar)
  if (result.faster !== null) {
    const text = result.watched
      ? say('compareAbout', { times: result.faster.toFixed(1) })
      : say('compareFaster', { times: result.faster.toFixed(2) })
    element.append(part('span', STYLES.headline, text))
  }
  const { length } = result.pairs
  if (length > 1) {
    const shown = part('span', 'font-variant-numeric:tabular-nums;')
    shown.setAttribute('aria-live', 'polite')
    const to = (number) => {
      place.number = (number + length) % length
      shown.textContent = say('compareOf', { number: result.pairs[place.number].number + 1, count: result.pictures })
      turn()
    }
    to(place.number)
    element.append(
      button('\u2039', () => to(place.number - 1), say('comparePrevious')),
      shown,
      button('\u203a', () => to(place.number + 1), say('compareNext'))
    )
  }
  if (result.state === 'compared') {
    const difference = button(say('compareDifference', { times: result.amplify }), () => {
      place.difference = !place.difference
      pressed()
      turn()
    })
    const pressed = () => {
      difference.setAttribute('aria-pressed', place.difference)
      difference.style.boxShadow = place.difference ? `inset 0 0 0 2px ${STRONG}` : ''
    }
    pressed()
    element.append(difference)
  }
  return element
}

function button(text, run, label = '') {
  const element = part('button', STYLES.button, text)
  element.type = 'button'
  if (label) element.setAttribute('aria-label', label)
  element.addEventListener('click', run)
  return element
}

function figures(result) {
  if (result.state !== 'compared') return []
  const percent = (part) => `${Math.round(100 * part)} %`
  const seconds = { full: result.seconds.full.toFixed(2), plan: result.seconds.plan.toFixed(2) }
  const alike = []
  if (result.psnr_db !== null) alike.push(`PSNR ${result.psnr_db.toFixed(1)} dB`, `SSIM ${result.ssim.toFixed(3)}`)
  if (result.latent_error !== null) {
    const values = { error: result.latent_error.toFixed(3), predicted: result.predicted_error.toFixed(3) }
    alike.push(say('compareError', values))
  }
  const kept = { attention: percent(result.attention), model: percent(result.model) }
  const lines = [say('compareSeconds', seconds), alike.join(' \u00b7 '), say('compareKept', kept)]
  const element = part('div', STYLES.figures, ...lines.filter(Boolean).map((line) => part('div', '', line)))
  element.dataset.testid = 'ditfastattn-compare-figures'
  return [element]
}

function sentences(result) {
  const notes = result.told.notes.map(said)
  if (result.state !== 'compared') return [said(result.told.sentence), ...notes]
  return [...(result.watched ? [say('compareWatched')] : []), ...notes]
}
