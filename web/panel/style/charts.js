// Charts: bars of steps, the map, the curve of levels.

export default `
/* -- charts -- */
.dfa-chart {
  width: 100%;
  border-radius: 4px;
  touch-action: pan-y;
}
.dfa-svg {
  display: block;
  overflow: visible;
}
.dfa-axis,
.dfa-hint,
.dfa-detail {
  color: var(--dfa-soft);
}
.dfa-axis {
  margin-top: 4px;
  padding-left: 40px;
  font-size: 11px;
}
.dfa-tick,
.dfa-point-name {
  fill: var(--dfa-soft);
  font-family: Inter, system-ui, sans-serif;
  font-size: 10px;
  font-variant-numeric: tabular-nums;
}
.dfa-rule,
.dfa-base {
  fill: none;
  stroke: var(--dfa-edge);
}
.dfa-rule {
  stroke-dasharray: 2 3;
}
.dfa-planned rect {
  fill: var(--dfa-ghost);
}
.dfa-done rect {
  fill: var(--dfa-accent);
}
.dfa-pointed {
  fill: var(--dfa-track);
}
.dfa-now {
  fill: none;
  stroke: var(--dfa-soft);
  stroke-dasharray: 2 2;
}
.dfa-way-f {
  fill: var(--dfa-f);
}
.dfa-way-w {
  fill: var(--dfa-w);
}
.dfa-way-q {
  fill: var(--dfa-q);
}
.dfa-way-b {
  fill: var(--dfa-b);
}
.dfa-way-d {
  fill: var(--dfa-d);
}
.dfa-way-r {
  fill: var(--dfa-r);
}
.dfa-way-p {
  fill: var(--dfa-p);
}
.dfa-way-x {
  fill: var(--dfa-x);
}
.dfa-letter {
  font-family: Inter, system-ui, sans-serif;
  font-size: 10px;
  text-anchor: middle;
  pointer-events: none;
}
.dfa-mark-f {
  fill: var(--dfa-f-mark);
}
.dfa-mark-w {
  fill: var(--dfa-w-mark);
}
.dfa-mark-q {
  fill: var(--dfa-q-mark);
}
.dfa-mark-b {
  fill: var(--dfa-b-mark);
}
.dfa-mark-d {
  fill: var(--dfa-d-mark);
}
.dfa-mark-r {
  fill: var(--dfa-r-mark);
}
.dfa-mark-p {
  fill: var(--dfa-p-mark);
}
.dfa-mark-x {
  fill: var(--dfa-x-mark);
}
.dfa-line-rising {
  stroke: var(--dfa-w-mark);
  stroke-opacity: 0.55;
}
.dfa-line-falling {
  stroke: var(--dfa-q-mark);
  stroke-opacity: 0.55;
}
.dfa-line-level {
  stroke: var(--dfa-b-mark);
  stroke-opacity: 0.55;
}
.dfa-line-crossed {
  stroke: var(--dfa-d-mark);
  stroke-opacity: 0.55;
}
.dfa-line-dotted {
  fill: var(--dfa-r-mark);
  fill-opacity: 0.7;
}
.dfa-corner {
  fill: #1c242e;
}
.dfa-later {
  fill: var(--dfa-paper);
  fill-opacity: 0.62;
}
.dfa-cell-pointed {
  fill: none;
  stroke: var(--dfa-ink);
  stroke-width: 2;
}
.dfa-legend {
  display: flex;
  flex-wrap: wrap;
  gap: 4px 12px;
  margin: 8px 0 0;
  padding: 0 0 0 40px;
  list-style: none;
}
.dfa-legend li {
  display: flex;
  align-items: center;
  gap: 5px;
}
.dfa-swatch {
  position: relative;
  width: 16px;
  height: 16px;
  border-radius: 3px;
  font-size: 10px;
  line-height: 16px;
  text-align: center;
}
.dfa-swatch.dfa-way-f {
  background: var(--dfa-f);
  color: var(--dfa-f-mark);
}
.dfa-swatch.dfa-way-w {
  background: var(--dfa-w);
  color: var(--dfa-w-mark);
}
.dfa-swatch.dfa-way-q {
  background: var(--dfa-q);
  color: var(--dfa-q-mark);
}
.dfa-swatch.dfa-way-b {
  background: var(--dfa-b);
  color: var(--dfa-b-mark);
}
.dfa-swatch.dfa-way-d {
  background: var(--dfa-d);
  color: var(--dfa-d-mark);
}
.dfa-swatch.dfa-way-r {
  background: var(--dfa-r);
  color: var(--dfa-r-mark);
}
.dfa-swatch.dfa-way-p {
  background: var(--dfa-p);
  color: var(--dfa-p-mark);
}
.dfa-swatch.dfa-way-x {
  background: var(--dfa-x);
  color: var(--dfa-x-mark);
}
.dfa-swatch-shared::before {
  content: '';
  position: absolute;
  top: 0;
  right: 0;
  border: 3px solid transparent;
  border-top-color: #1c242e;
  border-right-color: #1c242e;
}

/* -- levels -- */
.dfa-curve.dfa-free {
  cursor: pointer;
}
.dfa-line {
  fill: none;
  stroke: var(--dfa-ghost);
  stroke-width: 1.5;
}
.dfa-point {
  fill: var(--dfa-paper);
  stroke: var(--dfa-accent);
  stroke-width: 2;
}
.dfa-point.dfa-set {
  fill: var(--dfa-accent);
}
.dfa-point-name.dfa-set,
.dfa-point-name.dfa-looked {
  fill: var(--dfa-ink);
  font-weight: 600;
}
.dfa-levels {
  display: grid;
  grid-template-columns: repeat(auto-fit, minmax(30px, 1fr));
  gap: 4px;
  margin-top: 6px;
}
.dfa-levels button {
  min-height: 26px;
  padding: 0 2px;
  border: 1px solid var(--dfa-edge);
  border-radius: 6px;
  background: transparent;
}
.dfa-levels button:hover {
  background: var(--dfa-track);
}
.dfa-levels button[aria-pressed='true'] {
  border-color: var(--dfa-accent);
  box-shadow: inset 0 0 0 1px var(--dfa-accent);
  font-weight: 600;
}
.dfa-levels button[aria-disabled] {
  color: var(--dfa-soft);
  cursor: default;
}
.dfa-detail {
  min-height: 35px;
  margin-top: 6px;
  color: var(--dfa-ink);
}
`
