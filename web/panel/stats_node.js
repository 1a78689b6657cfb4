// The panel inside Attention Stats: the same component, showing the runs of the model that this node looks at.

import { APPLY, nodeAt } from '../graph.js'
import { element } from './element.js'
import { createView } from './view.js'

export const STATS = 'DiTFastAttnStats'
// Not one of the front end's own widget types, which would replace the element.
const TYPE = 'ditfastattn_panel'
const SIZE = [400, 620]
const LEAST_HEIGHT = 260
const MARGIN = 10

/** { add(node), told(run, executed), changed(), look() } */
export function createStatsViews({ editor, runs, feed, actions }) {
  const views = new Map()
  // By open workflow and execution id of a Stats node: { run, notes }: what it put out last
  const shown = new WeakMap()

  function add(node) {
    const view = createView({ editor, runs, feed, actions, pick: () => pick(node), missing: () => ownOf(node)?.notes[0] })
    // A place that is as high as the node leaves it, whatever the panel in it would take.
    const place = element('div', { class: 'dfa-in-node' }, view.element)
    // The wheel scrolls the panel instead of zooming the canvas.
    view.element.dataset.captureWheel = 'true'
    // After all saved widgets: one that is not saved, placed before them, would shift their saved values.
    const widget = node.addDOMWidget('ditfastattn_panel', TYPE, place, {
      serialize: false,
      hideOnZoom: true,
      margin: MARGIN,
      getMinHeight: () => LEAST_HEIGHT,
      getValue: () => '',
      setValue: () => {}
    })
    widget.serialize = false
    node.setSize([Math.max(node.size[0], SIZE[0]), Math.max(node.size[1], SIZE[1])])
    views.set(node, view)
    const removed = node.onRemoved
    node.onRemoved = function (...args) {
      views.delete(node)
      return removed?.apply(this, args)
    }
  }

  /** A Stats node put out a document: also of a run that was cached, whose messages came long ago. */
  async function told(run, { prompt, node, notes }) {
    for (const workflow of await editor.workflowsOf(prompt)) {
      if (!shown.has(workflow)) shown.set(workflow, new Map())
      shown.get(workflow).set(node, { run, notes })
    }
    changed()
  }

  /** What a node shows: a run that goes on, else what it put out last, else the newest of its model. */
  function pick(node) {
    const own = ownOf(node)?.run
    const apply = own?.document.node ?? applyBefore(node)
    const fitting = runs.all().filter((run) => {
      return actions.isHere(run) && (apply === null || run.document.node === apply)
    })
    const newest = fitting.at(-1) ?? null
    if (!own) return newest
    return newest && newest.document.started > own.document.started && newest.document.state === 'running' ? newest : own
  }

  function ownOf(node) {
    const known = shown.get(editor.activeWorkflow())
    const found = [...(known ?? [])].findLast(([id]) => nodeAt(editor.app.rootGraph, id) === node)
    return found?.[1]
  }

  const changed = () => views.forEach((view) => view.changed())
  const look = () => views.forEach((view) => view.look())
  return { add, told, changed, look }
}

/** The id of the Apply node that gives a Stats node its model directly, in the root graph; null where it is not so. */
function applyBefore(node) {
  const before = node.graph?.isRootGraph === false ? null : node.getInputNode?.(0)
  return before?.comfyClass === APPLY ? String(before.id) : null
}
