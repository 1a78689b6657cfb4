// The few sentences that the editor shows by itself, in the languages that the pack is translated to.

const TEXTS = {
  en: {
    none: 'No plan: connect DiTFastAttn Calibrate, or paste a plan',
    linked: 'Plan by link: it is embedded here once Calibrate has run',
    shared: 'Plan {id} embedded: this workflow can be shared without Calibrate',
    embedded: 'Plan {id} embedded ({family}, {layers} layers)',
    damaged: 'The embedded text is not a plan: remove it or paste another',
    copy: 'Copy plan',
    paste: 'Paste plan',
    remove: 'Remove embedded plan',
    copied: 'Plan {id} copied',
    copyByHand: 'The browser gives no access to the clipboard here: copy this text.',
    pasteByHand: "Paste the plan's text.",
    notAPlan: 'That text is not a compression plan'
  },
  zh: {
    none: '没有方案：请连接“DiTFastAttn 校准”，或粘贴方案',
    linked: '方案由连线传入：校准运行后会嵌入此处',
    shared: '已嵌入方案 {id}：分享此工作流时不再需要校准',
    embedded: '已嵌入方案 {id}（{family}，{layers} 层）',
    damaged: '嵌入的文本不是方案：请移除或重新粘贴',
    copy: '复制方案',
    paste: '粘贴方案',
    remove: '移除嵌入的方案',
    copied: '已复制方案 {id}',
    copyByHand: '浏览器在此处不允许访问剪贴板：请手动复制这段文本。',
    pasteByHand: '请粘贴方案文本。',
    notAPlan: '这段文本不是压缩方案'
  }
}

/** A sentence in the editor's language, with {name} replaced by values.name. */
export function sentence(locale, key, values = {}) {
  const texts = String(locale ?? 'en').toLowerCase().startsWith('zh') ? TEXTS.zh : TEXTS.en
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '?')
}
