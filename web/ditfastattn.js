// The editor's side of Apply Compression Plan: keeps the plan that the server made or followed in the node that used
// it, where saving, sharing and images keep it, and says on the node what its runs are.
//
// The other files here are plain .js beside this one because the server forbids caching of .js only: after an update,
// no browser mixes old and new parts. They do nothing by themselves.

import { api } from '../../scripts/api.js'
import { app } from '../../scripts/app.js'
import { activeWorkflow, isOpening, recordChange, said, say } from './editor.js'
import { APPLY, applyNodes, nodeAt, planWidget, settingsOf, widgetOf } from './graph.js'
import { addNodeLine } from './node_line.js'
import { AGAIN, IN_USE, MADE, NOTHING, stateOf, WHEN_NEEDED } from './node_state.js'
import { mark, originOf, recordOf, running, unmark } from './origin.js'
import { planActions } from './plan_actions.js'
import { describePlan } from './plan_text.js'
import { readable } from './strings.js'

const EVENT = 'ditfastattn.apply'
// Room for the lines on a new node.
const WIDTH = 380
// States in which there is a plan that the next runs follow, or find to be of no use.
const FOLLOWED = [MADE, IN_USE, NOTHING]
// For what changes a node without telling it: bypass, other extensions that set values.
const LOOK_EVERY = 1000

// Apply node -> { write, text, plan }: its lines, and what its plan's text says.
const nodes = new WeakMap()
// Open workflow -> { waiting: messages that wait until it is on screen, reports: the last one by execution id }
const told = new WeakMap()
// The prompt that is being executed; lost: { id, nodes } of one whose messages went to the page before it was reloaded.
let busy = null
let lost = null
let looked = false

function entryOf(workflow) {
  if (!told.has(workflow)) told.set(workflow, { waiting: [], reports: new Map() })
  return told.get(workflow)
}

// -- what the server says ---------------------------------------------------------------------------------------------

async function arrived(report) {
  const { workflows, again } = await originOf(api, report.prompt, app.extensionManager.workflow.openWorkflows)
  for (const workflow of workflows) {
    entryOf(workflow).waiting.push({ ...report, again: again.has(report.node) })
  }
  deliver()
}

/** Hand the workflow on screen what waits for it: as one step that can be undone. */
function deliver() {
  const workflow = activeWorkflow()
  if (!workflow) return
  if (isOpening(workflow)) {
    setTimeout(deliver, 50)
    return
  }
  lookForLost().catch(complain)
  const { waiting, reports } = entryOf(workflow)
  if (waiting.length) recordChange()
  let changed = false
  for (const report of waiting.splice(0)) {
    const apply = nodeAt(app.rootGraph, report.node)
    if (apply?.comfyClass !== APPLY) continue
    if (FOLLOWED.includes(report.state)) {
      if (report.plan && embed(apply, report.plan)) changed = true
      if (report.again && answer(apply)) changed = true
    }
    // The server goes on following a plan that the node itself made.
    const before = reports.get(report.node)
    const kept = report.state === MADE ? report.plan_id : before?.kept
    reports.delete(report.node)
    reports.set(report.node, { ...report, kept, settings: settingsOf(apply) })
  }
  if (changed) recordChange()
  refreshAll()
}

function embed(apply, text) {
  const widget = planWidget(apply)
  if (!widget || widget.value === text) return false
  widget.value = text
  apply.graph?.setDirtyCanvas(true, true)
  return true
}

/** The new calibration that the user asked for is made. */
function answer(apply) {
  const widget = widgetOf(apply, 'calibrate')
  if (widget?.value !== AGAIN) return false
  widget.value = WHEN_NEEDED
  return true
}

// -- what the node says -----------------------------------------------------------------------------------------------

function refreshAll() {
  const workflow = activeWorkflow()
  if (!workflow || isOpening(workflow)) return
  const { reports } = entryOf(workflow)
  for (const [apply, ids] of applyNodes(app.rootGraph)) {
    // The last one, where a subgraph is used more than once.
    const last = [...reports.keys()].filter((id) => ids.includes(id)).at(-1)
    refresh(apply, reports.get(last), ids)
  }
}

function refresh(apply, report, ids) {
  const node = nodes.get(apply)
  if (!node) return
  const settings = settingsOf(apply)
  if (node.text !== settings.text) {
    Object.assign(node, { text: settings.text, plan: describePlan(settings.text) })
    relabel(apply)
  }
  const isLost = lost && ids.some((id) => lost.nodes.includes(id)) && report?.prompt !== lost.id
  const state = stateOf(settings, node.plan, report, isLost ? 'unknown' : Boolean(busy) && report?.prompt === busy)
  const [head, follows] = say(state.key, state.values)
  const notes = [...state.notes.map(said), follows].filter(Boolean)
  // What was calibrated matters where the error is predicted, unless the differences say it already.
  if (state.measured && !state.notes.length) notes.push(say('measured', state.measured))
  const figures = state.figures ? figuresText(state.figures) : ''
  node.write({ key: state.key, tone: state.tone, head, figures, notes })
}

