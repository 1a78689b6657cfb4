// Notes, runs, tables, exports, and the panel before its first run.

export default `
/* -- notes, runs, tables -- */
.dfa-notes {
  display: grid;
  gap: 8px;
  margin: 0;
  padding: 0;
  list-style: none;
}
.dfa-notes li {
  display: grid;
  grid-template-columns: 16px 1fr;
  gap: 6px 8px;
}
.dfa-note-sign {
  width: 16px;
  height: 16px;
  border: 1px solid var(--dfa-soft);
  border-radius: 50%;
  font-size: 10px;
  font-weight: 600;
  line-height: 14px;
  text-align: center;
}
.dfa-notes .dfa-button {
  grid-column: 2;
  justify-self: start;
}
.dfa-runs {
  display: grid;
  gap: 2px;
}
.dfa-runs button {
  display: grid;
  grid-template-columns: 9px auto 1fr auto;
  align-items: center;
  gap: 8px;
  min-height: 28px;
  padding: 2px 8px;
  border: 0;
  border-radius: 6px;
  background: none;
  text-align: left;
}
.dfa-runs button:hover {
  background: var(--dfa-track);
}
.dfa-runs button[aria-current] {
  background: var(--dfa-track);
  font-weight: 600;
}
.dfa-run-time {
  color: var(--dfa-soft);
}
.dfa-tables summary {
  font-weight: 600;
  cursor: pointer;
}
.dfa-scroll {
  max-height: 260px;
  margin-top: 8px;
  overflow: auto;
  scrollbar-width: thin;
}
.dfa table {
  border-collapse: collapse;
  font-size: 11px;
  white-space: nowrap;
}
.dfa caption {
  padding: 2px 0;
  font-weight: 600;
  text-align: left;
}
.dfa th,
.dfa td {
  padding: 2px 8px 2px 0;
  text-align: right;
  border-bottom: 1px solid var(--dfa-edge);
}
.dfa th {
  font-weight: 600;
}
.dfa-exports {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 6px;
  margin-top: 18px;
  padding-top: 12px;
  border-top: 1px solid var(--dfa-edge);
}
.dfa-said {
  color: var(--dfa-soft);
}

/* -- nothing to show -- */
.dfa-empty {
  display: grid;
  gap: 8px;
  max-width: 360px;
  margin: 24px auto;
  justify-items: start;
}
.dfa-empty > p:first-child {
  font-size: 14px;
  font-weight: 600;
}
.dfa-empty > p:not(:first-child) {
  color: var(--dfa-soft);
}
.dfa-main {
  margin-top: 6px;
  border-color: var(--dfa-accent);
  font-weight: 600;
}

/* -- what is pointed at -- */
.dfa-tooltip {
  position: absolute;
  z-index: 2;
  max-width: min(280px, calc(100% - 16px));
  padding: 6px 9px;
  border: 1px solid var(--dfa-edge);
  border-radius: 6px;
  background: var(--dfa-paper);
  box-shadow: 0 4px 16px rgb(0 0 0 / 30%);
  color: var(--dfa-soft);
  pointer-events: none;
}
.dfa-tooltip > :first-child {
  color: var(--dfa-ink);
  font-weight: 600;
}

/* -- as a picture -- */
.dfa-picture-paper {
  fill: var(--dfa-paper);
}
.dfa-picture-head,
.dfa-picture-title,
.dfa-picture-text {
  fill: var(--dfa-ink);
  font-family: Inter, system-ui, sans-serif;
  font-size: 12px;
}
.dfa-picture-head {
  font-size: 24px;
  font-weight: 600;
}
.dfa-picture-title {
  font-weight: 600;
}

@media (forced-colors: active) {
  .dfa-svg,
  .dfa-swatch,
  .dfa-meter-track {
    forced-color-adjust: none;
  }
}
`
