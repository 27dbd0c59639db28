import { html, type Markup } from '../../page/index.js';
import type { Calibration } from '../calibration.js';
import type { ClassScore, Evaluation } from '../evaluate.js';
import type { Mistake } from '../mistakes.js';

export const percent = (share: number, digits = 2): string => `${(100 * share).toFixed(digits)} %`;
export const count = (n: number): string => n.toLocaleString('en-GB');

export function figure(name: string, value: string, note = ''): Markup {
  return html`<div><dt>${name}</dt><dd>${value}</dd>${note === '' ? '' : html`<dd class="what">${note}</dd>`}</div>`;
}

/** Rows truth, columns guess; colour is the share of the row, for mistakes to the power 0.4, as in confusion.png. */
export function confusionTable({ confusion, perClass }: Evaluation): Markup {
  const k = perClass.length;
  const rows = perClass.map(({ name, recall, support }, truth) => {
    const cells = Array.from(confusion.subarray(truth * k, (truth + 1) * k), (n, guess) => {
      if (n === 0) return html`<td><span class="hidden">0</span></td>`;
      const share = n / support;
      const strength = (truth === guess ? share : share ** 0.4).toFixed(3);
      const style = `--strength:calc(var(--heat-low) + ${strength} * (var(--heat-high) - var(--heat-low)))`;
      return html`<td class="${truth === guess ? 'right' : 'wrong'}" style="${style}">${n}</td>`;
    });
    return html`<tr><th scope="row">${name}</th>${cells}<td class="sum">${support === 0 ? '–' : percent(recall, 1)}</td></tr>`;
  });
  return html`<table class="heat">
<caption>Rows: what it is; columns: what it was taken for. Colour: share of the row.</caption>
<thead><tr><td class="corner"></td>${perClass.map(({ name }) => html`<th scope="col">${name}</th>`)}<th scope="col" class="sum">right</th></tr></thead>
<tbody>${rows}</tbody></table>`;
}

export function scoreTable(perClass: readonly ClassScore[]): Markup {
  const rows = perClass.map(
    (score) =>
      html`<tr><th scope="row">${score.name}</th><td>${score.precision.toFixed(4)}</td><td>${score.recall.toFixed(4)}</td><td>${score.f1.toFixed(4)}</td><td>${count(score.support)}</td></tr>`,
  );
  return html`<div class="wide" tabindex="0" role="region" aria-labelledby="h-classes"><table class="rows">
<caption>Precision: of what was called this, how much was it. Recall: of what was this, how much was called so. F1: their harmonic mean.</caption>
<thead><tr><th scope="col">Class</th><th scope="col">Precision</th><th scope="col">Recall</th><th scope="col">F1</th><th scope="col">Images</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

/** What stands in the diagram, for who does not see it, and for who wants the numbers. */
export function binTable({ bins }: Calibration): Markup {
  const rows = bins
    .filter((bin) => bin.count > 0)
    .map(
      (bin) =>
        html`<tr><th scope="row">${percent(bin.from, 0)} to ${percent(bin.to, 0)}</th><td>${count(bin.count)}</td><td>${percent(bin.confidence, 1)}</td><td>${percent(bin.accuracy, 1)}</td></tr>`,
    );
  return html`<details><summary>As numbers</summary><div class="wide" tabindex="0" role="region" aria-label="Reliability in numbers"><table class="rows">
<thead><tr><th scope="col">Confidence</th><th scope="col">Images</th><th scope="col">Mean confidence</th><th scope="col">Right</th></tr></thead>
<tbody>${rows}</tbody></table></div></details>`;
}

const side = 300;
const edge = { left: 44, right: 10, top: 10, bottom: 40 };

/**
 * Reliability diagram: a bar per bin as high as the share that is right, the diagonal where it should be; a ring for each bin of `own`,
 * the same guesses before the temperature.
 */
export function reliabilityDiagram(
  { bins, ece }: Calibration,
  own: Calibration | null,
  samples: number,
): Markup {
  const x = (share: number): number => edge.left + share * side;
  const y = (share: number): number => edge.top + (1 - share) * side;
  const width = edge.left + side + edge.right;
  const height = edge.top + side + edge.bottom;
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const grid = ticks.map(
    (t) => html`<line class="grid" x1="${x(0)}" x2="${x(1)}" y1="${y(t)}" y2="${y(t)}"/>
<text x="${x(0) - 7}" y="${y(t) + 4}" text-anchor="end">${100 * t} %</text>
<text x="${x(t)}" y="${y(0) + 16}" text-anchor="middle">${100 * t} %</text>`,
  );
  const bars = bins
    .filter((bin) => bin.count > 0)
    .map((bin) => {
      const from = x(bin.from) + 1.5;
      const title = `${percent(bin.from, 0)} to ${percent(bin.to, 0)}: ${count(bin.count)} images, ${percent(bin.accuracy, 1)} right`;
      const strength = 0.25 + 0.75 * Math.sqrt(bin.count / samples);
      return html`<g><title>${title}</title>
<rect class="bar" x="${from.toFixed(1)}" y="${y(bin.accuracy).toFixed(1)}" width="${(x(bin.to) - 1.5 - from).toFixed(1)}" height="${Math.max(1, y(0) - y(bin.accuracy)).toFixed(1)}" rx="2" fill-opacity="${strength.toFixed(2)}"/>
<line class="gap" x1="${x(bin.confidence).toFixed(1)}" x2="${x(bin.confidence).toFixed(1)}" y1="${y(bin.accuracy).toFixed(1)}" y2="${y(bin.confidence).toFixed(1)}"/>
<circle class="dot" cx="${x(bin.confidence).toFixed(1)}" cy="${y(bin.accuracy).toFixed(1)}" r="3.5"/></g>`;
    });
  const rings = (own?.bins ?? [])
    .filter((bin) => bin.count > 0)
    .map(
      (bin) =>
        html`<circle class="before" cx="${x(bin.confidence).toFixed(1)}" cy="${y(bin.accuracy).toFixed(1)}" r="4.5"><title>before the temperature: ${count(bin.count)} images, ${percent(bin.accuracy, 1)} right</title></circle>`,
    );
  const before = own === null ? '' : `, ${percent(own.ece)} before the temperature`;
  const label = `Reliability diagram: how often guesses of each confidence are right. Expected calibration error ${percent(ece)}${before}; the numbers are in the table below.`;
  return html`<svg class="chart reliability" role="img" aria-label="${label}" viewBox="0 0 ${width} ${height}">
${grid}${bars}${rings}<line class="ideal" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/>
<text x="${x(0.5)}" y="${height - 4}" text-anchor="middle">confidence of the guess</text></svg>`;
}

/** `picture`: a data: URL, or null. */
export function mistakeList(
  mistakes: readonly (Mistake & { picture: string | null })[],
  classes: readonly string[],
): Markup {
  const nameOf = (index: number): string => classes[index] ?? String(index);
  const items = mistakes.map(
    ({ name, truth, guess, confidence, truthProbability, picture }) => html`<li class="wrong">
${picture === null ? html`<p class="soft">no picture</p>` : html`<img src="${picture}" alt="A handwritten ${nameOf(truth)}">`}
<p><strong>${nameOf(guess)}</strong> ✗ ${percent(confidence, 1)}<br>it is ${nameOf(truth)} <span class="soft">${percent(truthProbability, 1)}</span><br><span class="soft name">${name}</span></p></li>`,
  );
  return html`<ul class="digits mistakes">${items}</ul>`;
}

export function facts(rows: readonly (readonly [name: string, value: string])[]): Markup {
  return html`<dl class="facts">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
