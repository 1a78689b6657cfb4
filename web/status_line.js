// One line at the foot of Apply Compression Plan that says which plan is in it: the plan's own widget is hidden, and
// a hidden thing that changes the picture must be visible somewhere.

// Not one of the front end's own widget types, which would replace the element.
const TYPE = 'ditfastattn_status'
const HEIGHT = 22
const MARGIN = 4

const STYLES = {
  line: `display:flex; align-items:center; gap:8px; box-sizing:border-box; min-height:${HEIGHT}px; padding:2px 8px;
    font-size:11px; line-height:1.35; overflow:hidden; white-space:nowrap;
    color:var(--component-node-foreground-secondary, var(--descrip-text, currentColor));`,
  // Filled or hollow, so that the state does not depend on colour.
  text: 'overflow:hidden; text-overflow:ellipsis;',
  dot: 'flex:none; width:7px; height:7px; border-radius:50%; border:1.5px solid currentColor;'
}

/** Append the line to a node; returns a function (sentence, explanation, filled) that writes it. */
export function addStatusLine(node) {
  const element = document.createElement('div')
  const dot = document.createElement('span')
  const text = document.createElement('span')
  element.style.cssText = STYLES.line
  dot.style.cssText = STYLES.dot
  text.style.cssText = STYLES.text
  dot.setAttribute('aria-hidden', 'true')
  element.setAttribute('role', 'status')
  element.dataset.testid = 'ditfastattn-status'
  element.append(dot, text)

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

  return (sentence, explanation, filled) => {
    text.textContent = sentence
    element.title = explanation
    dot.style.background = filled ? 'currentColor' : 'none'
  }
}
