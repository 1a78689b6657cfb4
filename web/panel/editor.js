// What the panel needs of the editor. The only file here that knows how the editor names things.

import { app } from '../../../scripts/app.js'
import { api } from '../../../scripts/api.js'

export { api, app }

export const manager = () => app.extensionManager
export const locale = () => manager().setting.get('Comfy.Locale')
export const activeWorkflow = () => manager().workflow?.activeWorkflow ?? null
export const openWorkflows = () => manager().workflow?.openWorkflows ?? []

/** Show a text that has to be copied by hand. */
export function ask(title, message, defaultValue) {
  return manager().dialog.prompt({ title, message, defaultValue })
}

/** While a workflow is being opened, the graph is already its own and the active workflow still the old one. */
export function isOpening() {
  return Boolean(activeWorkflow()?.changeTracker?.constructor.isLoadingGraph)
}

/** Do something to the graph as one step that can be undone. */
export function change(act) {
  record()
  const result = act()
  app.rootGraph.setDirtyCanvas(true, true)
  record()
  return result
}

function record() {
  const tracker = activeWorkflow()?.changeTracker
  if (tracker?.captureCanvasState) tracker.captureCanvasState()
  else tracker?.checkState?.()
}
