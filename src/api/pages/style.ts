/** The one style sheet. By hand, small, light and dark, from 320 pixels up. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #f6f7f8;
  --paper: #fff;
  --ink: #1b1f24;
  --soft: #57606a;
  --line: #d5dae0;
  --tone: #0b62bd;
  --on-tone: #fff;
  --good: #19713a;
  --busy: #8a5a00;
  --bad: #b42318;
  --bad-paper: #fdf1ef;
  --pink: #97358f;
  --teal: #0b6a72;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f141a;
    --paper: #161c24;
    --ink: #e6edf3;
    --soft: #a0aab5;
    --line: #313943;
    --tone: #78b9ff;
    --on-tone: #0c1520;
    --good: #56d07f;
    --busy: #e5b544;
    --bad: #ff9088;
    --bad-paper: #2a1a1b;
    --pink: #e59bdf;
    --teal: #58ced8;
  }
}
*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  display: flex; flex-direction: column; min-height: 100vh; margin: 0;
  background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", sans-serif;
  overflow-wrap: anywhere;
}
.bar, main, footer { width: 100%; max-width: 76rem; margin-inline: auto; padding-inline: 1rem; }
header { background: var(--paper); border-bottom: 1px solid var(--line); }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 0 1.25rem; }
.bar nav { flex: 1; }
.bar ul { display: flex; flex-wrap: wrap; margin: 0; padding: 0; list-style: none; }
.bar a { display: block; padding: .75rem .6rem; color: inherit; text-decoration: none; }
.bar nav a { color: var(--soft); border-bottom: 2px solid transparent; }
.bar nav a:hover { color: var(--ink); }
.bar nav a[aria-current] { color: var(--ink); border-bottom-color: var(--tone); font-weight: 600; }
.brand { font-weight: 700; letter-spacing: -.01em; margin-left: -.6rem; }
.brand img { width: 1.25rem; height: 1.25rem; margin-right: .45rem; vertical-align: -.22rem; }
.person { display: flex; align-items: center; gap: .25rem; color: var(--soft); font-size: .875rem; }
.person a, .person .plain { padding: .75rem .4rem; }
.person a { min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.person .plain { white-space: nowrap; }
.person a[aria-current] { color: var(--ink); font-weight: 600; }
main { flex: 1; padding-block: 1.5rem 3rem; }
footer { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; padding-block: 1rem; color: var(--soft); font-size: .875rem; border-top: 1px solid var(--line); }
h1 { margin: 0 0 .25rem; font-size: 1.6rem; line-height: 1.25; letter-spacing: -.015em; }
h2 { margin: 0 0 .75rem; font-size: 1.1rem; line-height: 1.3; }
p { margin: .4rem 0; }
a { color: var(--tone); text-underline-offset: .15em; }
:focus-visible { outline: 3px solid var(--tone); outline-offset: 2px; border-radius: .2rem; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: .5rem; z-index: 1; padding: .5rem 1rem; background: var(--paper); }
.unseen { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.soft { color: var(--soft); }
.small { font-size: .875rem; }
code, pre, .mono { font-family: var(--mono); font-size: .8125rem; }
section { margin-top: 1.75rem; }
.panel { margin-top: 1rem; padding: 1rem 1.15rem; background: var(--paper); border: 1px solid var(--line); border-radius: .6rem; min-width: 0; }
.lead { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: .25rem 1rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); gap: 1rem; margin: 1rem 0 0; padding: 0; list-style: none; }
.card { display: flex; flex-direction: column; gap: .35rem; padding: 1rem 1.15rem; background: var(--paper); border: 1px solid var(--line); border-radius: .6rem; }
.card h2 { margin: 0; }
.card p { margin: 0; }
.detail::first-letter { text-transform: uppercase; }
.card .actions { margin-top: auto; padding-top: .6rem; }
.status { display: inline-flex; align-items: center; gap: .45rem; color: var(--tint, var(--soft)); font-weight: 600; font-size: .9375rem; white-space: nowrap; }
.status::before { content: ""; flex: none; width: .65rem; height: .65rem; border-radius: 50%; background: var(--tint, var(--soft)); }
.status[data-status=asleep]::before, .status[data-status=queued]::before, .status[data-status=canceled]::before, .status[data-status=unknown]::before { background: none; border: 2px solid var(--tint, var(--soft)); }
[data-status=ready], [data-status=online], [data-status=ok], [data-status=succeeded] { --tint: var(--good); }
[data-status=preparing], [data-status=running], [data-status=starting], [data-status=restarting], [data-status=stopping], [data-status=removing], [data-status=low], [data-status=accepted] { --tint: var(--busy); }
[data-status=failed], [data-status=expired], [data-status=silent], [data-status=full] { --tint: var(--bad); }
.status[data-status=failed]::before, .status[data-status=silent]::before, .status[data-status=full]::before { border-radius: .1rem; }
.status[data-status=preparing]::before, .status[data-status=running]::before, .status[data-status=starting]::before, .status[data-status=restarting]::before, .status[data-status=stopping]::before, .status[data-status=removing]::before { animation: beat 1.4s ease-in-out infinite; }
@keyframes beat { 50% { opacity: .3; } }
@media (prefers-reduced-motion: reduce) { *, ::before { animation: none !important; transition: none !important; } }
.actions { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; margin-top: .9rem; }
.actions form { display: contents; }
.button, button { display: inline-flex; align-items: center; min-height: 2.5rem; padding: 0 .95rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--paper); color: var(--ink); font: inherit; font-weight: 600; text-decoration: none; cursor: pointer; }
.button:hover, button:hover { border-color: var(--soft); }
.primary { background: var(--tone); border-color: var(--tone); color: var(--on-tone); }
.danger { color: var(--bad); }
.plain { min-height: 0; padding: 0; border: 0; background: none; color: var(--tone); font-size: inherit; font-weight: 400; text-decoration: underline; text-underline-offset: .15em; }
.plain.danger { color: var(--bad); }
.confirm { display: contents; }
.confirm > summary { list-style: none; }
.confirm > summary::-webkit-details-marker { display: none; }
.confirm > div { flex-basis: 100%; padding: .75rem 1rem; background: var(--bad-paper); border: 1px solid var(--bad); border-radius: .4rem; }
.split { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 0 1rem; align-items: start; }
dl { display: grid; grid-template-columns: minmax(6.5rem, auto) 1fr; gap: .3rem 1rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; min-width: 0; }
pre { margin: 0; padding: .75rem .9rem; max-height: 24rem; overflow: auto; background: var(--page); border: 1px solid var(--line); border-radius: .4rem; line-height: 1.5; white-space: pre-wrap; }
meter { width: 100%; max-width: 9rem; height: .8rem; vertical-align: middle; }
.list { margin: 0; padding: 0; list-style: none; }
.list > li { padding: .55rem 0; border-top: 1px solid var(--line); }
.list > li:first-child { border-top: 0; padding-top: 0; }
.list > li:last-child { padding-bottom: 0; }
.event { display: grid; grid-template-columns: 11.5rem 1fr; gap: 0 1rem; }
.event time { color: var(--soft); font-size: .875rem; padding-top: .08rem; font-variant-numeric: tabular-nums; }
.notice { margin: 0 0 1rem; padding: .7rem 1rem; background: var(--paper); border: 1px solid var(--line); border-left: 4px solid var(--tint, var(--tone)); border-radius: .4rem; }
.attention { border-color: var(--bad); background: var(--bad-paper); }
.attention h2 { color: var(--bad); }
table { width: 100%; border-collapse: collapse; }
tbody tr:hover { background: var(--page); }
th { text-align: left; color: var(--soft); font-size: .8125rem; font-weight: 600; padding: 0 .75rem .4rem 0; }
td { padding: .55rem .75rem .55rem 0; border-top: 1px solid var(--line); vertical-align: top; }
.filter { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin: 0 0 1rem; }
.filter label { display: grid; gap: .2rem; font-size: .875rem; color: var(--soft); }
input, select, textarea { min-height: 2.5rem; padding: 0 .7rem; border: 1px solid var(--soft); border-radius: .4rem; background: var(--paper); color: var(--ink); font: inherit; max-width: 100%; }
.pages { margin-top: 1rem; }
.search { flex-wrap: nowrap; margin-top: 1rem; }
.search label { flex: 0 1 24rem; min-width: 0; }
.search button { flex: none; }
.concern .actions { margin-top: .5rem; }
.chips { display: flex; flex-wrap: wrap; gap: .4rem; margin: 0 0 1rem; padding: 0; list-style: none; }
.chips a { display: inline-flex; align-items: center; gap: .4rem; min-height: 2rem; padding: 0 .7rem; border: 1px solid var(--line); border-radius: 1rem; color: inherit; font-size: .875rem; text-decoration: none; }
.chips a:hover { border-color: var(--soft); }
.chips a[aria-current] { border-color: var(--tone); color: var(--tone); font-weight: 600; }
.lead > .button { margin-bottom: .5rem; }
fieldset { margin-inline: 0; min-inline-size: 0; }
legend { padding: 0 .4rem; margin-left: -.4rem; font-weight: 600; font-size: 1.1rem; }
.fields { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(16rem, 100%), 1fr)); gap: 1rem 1.25rem; }
.fields > .field:has(textarea, [name=image]) { grid-column: 1 / -1; }
.field > label.check { align-items: center; min-height: 2.5rem; }
.warning { color: var(--busy); }
.bad { --tint: var(--bad); }
details > summary h2 { display: inline; }
details.panel .fields { margin-top: 1rem; }
#plan table { margin-top: .5rem; }
.count { color: var(--soft); font-variant-numeric: tabular-nums; }
textarea { width: 100%; padding-block: .5rem; resize: vertical; font-family: var(--mono); font-size: .875rem; }
input[type=checkbox], input[type=radio] { width: 1.15rem; min-height: 1.15rem; margin: .15rem .55rem 0 0; flex: none; accent-color: var(--tone); }
[aria-invalid=true] { border-color: var(--bad); box-shadow: 0 0 0 1px var(--bad); }
::placeholder { color: var(--soft); opacity: 1; }
.form { display: grid; gap: 1rem; max-width: 36rem; margin: .9rem 0 0; }
.form + table, .form + .list, .once + .form { margin-top: 1.25rem; }
.form .actions { margin-top: 0; }
.actions .form { display: grid; }
.row { display: flex; flex-wrap: wrap; gap: .75rem 1rem; align-items: start; }
.row > .field { flex: 1 1 12rem; }
.row > button { margin-top: 1.65rem; }
.field { display: grid; gap: .2rem; align-content: start; min-width: 0; }
.field > label { font-size: .875rem; font-weight: 600; }
.field input:not([type=checkbox]), .field select { width: 100%; }
.check { display: flex; }
.hint { margin: 0; color: var(--soft); font-size: .875rem; }
.mistake { margin: 0; color: var(--bad); font-size: .875rem; font-weight: 600; }
.mistake::first-letter, .hint::first-letter { text-transform: uppercase; }
.once { padding: .75rem 1rem; background: var(--page); border: 1px dashed var(--soft); border-radius: .4rem; }
.once input { width: 100%; font-family: var(--mono); font-size: .8125rem; }
td .actions { margin: 0; gap: .25rem 1rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 0 2rem; }
.chart { display: grid; grid-template-rows: subgrid; grid-row: span 4; margin: 0 0 1rem; min-width: 0; }
.chart h3 { margin: 0; font-size: 1rem; }
.chart figcaption p { margin: .1rem 0 .6rem; }
.plot { display: grid; grid-template-columns: auto 1fr; gap: .25rem .5rem; color: var(--soft); font-size: .8125rem; line-height: 1; font-variant-numeric: tabular-nums; }
.plot svg { display: block; width: 100%; height: 8.5rem; overflow: visible; }
.scale { display: flex; flex-direction: column; justify-content: space-between; text-align: right; }
.ends { grid-column: 2; display: flex; justify-content: space-between; }
.chart path { vector-effect: non-scaling-stroke; fill: none; }
.chart .grid { stroke: var(--line); }
.chart .bars { fill: var(--tone); }
.chart .line { stroke: var(--tone); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.chart .faint { stroke: var(--busy); stroke-width: 1; }
.chart .limit { stroke: var(--bad); stroke-dasharray: 6 4; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: .6rem 0 0; padding: 0; list-style: none; color: var(--soft); font-size: .8125rem; }
.legend li::before { content: ""; display: inline-block; width: .7rem; height: .7rem; margin-right: .4rem; background: currentcolor; }
.legend li { color: inherit; }
.legend .bars::before { background: var(--tone); }
.legend .faint::before { background: var(--busy); }
.legend .limit::before { background: var(--bad); }
.phase-wait { --phase: var(--soft); } .phase-place { --phase: #c2569a; } .phase-pull { --phase: var(--busy); }
.phase-start { --phase: var(--tone); } .phase-probe { --phase: var(--good); } .phase-publish { --phase: var(--bad); }
.chart [class^=phase-] { fill: var(--phase); }
.legend [class^=phase-]::before { background: var(--phase); }
.chart details { margin-top: .5rem; }
.chart details table { margin-top: .5rem; font-size: .875rem; }
.chart details td, .chart details th { padding-block: .2rem; }
h3 { margin: 1.1rem 0 .4rem; font-size: 1rem; }
td:has(> a, > span > a) { min-width: 8.5rem; }
td meter { display: block; margin: .35rem 0 .1rem; }
textarea.prose { font: inherit; }
progress { width: 6rem; height: .8rem; vertical-align: middle; accent-color: var(--tone); }
.progress { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .75rem; margin: .75rem 0; }
.progress progress { width: 100%; max-width: 30rem; }
.lead h3 { margin-top: 0; }
.wide { overflow-x: auto; }
.figures tbody th { font: inherit; color: inherit; padding-block: .3rem; border-top: 1px solid var(--line); }
.figures td { padding-block: .3rem; font-variant-numeric: tabular-nums; }
.bars { grid-template-columns: auto 1fr; margin-bottom: .75rem; }
.lease-bar { display: block; width: 100%; height: .9rem; border-radius: .2rem; }
.lease-bar .free { fill: var(--line); } .lease-bar .even { fill: var(--tone); } .lease-bar .odd { fill: var(--good); }
.log .b { font-weight: 700; } .log .i { font-style: italic; } .log .u { text-decoration: underline; }
.log .c0, .log .c8 { color: var(--soft); } .log .c1, .log .c9 { color: var(--bad); } .log .c2, .log .c10 { color: var(--good); }
.log .c3, .log .c11 { color: var(--busy); } .log .c4, .log .c12 { color: var(--tone); }
.log .c5, .log .c13 { color: var(--pink); } .log .c6, .log .c14 { color: var(--teal); }
#live { min-width: 11ch; }
@media (max-width: 46rem) {
  .roomy { display: none; }
  .event { grid-template-columns: 1fr; }
  .bar nav { flex-basis: 100%; order: 1; margin-inline: -.6rem; }
  .bar nav a { padding-block: .5rem; }
  .person { flex: 1 1 0; min-width: 0; justify-content: flex-end; }
  thead { position: absolute; clip-path: inset(50%); height: 1px; overflow: hidden; }
  tr { display: block; padding: .6rem 0; border-top: 1px solid var(--line); }
  tbody tr:first-child { border-top: 0; padding-top: 0; }
  td:not(.roomy) { display: flex; gap: .75rem; padding: .12rem 0; border: 0; }
  td::before { content: attr(data-label); flex: 0 0 6.5rem; color: var(--soft); font: .875rem/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
}
`;

/** A lamp that is on: also what a browser puts on the tab. */
export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0b62bd"/><path d="M16 6a8 8 0 0 0-5 14.2c.9.8 1.5 1.6 1.5 2.8h7c0-1.2.6-2 1.5-2.8A8 8 0 0 0 16 6Z" fill="#fff"/><path d="M12.8 25.2h6.4" stroke="#fff" stroke-width="2.2" stroke-linecap="round"/></svg>`;
