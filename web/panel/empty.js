// The panel before the first run, while it asks the server, and when the server does not answer.

import { element, mark, write } from './element.js'

/** { element, show(isEmpty) } */
export function createEmpty(context, feed) {
  const lines = [1, 2, 3].map(() => element('p'))
  const action = element('button', { class: 'dfa-button dfa-main', type: 'button', on: { click: act } })
  const said = element('p', { class: 'dfa-said', role: 'status' })
  const root = element('div', { class: 'dfa-empty' }, ...lines, action, said)

  function show(isEmpty) {
    mark(root, 'hidden', !isEmpty)
    if (!isEmpty) return
    const { say } = context
    mark(root, 'data-state', feed.state())
    const reason = feed.state() === 'ready' && context.missing()
    const texts = {
      loading: ['panel.loading'],
      failed: ['panel.noAnswer', 'panel.noAnswerWhy'],
      ready: ['panel.emptyWhat', 'panel.emptyHow', 'panel.emptyThen']
    }[feed.state()]
    for (const [place, line] of lines.entries()) {
      mark(line, 'hidden', place >= texts.length)
      write(line, texts[place] ? say(texts[place]) : '')
    }
    if (reason) write(lines[0], context.said(reason))
    mark(action, 'hidden', feed.state() === 'loading')
    write(action, say(feed.state() === 'failed' ? 'panel.retry' : 'panel.addNode'))
  }

  function act() {
    if (feed.state() === 'failed') return feed.ask()
    write(said, context.say(context.actions.addNode()))
  }

  return { element: root, show }
}
