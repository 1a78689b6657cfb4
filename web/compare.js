// The editor's side of DiTFastAttn A/B: each node shows what its last run gave, in the workflow that was queued.

import { api } from '../../scripts/api.js'
import { app } from '../../scripts/app.js'
import { createView } from './compare_view.js'
import { activeWorkflow, isOpening, openWorkflows } from './editor.js'
import { nodesOf } from './graph.js'
import { originOf, recordOf } from './origin.js'

const COMPARE = 'DiTFastAttnCompare'
const OUTPUT = 'ditfastattn_compare'
// Not one of the front end's own widget types, which would replace the element.
const TYPE = 'ditfastattn_compare_view'
const WIDTH = 420
const HEIGHT = 380
// Prompts to look through after the page was reloaded.
const LOOK_BACK = 16

const views = new WeakMap()
// Results by execution id, of each workflow
const results = new WeakMap()

const urlOf = (picture) => api.apiURL(`/view?${new URLSearchParams(picture)}`)

function setUp(node) {
  const view = createView()
  // After all saved widgets: one that is not saved, placed before them, would shift their saved values.
  const widget = node.addDOMWidget('ditfastattn_compare', TYPE, view.element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => HEIGHT,
    getValue: () => '',
    setValue: () => {}
  })
  widget.serialize = false
  views.set(node, view)
  view.show(null, urlOf)
  const [width, height] = node.computeSize()
  node.setSize([Math.max(node.size[0], width, WIDTH), Math.max(node.size[1], height)])
}

async function executed({ detail }) {
  const result = detail?.output?.[OUTPUT]?.at(-1)
  if (!result) return
  const { workflows } = await originOf(api, detail.prompt_id, openWorkflows())
  for (const workflow of workflows) {
    const known = resultsOf(workflow)
    known.delete(String(detail.node))
    known.set(String(detail.node), result)
  }
  render()
}

function resultsOf(workflow) {
  if (!results.has(workflow)) results.set(workflow, new Map())
  return results.get(workflow)
}

function render() {
  const workflow = activeWorkflow()
  if (!workflow || isOpening(workflow)) return
  const known = resultsOf(workflow)
  for (const [node, ids] of nodesOf(app.rootGraph, COMPARE)) {
    // The last one, where a subgraph is used more than once.
    const last = [...known.keys()].filter((id) => ids.includes(id)).at(-1)
    views.get(node)?.show(known.get(last) ?? null, urlOf)
  }
}

/** Another workflow is on screen, for the first time or again. outputs: the front end's, by the place of the node. */
async function look(outputs) {
  const workflow = activeWorkflow()
  if (!workflow) return
  if (isOpening(workflow)) {
    setTimeout(() => void look(outputs).catch(complain), 50)
    return
  }
  const isNew = !results.has(workflow)
  render()
  if (!isNew) return
  const known = resultsOf(workflow)
  const missing = new Set()
  for (const [node, ids] of nodesOf(app.rootGraph, COMPARE)) {
    const place = node.graph === app.rootGraph ? String(node.id) : `${node.graph.id}:${node.id}`
    const result = outputs?.[place]?.[OUTPUT]?.at(-1)
    // A run of another workflow that ended just now may have written to the node of the same number in this one.
    const isOurs = result && (await isOf(result, workflow))
    for (const id of ids) {
      if (!isOurs) missing.add(id)
      else if (!known.has(id)) known.set(id, result)
    }
  }
  if (missing.size) await lookBack(workflow, missing)
  render()
}

async function isOf({ prompt }, workflow) {
  const record = prompt ? await recordOf(api, prompt) : null
  return Boolean(record?.workflow?.id) && record.workflow.id === workflow.activeState?.id
}

/** What the server still has of runs that this page queued before it was reloaded. */
async function lookBack(workflow, missing) {
  const response = await api.fetchApi(`/history?max_items=${LOOK_BACK}`)
  if (!response.ok) return
  const past = new Map()
  for (const [promptId, { outputs }] of Object.entries(await response.json())) {
    const found = Object.entries(outputs ?? {}).filter(([id, output]) => missing.has(id) && output?.[OUTPUT])
    if (!found.length) continue
    const { workflows } = await originOf(api, promptId, openWorkflows())
    if (!workflows.includes(workflow)) continue
    for (const [id, output] of found) past.set(id, output[OUTPUT].at(-1))
  }
  // A run that ended meanwhile is newer.
  const known = resultsOf(workflow)
  for (const [id, result] of past) if (!known.has(id)) known.set(id, result)
}

function complain(error) {
  console.warn('[DiTFastAttn] The pictures of A/B may not be shown:', error)
}

api.addEventListener('executed', (event) => void executed(event).catch(complain))

app.registerExtension({
  name: 'DiTFastAttn.Compare',

  nodeCreated(node) {
    if (node.comfyClass === COMPARE) setUp(node)
  },

  afterConfigureGraph() {
    setTimeout(() => void look().catch(complain))
  },

  // Called when another workflow comes on screen, or a run of the past; the switch is complete a moment later.
  onNodeOutputsUpdated(outputs) {
    setTimeout(() => void look(outputs).catch(complain))
  }
})
