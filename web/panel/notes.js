// What there is to know about a run besides its figures, with a button where something can be done about it.

import { element, keep, mark, write } from './element.js'

const CURES = { 'calibrate again': 'panel.cureAgain', 'level off': 'panel.cureOff' }

/** { element, show(run), refresh(run) } */
export function createNotes(context) {
  const title = element('h3')
  const list = element('ul', { class: 'dfa-notes' })
  const root = element('section', { class: 'dfa-section' }, element('header', {}, title), list)
  let current = null

  function show(run) {
    current = run
    const { notes } = run.document
    mark(root, 'hidden', !notes.length)
    write(title, context.say('panel.notesTitle', { count: context.format.count(notes.length) }))
    refresh(run)
  }

  /** A cure may have been taken, or may not be at hand in the workflow on screen. */
  function refresh(run) {
    if (root.hidden) return
    const items = run.document.notes.map((note, place) => {
      const done = context.actions.isCured(run, note.cure)
      return { key: `${run.document.id} ${place}`, note, cure: CURES[note.cure] ? context.actions.canChange(run) : false, done }
    })
    keep(list, items, make, update)
  }

  function make({ note }) {
    const take = () => {
      context.actions.cure(current, note.cure)
      refresh(current)
    }
    const cure = element('button', { class: 'dfa-button', type: 'button', on: { click: take } })
    return element('li', {}, element('span', { class: 'dfa-note-sign', 'aria-hidden': 'true', text: 'i' }), element('p'), cure)
  }

  function update(item, { note, cure, done }) {
    const [, text, button] = item.children
    write(text, context.said(note))
    mark(button, 'hidden', !cure)
    if (!cure) return
    write(button, context.say(done ? 'panel.cured' : CURES[note.cure]))
    mark(button, 'aria-disabled', done ? 'true' : null)
  }

  return { element: root, show, refresh }
}
