// Adding a node where it belongs: between what gives the model and what samples it.

const MODEL = 'MODEL'
const GAP = 40

/** Add an Apply node to the graph on screen. Returns the key of a sentence: whether it is connected already. */
export function placeNode(app, type) {
  const graph = app.canvas.graph ?? app.rootGraph
  const node = LiteGraph.createNode(type)
  const ends = modelEnds(graph)
  const source = ends[0]?.source
  const isOne = source && ends.every((end) => end.source === source && end.slot === ends[0].slot)
  node.pos = isOne ? [source.pos[0] + source.size[0] + GAP, source.pos[1]] : middle(app, node)
  graph.add(node)
  if (isOne) {
    source.connect(ends[0].slot, node, node.findInputSlot('model'))
    for (const { target, input } of ends) node.connect(0, target, input)
  }
  app.canvas.selectItems?.([node])
  return isOne ? 'panel.nodeConnected' : 'panel.nodeAdded'
}

/** Inputs that take a model and whose nodes give none: [{ source, slot, target, input }]. */
function modelEnds(graph) {
  const ends = []
  for (const target of graph.nodes) {
    if (target.outputs?.some((output) => output.type === MODEL)) continue
    for (const [input, { type }] of (target.inputs ?? []).entries()) {
      if (type !== MODEL || !target.isInputConnected(input)) continue
      const link = target.getInputLink(input)
      const source = link && graph.getNodeById(link.origin_id)
      if (source) ends.push({ source, slot: link.origin_slot, target, input })
    }
  }
  return ends
}

function middle({ canvas }, node) {
  const [x, y, width, height] = canvas.visible_area
  return [x + (width - node.size[0]) / 2, y + (height - node.size[1]) / 2]
}
