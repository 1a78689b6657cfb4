// What the pack's parts ask of the front end, each in one place.

import { app } from '../../scripts/app.js'
import { sentence, serverSentence } from './strings.js'

export const locale = () => app.extensionManager.setting.get('Comfy.Locale')
export const say = (key, values) => sentence(locale(), key, values)
/** A sentence of the server, { text, key, values }, in the editor's language. */
export const said = (message) => serverSentence(locale(), message)
export const activeWorkflow = () => app.extensionManager.workflow.activeWorkflow
export const openWorkflows = () => app.extensionManager.workflow.openWorkflows

/** The element in which the graph stands, with what lies over it: the page itself is not ours to put things in. */
export const besideTheGraph = () => app.canvas.canvas.parentElement

export function toast(severity, summary) {
  app.extensionManager.toast.add({ severity, summary, life: 3000 })
}

/** What was changed since the last time becomes one step that can be undone. */
export function recordChange() {
  const tracker = activeWorkflow()?.changeTracker
  if (tracker?.captureCanvasState) tracker.captureCanvasState()
  else tracker?.checkState?.()
}

/** While a workflow is being opened, the graph is already its own and the active workflow still the old one. */
export function isOpening(workflow) {
  return Boolean(workflow?.changeTracker?.constructor.isLoadingGraph)
}

/** An element with a style, and what is in it. */
export function part(tag, style = '', ...content) {
  const element = document.createElement(tag)
  element.style.cssText = style
  element.append(...content)
  return element
}
