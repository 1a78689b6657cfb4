// The panel in the sidebar, with what the newest run saves on its icon.

import { badge } from './figures.js'

const ID = 'ditfastattn'
export const TITLE = 'DiTFastAttn'

/** Register the tab. Returns changed(): to be called when runs did. */
export function addSidebarTab({ manager, view, runs, feed }) {
  manager.registerSidebarTab({
    id: ID,
    title: TITLE,
    // Two lines of the narrow bar.
    label: 'DiTFast Attn',
    tooltip: TITLE,
    icon: 'pi pi-chart-bar',
    iconBadge: '',
    type: 'custom',
    // Called again for the same element; never told when another tab takes its place.
    render: (place) => {
      place.classList.add('dfa-sidebar')
      if (!place.contains(view.element)) place.replaceChildren(view.element)
      feed.askSoon()
      view.changed()
    }
  })
  const tab = manager.getSidebarTabs().find(({ id }) => id === ID)
  return () => {
    const text = badge(runs.newest()?.document)
    if (tab && tab.iconBadge !== text) tab.iconBadge = text
  }
}
