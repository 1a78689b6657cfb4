// The few sentences that the editor shows by itself, in the languages that the pack is translated to.

const TEXTS = {
  en: {
    none: ['No plan yet', 'Connect DiTFastAttn Calibrate, or right-click to paste a plan. Until then attention is computed in full.'],
    linked: ['Plan by link, embedded after calibration', 'Once Calibrate has run, its plan is kept in this node and saved with the workflow.'],
    shared: ['Plan {id} embedded, ready to share', 'The plan is saved with this workflow: whoever opens it does not need Calibrate.'],
    embedded: ['Plan {id} embedded', 'For {family} with {layers} attention layers. It is saved with this workflow.'],
    damaged: ['The embedded text is not a plan', 'Right-click to remove it or to paste another.'],
    copy: 'Copy plan',
    paste: 'Paste plan',
    remove: 'Remove embedded plan',
    copied: 'Plan {id} copied',
    copyByHand: 'The browser gives no access to the clipboard here: copy this text.',
    pasteByHand: "Paste the plan's text.",
    notAPlan: 'That text is not a compression plan',
    tooLong: 'That text is too long for a compression plan'
  },
  zh: {
    none: ['尚无方案', '请连接“DiTFastAttn 校准”，或在右键菜单中粘贴方案。在此之前使用完整注意力。'],
    linked: ['方案由连线传入，校准后嵌入此处', '校准运行后，方案会保存在本节点中，并随工作流一起保存。'],
    shared: ['已嵌入方案 {id}，可以分享', '方案已随此工作流保存：打开它的人不再需要校准。'],
    embedded: ['已嵌入方案 {id}', '适用于 {family}，{layers} 个注意力层。已随此工作流保存。'],
    damaged: ['嵌入的文本不是方案', '请在右键菜单中移除或重新粘贴。'],
    copy: '复制方案',
    paste: '粘贴方案',
    remove: '移除嵌入的方案',
    copied: '已复制方案 {id}',
    copyByHand: '浏览器在此处不允许访问剪贴板：请手动复制这段文本。',
    pasteByHand: '请粘贴方案文本。',
    notAPlan: '这段文本不是压缩方案',
    tooLong: '这段文本过长，不是压缩方案'
  }
}

/** A sentence in the editor's language, with {name} replaced by values.name; for a state, [short, explanation]. */
export function sentence(locale, key, values = {}) {
  const texts = String(locale ?? 'en').toLowerCase().startsWith('zh') ? TEXTS.zh : TEXTS.en
  const filled = (text) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '?')
  return Array.isArray(texts[key]) ? texts[key].map(filled) : filled(texts[key])
}
