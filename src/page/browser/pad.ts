/** A sheet that is drawn on with whatever points: mouse, finger, pen. */
export interface Pad {
  readonly isEmpty: boolean;
  readonly canUndo: boolean;
  /** PNG of the drawing, or the file that was placed; null for an empty sheet. */
  picture(): Promise<Blob | null>;
  clear(): void;
  /** Takes the last stroke back. */
  undo(): void;
  /** An image file in place of a drawing; `bitmap` null if this browser cannot show it. */
  place(file: Blob, bitmap: ImageBitmap | null): void;
}

interface Point {
  x: number;
  y: number;
  width: number;
}

/** Of the sheet's side: about that of a pen on the small sheets that data sets are collected with. */
const strokeShare = 1 / 16;
const ink = '#1b2130';
const paper = '#ffffff';

/** @param onChange called at every movement; `isWhole` at the end of a stroke, and for everything else */
export function createPad(canvas: HTMLCanvasElement, onChange: (isWhole: boolean) => void): Pad {
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('This browser cannot draw.');
  const strokeWidth = canvas.width * strokeShare;
  let strokes: Point[][] = [];
  let placed: { file: Blob; bitmap: ImageBitmap | null } | null = null;
  let drawing: { pointer: number; points: Point[] } | null = null;

  const pointOf = (event: PointerEvent): Point => {
    const box = canvas.getBoundingClientRect();
    // A pen that is pressed hard writes thicker; others say 0.5, or 0 where they know of no pressure.
    const pressure = event.pointerType === 'pen' && event.pressure > 0 ? event.pressure : 0.5;
    return {
      x: ((event.clientX - box.left) / box.width) * canvas.width,
      y: ((event.clientY - box.top) / box.height) * canvas.height,
      width: strokeWidth * (0.6 + 0.8 * pressure),
    };
  };

  const segment = (from: Point, to: Point): void => {
    context.strokeStyle = ink;
    context.lineCap = 'round';
    context.lineWidth = (from.width + to.width) / 2;
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
  };

  const redraw = (): void => {
    context.fillStyle = paper;
    context.fillRect(0, 0, canvas.width, canvas.height);
    const bitmap = placed?.bitmap ?? null;
    if (bitmap !== null) {
      const scale = Math.min(canvas.width / bitmap.width, canvas.height / bitmap.height);
      const [width, height] = [bitmap.width * scale, bitmap.height * scale];
      context.drawImage(bitmap, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
    }
    for (const points of strokes) {
      for (const [i, point] of points.entries()) segment(points[Math.max(0, i - 1)], point);
    }
  };

  canvas.addEventListener('pointerdown', (event) => {
    if (!event.isPrimary || event.button !== 0 || drawing !== null) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    if (placed !== null) {
      placed = null;
      redraw();
    }
    const point = pointOf(event);
    drawing = { pointer: event.pointerId, points: [point] };
    strokes.push(drawing.points);
    segment(point, point);
    onChange(false);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (drawing?.pointer !== event.pointerId) return;
    const { points } = drawing;
    const between = event.getCoalescedEvents();
    for (const one of between.length > 0 ? between : [event]) {
      const point = pointOf(one);
      segment(points[points.length - 1], point);
      points.push(point);
    }
    onChange(false);
  });
  const lift = (event: PointerEvent): void => {
    if (drawing?.pointer !== event.pointerId) return;
    drawing = null;
    onChange(true);
  };
  canvas.addEventListener('pointerup', lift);
  canvas.addEventListener('pointercancel', lift);

  const start = (): void => {
    strokes = [];
    placed = null;
    drawing = null;
  };
  redraw();
  return {
    get isEmpty() {
      return strokes.length === 0 && placed === null;
    },
    get canUndo() {
      return strokes.length > 0;
    },
    picture: async () => {
      if (placed !== null) return placed.file;
      if (strokes.length === 0) return null;
      return new Promise((resolve) => {
        canvas.toBlob(resolve, 'image/png');
      });
    },
    clear() {
      start();
      redraw();
      onChange(true);
    },
    undo() {
      drawing = null;
      strokes.pop();
      redraw();
      onChange(true);
    },
    place(file, bitmap) {
      start();
      placed = { file, bitmap };
      redraw();
      onChange(true);
    },
  };
}
