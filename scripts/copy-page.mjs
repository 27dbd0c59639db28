// What the pages are made of beside their scripts goes to dist as it is.
import { copyFile, mkdir } from 'node:fs/promises';

const from = new URL('../src/page/browser/', import.meta.url);
const to = new URL('../dist/page/browser/', import.meta.url);
await mkdir(to, { recursive: true });
for (const name of ['page.html', 'draw.html', 'look.css', 'page.css', 'draw.css', 'icon.svg']) {
  await copyFile(new URL(name, from), new URL(name, to));
}
