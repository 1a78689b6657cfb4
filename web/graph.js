// Questions about nodes and links, asked only of documented graph methods.

export const CALIBRATE = 'DiTFastAttnCalibrate'
export const APPLY = 'DiTFastAttnApplyPlan'
const ACTIVE = 0

/** The node that an execution id ("7", or "5:2" inside a subgraph) names; null when it is not there. */
export function nodeAt(graph, executionId) {
  const [first, ...rest] = String(executionId).split(':')
  // Ids are numbers in older front ends and text in newer ones.
  const node = graph?.getNodeById(first) ?? graph?.getNodeById(Number(first)) ?? null
  return rest.length && node ? nodeAt(node.subgraph, rest.join(':')) : node
}

/** The Apply nodes that this node's plan is linked to, through reroutes. */
export function receivers(node) {
  const targets = node.getOutputNodes?.(0) ?? []
  return targets.flatMap((target) => {
    if (target.type === 'Reroute') return receivers(target)
    return target.comfyClass === APPLY ? [target] : []
  })
}

/** Whether a plan arrives by link when the workflow is queued: only then does the linked plan go before the embedded one. */
export function hasLiveCalibrate(apply) {
  let node = sourceOf(apply, apply.findInputSlot('plan_in'))
  for (let hops = 0; node?.type === 'Reroute' && hops < 100; hops++) node = sourceOf(node, 0)
  return node?.comfyClass === CALIBRATE && (node.mode ?? ACTIVE) === ACTIVE
}

function sourceOf(node, slot) {
  return slot >= 0 ? node.getInputNode(slot) : null
}

/** The hidden widget that holds the plan's text. */
export function planWidget(apply) {
  return apply.widgets?.find((widget) => widget.name === 'plan')
}
