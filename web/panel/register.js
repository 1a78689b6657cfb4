// Brings the panel into the editor: the sidebar's tab, and the same panel inside Attention Stats.

import { originOf } from '../origin.js'
import { createActions } from './actions.js'
import * as editor from './editor.js'
import { createFeed } from './feed.js'
import { createRuns } from './runs.js'
import { addSidebarTab, TITLE } from './sidebar.js'
import { createStatsViews, STATS } from './stats_node.js'
import { createView } from './view.js'

// For what changes the graph without telling anybody: a level set on the node, another workflow, another language.
const LOOK_EVERY = 1000

const { api, app } = editor
const watchers = new Set()
const lookers = new Set()
const shown = []
const changed = () => watchers.forEach((watcher) => watcher())
const look = () => lookers.forEach((looker) => looker())
const runs = createRuns(changed)
const actions = createActions(editor, () => {
  changed()
  look()
})
const feed = createFeed({
  api,
  runs,
  changed,
  told: (run, executed) => void stats.told(run, executed).catch(complain),
  isShown: () => shown.some((one) => one.element.isConnected)
})
const stats = createStatsViews({
  editor: { ...editor, workflowsOf: async (prompt) => (await originOf(api, prompt, editor.openWorkflows())).workflows },
  runs,
  feed,
  actions
})

function complain(error) {
  console.warn('[DiTFastAttn] Attention Stats may not show its last run:', error)
}

app.registerExtension({
  name: 'ditfastattn.panel',

  setup() {
    const view = createView({ editor, runs, feed, actions, pick: () => runs.newest(), title: TITLE })
    const badge = addSidebarTab({ manager: editor.manager(), view, runs, feed })
    for (const watcher of [view.changed, badge, stats.changed]) watchers.add(watcher)
    shown.push(view)
    for (const looker of [view.look, stats.look]) lookers.add(looker)
    setInterval(look, LOOK_EVERY)
    feed.ask()
  },

  nodeCreated(node) {
    if (node.comfyClass === STATS) stats.add(node)
  },

  // Called when another workflow comes on screen; the switch is complete a moment later.
  onNodeOutputsUpdated() {
    setTimeout(() => {
      changed()
      look()
    })
  }
})
