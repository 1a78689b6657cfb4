// Which open workflow a prompt was queued from.
//
// The server's messages name a prompt and a node, and node ids repeat in every workflow: a message about node 7 also
// reaches node 7 of whatever is on screen. So each queued state of a workflow is remembered, and when a result
// arrives, the workflow that the server says was queued under that prompt is looked up among them.

import { APPLY } from './graph.js'

const KEPT = 16
const queuedStates = new WeakMap()

/** Text that two states of the same workflow share only if no node, link or value differs. */
export function fingerprint(workflow) {
  const graphs = [workflow, ...(workflow.definitions?.subgraphs ?? [])]
  return JSON.stringify(graphs.map((graph) => [graph.id, sorted(graph.nodes).map(nodeState), sorted(graph.links).map(linkState)]))
}

function sorted(things) {
  const id = (thing) => String(thing?.id ?? thing?.[0])
  return [...(things ?? [])].sort((a, b) => (id(a) < id(b) ? -1 : 1))
}

function nodeState(node) {
  // The embedded plan is what this is all about: it must not make a workflow differ from itself.
  const values = node.type === APPLY ? null : (node.widgets_values ?? null)
  return [node.id, node.type, node.mode ?? 0, Object.values(node.pos ?? {}), values]
}

function linkState(link) {
  return Array.isArray(link) ? link.slice(0, 5) : [link.id, link.origin_id, link.origin_slot, link.target_id, link.target_slot]
}

/** Remember the state in which a workflow is being queued. */
export function rememberQueued(workflow, state) {
  if (!workflow) return
  const states = (queuedStates.get(workflow) ?? []).filter((known) => known !== state)
  queuedStates.set(workflow, [...states, state].slice(-KEPT))
}

/** Those of the open workflows that were queued in this state. */
export function queuedFrom(workflows, state) {
  return workflows.filter((workflow) => queuedStates.get(workflow)?.includes(state))
}

/** The workflow that the server has on record for a prompt, running or done; null when there is none. */
export async function workflowOfPrompt(api, promptId) {
  if (!promptId) return null
  const queue = await json(api, '/queue')
  const running = queue?.queue_running?.find((entry) => entry[1] === promptId)
  const entry = running ?? (await json(api, `/history/${encodeURIComponent(promptId)}`))?.[promptId]?.prompt
  return entry?.[3]?.extra_pnginfo?.workflow ?? null
}

async function json(api, route) {
  const response = await api.fetchApi(route)
  return response.ok ? response.json() : null
}
