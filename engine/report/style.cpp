// How the page looks, on a screen by day and by night, on a phone and on paper. Everything is inside the file: no font, no image, no script
// from elsewhere. The ten series colours keep a contrast of 3:1 against their background and differ in lightness as well as hue.
#include "report/sections.h"

namespace ablate::report {

std::string_view style() {
  return R"css(
:root {
  color-scheme: light dark;
  --page: #f6f7f8; --surface: #ffffff; --ink: #16191d; --soft: #59626d; --line: #dfe3e7; --grid: #e8ebee; --accent: #0a5fb4; --wash: #eef3f9;
  --up: #a8480a; --down: #0a5fb4; --good: #10714a; --bad: #b3261e; --warn-wash: #fff6e2; --warn-line: #e8c572;
  --pale-ink: #16191d; --deep-ink: #fff;
  --s0: #20262d; --s1: #0072b2; --s2: #d55e00; --s3: #008a63; --s4: #b8418f; --s5: #a37400; --s6: #2b96c8; --s7: #7447cf; --s8: #86552f; --s9: #7b8592;
  --q0: #f3f6f9; --q1: #e1eaf3; --q2: #cbdcee; --q3: #b0cde7; --q4: #92bbde; --q5: #72a6d2; --q6: #5590c4; --q7: #3d79b4; --q8: #2b629f; --q9: #1f4c85; --q10: #17386a; --q11: #10264d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #101316; --surface: #181c20; --ink: #e9ecef; --soft: #a3acb6; --line: #30363d; --grid: #262b31; --accent: #7ab7f5; --wash: #1d2630;
    --up: #f0a066; --down: #7ab7f5; --good: #62c99a; --bad: #ff8a80; --warn-wash: #2c2617; --warn-line: #6d5a24;
    --pale-ink: #fff; --deep-ink: #10151a;
    --s0: #eef1f4; --s1: #4aa8ee; --s2: #ff8442; --s3: #35c492; --s4: #ef86c4; --s5: #e0b93f; --s6: #8fdcf7; --s7: #b596ff; --s8: #cf9f70; --s9: #8d97a3;
    --q0: #1e242b; --q1: #1d2f45; --q2: #1e3b5b; --q3: #204972; --q4: #255988; --q5: #2f6b9d; --q6: #407fb0; --q7: #5795c1; --q8: #74abd0; --q9: #97c2de; --q10: #bed9eb; --q11: #e8f3fa;
  }
}
@media print {
  :root {
    --page: #fff; --surface: #fff; --ink: #000; --soft: #444; --line: #bbb; --grid: #ddd; --accent: #0a4c90; --wash: #fff;
    --up: #8a3a06; --down: #0a4c90; --good: #0c5a3b; --bad: #8f1d17; --warn-wash: #fff; --warn-line: #999;
    --pale-ink: #16191d; --deep-ink: #fff;
    --s0: #000; --s1: #0072b2; --s2: #d55e00; --s3: #008a63; --s4: #b8418f; --s5: #a37400; --s6: #2b96c8; --s7: #7447cf; --s8: #86552f; --s9: #7b8592;
    --q0: #f3f6f9; --q1: #e1eaf3; --q2: #cbdcee; --q3: #b0cde7; --q4: #92bbde; --q5: #72a6d2; --q6: #5590c4; --q7: #3d79b4; --q8: #2b629f; --q9: #1f4c85; --q10: #17386a; --q11: #10264d;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif; }
main { max-width: 1160px; margin: 0 auto; padding: 36px 24px 64px; }
h1 { font-size: clamp(1.7rem, 4vw, 2.4rem); line-height: 1.15; letter-spacing: -0.02em; margin: 0 0 .5rem; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; line-height: 1.3; letter-spacing: -0.01em; margin: 0 0 .3rem; }
h3 { font-size: 1.02rem; margin: 1.6rem 0 .3rem; } h3.family { font-size: 1.15rem; } h4 { margin: 1.2rem 0 .3rem; }
p { margin: 0 0 .8rem; }
code, pre { font: .86em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
header .over { color: var(--soft); font-size: .85rem; margin-bottom: .4rem; }
header .summary { font-size: 1.1rem; max-width: 48em; }
header .finding { max-width: 52em; border-left: 3px solid var(--accent); padding: .1rem 0 .1rem .9rem; }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .9rem; margin: 1.1rem 0 0; }
nav a { color: var(--accent); text-decoration: none; padding: .15rem 0; }
nav a:hover { text-decoration: underline; }
section { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 22px 24px 24px; margin-top: 22px; }
.lead { color: var(--soft); font-size: .93rem; max-width: 60em; }
.notice { background: var(--warn-wash); border: 1px solid var(--warn-line); border-radius: 12px; padding: 14px 20px; margin-top: 22px; font-size: .93rem; }
.notice h2 { font-size: 1rem; }
.notice ul { margin: .2rem 0 0; padding-left: 1.2rem; overflow-wrap: anywhere; }

.scroll { overflow-x: auto; margin: 0 -8px; padding: 0 8px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: right; padding: .5rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; font-weight: 400; }
thead th { color: var(--soft); font-size: .82rem; vertical-align: bottom; line-height: 1.3; }
thead th[scope="colgroup"] { color: var(--ink); font-weight: 600; font-size: .92rem; border-bottom-color: transparent; padding-bottom: 0; padding-right: 1.1rem; }
.unit { color: var(--soft); font-weight: 400; }
tbody tr:last-child > * { border-bottom: 0; }
tbody tr:hover > * { background: var(--wash); }
th.name { text-align: left; }
.sweep th.name .label { font-weight: 600; overflow-wrap: break-word; }
.sweep tbody tr:first-child > * { border-bottom-color: var(--soft); }
.sweep .ours { padding-left: 1.1rem; }
.sweep td.paper { color: var(--soft); } .sweep .paper { padding-right: 1.1rem; }

.sweep b { font-weight: 650; font-size: 1.02rem; }
.spread { color: var(--soft); font-size: .82rem; margin-left: .25rem; white-space: nowrap; }
.sweep th.name { min-width: 8.5rem; }
.seeds { display: block; white-space: nowrap; color: var(--soft); font-size: .78rem; padding-left: 34px; }
.change, .agree { display: block; font-size: .8rem; white-space: nowrap; line-height: 1.45; }
.change.up { color: var(--up); } .change.down { color: var(--down); } .change.same, .absent, .agree.maybe { color: var(--soft); }
.agree.yes { color: var(--good); } .agree.no { color: var(--bad); font-weight: 600; }
.absent { font-size: .86rem; }
.claimed, .about, .source, .claims code, .sides { display: block; color: var(--soft); font-size: .8rem; font-weight: 400; overflow-wrap: anywhere; white-space: normal; }
.claimed a + a { margin-left: .35rem; } .claimed { padding-left: 34px; }
.claims th.name { min-width: 16rem; } .claims td.verdict { text-align: left; vertical-align: top; min-width: 11rem; } .claims b { font-weight: 600; }
.verdict.holds { color: var(--good); font-weight: 650; } .verdict.fails { color: var(--bad); font-weight: 650; } .verdict.open { color: var(--soft); font-weight: 650; }
.interval { display: block; color: var(--soft); font-size: .78rem; white-space: nowrap; } .plot .reach { stroke: var(--s1); stroke-width: 1.2; }
tr:target > * { background: var(--wash); }
.numbers, .settings { font-size: .84rem; }
.numbers th.name, .settings th { text-align: left; white-space: nowrap; }
.settings td { text-align: left; overflow-wrap: anywhere; }
.settings { width: auto; }

.swatch { width: 26px; height: 10px; margin-right: 8px; flex: none; vertical-align: middle; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 6px; margin: .4rem 0 .9rem; }
.legend.sticky { position: sticky; top: 0; z-index: 1; background: var(--surface); padding: 6px 0; }
.legend button { display: inline-flex; align-items: center; font: inherit; font-size: .86rem; color: inherit; background: none; border: 1px solid transparent; border-radius: 999px; padding: 4px 11px 4px 8px; cursor: pointer; text-align: left; overflow-wrap: anywhere; }
.legend button:hover { border-color: var(--line); background: var(--wash); }
.legend button[aria-pressed="true"] { border-color: var(--accent); background: var(--wash); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.charts { display: grid; gap: 22px 28px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)); }
.charts.three { grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); }
.charts.four { grid-template-columns: repeat(auto-fill, minmax(min(100%, 220px), 1fr)); }
.narrow { display: none; }

figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; font-size: .95rem; margin-bottom: .25rem; overflow-wrap: anywhere; }
.caption { color: var(--soft); font-size: .82rem; margin: .25rem 0 0; }
.key { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 14px; font-size: .84rem; color: var(--soft); margin: .3rem 0; }
.key span { display: inline-flex; align-items: center; } .key i { font-style: normal; margin-right: 5px; color: var(--c); } .key .plot { width: 14px; flex: none; margin: 0 -8px 0 0; }
.heat-scale { display: flex; align-items: center; gap: 8px; font-size: .84rem; color: var(--soft); } .heat-scale svg { width: 260px; max-width: 70%; }

