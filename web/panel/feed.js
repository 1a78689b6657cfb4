// How the panel learns of runs: the server's messages, its list of runs, and what Attention Stats puts out.

const ROUTE = '/ditfastattn/runs'
const AGAIN_AFTER = 1000

/**
 * { state(): 'loading', 'ready' or 'failed', ask() }. told(run, executed): a node put out the document of a run, or of none
 * (null); executed: { prompt, node, notes }. changed(): the state did. isShown(): whether somebody
 * is looking.
 */
export function createFeed({ api, runs, told, changed, isShown }) {
  let state = 'loading'
  let asking = null
  let askedAt = 0
  let timer = null
  let heard = false

  /** All runs that the server has: after a reload, a lost connection, or in another tab. */
  function ask() {
    asking ??= answer().finally(() => {
      asking = null
      askedAt = Date.now()
      changed()
    })
    return asking
  }

  async function answer() {
    // A run that begins while the answer is on its way is not in it.
    const before = new Set(runs.all().map(({ document }) => document.id))
    try {
      const response = await api.fetchApi(ROUTE)
      if (!response.ok) throw new Error(`${response.status}`)
      const found = (await response.json()).runs
      for (const one of found) runs.put(one)
      // A server that was started anew knows nothing of what it did before.
      const known = new Set(found.map(({ id }) => id))
      runs.end(({ id }) => before.has(id) && !known.has(id), 'failed')
      state = 'ready'
    } catch {
      state = runs.newest() ? 'ready' : 'failed'
    }
  }

  /** The same, at most once in a while. */
  function askSoon() {
    timer ??= setTimeout(() => {
      timer = null
      ask()
    }, Math.max(0, askedAt + AGAIN_AFTER - Date.now()))
  }

  api.addEventListener('ditfastattn.run', ({ detail }) => {
    heard = true
    runs.put(detail)
  })
  api.addEventListener('ditfastattn.step', ({ detail }) => {
    heard = true
    if (!runs.step(detail)) askSoon()
  })
  // All tabs are told that the queue moves on, and only the one that queued a prompt of its runs.
  api.addEventListener('status', () => {
    if (!heard && isShown()) askSoon()
    heard = false
  })
  api.addEventListener('executed', ({ detail }) => {
    for (const one of detail?.output?.ditfastattn ?? []) {
      told(runs.put(one), { prompt: detail.prompt_id, node: String(detail.node), notes: one?.notes ?? [] })
    }
  })
  for (const [event, how] of [['execution_interrupted', 'cancelled'], ['execution_error', 'failed']]) {
    api.addEventListener(event, ({ detail }) => {
      // The server says it better a moment later, if it can.
      const id = detail?.prompt_id
      if (id) setTimeout(() => runs.end(({ prompt }) => prompt === id, how), AGAIN_AFTER)
    })
  }
  api.addEventListener('reconnected', ask)
  return { state: () => state, ask, askSoon }
}
