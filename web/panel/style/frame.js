// The frame of the panel, its headline and figures.

export default `
/* The panel. Every colour comes from the theme, or is mixed from the theme's ink and paper, so that custom palettes have
   their say; only the ways have colours of their own, those of the report's plot, lightened where the theme is dark. */

.dfa {
  --dfa-ink: var(--fg-color, var(--base-foreground, #222));
  --dfa-paper: var(--comfy-menu-bg, var(--base-background, #fff));
  --dfa-soft: color-mix(in srgb, var(--dfa-ink) 72%, var(--dfa-paper));
  --dfa-edge: color-mix(in srgb, var(--dfa-ink) 16%, var(--dfa-paper));
  --dfa-track: color-mix(in srgb, var(--dfa-ink) 12%, var(--dfa-paper));
  --dfa-ghost: color-mix(in srgb, var(--dfa-ink) 24%, var(--dfa-paper));
  --dfa-accent: color-mix(in srgb, var(--primary-background, #0b8ce9) 80%, var(--dfa-ink));
  --dfa-alert: var(--error-text, #c33);
  --dfa-f: #005488;
  --dfa-f-mark: #fff;
  --dfa-w: #f3b233;
  --dfa-w-mark: #462c00;
  --dfa-q: #7e57c2;
  --dfa-q-mark: #ffffff;
  --dfa-b: #cc79a7;
  --dfa-b-mark: #280a1c;
  --dfa-d: #d55e00;
  --dfa-d-mark: #fff;
  --dfa-r: #bee1f5;
  --dfa-r-mark: #004670;
  --dfa-p: color-mix(in srgb, var(--dfa-ink) 7%, var(--dfa-paper));
  --dfa-p-mark: color-mix(in srgb, var(--dfa-ink) 72%, var(--dfa-paper));
  --dfa-x: color-mix(in srgb, var(--dfa-ink) 30%, var(--dfa-paper));
  --dfa-x-mark: var(--dfa-ink);

  position: relative;
  box-sizing: border-box;
  overflow: hidden auto;
  /* What changes here is laid out here. */
  contain: strict;
  scrollbar-width: thin;
  scrollbar-gutter: stable;
  background: var(--dfa-paper);
  color: var(--dfa-ink);
  font-family: Inter, system-ui, sans-serif;
  font-size: 12px;
  line-height: 1.45;
  font-variant-numeric: tabular-nums;
  text-align: left;
  overflow-wrap: anywhere;
}
.dark-theme .dfa {
  --dfa-f: #4d9fd6;
  --dfa-f-mark: #00121f;
  --dfa-d-mark: #1f0d00;
}
.dfa *,
.dfa *::before {
  box-sizing: border-box;
}
.dfa [hidden] {
  display: none;
}
.dfa-sidebar {
  height: 100%;
}
.dfa-sidebar > .dfa {
  height: 100%;
  padding: 0 6px 16px 16px;
}
.dfa-title {
  position: sticky;
  z-index: 1;
  top: 0;
  margin: 0 0 12px;
  padding: 14px 0 10px;
  border-bottom: 1px solid var(--dfa-edge);
  background: var(--dfa-paper);
  font-size: 14px;
  font-weight: 700;
}
.dfa-in-node {
  position: relative;
  width: 100%;
  height: 100%;
  min-height: 260px;
}
.dfa-in-node > .dfa {
  position: absolute;
  inset: 0;
  padding: 12px 4px 12px 12px;
  border: 1px solid var(--dfa-edge);
  border-radius: 8px;
}
.dfa-unseen {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

/* -- parts -- */
.dfa-section {
  margin-top: 18px;
}
.dfa-section > header {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  justify-content: space-between;
  gap: 4px 8px;
  min-height: 26px;
  margin-bottom: 6px;
}
.dfa h3 {
  margin: 0;
  font-size: 12px;
  font-weight: 600;
  color: var(--dfa-ink);
}
.dfa p {
  margin: 0;
}
.dfa button,
.dfa select {
  font: inherit;
  color: inherit;
  cursor: pointer;
}
.dfa :focus-visible {
  outline: 2px solid var(--dfa-accent);
  outline-offset: 2px;
}
.dfa-button,
.dfa-select {
  min-height: 26px;
  padding: 2px 10px;
  border: 1px solid var(--dfa-edge);
  border-radius: 6px;
  background: transparent;
}
.dfa-button:hover,
.dfa-select:hover {
  background: var(--dfa-track);
}
.dfa-button[aria-disabled] {
  color: var(--dfa-soft);
  cursor: default;
}
.dfa-select {
  max-width: calc(100% - 124px);
  padding: 1px 4px;
  background: var(--dfa-paper);
}
.dfa-link {
  padding: 0;
  border: 0;
  background: none;
  text-decoration: underline;
  text-underline-offset: 2px;
}
.dfa-choices {
  display: inline-flex;
  padding: 2px;
  border-radius: 6px;
  background: var(--dfa-track);
}
.dfa-choices button {
  min-height: 20px;
  padding: 0 7px;
  border: 0;
  border-radius: 4px;
  background: none;
  color: var(--dfa-soft);
}
.dfa-choices button:hover {
  color: var(--dfa-ink);
}
.dfa-choices button[aria-pressed='true'] {
  background: var(--dfa-paper);
  color: var(--dfa-ink);
  font-weight: 600;
}

/* -- head -- */
.dfa-state {
  display: flex;
  align-items: center;
  gap: 8px;
  min-height: 18px;
  color: var(--dfa-soft);
}
.dfa-state > .dfa-link {
  margin-left: auto;
  white-space: nowrap;
}
.dfa-dot {
  flex: none;
  width: 9px;
  height: 9px;
  border: 2px solid var(--dfa-soft);
  border-radius: 50%;
}
.dfa-dot[data-state='running'] {
  border-color: var(--dfa-accent);
  background: var(--dfa-accent);
}
.dfa-dot[data-state='done'] {
  background: var(--dfa-soft);
}
.dfa-dot[data-state='cancelled'] {
  border-radius: 2px;
}
.dfa-dot[data-state='failed'],
.dfa-dot[data-state='refused'] {
  border-color: var(--dfa-alert);
  border-radius: 2px;
  transform: rotate(45deg);
}
.dfa-headline {
  margin-top: 4px;
  font-size: 24px;
  font-weight: 600;
  line-height: 1.25;
  letter-spacing: -0.01em;
}
.dfa-under {
  min-height: 18px;
  color: var(--dfa-soft);
}
.dfa-how {
  min-height: 16px;
  font-size: 11px;
  color: var(--dfa-soft);
}
.dfa-meters {
  display: grid;
  gap: 10px;
  margin-top: 14px;
}
.dfa-meter {
  display: grid;
  grid-template-columns: 1fr auto;
  align-items: baseline;
  gap: 2px 8px;
}
.dfa-meter-under {
  min-height: 17px;
  grid-column: 1 / -1;
  grid-row: 3;
  color: var(--dfa-soft);
}
.dfa-meter-name,
.dfa-meter-figure {
  font-weight: 600;
}
.dfa-meter-bar {
  position: relative;
  grid-column: 1 / -1;
  height: 8px;
}
.dfa-meter-track {
  display: block;
  width: 100%;
  height: 100%;
  border-radius: 4px;
  background: var(--dfa-track);
}
.dfa-meter-fill {
  fill: var(--dfa-accent);
}
.dfa-meter-tick {
  position: absolute;
  top: -3px;
  bottom: -3px;
  width: 2px;
  margin-left: -1px;
  background: var(--dfa-ink);
  box-shadow: 0 0 0 1px var(--dfa-paper);
}
.dfa-facts {
  display: grid;
  grid-template-columns: repeat(auto-fill, minmax(104px, 1fr));
  gap: 8px 12px;
  margin: 14px 0 0;
}
.dfa-facts dt {
  color: var(--dfa-soft);
}
.dfa-facts dd {
  margin: 0;
}
.dfa-facts dd > span,
.dfa-facts small {
  display: block;
}
.dfa small {
  font-size: 11px;
  color: var(--dfa-soft);
}
`