.plot { display: block; width: 100%; height: auto; font: 11px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; }
svg text { fill: var(--soft); font-size: 11px; font-variant-numeric: tabular-nums; } svg text.name { fill: var(--ink); }
.grid { stroke: var(--grid); } .minor { stroke: var(--grid); opacity: .5; } .axis { stroke: var(--soft); }
.line { fill: none; stroke: var(--c); stroke-width: 1.9; stroke-linejoin: round; stroke-linecap: round; } .swatch .line { stroke-width: 2.6; }
.many .line { stroke-width: 1.2; }
.dot { fill: var(--c); } .band { fill: var(--c); opacity: .13; } .bar rect { fill: var(--c); } .bar.through rect { opacity: .55; }
.mark circle, .mark path { fill: var(--c); stroke: var(--surface); stroke-width: .8; }
.mark.our-mark circle { fill: var(--s1); } .mark.paper-mark path { fill: var(--surface); stroke: var(--s2); stroke-width: 1.8; }
.link { stroke: var(--soft); stroke-width: 1.4; opacity: .55; }
.vmark line { stroke: var(--soft); stroke-dasharray: 2 3; } .vmark.one line { stroke: var(--soft); stroke-dasharray: none; }
.vmark.rise line { stroke: var(--up); } .vmark.rise text { fill: var(--up); } .vmark.fall line { stroke: var(--down); } .vmark.fall text { fill: var(--down); }
.s0 { --c: var(--s0); } .s1 { --c: var(--s1); } .s2 { --c: var(--s2); } .s3 { --c: var(--s3); } .s4 { --c: var(--s4); }
.s5 { --c: var(--s5); } .s6 { --c: var(--s6); } .s7 { --c: var(--s7); } .s8 { --c: var(--s8); } .s9 { --c: var(--s9); }
.d1 .line { stroke-dasharray: 7 4; } .d2 .line { stroke-dasharray: 2 4; } .d3 .line { stroke-dasharray: 9 3 2 3; }
.rank1 .line, .rank2 .line, .rank3 .line { stroke-width: 1; opacity: .7; } .median { --c: var(--soft); } .median .line { stroke-dasharray: 1 4; stroke-width: 1.5; }
.q0 { fill: var(--q0); } .q1 { fill: var(--q1); } .q2 { fill: var(--q2); } .q3 { fill: var(--q3); } .q4 { fill: var(--q4); } .q5 { fill: var(--q5); }
.q6 { fill: var(--q6); } .q7 { fill: var(--q7); } .q8 { fill: var(--q8); } .q9 { fill: var(--q9); } .q10 { fill: var(--q10); } .q11 { fill: var(--q11); }
text.on-pale { fill: var(--pale-ink); font-size: 9.5px; } text.on-deep { fill: var(--deep-ink); font-size: 9.5px; }
.faded { opacity: .1; } .strong .line { stroke-width: 3; }

dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 200px), 1fr)); gap: 14px 24px; margin: .6rem 0 1.1rem; }
dt { color: var(--soft); font-size: .82rem; } dd { margin: 0; overflow-wrap: anywhere; }
.card + .card { border-top: 1px solid var(--line); margin-top: 1.2rem; }
.again { margin: 0 0 .3rem; color: var(--soft); font-size: .86rem; }
pre { background: var(--wash); border: 1px solid var(--line); border-radius: 8px; padding: .7rem .9rem; margin: 0 0 1rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.note { font-size: .9rem; } details { margin-top: .9rem; } summary { cursor: pointer; color: var(--accent); font-size: .93rem; } details .charts, details .scroll { margin-top: .8rem; }
footer { color: var(--soft); font-size: .85rem; margin-top: 26px; }

@media (max-width: 700px) {
  main { padding: 22px 12px 40px; }
  section { padding: 16px 14px 18px; border-radius: 10px; }
  .sweep, .sweep tbody { display: block; }
  .sweep thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .sweep tbody tr { display: grid; grid-template-columns: repeat(var(--metrics), minmax(0, 1fr)); gap: 2px 10px; padding: .7rem 0; border-bottom: 1px solid var(--line); }
  .sweep tbody tr:last-child { border-bottom: 0; }
  .sweep tbody tr > * { border: 0; padding: 0; text-align: left; background: none; }
  .sweep tbody tr > td.ours { padding: 0; } .sweep tbody tr > td.paper { padding: 4px 0 0; }
  .sweep tbody th.name { grid-column: 1 / -1; min-width: 0; overflow-wrap: anywhere; margin-bottom: .2rem; display: flex; align-items: baseline; flex-wrap: wrap; }
  .seeds { padding-left: 8px; }
  .sweep td.ours { grid-row: calc(2 + var(--run)); grid-column: var(--metric); } .sweep td.paper { grid-row: calc(2 + var(--runs)); grid-column: var(--metric); font-size: .86rem; }
    .sweep td::before { content: attr(data-label); display: block; color: var(--soft); font-size: .74rem; }
  .sweep td.paper::before { display: inline; margin-right: 5px; }

    
  .charts:not(.three, .four) svg text, .narrow svg text { font-size: 12.4px; } .legend button { font-size: .82rem; padding: 2px 9px 2px 5px; }
  .wide { display: none; } .narrow { display: block; } .legend.sticky { position: static; }

}
@media print {
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; } nav, .legend button[aria-pressed]::after { display: none; }
  section { border: 0; padding: 0; margin-top: 18pt; } figure, tr, .card { break-inside: avoid; } h2, h3, .lead, .key, .legend, .heat-scale { break-after: avoid; }
  .scroll { overflow: visible; } .numbers { font-size: 7pt; } .numbers th, .numbers td { padding: 2pt 3pt; } .legend.sticky { position: static; } .charts { grid-template-columns: repeat(2, 1fr); } .charts.three, .charts.four { grid-template-columns: repeat(3, 1fr); }
  details::details-content { content-visibility: visible; display: block; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
@media (prefers-reduced-motion: no-preference) { .plot g { transition: opacity .12s; } }
)css";
}

std::string_view script() {
  return R"js(
(() => {
  const buttons = [...document.querySelectorAll('.legend button')], keys = [...new Set(buttons.map(b => b.dataset.series))];
  const pressed = new Set();
  const show = chosen => keys.forEach(key => document.querySelectorAll('.plot g.' + key).forEach(g => {
    g.classList.toggle('faded', chosen.size > 0 && !chosen.has(key));
    g.classList.toggle('strong', chosen.has(key));
  }));
  for (const button of buttons) {
    const key = button.dataset.series;
    button.addEventListener('click', () => {
      pressed.delete(key) || pressed.add(key);
      buttons.forEach(b => b.setAttribute('aria-pressed', pressed.has(b.dataset.series)));
      show(pressed);
    });
    button.addEventListener('pointerenter', e => { if (e.pointerType === 'mouse') show(new Set([...pressed, key])); });
    button.addEventListener('pointerleave', () => show(pressed));
  }
})();
)js";
}

}  // namespace ablate::report
