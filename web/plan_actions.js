// What can be done with the plan of a node: in its menu, and as commands, which can be bound to keys.

import { app } from '../../scripts/app.js'
import { part, say, toast } from './editor.js'
import { APPLY, planWidget } from './graph.js'
import { choosePlan } from './plan_dialog.js'
import * as library from './plan_library.js'
import { describePlan, isTooLong, MAX_LENGTH } from './plan_text.js'

const JSON_TYPE = 'application/json'
// Characters of a plan are one byte each, but for what an editor of texts puts before them.
const MOST_BYTES = MAX_LENGTH + 16

/**
 * change(apply, text): puts a text into a node, as one step that can be undone. modelOf(apply): fingerprint of the
 * model that the node had in its last run, '' where it is not known. Returns { commands, menuItems(node) }.
 */
export function planActions({ change, modelOf }) {
  const take = (apply, text) => {
    if (text == null) return
    if (!describePlan(text)) toast('warn', say(isTooLong(text) ? 'tooLong' : 'notAPlan'))
    else change(apply, text.trim())
  }
  const actions = {
    copy: { id: 'CopyPlan', needsPlan: true, run: copy },
    paste: { id: 'PastePlan', run: async (apply) => take(apply, await pasted()) },
    remove: { id: 'RemovePlan', needsPlan: true, run: (apply) => change(apply, '') },
    savePlan: { id: 'SavePlan', needsPlan: true, run: save },
    loadPlan: { id: 'LoadPlan', run: async (apply) => take(apply, await choosePlan(modelOf(apply))) },
    downloadPlan: { id: 'DownloadPlan', needsPlan: true, run: download },
    openPlan: { id: 'OpenPlan', run: async (apply) => take(apply, await opened()) }
  }
  const attempt = async ({ run }, apply) => {
    try {
      await run(apply)
    } catch (error) {
      toast('error', say('libraryFailed', { reason: error.message }))
    }
  }
  const runOnSelected = (action) => {
    const [apply] = [...app.canvas.selectedItems].filter((item) => item.comfyClass === APPLY)
    if (!apply) toast('warn', say('selectOne'))
    else if (action.needsPlan && !planWidget(apply)?.value) toast('warn', say('noPlan'))
    else return attempt(action, apply)
  }
  return {
    commands: Object.entries(actions).map(([key, action]) => ({
      id: `DiTFastAttn.${action.id}`,
      label: () => say(key),
      function: () => runOnSelected(action)
    })),
    menuItems(node) {
      if (node.comfyClass !== APPLY || !planWidget(node)) return []
      const items = Object.entries(actions).map(([key, action]) => ({
        content: say(key),
        disabled: Boolean(action.needsPlan) && !planWidget(node).value,
        callback: () => void attempt(action, node)
      }))
      return [null, ...items]
    }
  }
}

async function copy(apply) {
  const text = planWidget(apply).value
  try {
    await navigator.clipboard.writeText(text)
    toast('success', say('copied', describePlan(text) ?? {}))
  } catch {
    // No clipboard without https, or without permission.
    await app.extensionManager.dialog.prompt({ title: say('copy'), message: say('copyByHand'), defaultValue: text })
  }
}

async function pasted() {
  try {
    return await navigator.clipboard.readText()
  } catch {
    return app.extensionManager.dialog.prompt({ title: say('paste'), message: say('pasteByHand') })
  }
}

async function save(apply) {
  const text = planWidget(apply).value
  const plan = describePlan(text)
  if (!plan) return toast('warn', say('notAPlan'))
  const { dialog } = app.extensionManager
  const title = say('savePlan')
  const wanted = await dialog.prompt({ title, message: say('nameOfPlan'), defaultValue: nameOf(plan) })
  if (wanted == null) return
  const name = library.cleanName(wanted)
  if (!name) return toast('warn', say('nameless'))
  if (!(await library.write(name, text))) {
    if (!(await dialog.confirm({ title, message: say('replaceNamed', { name }), type: 'overwrite' }))) return
    await library.write(name, text, true)
  }
  toast('success', say('saved', { name }))
}

function download(apply) {
  const text = planWidget(apply).value
  const plan = describePlan(text)
  if (!plan) return toast('warn', say('notAPlan'))
  const link = part('a')
  link.href = URL.createObjectURL(new Blob([text], { type: JSON_TYPE }))
  link.download = `${nameOf(plan)}.json`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}

/** The text of a file that the user picks; null where none is picked. */
function opened() {
  return new Promise((resolve) => {
    const input = part('input')
    input.type = 'file'
    input.accept = `.json,${JSON_TYPE}`
    input.addEventListener('cancel', () => resolve(null))
    input.addEventListener('change', () => {
      const [file] = input.files
      // Longer than any plan: not read at all.
      if (!file) resolve(null)
      else if (file.size > MOST_BYTES) resolve(' '.repeat(MAX_LENGTH + 1))
      else file.text().then(resolve, () => resolve(''))
    })
    input.click()
  })
}

function nameOf(plan) {
  return library.cleanName(`${plan.family} ${plan.measured.steps} steps ${plan.id}`)
}
