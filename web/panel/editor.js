// What the panel needs of the editor, beside what other parts need as well.

import { api } from '../../../scripts/api.js'
import { app } from '../../../scripts/app.js'
import { activeWorkflow, isOpening as isBeingOpened, locale, openWorkflows, recordChange } from '../editor.js'

export { activeWorkflow, api, app, locale, openWorkflows }

export const manager = () => app.extensionManager
export const isOpening = () => isBeingOpened(activeWorkflow())

/** Show a text that has to be copied by hand. */
export function ask(title, message, defaultValue) {
  return manager().dialog.prompt({ title, message, defaultValue })
}

/** Do something to the graph as one step that can be undone. */
export function change(act) {
  recordChange()
  const result = act()
  app.rootGraph.setDirtyCanvas(true, true)
  recordChange()
  return result
}
