// The foot of Apply Compression Plan, which says what the node does: the plan's own widget is hidden, and a hidden
// thing that changes the picture must be visible somewhere.

// Not one of the front end's own widget types, which would replace the element.
const TYPE = 'ditfastattn_status'
// The same whatever is said: a node that grows by itself would be a change of the workflow.
const HEIGHT = 80
const MARGIN = 12

const STRONG = 'var(--component-node-foreground, var(--fg-color, currentColor))'

// Each tone has a sign of its own, so that none depends on colour.
const TONES = {
  good: { sign: '\u25cf', color: STRONG },
  busy: { sign: '\u25d0', color: STRONG },
  quiet: { sign: '\u25cb', color: STRONG },
  warn: { sign: '\u2260', color: STRONG },
  // The front end's red alone is hard to read at this size, on light as on dark.
  bad: { sign: '!', color: `color-mix(in srgb, var(--error-text, #d33) 70%, ${STRONG})` }
}

const STYLES = {
  root: `display:flex; flex-direction:column; gap:1px; box-sizing:border-box; width:100%; height:${HEIGHT}px;
    min-height:${HEIGHT}px; max-height:${HEIGHT}px; overflow:hidden; font-size:11px; font-weight:400;
    line-height:1.4; text-align:left; color:${STRONG};`,
  head: 'flex:none; display:flex; gap:6px; font-weight:600;',
  sign: 'flex:none; width:1em; text-align:center;',
  clipped: 'overflow:hidden; text-overflow:ellipsis; white-space:nowrap;',
  figures: 'flex:none; padding-left:calc(1em + 6px); font-variant-numeric:tabular-nums;',
  notes: 'flex:1 1 0; min-height:0; padding-left:calc(1em + 6px); overflow-y:auto; scrollbar-width:thin;'
}

/** Append the lines to a node; returns a function ({ tone, head, figures, notes }) that writes them. */
export function addNodeLine(node) {
  const element = part('div', STYLES.root)
  const head = part('div', STYLES.head)
  const sign = part('span', STYLES.sign)
  const state = part('span', STYLES.clipped)
  const figures = part('div', STYLES.figures + STYLES.clipped)
  const notes = part('div', STYLES.notes)
  sign.setAttribute('aria-hidden', 'true')
  element.setAttribute('role', 'status')
  element.dataset.testid = 'ditfastattn-status'
  // Scrolled by wheel and by keys where the text is longer than its place.
  notes.dataset.captureWheel = 'true'
  head.append(sign, state)
  element.append(head, figures, notes)

  // After all saved widgets: one that is not saved, placed before them, would shift their saved values.
  const widget = node.addDOMWidget('ditfastattn_status', TYPE, element, {
    serialize: false,
    hideOnZoom: true,
    margin: MARGIN,
    getMinHeight: () => HEIGHT + 2 * MARGIN,
    getMaxHeight: () => HEIGHT + 2 * MARGIN,
    getValue: () => '',
    setValue: () => {}
  })
  widget.serialize = false

  let written = ''
  return (said) => {
    const text = JSON.stringify(said)
    if (text === written) return
    written = text
    const tone = TONES[said.tone]
    sign.textContent = tone.sign
    state.textContent = said.head
    figures.textContent = said.figures
    figures.style.display = said.figures ? '' : 'none'
    notes.replaceChildren(...said.notes.map((note) => part('div', '', note)))
    element.style.color = tone.color
    // Colours of the front end's own secondary texts are hard to read on some of its themes.
    notes.style.opacity = said.tone === 'bad' ? 1 : 0.75
    notes.tabIndex = notes.scrollHeight > notes.clientHeight + 1 ? 0 : -1
    element.dataset.state = said.key
    element.title = [said.head, said.figures, ...said.notes].filter(Boolean).join('\n')
  }
}

function part(tag, style, text = '') {
  const element = document.createElement(tag)
  element.style.cssText = style
  element.textContent = text
  return element
}
