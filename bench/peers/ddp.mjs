// PyTorch's DistributedDataParallel over gloo: as many processes as asked for, each with one thread.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { environment, pythons } from './python.mjs';

const script = fileURLToPath(new URL('./torch_ddp.py', import.meta.url));

/** The first Python that has torch.distributed; null if none has. */
export async function pythonWithDdp() {
  const question = 'import torch.distributed as d, sys; sys.exit(0 if d.is_available() else 1)';
  for (const python of pythons) {
    const child = spawn(python, ['-c', question], { env: environment(), stdio: 'ignore' });
    const code = await new Promise((done) => {
      child.once('error', () => done(1));
      child.once('close', done);
    });
    if (code === 0) return python;
  }
  return null;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * One training; resolves with images per second, and seconds of processor time per image of each process.
 * @param images the file, its count of images, and how a byte becomes a number (cluster/images.mjs)
 */
export async function trainDdp(python, { model, batch, seconds, processes, images }) {
  const port = await freePort();
  const outputs = Array.from({ length: processes }, async (_, rank) => {
    const given = JSON.stringify({ rank, processes, port, model, batch, seconds, ...images });
    const child = spawn(python, [script, given], { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, errors] = ['', ''];
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (errors += chunk));
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`PyTorch's process ${rank} ended with ${code}:\n${errors}`);
    return JSON.parse(output.trim().split('\n').at(-1));
  });
  const ranks = await Promise.all(outputs);
  return {
    imagesPerSecond: ranks[0].imagesPerSecond,
    processorSecondsPerImage: ranks.map((rank) => rank.processorSecondsPerImage),
  };
}
