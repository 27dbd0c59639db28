import { readFile } from 'node:fs/promises';
import type { PrivateBroker } from '../support/broker.js';
import { startPrivateBroker } from '../support/broker.js';
import type { Certificates } from '../support/certificates.js';

/** A broker with deploy/rabbitmq/rabbitmq.conf as it stands, but for ports and folders; the plain listener is kept for the tests. */
export async function startTlsBroker(certificates: Certificates): Promise<PrivateBroker> {
  const shipped = await readFile(new URL('../../deploy/rabbitmq/rabbitmq.conf', import.meta.url), 'utf8');
  return startPrivateBroker({
    files: {
      'ca.pem': certificates.ca.cert,
      'broker.pem': certificates.broker.cert,
      'broker-key.pem': certificates.broker.key,
    },
    configuration: ({ folder, tls }) =>
      shipped
        .replace(/^listeners\.tcp = none$/m, '')
        .replace(/^listeners\.ssl\.default = 5671$/m, `listeners.ssl.default = ${tls}`)
        .replace(/^loopback_users\.guest = true$/m, '')
        .replaceAll('/etc/rabbitmq/tls', folder),
  });
}