function figuresText(figures) {
  const values = readable(figures)
  if (values.attention === null) return ''
  return say(values.error === null ? 'figuresPart' : 'figures', values)
}

/** What a level is called in its list. */
function choice(apply, level) {
  const figures = nodes.get(apply)?.plan?.levels[level]
  if (!figures || figures.attention === null) return level ?? ''
  const values = readable(figures)
  return say(values.error === null ? 'choicePart' : 'choice', { level, ...values })
}

/** Have the list of levels drawn anew: the Vue renderer does when something that it watches was written. */
function relabel(apply) {
  const widget = widgetOf(apply, 'level')
  const { disabled } = widget
  widget.disabled = !disabled
  widget.disabled = disabled
  apply.graph?.setDirtyCanvas(true, false)
}

// -- nodes ------------------------------------------------------------------------------------------------------------

function setUp(apply) {
  const plan = planWidget(apply)
  const level = widgetOf(apply, 'level')
  if (!plan || !level) return
  level.options.getOptionLabel = (value) => choice(apply, value)
  plan.beforeQueued = () => mark(app.rootGraph, activeWorkflow())
  // Values are asked for when the workflow has been written down, with the mark in it.
  plan.serializeValue = (queued) => {
    const known = unmark(app.rootGraph)
    if (widgetOf(apply, 'calibrate')?.value === AGAIN) known?.again.add(String(queued?.id ?? apply.id))
    return plan.value
  }
  nodes.set(apply, { write: addNodeLine(apply), text: null, plan: null })
  const [width, height] = apply.computeSize()
  apply.setSize([Math.max(apply.size[0], width, WIDTH), Math.max(apply.size[1], height)])
  for (const widget of [level, plan, widgetOf(apply, 'calibrate')]) if (widget) chain(widget, 'callback')
  for (const event of ['onConfigure', 'onConnectionsChange']) chain(apply, event)
  refresh(apply, undefined, [])
}

/** Look at the node again after something happened to it. */
function chain(owner, event) {
  const original = owner[event]
  owner[event] = function (...args) {
    const result = original?.apply(this, args)
    // What is being loaded is complete a moment later.
    queueMicrotask(refreshAll)
    return result
  }
}

function change(apply, text) {
  // What the user was changing stays a step of its own.
  recordChange()
  if (!embed(apply, text)) return
  recordChange()
  refreshAll()
}

/** Fingerprint of the model of a node's last run, '' where none is known. */
function modelOf(apply) {
  const ids = applyNodes(app.rootGraph).get(apply) ?? []
  return ids.map((id) => lastOf(id)?.model).findLast(Boolean) ?? ''
}

const plans = planActions({ change, modelOf })

// -- prompts ----------------------------------------------------------------------------------------------------------

function begun({ detail }) {
  busy = detail?.prompt_id ?? null
  refreshAll()
}

function ended({ detail }) {
  if (detail?.prompt_id === busy) busy = null
  if (lost && detail?.prompt_id === lost.id) {
    const { id } = lost
    lost = null
    recover(id).catch(complain)
  }
  refreshAll()
}

/** Once, when there is a workflow: a prompt that is running since before the page was loaded. */
async function lookForLost() {
  if (looked) return
  looked = true
  const [entry] = await running(api)
  if (!entry || busy === entry.id) return
  const { workflows } = await originOf(api, entry.id, app.extensionManager.workflow.openWorkflows)
  if (!workflows.length) return
  busy = entry.id
  lost = entry
  refreshAll()
}

/** The last that was said in a prompt that is over. A plan is not in it: the next run sends what a node lacks. */
async function recover(promptId) {
  const outputs = Object.values((await recordOf(api, promptId))?.outputs ?? {})
  for (const output of outputs) {
    const report = output?.ditfastattn_apply?.at(-1)?.reports?.findLast((one) => one.prompt === promptId)
    if (report && lastOf(report.node)?.prompt !== promptId) await arrived(report)
  }
}

function lastOf(executionId) {
  return told.get(activeWorkflow())?.reports.get(executionId)
}

function complain(error) {
  console.warn('[DiTFastAttn] The node may not say what its last run was:', error)
}

api.addEventListener(EVENT, ({ detail }) => void arrived(detail).catch(complain))
api.addEventListener('execution_start', begun)
for (const event of ['execution_success', 'execution_error', 'execution_interrupted']) api.addEventListener(event, ended)

app.registerExtension({
  name: 'ditfastattn.apply',

  commands: plans.commands,

  setup() {
    setInterval(refreshAll, LOOK_EVERY)
  },

  nodeCreated(node) {
    if (node.comfyClass === APPLY) setUp(node)
  },

  afterConfigureGraph() {
    // A picture carries the mark of the prompt that made it.
    unmark(app.rootGraph)
    setTimeout(deliver)
  },

  // Called when another workflow comes on screen; the switch is complete a moment later.
  onNodeOutputsUpdated() {
    setTimeout(deliver)
  },

  getNodeMenuItems: plans.menuItems
})
