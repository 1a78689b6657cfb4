// Questions about nodes, asked only of documented graph methods. Nothing here follows a link.

export const APPLY = 'DiTFastAttnApplyPlan'
// Modes of a node in which it is left out of the prompt.
const MUTED = 2
const BYPASSED = 4

/** The node that an execution id ("7", or "5:2" inside a subgraph) names; null when it is not there. */
export function nodeAt(graph, executionId) {
  const [first, ...rest] = String(executionId).split(':')
  // Ids are numbers in older front ends and text in newer ones.
  const node = graph?.getNodeById(first) ?? graph?.getNodeById(Number(first)) ?? null
  return rest.length && node ? nodeAt(node.subgraph, rest.join(':')) : node
}

/** Every node of a type below a graph with its execution ids: more than one where its subgraph is used several times. */
export function nodesOf(graph, type, path = '', found = new Map()) {
  for (const node of graph?.nodes ?? []) {
    const id = path + node.id
    if (node.comfyClass === type) found.set(node, [...(found.get(node) ?? []), id])
    else if (node.subgraph) nodesOf(node.subgraph, type, `${id}:`, found)
  }
  return found
}

/** Every Apply node below a graph with its execution ids. */
export function applyNodes(graph) {
  return nodesOf(graph, APPLY)
}

export function widgetOf(apply, name) {
  return apply.widgets?.find((widget) => widget.name === name)
}

/** The hidden widget that holds the plan's text. */
export function planWidget(apply) {
  return widgetOf(apply, 'plan')
}

/** What is set on an Apply node. level and calibrate are null where a link gives them. */
export function settingsOf(apply) {
  return {
    text: planWidget(apply)?.value ?? '',
    level: ownValue(apply, 'level'),
    calibrate: ownValue(apply, 'calibrate'),
    skipped: apply.mode === MUTED || apply.mode === BYPASSED
  }
}

function ownValue(apply, name) {
  const slot = apply.inputs?.findIndex((input) => input.widget?.name === name) ?? -1
  return slot >= 0 && apply.isInputConnected(slot) ? null : (widgetOf(apply, name)?.value ?? null)
}
