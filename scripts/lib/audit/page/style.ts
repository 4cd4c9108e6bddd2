/** The page's style: light and dark as the reader's system says, narrow screens, paper. Colours pass WCAG's 4.5 to 1 on their ground. */
export const STYLE = `
:root{color-scheme:light dark;--ground:#fff;--raised:#f6f8fa;--text:#1b1f24;--soft:#57606a;--line:#d0d7de;--link:#0550ae;--good:#116329;--bad:#a40e26;--open:#7d4e00}
@media (prefers-color-scheme:dark){:root{--ground:#0d1117;--raised:#161b22;--text:#e6edf3;--soft:#9da7b3;--line:#3d444d;--link:#79c0ff;--good:#56d364;--bad:#ff7b72;--open:#e3b341}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:1.5rem 1rem 4rem;color:var(--text);background:var(--ground)}
h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0 .6rem}
h2{font-size:1.25rem;margin:2.6rem 0 .6rem;padding-bottom:.3rem;border-bottom:2px solid var(--line)}
h3{font-size:1.05rem;margin:1.8rem 0 .5rem}
h4{font-size:1rem;margin:1.4rem 0 .4rem}
p{margin:.5rem 0;max-width:46rem}
.id{max-width:none}
a{color:var(--link)}
nav ul{list-style:none;padding:0;margin:1rem 0;display:flex;flex-wrap:wrap;gap:.3rem 1.1rem}
.lead{font-size:1.05rem}
.badge{display:inline-block;font-weight:650;padding:.1rem .7rem;border:2px solid currentColor;border-radius:1rem;white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}.open{color:var(--open)}
.findings{border-left:4px solid var(--bad);padding:.1rem 0 .1rem 2rem}
.notes{border-left:4px solid var(--open);padding:.1rem 0 .1rem 2rem}
.findings li,.notes li{overflow-wrap:anywhere}
code{font:.85em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
pre{background:var(--raised);border:1px solid var(--line);border-radius:.4rem;padding:.7rem .9rem;white-space:pre-wrap;overflow-wrap:anywhere}
.strange{overflow-wrap:anywhere}
.soft{color:var(--soft);font-size:.9em}
dl{margin:.6rem 0}
dl>div{display:grid;grid-template-columns:12rem 1fr;gap:0 1rem;padding:.28rem 0;border-bottom:1px solid var(--line)}
dt{color:var(--soft)}
dd{margin:0;min-width:0;overflow-wrap:anywhere}
dd ul{margin:0;padding-left:1.1rem}
.scroll{overflow-x:auto;margin:.8rem 0 1.4rem}
.scroll:focus-visible{outline:2px solid var(--link)}
table{border-collapse:collapse;width:100%;font-size:.93rem}
caption{text-align:left;color:var(--soft);padding-bottom:.3rem}
th,td{text-align:left;font-weight:400;padding:.34rem .9rem .34rem 0;border-bottom:1px solid var(--line);vertical-align:top}
thead th{font-weight:600;border-bottom:2px solid var(--line)}
tfoot th,tfoot td{font-weight:600;border-top:2px solid var(--line)}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
time{white-space:nowrap;font-variant-numeric:tabular-nums}
.claim,.bounty{scroll-margin-top:1rem}
footer{margin-top:3rem;padding-top:.8rem;border-top:2px solid var(--line);color:var(--soft)}
@media screen and (max-width:40rem){body{font-size:15px;padding:1rem .8rem 3rem}h1{font-size:1.35rem}dl>div{grid-template-columns:1fr}thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}table,tbody,tfoot,tr,th,td,caption{display:block}
tr{padding:.5rem 0;border-bottom:1px solid var(--line)}tfoot tr{border-top:2px solid var(--line)}tbody th{font-weight:600}th,td{border:0!important;padding:.1rem 0}
td{display:grid;grid-template-columns:6.5rem 1fr;gap:.6rem}td::before{content:attr(data-label);color:var(--soft)}td>*{min-width:0}.none{display:none}.n{text-align:left;white-space:normal}}
@media print{:root{color-scheme:light;--ground:#fff;--raised:#fff;--text:#000;--soft:#333;--line:#999;--link:#000;--good:#000;--bad:#000;--open:#000}
body{max-width:none;padding:0;font-size:9.5pt}nav{display:none}a{text-decoration:none}.scroll{overflow:visible}table{font-size:8pt}thead{display:table-header-group}tr,dl>div{break-inside:avoid}h2,h3,h4{break-after:avoid}@page{margin:15mm}}
`;
