// Taking a run out of the panel: a report for a bug tracker, a picture, the document itself.

import { element, write } from './element.js'
import { pictureOf } from './picture.js'
import { reportOf } from './report.js'

const SHOWN_FOR = 2500

/** { element, show() } */
export function createExports(context) {
  const said = element('span', { class: 'dfa-said', role: 'status' })
  const button = (action) => element('button', { class: 'dfa-button', type: 'button', on: { click: action } })
  const buttons = [button(copyReport), button(savePicture), button(saveDocument)]
  const root = element('footer', { class: 'dfa-exports' }, ...buttons, said)
  let timer = null

  function show() {
    const names = ['panel.copyReport', 'panel.savePicture', 'panel.saveDocument']
    for (const [place, one] of buttons.entries()) {
      write(one, context.say(names[place]))
      one.title = context.say(`${names[place]}Hint`)
    }
  }

  function tell(key) {
    write(said, context.say(key))
    clearTimeout(timer)
    timer = setTimeout(() => write(said, ''), SHOWN_FOR)
  }

  async function copyReport() {
    const text = reportOf(context.shown().document)
    try {
      await navigator.clipboard.writeText(text)
      tell('panel.copied')
    } catch {
      // No clipboard without https, or without permission.
      await context.ask(context.say('panel.copyReport'), context.say('copyByHand'), text)
    }
  }

  async function savePicture() {
    const { document } = context.shown()
    try {
      save(await pictureOf(context), `ditfastattn-${document.id}.png`)
      tell('panel.written')
    } catch (error) {
      console.warn('[DiTFastAttn] The picture of the run could not be made:', error)
      tell('panel.notWritten')
    }
  }

  function saveDocument() {
    const { document } = context.shown()
    save(new Blob([JSON.stringify(document, null, 1)], { type: 'application/json' }), `ditfastattn-${document.id}.json`)
    tell('panel.written')
  }

  return { element: root, show }
}

function save(blob, name) {
  const address = URL.createObjectURL(blob)
  const link = element('a', { href: address, download: name })
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 1000)
}
