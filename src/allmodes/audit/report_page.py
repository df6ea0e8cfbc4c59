"""The page that a report is written on: one file that opens from disk, on light and dark screens and on paper."""

from __future__ import annotations

from string import Template

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
:root {
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
  --paper: #ffffff; --ink: #1b1f24; --soft: #59636e; --line: #d9dee3; --panel: #f5f7f9;
  --real: #59636e; --fake: #1668b8; --mark: #c8321e;
  --found: #b3261e; --found-back: #fdecea; --clear: #1a7340; --clear-back: #e6f4ea;
  --open: #8a5a00; --open-back: #fdf3dc;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --ink: #e6e9ed; --soft: #9aa4af; --line: #323941; --panel: #1c2127;
    --real: #a9b2bd; --fake: #6cb0f5; --mark: #ff8066;
    --found: #ff8a80; --found-back: #3a1c1a; --clear: #6fd198; --clear-back: #173322;
    --open: #f0c060; --open-back: #352a12;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.55 var(--sans);
  font-variant-numeric: tabular-nums; }
main { max-width: 62rem; margin: 0 auto; padding: 2.2rem 1.4rem 4rem; }
header p.kicker { margin: 0; color: var(--soft); font-size: .86rem; letter-spacing: .02em; }
h1 { margin: .1rem 0 1.1rem; font-size: 1.55rem; line-height: 1.25; font-weight: 650; overflow-wrap: anywhere; }
h2 { margin: 2.6rem 0 .5rem; font-size: 1.18rem; font-weight: 650; }
h3 { margin: 1.4rem 0 .3rem; font-size: .98rem; font-weight: 650; }
p { margin: .35rem 0 .7rem; max-width: 50rem; }
.verdict { border-left: .4rem solid; border-radius: .3rem; padding: .95rem 1.2rem; margin: 0 0 1.3rem; }
.verdict strong { display: block; font-size: .82rem; letter-spacing: .09em; text-transform: uppercase; }
.verdict p { margin: .15rem 0 0; font-size: 1.12rem; line-height: 1.45; max-width: none; }
.verdict ul { margin: .3rem 0 0; padding-left: 1.15rem; line-height: 1.45; }
.verdict div { margin-top: .6rem; } .verdict div p { font-size: .88rem; }
.fail { border-color: var(--found); background: var(--found-back); } .fail strong { color: var(--found); }
.pass { border-color: var(--clear); background: var(--clear-back); } .pass strong { color: var(--clear); }
.open { border-color: var(--open); background: var(--open-back); } .open strong { color: var(--open); }
.wide { overflow-x: auto; margin: .5rem 0 1rem; --edge: color-mix(in srgb, var(--ink) 22%, transparent);
  --back: var(--paper); background:
  linear-gradient(to right, var(--back) 1.4rem, transparent) left -1px top / 2.8rem 100% local,
  linear-gradient(to left, var(--back) 1.4rem, transparent) right -1px top / 2.8rem 100% local,
  linear-gradient(to right, var(--edge), transparent) left / .7rem 100% scroll,
  linear-gradient(to left, var(--edge), transparent) right / .7rem 100% scroll; background-repeat: no-repeat; }
.region .wide { --back: var(--panel); }
table { border-collapse: collapse; font-size: .87rem; }
th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--line); }
th, td { padding: .26rem .9rem .26rem 0; vertical-align: top; white-space: nowrap; }
td { border-bottom: 1px solid var(--line); }
td.text { white-space: normal; min-width: 13rem; }
table.all { width: 100%; }
td a { color: inherit; text-decoration-color: var(--line); text-underline-offset: .2em; }
.pill { display: inline-block; border-radius: 1rem; padding: .02rem .62rem; font-size: .78rem; font-weight: 600;
  white-space: nowrap; }
.pill.found { color: var(--found); background: var(--found-back); }
.pill.not_found { color: var(--clear); background: var(--clear-back); }
.pill.informs { color: var(--soft); background: var(--panel); }
.pill.cannot_tell { color: var(--open); background: var(--open-back); }
.soft { color: var(--soft); font-size: .88rem; }
section.finding { border-top: 1px solid var(--line); margin-top: 2rem; }
section.finding h2 { margin-top: 1.1rem; display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: baseline; }
figure { margin: .5rem 0 1rem; }
figcaption { color: var(--soft); font-size: .85rem; margin-bottom: .3rem; }
figure svg { display: block; max-width: 100%; height: auto; }
.ring { display: inline-block; width: .62em; height: .62em; border-radius: 50%; border: 1.5px solid #dc4a2d;
  margin-right: .4em; }
.tiles { display: flex; flex-wrap: wrap; gap: 5px; }
img { image-rendering: pixelated; border-radius: 2px; outline: 1px solid var(--line); background: #000; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); gap: 0 1.8rem; }
.pairs { display: flex; flex-wrap: wrap; gap: .9rem; }
.pairs figure { margin: 0; width: 9.2rem; } .pairs img { margin-right: 4px; }
.pairs figcaption { font-size: .76rem; margin: .2rem 0 0; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(17.5rem, 1fr)); gap: .3rem 1.4rem; }
.plots > * { max-width: 31rem; }
.plots svg, figure.one svg { width: 100%; } figure.one { max-width: 47rem; } figure.small { max-width: 31rem; }
.region { background: var(--panel); border-radius: .4rem; padding: .8rem 1rem .2rem; margin: .9rem 0; }
.region h3 { margin-top: 0; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .25rem 1.3rem; font-size: .88rem;
  margin: .6rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
code { font: .92em ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
details { margin: .4rem 0 1rem; } summary { cursor: pointer; color: var(--soft); font-size: .88rem; }
@media (max-width: 40rem) { main { padding: 1.2rem .9rem 3rem; } h1 { font-size: 1.3rem; }
  .verdict p { font-size: 1.02rem; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
@page { size: A4; margin: 15mm 14mm; }
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --panel: #f5f7f9; --real: #59636e; --fake: #1668b8;
    --mark: #c8321e; --found: #b3261e; --found-back: #fdecea; --clear: #1a7340; --clear-back: #e6f4ea; --open: #8a5a00;
    --open-back: #fdf3dc; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 9.6pt; } main { padding: 0; max-width: none; }
  h2, h3 { break-after: avoid; } figure, tr, .region, .verdict { break-inside: avoid; }
  .two { grid-template-columns: 1fr; } .wide { overflow: visible; background: none; }
  .wide table:not(.all) { font-size: 7.4pt; }
  .wide table:not(.all) :is(th, td) { padding-right: .45rem; white-space: normal; }
}
</style>
</head>
<body>
<main>
<header>
<p class="kicker">allmodes audit: what a generator misses, invents and copies</p>
<h1>$title</h1>
</header>
<div class="verdict $tone"><strong>$verdict</strong>$said</div>
$body
</main>
</body>
</html>
""")
