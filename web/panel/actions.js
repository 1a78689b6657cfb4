// What the panel can do to the graph: only to the node that a run came from, and only in the workflow that it was queued
// from, while that one is on screen. Node ids repeat in every workflow.

import { APPLY, nodeAt, ownValue, widgetOf } from '../graph.js'
import { originOf } from '../origin.js'
import { placeNode } from './place.js'

const AGAIN = 'again'
const OFF = 'off'

/** Actions of an editor (editor.js). located(run): called when it is known where a run came from. */
export function createActions(editor, located) {
  // By run: the open workflows that it was queued from; null while that is being asked
  const homes = new WeakMap()

  function homeOf(run) {
    if (homes.has(run)) return homes.get(run)
    // The answer is kept, and it is only right once the page has its workflows back.
    if (!editor.activeWorkflow() || editor.isOpening()) return null
    homes.set(run, null)
    const { prompt } = run.document
    const found = prompt ? originOf(editor.api, prompt, editor.openWorkflows()) : Promise.resolve({ workflows: [] })
    found.then(
      ({ workflows }) => {
        homes.set(run, workflows)
        located(run)
      },
      // Asked again when it is looked at again.
      () => homes.delete(run)
    )
    return null
  }

  const isHere = (run) => !editor.isOpening() && Boolean(homeOf(run)?.includes(editor.activeWorkflow()))

  /** The Apply node of a run, where it may be changed; null elsewhere. */
  function nodeOf(run) {
    if (!run.document.node || !isHere(run)) return null
    const node = nodeAt(editor.app.rootGraph, run.document.node)
    return node?.comfyClass === APPLY ? node : null
  }

  /** { level: what is set on the node, or null, reason: why it cannot be set, as the key of a sentence, or null }. */
  function levelOf(run) {
    const node = nodeOf(run)
    if (!node) return { level: null, reason: homeOf(run) === null ? 'panel.levelAsking' : 'panel.levelElsewhere' }
    const level = ownValue(node, 'level')
    return { level, reason: level === null ? 'panel.levelLinked' : null }
  }

  function setLevel(run, level) {
    return set(run, 'level', level)
  }

  function set(run, name, value) {
    const node = nodeOf(run)
    const widget = node && widgetOf(node, name)
    if (!widget || ownValue(node, name) === null) return false
    if (widget.value !== value) {
      editor.change(() => {
        widget.value = value
        widget.callback?.(value)
      })
    }
    return true
  }

  const CURES = { 'calibrate again': ['calibrate', AGAIN], 'level off': ['level', OFF] }

  function cure(run, name) {
    return CURES[name] ? set(run, ...CURES[name]) : false
  }

  function isCured(run, name) {
    const node = CURES[name] && nodeOf(run)
    return Boolean(node) && widgetOf(node, CURES[name][0])?.value === CURES[name][1]
  }

  /** Put the node into the workflow on screen. Returns the key of a sentence that says what was done. */
  function addNode() {
    return editor.change(() => placeNode(editor.app, APPLY))
  }

  return { homeOf, isHere, nodeOf, canChange: (run) => nodeOf(run) !== null, levelOf, setLevel, cure, isCured, addNode }
}
