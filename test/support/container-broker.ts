import { setTimeout as sleep } from 'node:timers/promises';
import { GenericContainer, Wait } from 'testcontainers';
import { createManagementApi } from './management-api.js';
import { type BrokerSetup, brokerReady, type PrivateBroker } from './private-broker.js';

/**
 * Keeps the container while the server is down, since one that is started again may come back on another port. A
 * server that ends without /tmp/restart takes the container along.
 */
const keeper = `
while docker-entrypoint.sh rabbitmq-server; rm /tmp/restart 2>/dev/null; do
  until rm /tmp/begin 2>/dev/null; do sleep 0.1; done
done`;

/** RabbitMQ in a container, with its management plugin. */
export async function startContainer(
  setup?: BrokerSetup,
  image = 'rabbitmq:4-management',
): Promise<PrivateBroker> {
  const folder = '/etc/rabbitmq/conf.d';
  const files = Object.entries(setup?.files ?? {}).map(([name, content]) => ({ name, content }));
  const configuration = setup?.configuration({ folder, tls: '5671' });
  if (configuration !== undefined) files.push({ name: '90-test.conf', content: configuration });
  const container = await new GenericContainer(image)
    .withCopyContentToContainer(
      files.map(({ name, content }) => ({ content, target: `${folder}/${name}`, mode: 0o644 })),
    )
    .withCommand(['sh', '-c', keeper])
    .withExposedPorts(5672, 15672, 5671, 15692)
    .withEnvironment({ RABBITMQ_NODENAME: 'onko@localhost' })
    .withWaitStrategy(Wait.forLogMessage(/Server startup complete/))
    .withStartupTimeout(180_000)
    .start();
  const host = container.getHost();
  const url = `amqp://guest:guest@${host}:${container.getMappedPort(5672)}`;
  const api = createManagementApi(`http://${host}:${container.getMappedPort(15672)}`, 'guest', 'guest');
  const execute = async (...command: string[]): Promise<string> => {
    const { exitCode, output } = await container.exec(command);
    if (exitCode !== 0) throw new Error(`${command.join(' ')} failed in the container: ${output}`);
    return output.trim();
  };
  const evaluate = (expression: string): Promise<string> => execute('rabbitmqctl', 'eval', `${expression}.`);
  return {
    url,
    tlsPlace: `${host}:${container.getMappedPort(5671)}`,
    metricsPlace: `${host}:${container.getMappedPort(15692)}`,
    addVhost: (name) => api.addVhost(name),
    deleteVhost: (name) => api.deleteVhost(name),
    evaluate,
    restart: async (downMs, how = { hard: false }) => {
      await execute('touch', '/tmp/restart');
      if (how.hard) await evaluate('spawn(fun() -> timer:sleep(50), erlang:halt(137, [{flush, false}]) end)');
      else await execute('rabbitmqctl', 'shutdown');
      await execute('sh', '-c', 'while [ -e /tmp/restart ]; do sleep 0.1; done');
      await sleep(downMs);
      await execute('touch', '/tmp/begin');
      await brokerReady(url, () => false);
    },
    stop: async () => void (await container.stop()),
  };
}
