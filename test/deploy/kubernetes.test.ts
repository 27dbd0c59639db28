import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { expectSettings } from './settings.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(root, 'deploy/kubernetes');

interface Container {
  name: string;
  command: string[];
  env: { name: string; value?: string; valueFrom?: unknown }[];
  envFrom?: { configMapRef: { name: string } }[];
  volumeMounts: { name: string; mountPath: string }[];
  resources: { requests: object; limits: object };
  securityContext: object;
}

interface PodSpec {
  automountServiceAccountToken: boolean;
  terminationGracePeriodSeconds: number;
  securityContext: object;
  containers: Container[];
  volumes: { name: string }[];
}

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  spec?: { template?: { metadata: { labels: Record<string, string> }; spec: PodSpec } };
}

const files = (await readdir(folder)).filter((file) => file !== 'kustomization.yaml');
const manifests: { file: string; title: string; content: Manifest }[] = [];
for (const file of files) {
  for (const document of parseAllDocuments(await readFile(join(folder, file), 'utf8'))) {
    const content: Manifest = document.toJS();
    manifests.push({ file, title: `${file}: ${content.kind} ${content.metadata.name}`, content });
  }
}

/** The npm packages made from the published schemas: of Kubernetes itself, of KEDA, and of the Prometheus operator. */
function moduleOf({ apiVersion, kind }: Manifest): string {
  const path = apiVersion.includes('/') ? apiVersion : `/${apiVersion}`;
  if (path.startsWith('keda.sh/')) return `@kubernetes-models/keda/${path}/${kind}`;
  if (path.startsWith('monitoring.coreos.com/'))
    return `@kubernetes-models/prometheus-operator/${path}/${kind}`;
  return path.startsWith('/') ? `kubernetes-models${path}/${kind}` : `kubernetes-models/${path}/${kind}`;
}

describe('against the published schemas', () => {
  it.each(manifests)('$title', async ({ content }) => {
    const module: Record<string, new (content: unknown) => { validate(): void }> = await import(
      moduleOf(content)
    );
    const Model = module[content.kind];
    if (Model === undefined) throw new Error(`There is no ${content.kind} in ${moduleOf(content)}.`);
    new Model(content).validate();
  });

  it('no field is unknown', async () => {
    // The schemas let unknown fields pass, as the API server does with a warning; the compiler does not, in a literal.
    const cache = join(root, 'node_modules/.cache');
    await mkdir(cache, { recursive: true });
    const scratch = await mkdtemp(join(cache, 'onko-manifests-'));
    try {
      const lines = manifests.map(({ title, content }, i) => [
        `// ${title}`,
        `import type { I${content.kind} as T${i} } from ${JSON.stringify(moduleOf(content))};`,
        `export const m${i}: T${i} = ${JSON.stringify(content, null, 2)};`,
      ]);
      await writeFile(join(scratch, 'manifests.ts'), `${lines.flat().join('\n')}\n`);
      const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--ignoreConfig'];
      const compiler = join(root, 'node_modules/typescript/bin/tsc');
      const { stdout } = await run(
        process.execPath,
        [compiler, ...options, '--types', '', join(scratch, 'manifests.ts')],
        {
          cwd: scratch,
        },
      ).catch((error: { stdout: string }) => error);
      expect(stdout).toBe('');
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  });
});

it('the kustomization names every file, or says how to add it', async () => {
  const text = await readFile(join(folder, 'kustomization.yaml'), 'utf8');
  const { resources }: { resources: string[] } = parse(text);
  const optional = [...text.matchAll(/^ {2}# - (\S+)$/gm)].map(([, name]) => name ?? '');
  expect([...resources, ...optional].toSorted()).toEqual(files.toSorted());
});

const pods = manifests.flatMap(({ title, content }) => {
  const template = content.spec?.template;
  return template === undefined ? [] : [{ title, pod: template.spec }];
});

describe.each(pods)('$title', ({ pod }) => {
  it('meets the restricted pod security standard, on a read-only root file system', () => {
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    for (const { securityContext } of pod.containers)
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
  });

  it('may write where the image has to, from volumes that there are', () => {
    const names = pod.volumes.map(({ name }) => name);
    for (const { volumeMounts } of pod.containers) {
      for (const { name } of volumeMounts) expect(names).toContain(name);
      const places = volumeMounts.map(({ mountPath }) => mountPath);
      expect(places).toEqual(expect.arrayContaining(['/cache', '/state', '/tmp', '/secrets']));
    }
  });

  it('starts a program with options that it takes, bounded, with time to end in order', () => {
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(60);
    for (const container of pod.containers) {
      const maps = (container.envFrom ?? []).map(({ configMapRef }) =>
        manifests.find(({ content }) => content.metadata.name === configMapRef.name),
      );
      const env: Record<string, string> = Object.assign({}, ...maps.map((map) => map?.content.data));
      // What a field of the pod will say: any number or name will do.
      for (const { name, value } of container.env) env[name] = value ?? '1';
      expectSettings(container.command, env);
      expect(container).toMatchObject({
        startupProbe: expect.anything(),
        livenessProbe: expect.anything(),
        readinessProbe: expect.anything(),
      });
      expect(container.resources).toMatchObject({
        requests: { cpu: expect.anything(), memory: expect.anything() },
        limits: { memory: expect.anything() },
      });
    }
  });
});
