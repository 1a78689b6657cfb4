// Carries a calibrated plan inside the workflow: from Calibrate's result into the hidden widget of the Apply nodes
// that it is linked to, where saving, sharing and images keep it.
//
// The other files here are plain .js beside this one because the server forbids caching of .js only: after an update,
// no browser mixes old and new parts. They do nothing by themselves.

import { api } from '../../scripts/api.js'
import { app } from '../../scripts/app.js'
import { APPLY, CALIBRATE, hasLiveCalibrate, nodeAt, planWidget, receivers } from './graph.js'
import { fingerprint, queuedFrom, rememberQueued, workflowOfPrompt } from './origin.js'
import { describePlan, isTooLong } from './plan_text.js'
import { addStatusLine } from './status_line.js'
import { sentence } from './strings.js'

// Room for the status line on a new node.
const WIDTH = 290

// Apply node → function that writes its status line.
const statusLines = new WeakMap()
// Open workflow → results that wait until it is on screen.
const waiting = new WeakMap()

const say = (key, values) => sentence(app.extensionManager.setting.get('Comfy.Locale'), key, values)
const activeWorkflow = () => app.extensionManager.workflow.activeWorkflow

function toast(severity, summary) {
  app.extensionManager.toast.add({ severity, summary, life: 3000 })
}

function recordChange() {
  const tracker = activeWorkflow()?.changeTracker
  if (tracker?.captureCanvasState) tracker.captureCanvasState()
  else tracker?.checkState?.()
}

function embed(apply, text) {
  const widget = planWidget(apply)
  if (!widget || widget.value === text) return false
  widget.value = text
  refresh(apply)
  apply.graph?.setDirtyCanvas(true, true)
  return true
}

function refresh(apply) {
  const text = planWidget(apply)?.value ?? ''
  const plan = describePlan(text)
  const linked = Boolean(apply.graph) && hasLiveCalibrate(apply)
  const state = plan ? (linked ? 'shared' : 'embedded') : text.trim() ? 'damaged' : linked ? 'linked' : 'none'
  statusLines.get(apply)?.(...say(state, plan ?? {}), Boolean(plan))
}

function setUpApply(apply) {
  const widget = planWidget(apply)
  if (!widget) return
  // A linked plan goes before the embedded one, so the text is left out of the prompt then. Otherwise embedding would
  // change this node's input, and the next run would sample the same picture again. One such run remains: the first
  // without the link, when the same plan comes from the text.
  widget.serializeValue = () => (hasLiveCalibrate(apply) ? '' : widget.value)
  statusLines.set(apply, addStatusLine(apply))
  const [width, height] = apply.computeSize()
  apply.setSize([Math.max(apply.size[0], width, WIDTH), Math.max(apply.size[1], height)])
  for (const event of ['onConfigure', 'onConnectionsChange']) {
    const original = apply[event]
    apply[event] = function (...args) {
      const result = original?.apply(this, args)
      // Links of a workflow that is being loaded are complete a moment later; and a node may be gone by then.
      queueMicrotask(() => apply.graph && refresh(apply))
      return result
    }
  }
  refresh(apply)
}

function setUpCalibrate(calibrate) {
  const widget = calibrate.widgets?.find(({ name }) => name === 'denoise')
  if (!widget) return
  // Values are asked for when the workflow is queued, after seeds have been drawn and before it is sent.
  const original = widget.serializeValue
  widget.serializeValue = (...args) => {
    rememberQueued(activeWorkflow(), fingerprint(app.rootGraph.serialize()))
    return original ? original.apply(widget, args) : widget.value
  }
}

async function onExecuted({ detail }) {
  const text = detail?.output?.ditfastattn_plan?.[0]
  if (!describePlan(text)) return
  const queued = await workflowOfPrompt(api, detail.prompt_id)
  if (!queued) return
  for (const workflow of queuedFrom(app.extensionManager.workflow.openWorkflows, fingerprint(queued))) {
    waiting.set(workflow, { ...waiting.get(workflow), [detail.display_node ?? detail.node]: text })
  }
  deliver()
}

function deliver() {
  const workflow = activeWorkflow()
  const results = workflow && waiting.get(workflow)
  if (!results) return
  recordChange()
  // While another workflow is being opened, the graph is already its own and the active workflow still the old one.
  const onScreen = app.rootGraph.serialize()
  if (!workflow.activeState || fingerprint(workflow.activeState) !== fingerprint(onScreen)) return
  waiting.delete(workflow)
  const changed = Object.entries(results).flatMap(([id, text]) => {
    const calibrate = nodeAt(app.rootGraph, id)
    return calibrate?.comfyClass === CALIBRATE ? receivers(calibrate).map((apply) => embed(apply, text)) : []
  })
  if (changed.includes(true)) recordChange()
}

async function copyPlan(apply) {
  const text = planWidget(apply).value
  try {
    await navigator.clipboard.writeText(text)
    toast('success', say('copied', describePlan(text) ?? {}))
  } catch {
    // No clipboard without https, or without permission.
    await app.extensionManager.dialog.prompt({ title: say('copy'), message: say('copyByHand'), defaultValue: text })
  }
}

async function pastePlan(apply) {
  let text
  try {
    text = await navigator.clipboard.readText()
  } catch {
    text = await app.extensionManager.dialog.prompt({ title: say('paste'), message: say('pasteByHand') })
  }
  if (text == null) return
  if (!describePlan(text)) toast('warn', say(isTooLong(text) ? 'tooLong' : 'notAPlan'))
  else if (embed(apply, text.trim())) recordChange()
}

function removePlan(apply) {
  if (embed(apply, '')) recordChange()
}

app.registerExtension({
  name: 'DiTFastAttn',

  setup() {
    api.addEventListener('executed', (event) => {
      onExecuted(event).catch((error) => console.warn('[DiTFastAttn] The plan was not embedded:', error))
    })
  },

  nodeCreated(node) {
    if (node.comfyClass === APPLY) setUpApply(node)
    if (node.comfyClass === CALIBRATE) setUpCalibrate(node)
  },

  // Called when another workflow comes on screen; the switch is complete a moment later.
  onNodeOutputsUpdated() {
    setTimeout(deliver)
  },

  getNodeMenuItems(node) {
    if (node.comfyClass !== APPLY || !planWidget(node)) return []
    const empty = !planWidget(node).value
    return [
      null,
      { content: say('copy'), disabled: empty, callback: () => void copyPlan(node) },
      { content: say('paste'), callback: () => void pastePlan(node) },
      { content: say('remove'), disabled: empty, callback: () => removePlan(node) }
    ]
  }
})
