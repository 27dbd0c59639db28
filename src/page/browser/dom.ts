/** The element of the page with this id; the page and the script belong together, so it is there. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no element "${id}".`);
  return element;
}

/** The same, where the element is of a kind that can more: `elementOf('pad', HTMLCanvasElement)`. */
export function elementOf<T extends HTMLElement>(id: string, kind: new () => T): T {
  const element = byId(id);
  if (!(element instanceof kind)) throw new Error(`The element "${id}" is no ${kind.name}.`);
  return element;
}

type Child = Node | string;

export interface Attributes {
  [name: string]: string | number | boolean | undefined;
}

/** A new element. Text is always text: nothing that a run or a file is called can become markup. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  children: readonly Child[] | string = [],
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  setAll(element, attributes);
  element.append(...(typeof children === 'string' ? [children] : children));
  return element;
}

export function makeSvg(tag: string, attributes: Attributes = {}, text?: string): SVGElement {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  setAll(element, attributes);
  if (text !== undefined) element.textContent = text;
  return element;
}

function setAll(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
}

/** Writes only what differs, so that a screen reader does not hear the same thing again. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
