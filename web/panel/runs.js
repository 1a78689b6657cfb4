// The runs that the panel knows: the server's documents, and what its messages of single steps add to them. No page.

// As many as the server keeps.
export const KEPT = 8
const VERSION = 1
export const RUNNING = 'running'
const STATES = [RUNNING, 'done', 'cancelled', 'failed']

/**
 * The runs, oldest first: [{ document, whole }]. whole counts the documents that came for a run, so that what was drawn
 * of one is known to be out of date. changed(run): called after every change, with the run that did.
 */
export function createRuns(changed) {
  let runs = []

  const find = (id) => runs.find((run) => run.document.id === id)

  /** A whole document. Returns its run, or null for what is none. */
  function put(given) {
    const document = complete(given)
    if (!document) return null
    let run = find(document.id)
    if (!run) {
      run = { document, whole: 1 }
      runs = [...runs, run].sort((a, b) => a.document.started - b.document.started).slice(-KEPT)
      // Of a cached result, from long ago: for who asked, and not one of the last.
      if (!runs.includes(run)) return run
    } else if (isNews(document, run.document)) {
      run.document = document
      run.whole += 1
    } else {
      return run
    }
    changed(run)
    return run
  }

  /** One step more. Returns null where the run, or a step before, is not known: the server has to be asked for it. */
  function step(message) {
    if (message?.v !== VERSION) return null
    const run = find(message.id)
    if (!run) return null
    const { document } = run
    // Of a long run, only the last steps are sent.
    const from = number(message.from) ?? 0
    if (from > document.done.length) return null
    const done = [...document.done.slice(0, from), ...list(message.done)]
    // A message that was overtaken, or is of a run that is over.
    if (document.state !== RUNNING || done.length < document.done.length) return run
    document.done = done
    for (const name of ['kept', 'seconds', 'speed', 'dense', 'cache']) document[name] = message[name] ?? document[name]
    if (STATES.includes(message.state)) document.state = message.state
    changed(run)
    return run
  }

  /** What is known of runs that are over, where the server could not say it itself. ended(document): which they are. */
  function end(ended, state) {
    for (const run of runs) {
      if (run.document.state === RUNNING && ended(run.document)) {
        run.document.state = state
        run.whole += 1
        changed(run)
      }
    }
  }

  return { put, step, end, find, all: () => runs, newest: () => runs.at(-1) ?? null }
}

/** A document that is asked for may be older than the messages that came meanwhile. */
function isNews(next, known) {
  if (known.state !== RUNNING) return next.state !== RUNNING
  return next.state !== RUNNING || next.done.length >= known.done.length
}

/** A document with everything that the panel reads in its place; null for what is none of this version. */
function complete(given) {
  if (given?.v !== VERSION || !given.id || !STATES.includes(given.state)) return null
  return {
    ...given,
    kind: String(given.kind ?? 'plan'),
    node: given.node === null || given.node === undefined ? null : String(given.node),
    started: number(given.started) ?? 0,
    model: given.model ?? {},
    sampler: given.sampler ?? {},
    plan: given.plan ?? null,
    levels: list(given.levels).filter((level) => number(level?.model) !== null && number(level?.error) !== null),
    steps: list(given.steps),
    done: list(given.done),
    kept: given.kept ?? null,
    seconds: number(given.seconds),
    dense: given.dense ?? null,
    speed: given.speed ?? null,
    ceiling: number(given.ceiling),
    cache: given.cache ?? null,
    sites: list(given.sites),
    heads: list(given.heads),
    map: list(given.map).map(String),
    head_map: list(given.head_map).map(String),
    windows: given.windows ?? {},
    notes: [...list(given.notes), ...list(given.not_fused)].filter((note) => typeof note?.text === 'string'),
    guard: given.guard ?? null,
    backends: given.backends ?? {}
  }
}

function list(value) {
  return Array.isArray(value) ? value : []
}

function number(value) {
  return Number.isFinite(value) ? value : null
}
