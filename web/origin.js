// Which open workflow a prompt was queued from.
//
// The server's messages name a prompt and a node, and node ids repeat in every workflow: a message about node 7 also
// reaches node 7 of whatever is on screen. So what is queued carries a mark, for the moment in which it is written
// down, and the workflow that the server has on record for a prompt is known by its mark.

const MARK = 'ditfastattn_queued'
const KEPT = 64

// Mark -> { workflow, again: execution ids of nodes that asked for a new calibration }
const queued = new Map()
// Prompt id -> promise of its origin: messages of a prompt are to stay in their order
const origins = new Map()
let current = null

/** A workflow is about to be queued: mark it. Called once for each node that cares. */
export function mark(graph, workflow) {
  if (!workflow || (current && graph.extra?.[MARK] === current.id)) return
  current = { id: crypto.getRandomValues(new Uint32Array(4)).join('-'), workflow, again: new Set() }
  remember(queued, current.id, current)
  graph.extra ??= {}
  graph.extra[MARK] = current.id
  // Where nothing came of it.
  setTimeout(() => unmark(graph))
}

/** What is queued has been written down: nothing else is to carry the mark. Returns what is known of it. */
export function unmark(graph) {
  if (graph.extra) delete graph.extra[MARK]
  return current
}

/** What the server has on record for a prompt: { workflow, client, outputs: by node }; null when nothing is. */
export async function recordOf(api, promptId) {
  // In this order: a prompt that ends in between is found in the second place.
  const now = (await json(api, '/queue'))?.queue_running?.find(([, id]) => id === promptId)
  const past = now ? null : (await json(api, `/history/${encodeURIComponent(promptId)}`))?.[promptId]
  const extra = (now ?? past?.prompt)?.[3]
  if (!extra) return null
  return { workflow: extra?.extra_pnginfo?.workflow, client: extra?.client_id, outputs: past?.outputs }
}

/** Open workflows that a prompt was queued from, and the nodes that asked for a new calibration in it. */
export function originOf(api, promptId, openWorkflows) {
  const known = origins.get(promptId)
  if (known) return known
  const origin = lookUp(api, promptId, openWorkflows)
  remember(origins, promptId, origin)
  return origin
}

async function lookUp(api, promptId, openWorkflows) {
  const record = await recordOf(api, promptId)
  if (!record?.workflow) return { workflows: [], again: new Set() }
  const known = queued.get(record.workflow.extra?.[MARK])
  if (known) return { workflows: [known.workflow], again: known.again }
  // Queued by this page before it was reloaded. Two tabs of one workflow cannot be told apart then.
  const same = openWorkflows.filter((one) => record.workflow.id && one.activeState?.id === record.workflow.id)
  const ours = record.client && record.client === api.clientId && same.length === 1
  return { workflows: ours ? same : [], again: new Set() }
}

/** The prompts that the server is busy with: [{ id, nodes }]. */
export async function running(api) {
  const queue = await json(api, '/queue')
  return (queue?.queue_running ?? []).map(([, id, prompt]) => ({ id, nodes: Object.keys(prompt ?? {}) }))
}

async function json(api, route) {
  const response = await api.fetchApi(route)
  return response.ok ? response.json() : null
}

function remember(map, key, value) {
  map.set(key, value)
  while (map.size > KEPT) map.delete(map.keys().next().value)
}
