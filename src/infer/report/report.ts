import { html, readLook } from '../../page/index.js';
import type { ModelFile } from '../../store/index.js';
import { type Calibration, wilsonInterval } from '../calibration.js';
import type { Evaluation } from '../evaluate.js';
import { commonConfusions, type Mistake } from '../mistakes.js';
import { fittedOn, modelRows, trainingRows } from './identity.js';
import {
  binTable,
  confusionTable,
  count,
  facts,
  figure,
  mistakeList,
  percent,
  reliabilityDiagram,
  scoreTable,
} from './parts.js';

/** Everything that a report says. */
export interface ReportContent {
  evaluation: Evaluation;
  calibration: Calibration;
  /** At temperature 1; null for a model without another one. */
  ownCalibration: Calibration | null;
  /** The worst ones, with their pictures as data: URLs. */
  mistakes: readonly (Mistake & { picture: string | null })[];
  model: ModelFile;
  modelPath: string;
  modelSha256: string;
  /** Name of the folder. */
  folder: string;
  dataSha256: string;
  rejects: readonly { name: string; reason: string }[];
  kernels: string;
  numericsId: string;
  version: string;
  date: Date;
}

/** Nothing is loaded and nothing runs: the file is all there is. */
const policy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'";

const css = `
.top { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.25rem 1rem; margin-bottom: 1rem; }
.card > .hidden + .figures { margin-top: 0; }
.reliability { max-width: 25rem; }
.reliability .bar { fill: var(--blue); }
.reliability .ideal { stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 5 4; }
.reliability .gap { stroke: var(--orange); stroke-width: 2; }
.reliability .before { fill: none; stroke: var(--soft); stroke-width: 1.5; }
.mistakes { grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); max-width: none; }
.mistakes img { background: #fff; object-fit: contain; }
.mistakes .name { overflow-wrap: anywhere; }
.plain { margin: 0.75rem 0 0; padding-left: 1.25rem; }
details { margin-top: 0.75rem; }
summary { cursor: pointer; color: var(--blue); }
.facts { margin-bottom: 0; }
.facts + h3 { margin-top: 1.25rem; }
h3 { font-size: 0.9375rem; margin-bottom: 0.5rem; }
@media print { body { max-width: none; } .card { break-inside: avoid; } }
`;

const rejectsShown = 20;

/** One page that needs nothing but itself: no script, no picture or font from elsewhere. */
export async function renderReport(c: ReportContent): Promise<string> {
  const { evaluation, calibration, ownCalibration, mistakes, model, rejects } = c;
  const { samples, correct, accuracy, macroF1, loss, perClass } = evaluation;
  const [low, high] = wilsonInterval(correct, samples);
  const wrong = samples - correct;
  const names = model.classes;
  const common = commonConfusions(evaluation.confusion, names.length, 5);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${c.folder}: ${percent(accuracy)} · Onko</title>
<style>STYLE</style>
</head>
<body>
<header class="top"><h1>Onko <span class="bengali" lang="bn">অঙ্ক</span></h1><p>Evaluation of <strong>${model.spec.name}</strong> on <strong>${c.folder}</strong></p><p class="soft"><time datetime="${c.date.toISOString()}">${c.date.toISOString().slice(0, 16).replace('T', ' ')} UTC</time></p></header>
<main>
<section class="card" aria-labelledby="h-figures"><h2 id="h-figures" class="hidden">Figures</h2>
<dl class="figures">
${figure('Accuracy', percent(accuracy), `${count(correct)} of ${count(samples)}; 95 % interval ${percent(low, 1)} to ${percent(high, 1)}`)}
${figure('Macro F1', macroF1.toFixed(4), 'mean over the classes')}
${figure('Loss', loss.toFixed(4), 'mean cross-entropy, nats')}
${figure('Calibration error', percent(calibration.ece), `mean confidence ${percent(calibration.confidence, 1)}${ownCalibration === null ? '' : `; ${percent(ownCalibration.ece)} without the temperature`}`)}
${figure('Mistakes', count(wrong), 'wrong guesses')}
${figure('Rejected', count(rejects.length), 'could not be used')}
</dl></section>
<div class="pair">
<section class="card" aria-labelledby="h-confusion"><h2 id="h-confusion">Confusion matrix</h2>
${confusionTable(evaluation)}
${common.length === 0 ? '' : html`<ul class="plain">${common.map((pair) => html`<li>${names[pair.truth] ?? ''} taken for ${names[pair.guess] ?? ''}: ${count(pair.count)}</li>`)}</ul>`}
</section>
<section class="card" aria-labelledby="h-reliability"><h2 id="h-reliability">How sure it is, and how right</h2>
<p class="soft small">Bars: how often guesses of a confidence are right; pale ones are few. Dashed: where they should be.${ownCalibration === null ? '' : html` Rings: before the temperature of ${model.temperature?.value ?? 1}, which was fitted on ${fittedOn(model)}.`}</p>
${reliabilityDiagram(calibration, ownCalibration, samples)}
${binTable(calibration)}
</section>
</div>
<section class="card" aria-labelledby="h-classes"><h2 id="h-classes">Classes</h2>
${scoreTable(perClass)}
</section>
<section class="card" aria-labelledby="h-mistakes"><h2 id="h-mistakes">The worst mistakes</h2>
${
  mistakes.length === 0
    ? html`<p>There is none: every guess is right.</p>`
    : html`<p class="soft small">The ${mistakes.length === wrong ? (wrong === 1 ? 'only one' : `${count(wrong)} that there are`) : `${mistakes.length} of ${count(wrong)} of which it was surest`}: what the model said and how sure it was, what it is and what was left for that.</p>${mistakeList(mistakes, names)}`
}
</section>
<section class="card" aria-labelledby="h-identity"><h2 id="h-identity">What was evaluated</h2>
<h3>Model</h3>
${facts(modelRows(model, c.modelSha256, c.modelPath))}
<h3>Its training</h3>
${facts(trainingRows(model))}
<h3>Data</h3>
${facts([
  ['Folder', c.folder],
  ['SHA-256 (names, labels and bytes of the images)', c.dataSha256],
  ['Images', `${count(samples)} used, ${count(rejects.length)} rejected`],
  ['Computed with', `Onko ${c.version}, ${c.kernels} (${c.numericsId})`],
])}
${rejects.length === 0 ? '' : html`<details><summary>Rejected</summary><ul class="plain">${rejects.slice(0, rejectsShown).map((reject) => html`<li>${reject.name}: ${reject.reason}</li>`)}${rejects.length > rejectsShown ? html`<li>and ${count(rejects.length - rejectsShown)} more</li>` : ''}</ul></details>`}
</section>
</main>
</body>
</html>
`;
  const style = await inlineLook();
  return String(page).replace('STYLE', () => style);
}

/** The style sheet with its fonts in it. */
async function inlineLook(): Promise<string> {
  const look = await readLook();
  const inlined = look.css.replace(/url\("([^"]+)"\)/g, (_, name: string) => {
    const font = look.fonts[name];
    if (font === undefined)
      throw new TypeError(`The style sheet names ${name}, which is no font of the page.`);
    return `url("data:font/woff2;base64,${font.toString('base64')}")`;
  });
  return `${inlined}${css}`;
}
