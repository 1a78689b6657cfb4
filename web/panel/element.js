// Making elements. Texts are set as text, never as markup.

const SVG = 'http://www.w3.org/2000/svg'

/** An HTML element. given: attributes; text; on: listeners by event. What is null or false is left out. */
export function element(tag, given = {}, ...children) {
  return fill(document.createElement(tag), given, children)
}

/** The same of SVG. */
export function drawn(tag, given = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), given, children)
}

function fill(made, { text, on = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : value)
  }
  for (const [event, listener] of Object.entries(on)) made.addEventListener(event, listener)
  if (text !== undefined) made.textContent = text
  made.append(...children.filter((child) => child !== null && child !== undefined))
  return made
}

/**
 * Write a text only where it differs. The text node stays: a new one would have the front end's rules that look into
 * elements (:has) weighed again for the whole page.
 */
export function write(target, text) {
  const { firstChild } = target
  if (firstChild?.nodeType === Node.TEXT_NODE && !firstChild.nextSibling) {
    if (firstChild.nodeValue !== text) firstChild.nodeValue = text
  } else if (target.textContent !== text || !firstChild) {
    target.replaceChildren(document.createTextNode(text))
  }
}

/** Set an attribute only where it differs; null removes it. */
export function mark(target, name, value) {
  if (value === null || value === undefined || value === false) {
    if (target.hasAttribute(name)) target.removeAttribute(name)
  } else if (target.getAttribute(name) !== String(value)) {
    target.setAttribute(name, value)
  }
}

/**
 * Bring a list of children up to date by key, so that what has the focus keeps it. items: [{ key, ... }];
 * make(item): a new child; update(child, item): of one that stays.
 */
export function keep(parent, items, make, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]))
  const wanted = items.map((item) => {
    const key = String(item.key)
    const child = known.get(key) ?? make(item)
    child.dataset.key = key
    known.delete(key)
    update(child, item)
    return child
  })
  for (const child of known.values()) child.remove()
  for (const [place, child] of wanted.entries()) {
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null)
  }
}
