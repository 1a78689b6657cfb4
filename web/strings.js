// The sentences that the editor shows by itself, in the languages that the pack is translated to.

// States of an Apply node: [headline, what follows from it].
const TEXTS = {
  en: {
    none: ['No plan yet', 'The next run is watched: its picture is the full one, and every run after it is compressed.'],
    never: ['No plan: full attention', "Set calibrate to 'when needed', or right-click the node to paste a plan."],
    again: ['The next run makes a new plan', 'Its picture is the full one.'],
    ready: ['Plan ready · {level}', ''],
    readyAny: ['Plan {id} ready', ''],
    remembered: ['Plan {id} is not in this node', "ComfyUI still has it, and the next run follows it. For a new one, set calibrate to 'again'."],
    noLevel: ['This plan has no level {level}', 'Choose one of {levels}.'],
    damaged: ['The text in this node is not a plan', 'Right-click to remove it or to paste another. As it is, the next run is watched and makes one.'],
    damagedNever: ['The text in this node is not a plan', 'Right-click to remove it or to paste another. As it is, attention is computed in full.'],
    off: ['Off: full attention', ''],
    offKept: ['Off: full attention', 'Plan {id} stays in this node.'],
    skipped: ['Bypassed: full attention', ''],
    busy: ['A run is under way', 'What it did is said here when it ends.'],
    watching: ['Watching this run', 'Its picture is the full one; every run after it is compressed.'],
    next: ['The next run is watched', ''],
    made: ['Plan made · {level} from the next run', ''],
    inUse: ['In use · {level}', ''],
    nothing: ['Nothing to save', ''],
    refused: ['Not compressed: full attention', ''],
    cancelled: ['Run cancelled', ''],
    figures: '{attention} of attention · {model} of all work · error {error}',
    figuresPart: '{attention} of attention · {model} of all work',
    choice: '{level} · {attention} of attention · error {error}',
    choicePart: '{level} · {attention} of attention',
    measured: 'Calibrated with {sampler}, {steps} steps, CFG {cfg}, {size} tokens.',
    copy: 'Copy plan',
    paste: 'Paste plan',
    remove: 'Remove embedded plan',
    selectOne: 'Select an Apply Compression Plan node first',
    copied: 'Plan {id} copied',
    copyByHand: 'The browser gives no access to the clipboard here: copy this text.',
    pasteByHand: "Paste the plan's text.",
    notAPlan: 'That text is not a compression plan',
    tooLong: 'That text is too long for a compression plan'
  },
  zh: {
    none: ['尚无方案', '下一次运行会被观测：该图像为完整结果，之后的每次运行都会被压缩。'],
    never: ['无方案：使用完整注意力', '请将“校准”设为“when needed”，或在右键菜单中粘贴方案。'],
    again: ['下一次运行会生成新方案', '该图像为完整结果。'],
    ready: ['方案就绪 · {level}', ''],
    readyAny: ['方案 {id} 就绪', ''],
    remembered: ['方案 {id} 不在本节点中', 'ComfyUI 仍保留着它，下一次运行会使用它。如需新方案，请将“校准”设为“again”。'],
    noLevel: ['此方案没有等级 {level}', '请选择其中之一：{levels}。'],
    damaged: ['本节点中的文本不是方案', '请在右键菜单中移除或重新粘贴。否则下一次运行会被观测并生成方案。'],
    damagedNever: ['本节点中的文本不是方案', '请在右键菜单中移除或重新粘贴。在此之前使用完整注意力。'],
    off: ['关闭：完整注意力', ''],
    offKept: ['关闭：完整注意力', '方案 {id} 保留在本节点中。'],
    skipped: ['已绕过：完整注意力', ''],
    busy: ['正在运行', '运行结束后，结果会显示在这里。'],
    watching: ['正在观测本次运行', '该图像为完整结果；之后的每次运行都会被压缩。'],
    next: ['下一次运行会被观测', ''],
    made: ['方案已生成 · 下次运行起使用 {level}', ''],
    inUse: ['使用中 · {level}', ''],
    nothing: ['没有可节省的', ''],
    refused: ['未压缩：完整注意力', ''],
    cancelled: ['运行已取消', ''],
    figures: '注意力 {attention} · 总计算量 {model} · 误差 {error}',
    figuresPart: '注意力 {attention} · 总计算量 {model}',
    choice: '{level} · 注意力 {attention} · 误差 {error}',
    choicePart: '{level} · 注意力 {attention}',
    measured: '校准条件：{sampler}，{steps} 步，CFG {cfg}，{size} 个 token。',
    copy: '复制方案',
    paste: '粘贴方案',
    remove: '移除嵌入的方案',
    selectOne: '请先选中一个“应用压缩方案”节点',
    copied: '已复制方案 {id}',
    copyByHand: '浏览器在此处不允许访问剪贴板：请手动复制这段文本。',
    pasteByHand: '请粘贴方案文本。',
    notAPlan: '这段文本不是压缩方案',
    tooLong: '这段文本过长，不是压缩方案'
  }
}

/** A sentence in the editor's language, with {name} replaced by values.name; for a state, [headline, sentence]. */
export function sentence(locale, key, values = {}) {
  const texts = String(locale ?? 'en').toLowerCase().startsWith('zh') ? TEXTS.zh : TEXTS.en
  const filled = (text) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '?')
  return Array.isArray(texts[key]) ? texts[key].map(filled) : filled(texts[key])
}

/** Figures as people read them: fractions in per cent, the error with two digits; null for what is not known. */
export function readable({ attention, model, error }) {
  const percent = (part) => (part === null ? null : `${Math.round(100 * part)} %`)
  return { attention: percent(attention), model: percent(model), error: error === null ? null : error.toFixed(2) }
}
